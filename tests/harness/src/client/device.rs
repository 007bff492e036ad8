//! The control device `\\.\DaxFlush`.

use super::{ClientError, DeviceAccess, Platform};
use daxflush_protocol::{
    AttachLogRequest, CloseLogRequest, CommitReply, CommitRequest, DirtyLinesRequest, DrainReply,
    FileRange, FillTokenRequest, FlushToken, FlushTokenHeader, GetTokenRequest, Information, Ioctl,
    LIST_BYTES, ListRequest, LogReply, MAX_RANGES, MarkDirty, MarkDirtyHeader, OLDEST_VERSION,
    PROTOCOL_VERSION, Record, ReplyHeader, SelfTestReply, SetSettingRequest, Setting,
    SettingRecord, Statistics, StatisticsReply, StatisticsRequest, StreamRecord, StreamsRequest,
    TokenFlushReply, TokenReply, TokenRequest, TraceReply, TraceRequest, VersionReply,
    VersionRequest, VolumeRecord, WriteToken, WriteTokenHeader, commit_flag, records, reply_bytes,
    scope,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An open handle to the control device; closed when dropped.
pub struct Device<P: Platform> {
    pub(super) platform: P,
    pub(super) handle: Option<P::Handle>,
    version: VersionReply,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

/// Whose statistics.
pub enum Scope<'a, P: Platform> {
    /// Everything since the driver was loaded.
    All,
    /// A volume, by [`VolumeRecord::id`].
    Volume(u64),
    /// An open file's stream.
    File(&'a P::Handle),
}

impl<P: Platform> Device<P> {
    /// Opens the device, to do what every user may.
    ///
    /// # Errors
    /// The driver is not loaded, or its protocol has another version.
    pub fn open(platform: P) -> Result<Self, P> {
        Self::open_with(platform, DeviceAccess::Read)
    }

    /// Opens the device, to do what administrators may, too: lists of streams, settings, tracing, the
    /// self-test.
    ///
    /// # Errors
    /// As [`open`](Self::open)'s; the caller is no administrator.
    pub fn open_as_administrator(platform: P) -> Result<Self, P> {
        Self::open_with(platform, DeviceAccess::ReadWrite)
    }

    fn open_with(platform: P, access: DeviceAccess) -> Result<Self, P> {
        let handle = platform.open_device(access);
        let mut device = Self {
            handle: Some(handle.map_err(ClientError::Platform)?),
            platform,
            version: VersionReply::default(),
        };
        device.version = match device.ask_version() {
            // Before version 2 there was no such request.
            Err(ClientError::ShortAnswer(_)) => return Err(ClientError::Protocol(1)),
            answer => answer?,
        };
        if !(OLDEST_VERSION..=PROTOCOL_VERSION).contains(&device.version.protocol) {
            return Err(ClientError::Protocol(device.version.protocol));
        }
        Ok(device)
    }

    /// What the driver said when the device was opened.
    pub fn version(&self) -> &VersionReply {
        &self.version
    }

    /// Asks for the version once more: the request that does least.
    ///
    /// # Errors
    /// The driver's.
    pub fn ask_version(&self) -> Result<VersionReply, P> {
        let ours = VersionRequest {
            newest: PROTOCOL_VERSION,
            oldest: OLDEST_VERSION,
        };
        self.ask(Ioctl::Version, ours.as_bytes())
    }

    /// What the driver is, its limits, and how much of them is used.
    ///
    /// # Errors
    /// The driver's.
    pub fn information(&self) -> Result<Information, P> {
        self.ask(Ioctl::Information, &[])
    }

    /// Reports ranges of `file` that were stored to through a view; none of them empty.
    ///
    /// # Errors
    /// The driver's; a part of the ranges may be reported then.
    ///
    /// # Panics
    /// Never: requests are cut to what fits.
    pub fn mark_dirty(&self, file: &P::Handle, ranges: &[FileRange]) -> Result<(), P> {
        let most = ranges.len().min(MAX_RANGES);
        let mut buffer = vec![0; size_of::<MarkDirtyHeader>() + most * size_of::<FileRange>()];
        for ranges in ranges.chunks(MAX_RANGES) {
            let request = MarkDirty::encode(P::raw(file), ranges, &mut buffer);
            self.tell(
                Ioctl::MarkDirty,
                request.expect("a buffer for as many ranges"),
            )?;
        }
        Ok(())
    }

    /// Makes a range of a file durable; a length of 0 with an offset of 0 means all of it.
    ///
    /// # Errors
    /// The driver's; what was dirty stays so.
    pub fn commit(&self, file: &P::Handle, range: FileRange) -> Result<CommitReply, P> {
        self.commit_with(file, range, 0)
    }

    /// Begins to make a range of a file durable, as [`commit`](Self::commit); it is durable when
    /// [`drain`](Self::drain) or a later commit of the file has succeeded.
    ///
    /// # Errors
    /// The driver's; what was dirty stays so.
    pub fn begin_commit(&self, file: &P::Handle, range: FileRange) -> Result<CommitReply, P> {
        self.commit_with(file, range, commit_flag::NO_DRAIN)
    }

    fn commit_with(
        &self,
        file: &P::Handle,
        range: FileRange,
        flags: u32,
    ) -> Result<CommitReply, P> {
        let request = CommitRequest {
            file: P::raw(file),
            range,
            flags,
            reserved: 0,
        };
        self.ask(Ioctl::Commit, request.as_bytes())
    }

    /// Ends what [`begin_commit`](Self::begin_commit) has begun through this device.
    ///
    /// # Errors
    /// The driver's; what was begun may not be durable.
    pub fn drain(&self) -> Result<DrainReply, P> {
        self.ask(Ioctl::Drain, &[])
    }

    /// The driver's counters since it was loaded.
    ///
    /// # Errors
    /// The driver's.
    pub fn statistics(&self) -> Result<Statistics, P> {
        Ok(self.statistics_of(Scope::All)?.counters)
    }

    /// Counters and histograms.
    ///
    /// # Errors
    /// The driver's; there is no such volume.
    pub fn statistics_of(&self, whose: Scope<'_, P>) -> Result<StatisticsReply, P> {
        let (scope, id) = match whose {
            Scope::All => (scope::ALL, 0),
            Scope::Volume(id) => (scope::VOLUME, id),
            Scope::File(file) => (scope::FILE, P::raw(file)),
        };
        let request = StatisticsRequest {
            scope,
            reserved: 0,
            id,
        };
        self.ask(Ioctl::Statistics, request.as_bytes())
    }

    /// The volumes that the filter is attached to, with their names.
    ///
    /// # Errors
    /// The driver's.
    pub fn volumes(&self) -> Result<Vec<(VolumeRecord, String)>, P> {
        self.list(Ioctl::Volumes, |last: Option<&VolumeRecord>| ListRequest {
            after: last.map_or(0, |record| record.id),
        })
    }

    /// The streams that are tracked on a volume, with their names.
    ///
    /// # Errors
    /// The driver's; ERROR_ACCESS_DENIED if the device was not opened as administrator.
    pub fn streams(&self, volume: u64) -> Result<Vec<(StreamRecord, String)>, P> {
        self.list(Ioctl::Streams, |last: Option<&StreamRecord>| {
            StreamsRequest {
                volume,
                after: last.map_or(0, |record| record.id),
            }
        })
    }

    /// How many lines are dirty in each of `cells` parts of `cell_bytes` bytes from `offset` on, both
    /// multiples of 64.
    ///
    /// # Errors
    /// The driver's.
    pub fn dirty_lines(
        &self,
        file: &P::Handle,
        offset: u64,
        cell_bytes: u64,
        cells: u32,
    ) -> Result<Vec<u32>, P> {
        let request = DirtyLinesRequest {
            file: P::raw(file),
            offset,
            cell_bytes,
            cells,
            reserved: 0,
        };
        let most = usize::try_from(cells)
            .unwrap_or(usize::MAX)
            .saturating_mul(4);
        let mut answer = vec![0; size_of::<ReplyHeader>().saturating_add(most)];
        let count = self.control(Ioctl::DirtyLines, request.as_bytes(), &mut answer)?;
        let counts = answer.get(size_of::<ReplyHeader>()..count).unwrap_or(&[]);
        let counts = counts.chunks_exact(4);
        Ok(counts
            .filter_map(|bytes| bytes.try_into().ok().map(u32::from_le_bytes))
            .collect())
    }

    /// Makes a token for a region of a file. It belongs to this device.
    ///
    /// # Errors
    /// The driver's; the region is not within the file.
    pub fn get_token(&self, file: &P::Handle, offset: u64, length: u64) -> Result<u64, P> {
        let request = GetTokenRequest {
            file: P::raw(file),
            offset,
            length,
        };
        let reply: TokenReply = self.ask(Ioctl::GetToken, request.as_bytes())?;
        Ok(reply.token)
    }

    /// Frees a token.
    ///
    /// # Errors
    /// ERROR_INVALID_PARAMETER: this device has no such token.
    pub fn free_token(&self, token: u64) -> Result<(), P> {
        self.tell(Ioctl::FreeToken, TokenRequest { token }.as_bytes())
    }

    /// Flushes ranges, given as offsets in the file, of a token's region; returns the lines.
    ///
    /// # Errors
    /// The driver's; a range is not within the region, and nothing was flushed.
    ///
    /// # Panics
    /// Never: the buffer is as long as the request.
    pub fn flush_token(&self, token: u64, ranges: &[FileRange], flags: u32) -> Result<u64, P> {
        let mut lines = 0;
        for ranges in ranges.chunks(MAX_RANGES) {
            let mut buffer = vec![0; size_of::<FlushTokenHeader>() + size_of_val(ranges)];
            let request = FlushToken {
                token,
                flags,
                ranges,
            };
            let request = request.encode(&mut buffer);
            let request = request.expect("a buffer for as many ranges");
            let reply: TokenFlushReply = self.ask(Ioctl::FlushToken, request)?;
            lines += reply.lines;
        }
        Ok(lines)
    }

    /// Stores `data` at an offset in the file within a token's region.
    ///
    /// # Errors
    /// The driver's; more than [`MAX_WRITE`](daxflush_protocol::MAX_WRITE) bytes.
    pub fn write_token(&self, token: u64, offset: u64, data: &[u8], flags: u32) -> Result<(), P> {
        let mut buffer = vec![0; size_of::<WriteTokenHeader>() + data.len()];
        let request = WriteToken {
            token,
            offset,
            flags,
            data,
        };
        let request = request.encode(&mut buffer);
        self.tell(Ioctl::WriteToken, request.ok_or(ClientError::TooLong)?)
    }

    /// Stores one value into a range within a token's region.
    ///
    /// # Errors
    /// The driver's.
    pub fn fill_token(&self, token: u64, range: FileRange, value: u8, flags: u32) -> Result<(), P> {
        let request = FillTokenRequest {
            token,
            offset: range.offset,
            length: range.length,
            flags,
            value: value.into(),
        };
        self.tell(Ioctl::FillToken, request.as_bytes())
    }

    /// Waits for what was flushed through a token without a drain.
    ///
    /// # Errors
    /// The driver's.
    pub fn drain_token(&self, token: u64) -> Result<(), P> {
        self.tell(Ioctl::DrainToken, TokenRequest { token }.as_bytes())
    }

    /// Sets which events are written when somebody listens, 0 none to 5 all.
    ///
    /// # Errors
    /// The driver's; ERROR_ACCESS_DENIED if the device was not opened as administrator.
    pub fn trace(&self, level: u32) -> Result<TraceReply, P> {
        let request = TraceRequest { level, reserved: 0 };
        self.ask(Ioctl::Trace, request.as_bytes())
    }

    /// Runs the driver's flush engine on scratch memory.
    ///
    /// # Errors
    /// The driver's; ERROR_ACCESS_DENIED if the device was not opened as administrator.
    pub fn self_test(&self) -> Result<SelfTestReply, P> {
        self.ask(Ioctl::SelfTest, &[])
    }

    /// The settings in force.
    ///
    /// # Errors
    /// The driver's.
    pub fn settings(&self) -> Result<Vec<SettingRecord>, P> {
        let room = Setting::ALL.len() * size_of::<SettingRecord>();
        let mut answer = vec![0; size_of::<ReplyHeader>() + room];
        let count = self.control(Ioctl::Settings, &[], &mut answer)?;
        let bytes = answer.get(size_of::<ReplyHeader>()..count).unwrap_or(&[]);
        let records = bytes.chunks_exact(size_of::<SettingRecord>());
        Ok(records
            .filter_map(|bytes| SettingRecord::read_from_bytes(bytes).ok())
            .collect())
    }

    /// Changes a setting; `flags` as [`set_flag`](daxflush_protocol::set_flag).
    ///
    /// # Errors
    /// The driver's; ERROR_ACCESS_DENIED if the device was not opened as administrator.
    pub fn set(&self, setting: Setting, value: u32, flags: u32) -> Result<SettingRecord, P> {
        let request = SetSettingRequest {
            setting: setting as u32,
            value,
            flags,
            reserved: 0,
        };
        self.ask(Ioctl::SetSetting, request.as_bytes())
    }

    /// Maps a log of this device into the caller's process once more.
    ///
    /// # Errors
    /// The driver's; the log is of another device, or of another file.
    pub fn attach_log(&self, log: u64, file: &P::Handle) -> Result<LogReply, P> {
        let request = AttachLogRequest {
            log,
            file: P::raw(file),
        };
        self.ask(Ioctl::AttachLog, request.as_bytes())
    }

    pub(super) fn close_log(&self, log: u64) -> Result<(), P> {
        self.tell(Ioctl::CloseLog, CloseLogRequest { log }.as_bytes())
    }

    fn tell(&self, code: Ioctl, request: &[u8]) -> Result<(), P> {
        self.control(code, request, &mut []).map(|_| ())
    }

    /// A request with an answer of fixed size.
    pub(super) fn ask<T: FromBytes>(&self, code: Ioctl, request: &[u8]) -> Result<T, P> {
        let mut answer = vec![0; reply_bytes::<T>()];
        let count = self.control(code, request, &mut answer)?;
        let body = answer.get(size_of::<ReplyHeader>()..count);
        body.and_then(|body| T::read_from_bytes(body).ok())
            .ok_or(ClientError::ShortAnswer(count))
    }

    /// All pages of a list.
    fn list<R: Record, Q: IntoBytes + Immutable + KnownLayout>(
        &self,
        code: Ioctl,
        page: impl Fn(Option<&R>) -> Q,
    ) -> Result<Vec<(R, String)>, P> {
        let mut found: Vec<(R, String)> = Vec::new();
        let mut buffer = vec![0; LIST_BYTES];
        loop {
            let request = page(found.last().map(|(record, _)| record));
            let (count, more) = match self.control(code, request.as_bytes(), &mut buffer) {
                Ok(count) => (count, false),
                // The page is there, and there are more of them.
                Err(ClientError::Platform(error)) if P::is_overflow(&error) => (LIST_BYTES, true),
                Err(error) => return Err(error),
            };
            let before = found.len();
            let page = buffer.get(..count).unwrap_or(&[]);
            found.extend(records::<R>(page).map(|(record, name)| {
                let units = name.chunks_exact(2);
                let units: Vec<u16> = units
                    .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                    .collect();
                (record, String::from_utf16_lossy(&units))
            }));
            if !more || found.len() == before {
                return Ok(found);
            }
        }
    }

    fn control(&self, code: Ioctl, input: &[u8], output: &mut [u8]) -> Result<usize, P> {
        let Some(handle) = &self.handle else {
            return Err(ClientError::ShortAnswer(0));
        };
        let done = self.platform.control(handle, code, input, output);
        done.map_err(ClientError::Platform)
    }
}

impl<P: Platform> Drop for Device<P> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Nothing depends on it any more, and there is nobody to tell.
            let _ = self.platform.close(handle);
        }
    }
}
