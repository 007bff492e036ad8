//! Dirty logs: made for a file of the caller's, and owned by the handle that they were made through.

use super::{client::Client, stores::Target};
use crate::{
    filter::logs::{self, Ending},
    nt::{device::ControlRequest, shared_memory::SharedMemory, status::NtStatus},
};
use daxflush_protocol::{AttachLogRequest, CloseLogRequest, CreateLogRequest, LogReply};

pub fn create(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: CreateLogRequest = request.read()?;
    if asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space::<LogReply>()?;
    if !client.has_room_for_log() {
        return Err(NtStatus::QUOTA_EXCEEDED);
    }
    let target = Target::of(asked.file, request)?;
    let reply = logs::open(&target.stream, target.file.lend(), asked.entries)?;
    if let Err(status) = client.add_log(reply.log, &target.stream) {
        logs::close(&target.stream, reply.log, Ending::Asked);
        SharedMemory::unmap_for_caller(reply.address);
        return Err(status);
    }
    request.answer(&reply)
}

pub fn close(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: CloseLogRequest = request.read()?;
    client.close_log(asked.log)
}

pub fn attach(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: AttachLogRequest = request.read()?;
    request.check_space::<LogReply>()?;
    let stream = client.stream_of_log(asked.log)?;
    let target = Target::of(asked.file, request)?;
    if target.stream.id() != stream.id() {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let reply = logs::attach(&stream, target.file.lend(), asked.log)?;
    request.answer(&reply)
}
