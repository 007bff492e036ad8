//! A client's connection.

use super::{
    Answer, RemoteError, Request, Response, VERSION, decode, encode, read_frame, write_frame,
};
use crate::events::{Event, Events};
use std::{
    io,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

/// A connection to a simulated machine. Clones share it; what it has opened is closed by the machine
/// when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Mutex<UnixStream>>);

impl Connection {
    /// Connects to the machine that serves a socket.
    ///
    /// # Errors
    /// Nobody serves it, or with other messages.
    pub fn open(path: &Path) -> Result<Self, RemoteError> {
        Self::over(UnixStream::connect(path)?)
    }

    /// Speaks over a connected socket.
    ///
    /// # Errors
    /// The other side is no such machine.
    pub fn over(stream: UnixStream) -> Result<Self, RemoteError> {
        let connection = Self(Arc::new(Mutex::new(stream)));
        match connection.ask(&Request::Hello { version: VERSION })? {
            Response::Hello { version: VERSION } => Ok(connection),
            Response::Hello { version } => Err(RemoteError::Version(version)),
            _ => Err(RemoteError::Answer),
        }
    }

    fn ask(&self, request: &Request) -> Result<Response, RemoteError> {
        let bytes = encode(request)?;
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = write_frame(&mut *stream, &bytes);
        // A server that has closed the connection may have said why.
        let frame = read_frame(&mut *stream);
        sent.or_else(|error| match frame {
            Ok(Some(_)) => Ok(()),
            _ => Err(error),
        })?;
        let frame = frame?;
        let frame = frame.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        match decode(&frame)? {
            Response::Failed(status) => Err(RemoteError::Status(status)),
            Response::Refused(reason) => Err(RemoteError::Refused(reason)),
            response => Ok(response),
        }
    }

    /// A request that answers with a handle.
    ///
    /// # Errors
    /// The machine's, or the connection's.
    pub fn open_handle(&self, request: &Request) -> Result<u64, RemoteError> {
        match self.ask(request)? {
            Response::Handle(handle) => Ok(handle),
            _ => Err(RemoteError::Answer),
        }
    }

    /// A request that answers with nothing.
    ///
    /// # Errors
    /// The machine's, or the connection's.
    pub fn tell(&self, request: &Request) -> Result<(), RemoteError> {
        match self.ask(request)? {
            Response::Done => Ok(()),
            _ => Err(RemoteError::Answer),
        }
    }

    /// DeviceIoControl.
    ///
    /// # Errors
    /// The machine's, or the connection's.
    pub fn control(&self, request: &Request) -> Result<Answer, RemoteError> {
        match self.ask(request)? {
            Response::Answer(answer) => Ok(answer),
            _ => Err(RemoteError::Answer),
        }
    }

    fn events(&self, from: u64) -> Result<(u64, Vec<Event>), RemoteError> {
        match self.ask(&Request::Events { from })? {
            Response::Events { first, events } => Ok((first, events)),
            _ => Err(RemoteError::Answer),
        }
    }
}

/// The machine's events.
pub struct RemoteEvents {
    connection: Connection,
    next: u64,
    lost: u64,
}

/// How often the machine is asked for events.
const POLL: Duration = Duration::from_millis(50);

impl RemoteEvents {
    /// Events from now on.
    ///
    /// # Errors
    /// The machine's, or the connection's.
    pub fn listen(connection: Connection) -> Result<Self, RemoteError> {
        let (next, _) = connection.events(u64::MAX)?;
        Ok(Self {
            connection,
            next,
            lost: 0,
        })
    }
}

impl Events for RemoteEvents {
    fn next(&mut self, wait: Duration) -> io::Result<Vec<Event>> {
        let end = Instant::now() + wait;
        loop {
            let (first, events) = self
                .connection
                .events(self.next)
                .map_err(io::Error::other)?;
            self.lost += first.saturating_sub(self.next);
            self.next = first + events.len() as u64;
            let left = end.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            sleep(left.min(POLL));
        }
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}
