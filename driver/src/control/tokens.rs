//! Tokens: the Rtl*NonVolatile* family on regions of the caller's files.

use super::{client::Client, stores::Target};
use crate::{
    filter::{self, Stream, tokens},
    nt::{
        device::ControlRequest, file::FileObject, instance::InstanceReference, shared::Shared,
        status::NtStatus, view::Content,
    },
};
use core::ops::Range;
use daxflush_nvmem::WriteFlags;
use daxflush_protocol::{
    FileRange, FillTokenRequest, FlushToken, GetTokenRequest, MAX_FILL, TokenFlushReply,
    TokenReply, TokenRequest, WriteToken, flush_flag,
};

pub fn get(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: GetTokenRequest = request.read()?;
    let region = FileRange {
        offset: asked.offset,
        length: asked.length,
    };
    let end = region.end().filter(|_| region.is_valid());
    let end = end.ok_or(NtStatus::INVALID_PARAMETER)?;
    request.check_space::<TokenReply>()?;
    if !client.has_room_for_token() {
        return Err(NtStatus::QUOTA_EXCEEDED);
    }
    let target = Target::of(asked.file, request)?;
    if end > target.instance().size_of(target.file.lend())? {
        return Err(NtStatus::END_OF_FILE);
    }
    let token = tokens::open(&target.stream, target.file.lend(), asked.offset..end)?;
    if let Err(status) = client.add_token(token, &target.stream) {
        tokens::close(&target.stream, token);
        return Err(status);
    }
    request.answer(&TokenReply { token })
}

pub fn free(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: TokenRequest = request.read()?;
    client.close_token(asked.token)
}

pub fn flush(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    request.check_space::<TokenFlushReply>()?;
    let asked = FlushToken::parse(request.input()).ok_or(NtStatus::INVALID_PARAMETER)?;
    let region = Region::of(client, asked.token)?;
    let inside = asked
        .ranges
        .iter()
        .all(|range| region.contains(range.offset, range.length));
    if !inside {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let drains = asked.flags & flush_flag::NO_DRAIN == 0;
    if !drains {
        client.will_drain(&region.stream)?;
    }
    let lines = filter::flush_ranges(
        &region.stream,
        region.instance.lend(),
        region.file.lend(),
        asked.ranges,
        drains,
    );
    if !drains {
        client.must_drain(&region.stream)?;
    }
    let lines = lines?;
    request.answer(&TokenFlushReply { lines })
}

pub fn write(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked = WriteToken::parse(request.input()).ok_or(NtStatus::INVALID_PARAMETER)?;
    let content = Content::Data(asked.data);
    store(client, asked.token, asked.offset, content, asked.flags)
}

pub fn fill(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: FillTokenRequest = request.read()?;
    let value = u8::try_from(asked.value).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if !(1..=MAX_FILL).contains(&asked.length) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let content = Content::Value(value, asked.length);
    store(client, asked.token, asked.offset, content, asked.flags)
}

fn store(
    client: &Client,
    token: u64,
    offset: u64,
    content: Content<'_>,
    flags: u32,
) -> Result<(), NtStatus> {
    let flags = WriteFlags::from_bits(flags).ok_or(NtStatus::INVALID_PARAMETER)?;
    if flags == WriteFlags::NO_DRAIN {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let region = Region::of(client, token)?;
    if !region.contains(offset, content.bytes()) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let drains = flags != WriteFlags::FLUSH | WriteFlags::NO_DRAIN;
    if !drains {
        client.will_drain(&region.stream)?;
    }
    let stored = filter::store(
        &region.stream,
        region.instance.lend(),
        region.file.lend(),
        offset,
        content,
        flags,
    );
    if !drains {
        client.must_drain(&region.stream)?;
    }
    stored
}

pub fn drain(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: TokenRequest = request.read()?;
    let region = Region::of(client, asked.token)?;
    filter::drain(&region.stream).map(|_| ())
}

/// What a token of the caller's handle stands for.
struct Region {
    stream: Shared<Stream>,
    instance: InstanceReference,
    file: FileObject,
    bytes: Range<u64>,
}

impl Region {
    /// INVALID_PARAMETER if the token is another handle's, was freed, or ended with its file.
    fn of(client: &Client, token: u64) -> Result<Self, NtStatus> {
        let stream = client.stream_of_token(token)?;
        let (file, bytes) = tokens::find(&stream, token).ok_or(NtStatus::INVALID_PARAMETER)?;
        let instance = InstanceReference::of(file.lend())?;
        Ok(Self {
            stream,
            instance,
            file,
            bytes,
        })
    }

    fn contains(&self, offset: u64, length: u64) -> bool {
        let end = offset.checked_add(length);
        self.bytes.start <= offset && end.is_some_and(|end| end <= self.bytes.end)
    }
}
