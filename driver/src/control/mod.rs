//! The control device's operations.

mod client;
mod information;
mod list;
mod lists;
mod log;
mod quota;
mod self_test;
mod settings;
mod statistics;
mod stores;
mod tokens;

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
        client.abandon();
    }

    fn control(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
        dispatch(client, request).map_err(NtStatus::for_programs)
    }
}

/// The I/O manager has compared the code's access bits with the handle's access.
fn dispatch(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    match Ioctl::from_code(request.code).ok_or(NtStatus::INVALID_DEVICE_REQUEST)? {
        Ioctl::Version => information::version(request),
        Ioctl::Information => information::information(request),
        Ioctl::Statistics => statistics::statistics(request),
        Ioctl::Volumes => lists::volumes(request),
        Ioctl::Streams => lists::streams(request),
        Ioctl::DirtyLines => lists::dirty_lines(request),
        Ioctl::MarkDirty => stores::mark_dirty(request),
        Ioctl::Commit => stores::commit(client, request),
        Ioctl::Drain => stores::drain(client, request),
        Ioctl::CreateLog => log::create(client, request),
        Ioctl::CloseLog => log::close(client, request),
        Ioctl::AttachLog => log::attach(client, request),
        Ioctl::GetToken => tokens::get(client, request),
        Ioctl::FreeToken => tokens::free(client, request),
        Ioctl::FlushToken => tokens::flush(client, request),
        Ioctl::WriteToken => tokens::write(client, request),
        Ioctl::FillToken => tokens::fill(client, request),
        Ioctl::DrainToken => tokens::drain(client, request),
        Ioctl::Trace => settings::trace(request),
        Ioctl::SelfTest => self_test::run(request),
        Ioctl::Settings => settings::list(request),
        Ioctl::SetSetting => settings::set(request),
    }
}
