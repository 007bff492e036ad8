//! Errors of a machine over a socket.

use crate::client::{Code, Coded};
use std::io;

/// Why a request over the socket failed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The machine answered with an NTSTATUS.
    #[error("{}", ntsim::NtStatus(*.0))]
    Status(i32),
    /// The server refused the request itself.
    #[error("the simulator refused the request: {0}")]
    Refused(String),
    /// The connection broke.
    #[error("the connection to the simulator broke: {0}")]
    Connection(#[from] io::Error),
    /// The server answered with something else than was asked for.
    #[error("the simulator gave an answer to another question")]
    Answer,
    /// The server speaks another version of the messages.
    #[error("the simulator speaks version {0} of the socket's messages, this program {ours}", ours = super::VERSION)]
    Version(u32),
    /// Memory cannot be shared over a socket.
    #[error(
        "{0} needs memory that is shared with the driver, which no socket can do; \
         --sim private runs the command in a machine of its own"
    )]
    Impossible(&'static str),
}

impl Coded for RemoteError {
    fn code(&self) -> Option<Code> {
        match self {
            Self::Status(status) => Some(Code::Nt(*status)),
            _ => None,
        }
    }
}
