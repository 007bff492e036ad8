//! The server: a thread for each connection.

use super::{
    Machine, Request, Response, Socket, decode, encode, read_frame, session::Session, write_frame,
};
use std::{
    collections::HashMap,
    io::{self, BufReader},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// The most connections at once.
pub const MAX_CONNECTIONS: usize = 64;
/// The machine's process of the first connection; each has its own.
const FIRST_PROCESS: u64 = 0x2000;

/// Serves a machine on a socket, until it is told to stop.
pub struct Server {
    socket: Socket,
    stop: Arc<AtomicBool>,
    live: Mutex<HashMap<u64, UnixStream>>,
}

impl Server {
    /// A server on a socket.
    pub fn new(socket: Socket) -> Self {
        Self {
            socket,
            stop: Arc::default(),
            live: Mutex::default(),
        }
    }

    /// What stops [`serve`](Self::serve), from any thread.
    pub fn stopper(&self) -> impl Fn() + Send + Clone + use<> {
        let (stop, path): (_, PathBuf) = (self.stop.clone(), self.socket.path.clone());
        move || {
            stop.store(true, Ordering::SeqCst);
            // The server may be waiting for somebody to connect.
            drop(UnixStream::connect(&path));
        }
    }

    /// Serves all who connect; returns when told to stop, and all connections have ended.
    ///
    /// # Errors
    /// The socket's.
    pub fn serve<M: Machine>(&self, machine: &M) -> io::Result<()> {
        thread::scope(|scope| {
            let done = self.accept(machine, scope);
            for stream in self.live().values() {
                // It may have gone by itself.
                let _ = stream.shutdown(Shutdown::Both);
            }
            done
        })
    }

    fn live(&self) -> MutexGuard<'_, HashMap<u64, UnixStream>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept<'scope, 'env, M: Machine>(
        &'env self,
        machine: &'env M,
        scope: &'scope thread::Scope<'scope, 'env>,
    ) -> io::Result<()> {
        let mut process = FIRST_PROCESS;
        loop {
            let accepted = self.socket.listener.accept();
            if self.stop.load(Ordering::SeqCst) {
                return Ok(());
            }
            let mut stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if self.live().len() >= MAX_CONNECTIONS {
                let reason = format!("{MAX_CONNECTIONS} connections are open");
                // Whoever cannot be told sees the end of the connection.
                let _ = send(&mut stream, &Response::Refused(reason));
                continue;
            }
            process += 4;
            let Ok(other) = stream.try_clone() else {
                continue;
            };
            self.live().insert(process, other);
            scope.spawn(move || {
                // The connection has ended, one way or another.
                let _ = converse(&stream, &mut Session::new(machine, process));
                self.live().remove(&process);
            });
        }
    }
}

fn send(to: &mut impl io::Write, response: &Response) -> io::Result<()> {
    let bytes = encode(response).or_else(|error| encode(&Response::Refused(error.to_string())))?;
    write_frame(to, &bytes)
}

fn converse<M: Machine>(stream: &UnixStream, session: &mut Session<'_, M>) -> io::Result<()> {
    let (mut from, mut to) = (BufReader::new(stream), stream);
    loop {
        let frame = match read_frame(&mut from) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(error) => {
                // What comes next is no frame's beginning.
                let _ = send(&mut to, &Response::Refused(error.to_string()));
                return Err(error);
            }
        };
        let response = match decode::<Request>(&frame) {
            Ok(request) => session.answer(request),
            Err(error) => Response::Refused(error.to_string()),
        };
        send(&mut to, &response)?;
    }
}
