//! Dirty logs: made for a file of the caller's, and owned by the handle that they were made through.

use super::{client::Client, stores::Target};
use crate::{
    filter::logs::{self, Ending},
    nt::{device::ControlRequest, shared_memory::SharedMemory, status::NtStatus},
};
use daxflush_protocol::{CloseLogRequest, CreateLogRequest, LogReply};
use zerocopy::{FromBytes, IntoBytes};

pub fn create(client: &Client, request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let asked = CreateLogRequest::read_from_bytes(request.input())
        .map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space(size_of::<LogReply>())?;
    if !client.has_room() {
        return Err(NtStatus::QUOTA_EXCEEDED);
    }
    let target = Target::of(asked.file, request)?;
    let reply = logs::open(&target.stream, target.file.lend(), asked.entries)?;
    if let Err(status) = client.add_log(reply.log, &target.stream) {
        logs::close(&target.stream, reply.log, Ending::Asked);
        SharedMemory::unmap_for_caller(reply.address);
        return Err(status);
    }
    request.answer(reply.as_bytes())
}

pub fn close(client: &Client, request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let asked = CloseLogRequest::read_from_bytes(request.input())
        .map_err(|_| NtStatus::INVALID_PARAMETER)?;
    client.close_log(asked.log).map(|()| 0)
}
