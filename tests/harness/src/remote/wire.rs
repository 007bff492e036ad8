//! The messages, each in a frame: its length as a little-endian `u32`, then postcard.

use crate::events::Event;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// Version of the messages.
pub const VERSION: u32 = 2;
/// The most bytes of a frame: a token's largest write and all that goes with it.
pub const MAX_FRAME: usize = 2 << 20;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Comes first.
    Hello {
        /// [`VERSION`].
        version: u32,
    },
    /// Opens the control device.
    OpenDevice {
        /// As administrator.
        write: bool,
    },
    /// DeviceIoControl.
    Control {
        /// Of the device.
        device: u64,
        /// The control code.
        code: u32,
        /// The input buffer.
        #[serde(with = "serde_bytes")]
        input: Vec<u8>,
        /// Bytes of the output buffer.
        room: u32,
    },
    /// Opens a file to read and write it.
    OpenFile {
        /// Its path on the machine.
        path: String,
        /// Whether it is made if it is not there.
        create: bool,
    },
    /// WriteFile.
    Write {
        /// The file.
        file: u64,
        /// First byte.
        offset: u64,
        /// What to write.
        #[serde(with = "serde_bytes")]
        data: Vec<u8>,
    },
    /// SetEndOfFile.
    SetSize {
        /// The file.
        file: u64,
        /// In bytes.
        size: u64,
    },
    /// FlushFileBuffers.
    Flush {
        /// The file.
        file: u64,
    },
    /// The file goes when its last handle closes.
    DeleteOnClose {
        /// The file.
        file: u64,
    },
    /// CloseHandle.
    Close {
        /// The file or device.
        handle: u64,
    },
    /// Events since some number.
    Events {
        /// Number of the first one to return; `u64::MAX` for those to come.
        from: u64,
    },
    /// ReadFile, answered by an [`Answer`].
    Read {
        /// The file.
        file: u64,
        /// First byte.
        offset: u64,
        /// Bytes, all of them within the file.
        length: u32,
    },
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::Hello`].
    Hello {
        /// [`VERSION`].
        version: u32,
    },
    /// A handle.
    Handle(u64),
    /// What DeviceIoControl answered.
    Answer(Answer),
    /// It is done.
    Done,
    /// Events, numbered from `first` on.
    Events {
        /// Number of the first one.
        first: u64,
        /// The events.
        events: Vec<Event>,
    },
    /// It failed with this NTSTATUS.
    Failed(i32),
    /// It is no request that can be done, and why.
    Refused(String),
}

/// What DeviceIoControl answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether there was more than the buffer had room for (STATUS_BUFFER_OVERFLOW).
    pub overflow: bool,
    /// What is in the output buffer.
    #[serde(with = "serde_bytes")]
    pub output: Vec<u8>,
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

/// A message's bytes.
///
/// # Errors
/// It is longer than [`MAX_FRAME`].
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let bytes = postcard::to_stdvec(message).map_err(|error| invalid(error.to_string()))?;
    if bytes.len() > MAX_FRAME {
        return Err(invalid(format!("a message of {} bytes", bytes.len())));
    }
    Ok(bytes)
}

/// A message from all of its bytes.
///
/// # Errors
/// They are no such message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let taken = postcard::take_from_bytes(bytes);
    let (message, rest) = taken.map_err(|error| invalid(format!("no message: {error}")))?;
    if !rest.is_empty() {
        return Err(invalid(format!("{} bytes after the message", rest.len())));
    }
    Ok(message)
}

/// Writes a frame.
///
/// # Errors
/// The other side is gone, or the frame is longer than [`MAX_FRAME`].
pub fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok();
    let length = length.filter(|_| bytes.len() <= MAX_FRAME);
    let length = length.ok_or_else(|| invalid("a frame is too long"))?;
    let mut frame = Vec::with_capacity(size_of::<u32>() + bytes.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(bytes);
    to.write_all(&frame)?;
    to.flush()
}

/// Reads a frame; nothing if the other side has closed the connection between two of them.
///
/// # Errors
/// The frame is longer than [`MAX_FRAME`] (InvalidData, and nothing of it was read), or it breaks
/// off.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; size_of::<u32>()];
    let (first, rest) = length.split_at_mut(1);
    loop {
        match from.read(first) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    from.read_exact(rest)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(invalid(format!(
            "a frame of {length} bytes; {MAX_FRAME} are the most"
        )));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_went() {
        let request = Request::Control {
            device: 8,
            code: 0xDAF5_2000,
            input: vec![1, 2, 3],
            room: 64,
        };
        let mut stream = Vec::new();
        write_frame(&mut stream, &encode(&request).expect("short")).expect("a frame");
        let mut from = &stream[..];
        let frame = read_frame(&mut from).expect("whole").expect("a frame");
        assert_eq!(decode::<Request>(&frame).expect("a request"), request);
        assert!(read_frame(&mut from).expect("the end").is_none());
    }

    fn round_trip<T>(message: &T)
    where
        T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let bytes = encode(message).expect("short");
        assert_eq!(&decode::<T>(&bytes).expect("a message"), message);
        // Cut short anywhere it is none.
        for end in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..end]).is_err(), "{message:?} to {end}");
        }
    }

    #[test]
    fn every_request_comes_back_as_it_went() {
        let (file, offset) = (u64::MAX, 1 << 40);
        let bytes = vec![0, 255, 7];
        for request in [
            Request::Hello { version: VERSION },
            Request::OpenDevice { write: true },
            Request::Control {
                device: file,
                code: u32::MAX,
                input: bytes.clone(),
                room: u32::MAX,
            },
            Request::OpenFile {
                path: "D:\\ä".into(),
                create: true,
            },
            Request::Write {
                file,
                offset,
                data: bytes,
            },
            Request::SetSize { file, size: offset },
            Request::Flush { file },
            Request::DeleteOnClose { file },
            Request::Close { handle: file },
            Request::Events { from: u64::MAX },
            Request::Read {
                file,
                offset,
                length: 5,
            },
        ] {
            round_trip(&request);
        }
    }

    #[test]
    fn every_response_comes_back_as_it_went() {
        use crate::events::Value;
        let values = [
            Value::Unsigned(u64::MAX),
            Value::Signed(i64::MIN),
            Value::Bool(true),
            Value::Text("x".into()),
            Value::Bytes(vec![0, 255]),
        ];
        let event = Event {
            provider: "P".into(),
            name: "N".into(),
            level: 5,
            keyword: u64::MAX,
            time: 1,
            fields: values.map(|value| ("f".to_owned(), value)).to_vec(),
        };
        for response in [
            Response::Hello { version: VERSION },
            Response::Handle(u64::MAX),
            Response::Answer(Answer {
                overflow: true,
                output: vec![1, 2],
            }),
            Response::Done,
            Response::Events {
                first: 3,
                events: vec![event],
            },
            Response::Failed(i32::MIN),
            Response::Refused("no".into()),
        ] {
            round_trip(&response);
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_not_sent() {
        let answer = |length| {
            Response::Answer(Answer {
                overflow: false,
                output: vec![0; length],
            })
        };
        assert!(encode(&answer(MAX_FRAME + 1)).is_err());
        let mut sent = Vec::new();
        assert!(write_frame(&mut sent, &vec![0; MAX_FRAME + 1]).is_err());
        assert!(sent.is_empty(), "not a part of it");
        // The largest write fits with all that goes with it.
        let largest = Request::Write {
            file: u64::MAX,
            offset: u64::MAX,
            data: vec![0; daxflush_protocol::MAX_WRITE],
        };
        assert!(encode(&largest).is_ok());
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(decode::<Request>(&[]).is_err());
        assert!(decode::<Request>(&[200, 1]).is_err());
        let mut bytes = encode(&Request::Close { handle: 1 }).expect("short");
        bytes.push(0);
        assert!(decode::<Request>(&bytes).is_err());
        assert!(read_frame(&mut &[255, 255, 255, 255][..]).is_err());
        assert!(read_frame(&mut &[4, 0][..]).is_err());
        assert!(read_frame(&mut &[4, 0, 0, 0, 1][..]).is_err());
    }
}
