//! A simulated machine over a Unix-domain socket: the messages, the client's connection, and the
//! server.

mod connection;
mod error;
mod path;
mod server;
mod session;
mod wire;

pub use connection::{Connection, RemoteEvents};
pub use error::RemoteError;
pub use path::{Socket, SocketError, default_path};
pub use server::{MAX_CONNECTIONS, Server};
pub use session::{MAX_HANDLES, Machine};
pub use wire::{
    Answer, MAX_FRAME, Request, Response, VERSION, decode, encode, read_frame, write_frame,
};
