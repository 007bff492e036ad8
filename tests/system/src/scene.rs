//! A machine with one of everything that requests can name, and one valid request of every kind.

use crate::{Client, World};
use daxflush_protocol::{
    AttachLogRequest, CloseLogRequest, CommitRequest, CreateLogRequest, DirtyLinesRequest,
    FileRange, FillTokenRequest, FlushToken, GetTokenRequest, Information, Ioctl, LIST_BYTES,
    ListRequest, LogReply, MIN_LOG_ENTRIES, MarkDirty, SetSettingRequest, Setting, SettingRecord,
    StatisticsReply, StatisticsRequest, StreamRecord, StreamsRequest, TokenReply, TokenRequest,
    TraceRequest, VersionRequest, VolumeRecord, WriteToken, records, reply_bytes,
};
use ntsim::{Handle, NtStatus, Observed};
use std::hash::{DefaultHasher, Hash, Hasher};
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of the file.
pub const FILE_BYTES: u64 = 64 << 10;
/// A range of it, which the token stands for.
pub const REGION: FileRange = FileRange {
    offset: 4096,
    length: 8192,
};
/// Lines that are dirty in it: one of the region, and one before.
pub const DIRTY: [u64; 2] = [128, 4096];

/// The machine.
pub struct Scene {
    /// With the file `a`.
    pub world: World,
    /// An administrator's handle of the control device.
    pub client: Client,
    /// A handle to the file that can write.
    pub file: Handle,
    /// A dirty log of the file.
    pub log: LogReply,
    /// A token for [`REGION`].
    pub token: u64,
    /// The volume's id.
    pub volume: u64,
    /// Another handle of the device, for looking on.
    observer: Client,
}

/// What a client has.
pub struct Owned {
    /// A handle to a file.
    pub file: u64,
    /// A dirty log of it.
    pub log: LogReply,
    /// A token for [`REGION`] of it.
    pub token: u64,
}

/// Everything that a request could have changed.
#[derive(Debug, PartialEq)]
pub struct State {
    statistics: StatisticsReply,
    information: Information,
    settings: Vec<u8>,
    volumes: Vec<VolumeRecord>,
    streams: Vec<(StreamRecord, Vec<u8>)>,
    /// A digest of the file, which is long.
    content: u64,
    seen: Observed,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// A machine with the driver.
    ///
    /// # Panics
    /// Something that must succeed does not.
    pub fn new() -> Self {
        let mut world = World::new();
        let file = world.open("a");
        world.write(file, 0, FILE_BYTES);
        world.flush_quietly(file);
        for offset in DIRTY {
            world.write(file, offset, 8);
        }
        let client = Client::open(&world.sim);
        let observer = Client::open(&world.sim);
        let log = client.create_log(file, MIN_LOG_ENTRIES).expect("a log");
        let request = GetTokenRequest {
            file: file.as_raw(),
            offset: REGION.offset,
            length: REGION.length,
        };
        let token: TokenReply = client
            .ask(Ioctl::GetToken, request.as_bytes())
            .expect("a token");
        let volume = volumes(&observer)[0].id;
        Self {
            world,
            client,
            file,
            log,
            token: token.token,
            volume,
            observer,
        }
    }

    /// A request that this machine's client may make: its input, and the bytes of its answer (of a
    /// list, as it is now).
    ///
    /// # Panics
    /// Never: the buffers are large enough.
    pub fn request(&self, ioctl: Ioctl) -> (Vec<u8>, usize) {
        self.request_for(ioctl, &self.client, self.file.as_raw())
    }

    /// Another client's file, log and token.
    ///
    /// # Panics
    /// They cannot be had.
    pub fn owned(&self, client: &Client, file: Handle) -> Owned {
        let log = client.create_log(file, MIN_LOG_ENTRIES).expect("a log");
        let request = GetTokenRequest {
            file: file.as_raw(),
            offset: REGION.offset,
            length: REGION.length,
        };
        let token: TokenReply = client
            .ask(Ioctl::GetToken, request.as_bytes())
            .expect("a token");
        Owned {
            file: file.as_raw(),
            log,
            token: token.token,
        }
    }

