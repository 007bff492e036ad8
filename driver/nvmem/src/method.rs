//! What the processor can do, and the method chosen from it.

use crate::{Error, arch};

/// How cache lines are written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Method {
    /// The caches are part of the persistence domain (eADR): flushes execute nothing, and a drain
    /// is the store fence.
    NoFlush = 0,
    /// `CLFLUSH`: ordered by itself, so a drain executes nothing.
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
}

#[cfg(target_arch = "x86_64")]
impl Method {
    /// The methods with an instruction, best first.
    pub const BY_PREFERENCE: &[Self] = &[Self::Clwb, Self::ClflushOpt, Self::Clflush];

    /// Whether a drain executes a fence.
    #[must_use]
    pub const fn drains_by_fence(self) -> bool {
        !matches!(self, Self::Clflush)
    }

    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::NoFlush,
            2 => Self::ClflushOpt,
            3 => Self::Clwb,
            _ => Self::Clflush,
        }
    }
}

#[cfg(target_arch = "aarch64")]
impl Method {
    /// The methods with an instruction, best first.
    pub const BY_PREFERENCE: &[Self] = &[Self::DcCvap, Self::DcCvac];

    /// Whether a drain executes a fence.
    #[must_use]
    pub const fn drains_by_fence(self) -> bool {
        true
    }

    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::NoFlush,
            2 => Self::DcCvap,
            _ => Self::DcCvac,
        }
    }
}

/// What the processor and the platform offer. Any feature can be taken away, so that one machine
/// tests every path; none can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    methods: u8,
    line_size: usize,
    flush_required: bool,
}

impl Features {
    /// Asks the processor. That a flush is required is assumed: only the platform's firmware knows
    /// better. On ARM64 this reads `ID_AA64ISAR1_EL1`, which needs kernel mode.
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
            flush_required: true,
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

    /// The same on a platform whose caches are persistent.
    #[must_use]
    pub fn flush_not_required(self) -> Self {
        Self {
            flush_required: false,
            ..self
        }
    }

    /// Whether the method can be used.
    #[must_use]
    pub fn supports(&self, method: Method) -> bool {
        self.methods & Self::bit(method) != 0
    }

    /// The best method.
    ///
    /// # Errors
    /// `NotSupported` if there is none.
    pub fn best(&self) -> Result<Method, Error> {
        if !self.flush_required {
            return Ok(Method::NoFlush);
        }
        let mut methods = Method::BY_PREFERENCE.iter().copied();
        methods
            .find(|method| self.supports(*method))
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
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self {
            method: Method::from_bits(bits as u8),
            line_size: (bits >> 8) as usize,
        }
    }
}
