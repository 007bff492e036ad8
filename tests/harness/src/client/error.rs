//! Why a client's operation failed.

use super::BadRing;
use daxflush_protocol::PROTOCOL_VERSION;

/// An error of a client over a platform whose own errors are `E`.
#[derive(Debug, thiserror::Error)]
pub enum ClientError<E> {
    /// The platform's or the driver's.
    #[error("{0}")]
    Platform(E),
    /// The driver speaks another version of the protocol.
    #[error("the driver's protocol is version {0}, and this program's is {PROTOCOL_VERSION}")]
    Protocol(u32),
    /// The driver's answer is too short.
    #[error("the driver answered with {0} bytes, too few")]
    ShortAnswer(usize),
    /// More data than one request can carry.
    #[error("more data than one request can carry")]
    TooLong,
    /// See [`BadRing`].
    #[error(transparent)]
    Log(#[from] BadRing),
    /// First-write tracking is not possible.
    #[error("first-write tracking: {0}")]
    Tracking(std::io::Error),
    /// The file is mapped already.
    #[error("the file is mapped already")]
    Mapped,
    /// The range is not within the mapped view.
    #[error("{length} bytes at {offset} are not mapped")]
    NotMapped {
        /// First byte, in the file.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}