    /// The same with another handle of the device and another file handle, for others to try; the log
    /// and the token stay those of [`Self::client`].
    ///
    /// # Panics
    /// Never: the buffers are large enough.
    pub fn request_for(&self, ioctl: Ioctl, asker: &Client, file: u64) -> (Vec<u8>, usize) {
        let (log, token) = (self.log, self.token);
        self.request_of(ioctl, asker, &Owned { file, log, token })
    }

    /// The same with everything that is another's.
    ///
    /// # Panics
    /// Never: the buffers are large enough.
    pub fn request_of(&self, ioctl: Ioctl, asker: &Client, owned: &Owned) -> (Vec<u8>, usize) {
        let mut buffer = vec![0; 256];
        let Owned { file, token, .. } = *owned;
        let log = owned.log.log;
        let input = match ioctl {
            Ioctl::Version => bytes(&VersionRequest {
                newest: 2,
                oldest: 1,
            }),
            Ioctl::Information | Ioctl::Drain | Ioctl::SelfTest | Ioctl::Settings => Vec::new(),
            Ioctl::Statistics => bytes(&StatisticsRequest {
                scope: daxflush_protocol::scope::FILE,
                reserved: 0,
                id: file,
            }),
            Ioctl::Volumes => bytes(&ListRequest { after: 0 }),
            Ioctl::Streams => bytes(&StreamsRequest {
                volume: self.volume,
                after: 0,
            }),
            Ioctl::DirtyLines => bytes(&DirtyLinesRequest {
                file,
                offset: 0,
                cell_bytes: 4096,
                cells: 16,
                reserved: 0,
            }),
            Ioctl::MarkDirty => MarkDirty::encode(file, &[REGION], &mut buffer)
                .expect("a request")
                .to_vec(),
            Ioctl::Commit => bytes(&CommitRequest {
                file,
                ..CommitRequest::default()
            }),
            Ioctl::CreateLog => bytes(&CreateLogRequest {
                file,
                entries: MIN_LOG_ENTRIES,
                reserved: 0,
            }),
            Ioctl::CloseLog => bytes(&CloseLogRequest { log }),
            Ioctl::AttachLog => bytes(&AttachLogRequest { log, file }),
            Ioctl::GetToken => bytes(&GetTokenRequest {
                file,
                offset: REGION.offset,
                length: REGION.length,
            }),
            Ioctl::FreeToken | Ioctl::DrainToken => bytes(&TokenRequest { token }),
            Ioctl::FlushToken => FlushToken {
                token,
                flags: 0,
                ranges: &[REGION],
            }
            .encode(&mut buffer)
            .expect("a request")
            .to_vec(),
            Ioctl::WriteToken => WriteToken {
                token,
                offset: REGION.offset,
                flags: 0,
                data: &[7; 100],
            }
            .encode(&mut buffer)
            .expect("a request")
            .to_vec(),
            Ioctl::FillToken => bytes(&FillTokenRequest {
                token,
                offset: REGION.offset,
                length: 100,
                flags: 0,
                value: 9,
            }),
            Ioctl::Trace => bytes(&TraceRequest {
                level: 5,
                reserved: 0,
            }),
            Ioctl::SetSetting => bytes(&SetSettingRequest {
                setting: Setting::CleanupCommits as u32,
                value: 0,
                ..SetSettingRequest::default()
            }),
        };
        let answer = match ioctl {
            Ioctl::Version => reply_bytes::<daxflush_protocol::VersionReply>(),
            Ioctl::Information => reply_bytes::<Information>(),
            Ioctl::Statistics => reply_bytes::<StatisticsReply>(),
            Ioctl::Volumes | Ioctl::Streams => {
                let (_, list) = asker.raw(ioctl.code(), &input, LIST_BYTES);
                list.len()
            }
            Ioctl::DirtyLines => 8 + 16 * 4,
            Ioctl::Commit => reply_bytes::<daxflush_protocol::CommitReply>(),
            Ioctl::Drain => reply_bytes::<daxflush_protocol::DrainReply>(),
            Ioctl::CreateLog | Ioctl::AttachLog => reply_bytes::<LogReply>(),
            Ioctl::GetToken => reply_bytes::<TokenReply>(),
            Ioctl::FlushToken => reply_bytes::<daxflush_protocol::TokenFlushReply>(),
            Ioctl::Trace => reply_bytes::<daxflush_protocol::TraceReply>(),
            Ioctl::SelfTest => reply_bytes::<daxflush_protocol::SelfTestReply>(),
            Ioctl::Settings => 8 + Setting::ALL.len() * size_of::<SettingRecord>(),
            Ioctl::SetSetting => reply_bytes::<SettingRecord>(),
            Ioctl::MarkDirty
            | Ioctl::CloseLog
            | Ioctl::FreeToken
            | Ioctl::WriteToken
            | Ioctl::FillToken
            | Ioctl::DrainToken => 0,
        };
        (input, answer)
    }

