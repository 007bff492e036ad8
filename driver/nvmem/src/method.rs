//! What the processor can do, and the method chosen from it.

use crate::{Error, arch};
use core::fmt;

/// How cache lines are written back, and what a drain executes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Method {
    /// The caches are part of the persistence domain (eADR): flushes execute nothing, and a drain
    /// is the store fence.
    NoFlush = 0,
    /// `CLFLUSH`, drained by `MFENCE`.
    #[cfg(target_arch = "x86_64")]
    Clflush = 1,
    /// `CLFLUSHOPT`, drained by `SFENCE`.
    #[cfg(target_arch = "x86_64")]
    ClflushOpt = 2,
    /// `CLWB`, drained by `SFENCE`.
    #[cfg(target_arch = "x86_64")]
    Clwb = 3,
    /// `DC CVAC`, clean to the point of coherency, drained by `DSB SY`.
    #[cfg(target_arch = "aarch64")]
    DcCvac = 1,
    /// `DC CVAP`, clean to the point of persistence, drained by `DSB SY`.
    #[cfg(target_arch = "aarch64")]
    DcCvap = 2,
    /// `DC CVADP`, clean to the point of deep persistence, drained by `DSB SY`. Never chosen by
    /// itself: a platform that has persistent memory promises the point of persistence, and the
    /// deep one is slower. [`Features::only`] asks for it.
    #[cfg(target_arch = "aarch64")]
    DcCvadp = 3,
}

impl Method {
    /// Every method of this architecture.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: &[Self] = &[Self::NoFlush, Self::Clflush, Self::ClflushOpt, Self::Clwb];
    /// Every method of this architecture.
    #[cfg(target_arch = "aarch64")]
    pub const ALL: &[Self] = &[Self::NoFlush, Self::DcCvac, Self::DcCvap, Self::DcCvadp];

    /// The methods that are chosen without being asked for, best first.
    #[cfg(target_arch = "x86_64")]
    pub const BY_PREFERENCE: &[Self] = &[Self::Clwb, Self::ClflushOpt, Self::Clflush];
    /// The methods that are chosen without being asked for, best first.
    #[cfg(target_arch = "aarch64")]
    pub const BY_PREFERENCE: &[Self] = &[Self::DcCvap, Self::DcCvac];

    /// The name in settings and reports: the instruction's, in lower case, or `none`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFlush => "none",
            #[cfg(target_arch = "x86_64")]
            Self::Clflush => "clflush",
            #[cfg(target_arch = "x86_64")]
            Self::ClflushOpt => "clflushopt",
            #[cfg(target_arch = "x86_64")]
            Self::Clwb => "clwb",
            #[cfg(target_arch = "aarch64")]
            Self::DcCvac => "dc-cvac",
            #[cfg(target_arch = "aarch64")]
            Self::DcCvap => "dc-cvap",
            #[cfg(target_arch = "aarch64")]
            Self::DcCvadp => "dc-cvadp",
        }
    }

    /// The method of this architecture that has this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut methods = Self::ALL.iter().copied();
        methods.find(|method| method.name() == name)
    }

    /// `ALL` is in the order of the discriminants.
    fn from_bits(bits: u8) -> Self {
        Self::ALL
            .get(usize::from(bits))
            .copied()
            .unwrap_or(Self::NoFlush)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the processor and the platform offer. Any feature can be taken away, so that one machine
/// tests every path; none can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    methods: u8,
    line_size: usize,
    forced: Option<Method>,
}

impl Features {
    /// Asks the processor. That a flush is required is assumed: only the platform's firmware knows
    /// better. On ARM64 this reads `ID_AA64ISAR1_EL1`, which needs kernel mode (or a system that
    /// emulates the access, as Linux does). Any IRQL.
    #[must_use]
    pub fn detect() -> Self {
        arch::detect()
    }

    /// A processor with these methods and this size of a cache line, in bytes. Not public: no
    /// caller can claim an instruction that the processor does not have.
    pub(crate) fn new(methods: &[Method], line_size: usize) -> Self {
        let methods = methods
            .iter()
            .fold(0, |set, method| set | Self::bit(*method));
        Self {
            methods,
            line_size,
            forced: None,
        }
    }

    /// The same without one method.
    #[must_use]
    pub fn without(self, method: Method) -> Self {
        Self {
            methods: self.methods & !Self::bit(method),
            ..self
        }
    }

    /// The same on a platform whose caches are persistent, as far as the caller knows.
    #[must_use]
    pub fn flush_not_required(self) -> Self {
        Self {
            forced: Some(Method::NoFlush),
            ..self
        }
    }

    /// The same with the method forced: for tests, and for an administrator who knows the platform.
    /// [`Method::NoFlush`] loses data wherever the caches are not persistent.
    ///
    /// # Errors
    /// `NotSupported` if the processor lacks the method.
    pub fn only(self, method: Method) -> Result<Self, Error> {
        if !self.supports(method) {
            return Err(Error::NotSupported);
        }
        Ok(Self {
            forced: Some(method),
            ..self
        })
    }

    /// Whether the processor has the method.
    #[must_use]
    pub fn supports(&self, method: Method) -> bool {
        method == Method::NoFlush || self.methods & Self::bit(method) != 0
    }

    /// The forced method, or else the best.
    ///
    /// # Errors
    /// `NotSupported` if there is none.
    pub fn best(&self) -> Result<Method, Error> {
        let mut methods = Method::BY_PREFERENCE.iter().copied();
        self.forced
            .or_else(|| methods.find(|method| self.supports(*method)))
            .ok_or(Error::NotSupported)
    }

    const fn bit(method: Method) -> u8 {
        1_u8.wrapping_shl(method as u32)
    }
}

/// A chosen method with the size of a line: all that a flush needs to know, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dispatch {
    method: Method,
    line_size: usize,
}

impl Dispatch {
    /// A region ends on a page, so a line must not be larger than the smallest page.
    const MAX_LINE_SIZE: usize = 4096;

    pub(crate) fn choose(features: &Features) -> Result<Self, Error> {
        let line_size = features.line_size;
        if !line_size.is_power_of_two() || line_size > Self::MAX_LINE_SIZE {
            return Err(Error::NotSupported);
        }
        Ok(Self {
            method: features.best()?,
            line_size,
        })
    }

    pub(crate) const fn method(self) -> Method {
        self.method
    }

    pub(crate) const fn line_size(self) -> usize {
        self.line_size
    }

    /// The same where nothing needs to be flushed.
    pub(crate) const fn without_flush(self) -> Self {
        Self {
            method: Method::NoFlush,
            ..self
        }
    }

    /// Never 0, as the line size is not.
    pub(crate) const fn to_bits(self) -> u64 {
        (self.line_size as u64) << 8 | self.method as u64
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self {
            method: Method::from_bits(bits as u8),
            line_size: (bits >> 8) as usize,
        }
    }
}
