//! One connection: its handles, and what is done for it.

use super::{Answer, Request, Response, VERSION};
use crate::{
    client::{DeviceAccess, Platform},
    events::Event,
};
use daxflush_protocol::{Ioctl, MAX_WRITE};
use std::collections::HashMap;

/// The most handles that a connection holds.
pub const MAX_HANDLES: usize = 1024;
/// The most bytes of an answer of the driver.
const MAX_ROOM: usize = 1 << 20;

type ErrorOf<M> = <<M as Machine>::Platform as Platform>::Error;
type HandleOf<M> = <<M as Machine>::Platform as Platform>::Handle;

/// A machine that can be served.
pub trait Machine: Sync {
    /// As a program on it sees it.
    type Platform: Platform;

    /// As a program on it sees it.
    fn platform(&self) -> &Self::Platform;

    /// An error as an NTSTATUS.
    fn status(error: &ErrorOf<Self>) -> i32;

    /// Runs code as a thread of a process of the machine.
    fn in_process<T>(&self, process: u64, work: impl FnOnce() -> T) -> T;

    /// A process of the machine ends, with all that it has open.
    fn end_process(&self, process: u64);

    /// The driver's events from this number on, or from the oldest that is still there, which the
    /// answer begins with; `u64::MAX` stands for those to come.
    fn events(&self, from: u64) -> (u64, Vec<Event>);
}

/// A connection's state; its handles are closed when it is dropped.
pub(super) struct Session<'a, M: Machine> {
    machine: &'a M,
    process: u64,
    greeted: bool,
    handles: HashMap<u64, HandleOf<M>>,
}

impl<'a, M: Machine> Session<'a, M> {
    pub fn new(machine: &'a M, process: u64) -> Self {
        Self {
            machine,
            process,
            greeted: false,
            handles: HashMap::new(),
        }
    }

    /// Does what is asked.
    pub fn answer(&mut self, request: Request) -> Response {
        if let Request::Hello { version } = request {
            self.greeted = version == VERSION;
            return Response::Hello { version: VERSION };
        }
        if !self.greeted {
            return Response::Refused("the first request must be Hello".into());
        }
        let machine = self.machine;
        machine.in_process(self.process, || self.act(request))
    }

    fn act(&mut self, request: Request) -> Response {
        let platform = self.machine.platform();
        match request {
            Request::Hello { .. } => Response::Done,
            Request::OpenDevice { write } => {
                let access = if write {
                    DeviceAccess::ReadWrite
                } else {
                    DeviceAccess::Read
                };
                self.open(|| platform.open_device(access))
            }
            Request::OpenFile { path, create } => self.open(|| {
                if create {
                    platform.open_file(&path)
                } else {
                    platform.open_existing(&path)
                }
            }),
            Request::Control {
                device,
                code,
                input,
                room,
            } => self.control(device, code, &input, room),
            Request::Write { file, offset, data } => {
                if data.len() > MAX_WRITE {
                    return Response::Refused(format!("{} bytes are too many", data.len()));
                }
                self.with(file, |file| platform.write(file, offset, &data))
            }
            Request::SetSize { file, size } => {
                self.with(file, |file| platform.set_size(file, size))
            }
            Request::Flush { file } => self.with(file, |file| platform.flush(file)),
            Request::DeleteOnClose { file } => {
                self.with(file, |file| platform.delete_on_close(file))
            }
            Request::Close { handle } => match self.handles.remove(&handle) {
                Some(handle) => Self::done(platform.close(handle)),
                None => Response::Failed(ntsim::NtStatus::INVALID_HANDLE.0),
            },
            Request::Read {
                file,
                offset,
                length,
            } => self.read(file, offset, length),
            Request::Events { from } => {
                let (first, events) = self.machine.events(from);
                Response::Events { first, events }
            }
        }
    }

    fn open(&mut self, open: impl FnOnce() -> Result<HandleOf<M>, ErrorOf<M>>) -> Response {
        if self.handles.len() >= MAX_HANDLES {
            return Response::Refused(format!("{MAX_HANDLES} handles are open"));
        }
        match open() {
            Ok(handle) => {
                let raw = M::Platform::raw(&handle);
                self.handles.insert(raw, handle);
                Response::Handle(raw)
            }
            Err(error) => Response::Failed(M::status(&error)),
        }
    }

    fn with(
        &self,
        handle: u64,
        act: impl FnOnce(&HandleOf<M>) -> Result<(), ErrorOf<M>>,
    ) -> Response {
        match self.handles.get(&handle) {
            Some(handle) => Self::done(act(handle)),
            None => Response::Failed(ntsim::NtStatus::INVALID_HANDLE.0),
        }
    }

    fn done(result: Result<(), ErrorOf<M>>) -> Response {
        result.map_or_else(
            |error| Response::Failed(M::status(&error)),
            |()| Response::Done,
        )
    }

    fn read(&self, file: u64, offset: u64, length: u32) -> Response {
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_WRITE);
        let Some(length) = length else {
            return Response::Refused(format!("{MAX_WRITE} bytes are the longest read"));
        };
        let Some(file) = self.handles.get(&file) else {
            return Response::Failed(ntsim::NtStatus::INVALID_HANDLE.0);
        };
        let mut output = vec![0; length];
        match self.machine.platform().read(file, offset, &mut output) {
            Ok(()) => Response::Answer(Answer {
                overflow: false,
                output,
            }),
            Err(error) => Response::Failed(M::status(&error)),
        }
    }

    fn control(&self, device: u64, code: u32, input: &[u8], room: u32) -> Response {
        let Some(code) = Ioctl::from_code(code) else {
            return Response::Failed(ntsim::NtStatus::INVALID_DEVICE_REQUEST.0);
        };
        if matches!(code, Ioctl::CreateLog | Ioctl::AttachLog) {
            return Response::Refused("a dirty log cannot be shared over a socket".into());
        }
        let room = usize::try_from(room).ok().filter(|room| *room <= MAX_ROOM);
        let Some(room) = room else {
            return Response::Refused(format!("{MAX_ROOM} bytes are the longest answer"));
        };
        let Some(device) = self.handles.get(&device) else {
            return Response::Failed(ntsim::NtStatus::INVALID_HANDLE.0);
        };
        let mut output = vec![0; room];
        let platform = self.machine.platform();
        let overflow = match platform.control(device, code, input, &mut output) {
            Ok(count) => {
                output.truncate(count);
                false
            }
            Err(error) if M::Platform::is_overflow(&error) => true,
            Err(error) => return Response::Failed(M::status(&error)),
        };
        Response::Answer(Answer { overflow, output })
    }
}

impl<M: Machine> Drop for Session<'_, M> {
    fn drop(&mut self) {
        let platform = self.machine.platform();
        self.machine.in_process(self.process, || {
            for (_, handle) in self.handles.drain() {
                // Nobody is left to be told.
                let _ = platform.close(handle);
            }
        });
        self.machine.end_process(self.process);
    }
}