    /// What there is to see, apart from the time.
    ///
    /// # Panics
    /// It cannot be had.
    pub fn state(&self) -> State {
        let ask = StatisticsRequest::default();
        let statistics = self.observer.ask(Ioctl::Statistics, ask.as_bytes());
        let information: Information = self
            .observer
            .ask(Ioctl::Information, &[])
            .expect("information");
        let streams = StreamsRequest {
            volume: self.volume,
            after: 0,
        };
        let (status, list) =
            self.observer
                .raw(Ioctl::Streams.code(), streams.as_bytes(), LIST_BYTES);
        assert_eq!(status, NtStatus::SUCCESS);
        let without_age = |(record, name): (StreamRecord, &[u8])| {
            let last_commit_age = 0;
            let record = StreamRecord {
                last_commit_age,
                ..record
            };
            (record, name.to_vec())
        };
        let settings = self.observer.raw(Ioctl::Settings.code(), &[], 4096).1;
        let mut content = vec![0; FILE_BYTES as usize];
        self.world
            .sim
            .read_file(self.file, 0, &mut content)
            .expect("the file");
        State {
            statistics: statistics.expect("statistics"),
            information: Information {
                uptime: 0,
                ..information
            },
            settings,
            volumes: volumes(&self.observer),
            streams: records::<StreamRecord>(&list).map(without_age).collect(),
            content: digest(&content),
            seen: self.world.sim.observed(),
        }
    }

    /// Ends the machine: nothing is left, and no rule was broken.
    ///
    /// # Panics
    /// Otherwise.
    pub fn end(self) {
        self.client.close();
        self.observer.close();
        let sim = self.world.sim.clone();
        sim.unmap_shared(self.log.address)
            .expect("the log's memory");
        sim.close_handle(self.file).expect("close");
        sim.unload_driver("daxflush").expect("the driver unloads");
        assert_eq!(sim.violations(), []);
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn bytes(request: &(impl IntoBytes + zerocopy::Immutable)) -> Vec<u8> {
    request.as_bytes().to_vec()
}

fn volumes(client: &Client) -> Vec<VolumeRecord> {
    let request = ListRequest { after: 0 };
    let (status, list) = client.raw(Ioctl::Volumes.code(), request.as_bytes(), LIST_BYTES);
    assert_eq!(status, NtStatus::SUCCESS);
    records::<VolumeRecord>(&list)
        .map(|(record, _)| record)
        .collect()
}

/// The address of a log's memory in an answer, for its end.
pub fn log_address(answer: &[u8]) -> Option<u64> {
    let reply = LogReply::read_from_bytes(answer.get(8..)?).ok()?;
    Some(reply.address)
}
