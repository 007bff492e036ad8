//! Errors as C programs get them: a number, a text, and the system's own number.

use daxctl::client::{ClientError, Code, Coded};
use std::{
    cell::RefCell,
    ffi::{CString, c_char},
    fmt::Display,
    ptr::null,
};

/// What a function returns; `DAXFLUSH_...` in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An argument cannot be used.
    Invalid = 1,
    /// There is no driver that could be loaded.
    NoDriver = 2,
    /// The driver or the system refused.
    System = 3,
    /// The driver is another version's.
    Protocol = 4,
    /// The range is not mapped.
    NotMapped = 5,
    /// The file is mapped already.
    Mapped = 6,
    /// First-write tracking is not possible.
    Tracking = 7,
    /// Not on this system.
    Unsupported = 8,
    /// Files are open.
    Busy = 9,
    /// The driver broke a rule in the simulator.
    Broken = 10,
}

/// An error.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    text: String,
    code: u32,
}

impl Failure {
    /// An error of this library's.
    pub fn new(kind: Kind, text: impl Display) -> Self {
        Self {
            kind,
            text: text.to_string(),
            code: 0,
        }
    }
}

impl<E: Display + Coded> From<ClientError<E>> for Failure {
    fn from(error: ClientError<E>) -> Self {
        let (kind, code) = match &error {
            ClientError::Platform(error) => (Kind::System, error.code()),
            ClientError::Protocol(_) | ClientError::ShortAnswer(_) | ClientError::Log(_) => {
                (Kind::Protocol, None)
            }
            ClientError::TooLong => (Kind::Invalid, None),
            ClientError::Tracking(_) => (Kind::Tracking, None),
            ClientError::Mapped => (Kind::Mapped, None),
            ClientError::NotMapped { .. } => (Kind::NotMapped, None),
        };
        let code = match code {
            Some(Code::Nt(status)) => status.cast_unsigned(),
            Some(Code::Win32(code)) => code,
            None => 0,
        };
        Self {
            kind,
            text: error.to_string(),
            code,
        }
    }
}

struct Last {
    text: CString,
    code: u32,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::new(Last { text: CString::default(), code: 0 });
}

/// What a function returns; an error is kept for the thread to ask for.
pub fn result(outcome: Result<(), Failure>) -> i32 {
    let Err(failure) = outcome else {
        return 0;
    };
    let text = CString::new(failure.text.replace('\0', " ")).unwrap_or_default();
    let code = failure.code;
    // A thread that is ending has nobody who could ask.
    let _ = LAST.try_with(|last| last.replace(Last { text, code }));
    failure.kind as i32
}

/// The text of the thread's last error.
pub fn last_text() -> *const c_char {
    LAST.try_with(|last| last.borrow().text.as_ptr())
        .unwrap_or(null())
}

/// The system's number for it, or 0.
pub fn last_code() -> u32 {
    LAST.try_with(|last| last.borrow().code).unwrap_or(0)
}
