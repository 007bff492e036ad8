//! The control device's operations.

mod client;
mod information;
mod log;
mod stores;

use crate::nt::{
    device::{Control, ControlRequest},
    shared::Shared,
    status::NtStatus,
};
use client::Client;
use daxflush_protocol::Ioctl;

/// The device that programs open as `\\.\DaxFlush`.
pub struct Daxctl;

impl Control for Daxctl {
    type Client = Client;

    fn open() -> Result<Shared<Client>, NtStatus> {
        Client::try_new()
    }

    fn close(client: &Client) {
        client.abandon_logs();
    }

    fn control(client: &Client, request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
        match Ioctl::from_code(request.code).ok_or(NtStatus::INVALID_DEVICE_REQUEST)? {
            Ioctl::Version => information::version(request),
            Ioctl::Statistics => information::statistics(request),
            Ioctl::MarkDirty => stores::mark_dirty(request),
            Ioctl::Commit => stores::commit(request),
            Ioctl::CreateLog => log::create(client, request),
            Ioctl::CloseLog => log::close(client, request),
        }
    }
}
