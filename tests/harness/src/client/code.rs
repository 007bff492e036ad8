//! What a platform's error is in the system's own numbers.

/// A number that the system gave for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// An NTSTATUS.
    Nt(i32),
    /// A Win32 error code.
    Win32(u32),
}

/// An error that may have come with a [`Code`].
pub trait Coded {
    /// The code, if there is one.
    fn code(&self) -> Option<Code>;
}

#[cfg(target_os = "linux")]
impl Coded for ntsim::NtStatus {
    fn code(&self) -> Option<Code> {
        Some(Code::Nt(self.0))
    }
}

#[cfg(windows)]
impl Coded for std::io::Error {
    fn code(&self) -> Option<Code> {
        let code = u32::try_from(self.raw_os_error()?).ok()?;
        Some(Code::Win32(code))
    }
}
