//! Names in UTF-16.

use wdk_sys::UNICODE_STRING;

/// A constant name in UTF-16, without allocation.
pub struct Name<const N: usize>([u16; N]);

impl<const N: usize> Name<N> {
    /// `text` is ASCII and has N characters.
    pub const fn ascii(text: &str) -> Self {
        let (text, mut name, mut at) = (text.as_bytes(), [0; N], 0);
        assert!(text.len() == N, "the name's length");
        while at < N {
            name[at] = text[at] as u16;
            at += 1;
        }
        Self(name)
    }

    pub(in crate::nt) fn as_unicode(&self) -> UNICODE_STRING {
        unicode(&self.0)
    }
}

/// A short name made at run time, without allocation.
pub struct ShortName {
    units: [u16; Self::MOST],
    count: usize,
}

impl ShortName {
    /// Characters that it can have.
    const MOST: usize = 32;

    /// `text` is ASCII; what is beyond 32 characters is left out.
    pub fn ascii(text: &str) -> Self {
        let mut name = Self {
            units: [0; Self::MOST],
            count: 0,
        };
        for (unit, byte) in name.units.iter_mut().zip(text.bytes()) {
            *unit = u16::from(byte);
            name.count = name.count.saturating_add(1);
        }
        name
    }

    pub(in crate::nt) fn units(&self) -> &[u16] {
        self.units.get(..self.count).unwrap_or_default()
    }

    pub(in crate::nt) fn as_unicode(&self) -> UNICODE_STRING {
        unicode(self.units())
    }
}

/// A counted string of at most 32,767 characters, which the caller keeps; it is only read.
pub(in crate::nt) fn unicode(units: &[u16]) -> UNICODE_STRING {
    let bytes = u16::try_from(size_of_val(units)).unwrap_or(0);
    UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes,
        Buffer: units.as_ptr().cast_mut(),
    }
}
