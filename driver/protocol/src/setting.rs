//! Settings: values of the service's `Parameters` key, some of which change while the driver runs.

use crate::wire::wire;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $default:literal, $least:literal..=$most:literal,
        $live:literal, $words:expr;)*) => {
        /// The settings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Setting {
            $($(#[$doc])* $name = $id,)*
        }

        impl Setting {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The registry value's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What is in force if nothing is set.
            pub const fn default_value(self) -> u32 {
                match self {
                    $(Self::$name => $default,)*
                }
            }

            /// The smallest value.
            pub const fn least(self) -> u32 {
                match self {
                    $(Self::$name => $least,)*
                }
            }

            /// The largest value.
            pub const fn most(self) -> u32 {
                match self {
                    $(Self::$name => $most,)*
                }
            }

            /// Whether it can change while the driver runs.
            pub const fn is_live(self) -> bool {
                match self {
                    $(Self::$name => $live,)*
                }
            }

            /// What stands in the registry for each value from 0 on, if it is a text (REG_SZ);
            /// empty if it is a number (REG_DWORD).
            pub const fn words(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

settings! {
    /// Which flush instruction.
    FlushMethod = 0, 0, 0..=7, false,
        &["auto", "none", "clflush", "clflushopt", "clwb", "dc-cvac", "dc-cvap", "dc-cvadp"];
    /// Whether who maps a file is believed to report its stores.
    MappedPolicy = 1, 0, 0..=1, true, &["conservative", "reported"];
    /// Whether the end of a handle is a commit point.
    CleanupCommits = 2, 1, 0..=1, true, &[];
    /// Memory for each volume's dirty maps, in KiB; for volumes attached to from then on.
    TrackingKiB = 3, 1024, 64..=1_048_576, true, &[];
    /// Streams that are mapped at once.
    MaxViews = 4, 1024, 1..=4096, true, &[];
    /// How much of streams is mapped at once, in MiB.
    MaxViewMiB = 5, 65_536, 1..=67_108_864, true, &[];
    /// A longer stream is flushed through a window of this size, in MiB; for views made from then
    /// on.
    ViewWindowMiB = 6, 1024, 1..=1_048_576, true, &[];
    /// Ranges that are passed to the flush routine at once.
    BatchRanges = 7, 64, 1..=64, true, &[];
    /// Events that are written when somebody listens: 0 none to 5 all.
    TraceLevel = 8, 4, 0..=5, true, &[];
}

/// Bits of [`SettingRecord::flags`].
pub mod setting_flag {
    /// It can change while the driver runs.
    pub const LIVE: u32 = 1 << 0;
    /// The stored value was refused, and the default is in force.
    pub const REFUSED: u32 = 1 << 1;
    /// A value is stored.
    pub const STORED: u32 = 1 << 2;
}

/// Bits of [`SetSettingRequest::flags`].
pub mod set_flag {
    /// Store it, so that it holds at the next start too. A setting that cannot change while the
    /// driver runs can only be stored: it is then in force from the next start on.
    pub const STORE: u32 = 1 << 0;
}

wire! {
    /// A setting.
    pub struct SettingRecord {
        /// A [`Setting`].
        pub setting: u32,
        /// Bits of [`setting_flag`].
        pub flags: u32,
        /// What is in force.
        pub value: u32,
        /// What is in force if nothing is set.
        pub default: u32,
        /// The smallest value.
        pub least: u32,
        /// The largest value.
        pub most: u32,
    }

    /// Changes a setting.
    pub struct SetSettingRequest {
        /// A [`Setting`].
        pub setting: u32,
        /// Within its limits.
        pub value: u32,
        /// Bits of [`set_flag`].
        pub flags: u32,
        /// Must be 0.
        pub reserved: u32,
    }
}

impl Setting {
    /// The setting of a number.
    pub fn from_number(number: u32) -> Option<Self> {
        let known = |setting: &&Self| **setting as u32 == number;
        Self::ALL.iter().find(known).copied()
    }

    /// The setting of a registry value's name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = |setting: &&Self| setting.name().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(known).copied()
    }

    /// Whether a value is within the limits.
    pub const fn allows(self, value: u32) -> bool {
        self.least() <= value && value <= self.most()
    }

    /// The value of a word.
    pub fn value_of(self, word: &str) -> Option<u32> {
        let place = self.words().iter().position(|known| *known == word)?;
        u32::try_from(place).ok()
    }

    /// The word of a value, if it is a text.
    pub fn word(self, value: u32) -> Option<&'static str> {
        self.words().get(usize::try_from(value).ok()?).copied()
    }
}
