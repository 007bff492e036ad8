//! Errors that say what to do, and the exit status.

use crate::client::{ClientError, Code, Coded};
use std::{fmt::Display, process::ExitCode};

/// Bad usage or input, no driver, or the driver refused.
pub const BAD_INPUT: u8 = 2;
/// Access denied.
pub const DENIED: u8 = 3;

/// Why a command has failed.
#[derive(Debug)]
pub struct Failure {
    message: String,
    advice: Option<&'static str>,
    code: u8,
}

/// What a command comes to.
pub type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// Something that the caller can mend.
    pub fn new(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            advice: None,
            code: BAD_INPUT,
        }
    }

    /// Says what to do about it.
    pub fn advise(mut self, advice: &'static str) -> Self {
        self.advice = Some(advice);
        self
    }

    /// An error of the driver or the file system while something was done, such as `commit D:\a`.
    pub fn of<E: Display + Coded>(doing: impl Display, error: &ClientError<E>) -> Self {
        let meaning = match error {
            ClientError::Platform(error) => error.code().and_then(meaning),
            _ => None,
        };
        Self {
            message: format!("{doing}: {error}"),
            advice: meaning.map(|meaning| meaning.advice),
            code: match meaning {
                Some(Meaning { denied: true, .. }) => DENIED,
                _ => BAD_INPUT,
            },
        }
    }

    /// Prints it and gives the exit status.
    pub fn show(&self) -> ExitCode {
        anstream::eprintln!("daxctl: {}", self.message);
        if let Some(advice) = self.advice {
            anstream::eprintln!("daxctl: {advice}");
        }
        ExitCode::from(self.code)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// What a code means to who gets it.
#[derive(Clone, Copy)]
struct Meaning {
    advice: &'static str,
    denied: bool,
}

fn meaning(code: Code) -> Option<Meaning> {
    let advice = |advice| {
        Some(Meaning {
            advice,
            denied: false,
        })
    };
    match code {
        Code::Nt(status) => match status.cast_unsigned() {
            0xC000_0022 => Some(DENIED_ADVICE),
            0xC000_0034 | 0xC000_003A => {
                advice("there is no such file or device; is the driver loaded?")
            }
            0xC000_000E => {
                advice("there is no such volume: `daxctl volumes` lists those with the filter")
            }
            0xC000_000D => advice("the driver has refused a value of the request"),
            0xC000_0044 => {
                advice("a limit is reached: `daxctl status` shows limits and how much is used")
            }
            0xC000_0059 => {
                advice("the driver speaks another protocol: use the daxctl that came with it")
            }
            0xC000_00BB | 0xC000_0010 => {
                advice("not possible for this file or setting; is the file on a DAX volume?")
            }
            0xC000_00C0 => advice("the volume's device is gone: what was not durable is lost"),
            0xC000_0011 => advice("beyond the end of the file"),
            _ => None,
        },
        Code::Win32(code) => match code {
            2 | 3 => advice(
                "there is no such file or device; load the driver with `fltmc load daxflush`",
            ),
            5 => Some(DENIED_ADVICE),
            6 => advice("the file is not open for writing in this process"),
            38 => advice("beyond the end of the file"),
            50 | 1 => advice("not possible for this file or setting; is the file on a DAX volume?"),
            87 => advice("the driver has refused a value of the request"),
            1306 => advice("the driver speaks another protocol: use the daxctl that came with it"),
            1816 => advice("a limit is reached: `daxctl status` shows limits and how much is used"),
            _ => None,
        },
    }
}

const DENIED_ADVICE: Meaning = Meaning {
    advice: "run it as administrator, or open a file that you may write",
    denied: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Error(Code);

    impl Coded for Error {
        fn code(&self) -> Option<Code> {
            Some(self.0)
        }
    }

    fn failure(code: Code) -> Failure {
        Failure::of("commit x", &ClientError::Platform(Error(code)))
    }

    #[test]
    fn denied_access_has_a_status_of_its_own() {
        for code in [Code::Nt(0xC000_0022_u32.cast_signed()), Code::Win32(5)] {
            let failure = failure(code);
            assert_eq!(failure.code, DENIED);
            assert!(
                failure
                    .advice
                    .is_some_and(|advice| advice.contains("administrator"))
            );
        }
        assert_eq!(failure(Code::Win32(87)).code, BAD_INPUT);
    }

    #[test]
    fn what_is_known_comes_with_advice() {
        assert_eq!(failure(Code::Win32(2)).message, "commit x: it failed");
        for (nt, win32) in [
            (0xC000_0034_u32, 2),
            (0xC000_000D, 87),
            (0xC000_0044, 1816),
            (0xC000_0059, 1306),
            (0xC000_00BB, 50),
            (0xC000_0011, 38),
        ] {
            assert!(
                failure(Code::Nt(nt.cast_signed())).advice.is_some(),
                "{nt:#x}"
            );
            assert!(failure(Code::Win32(win32)).advice.is_some(), "{win32}");
        }
        assert_eq!(failure(Code::Win32(9999)).advice, None);
    }
}
