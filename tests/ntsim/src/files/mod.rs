//! The DAX file system: files whose pages are the persistent memory. Its metadata is journalled,
//! so names and sizes are durable at once; data is not until its lines are flushed and drained.

mod close;
mod data;
mod format;
mod header;
mod information;
mod links;
mod truncate;

use crate::{
    NtStatus,
    kernel::{Kernel, State},
    nt::Block,
};
pub(crate) use links::{Link, Name, ROOT};

/// The parts of the device that files have, one each, so that files never move.
#[derive(Default)]
pub(crate) struct Regions {
    next: u64,
    free: Vec<u64>,
}

/// How much room there is, in all and for each file.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    device: u64,
    region: u64,
}

/// A stream, as its file control block.
pub(crate) struct Fcb {
    pub volume: usize,
    pub kind: Kind,
    /// The names of a file. None for an alternate data stream, and once the file is deleted.
    pub links: Vec<Link>,
    /// An alternate data stream: of which file, and its name.
    pub stream: Option<(u64, String)>,
    /// Where opening it leads instead.
    pub reparse: Option<String>,
    /// It is gone as soon as nobody has it open.
    pub deleted: bool,
    pub size: u64,
    pub valid_data_length: u64,
    pub allocation: u64,
    /// FSRTL_ADVANCED_FCB_HEADER, which FileObject->FsContext points to.
    pub header: Block,
    /// Where the file begins on the device.
    pub region: u64,
    pub handles: u32,
    pub file_objects: u32,
    /// Of an alternate data stream; files are deleted name by name.
    pub delete_pending: bool,
    pub stream_context: Option<usize>,
    /// The context of the filter's section for data scan.
    pub data_scan: Option<usize>,
    /// Views in user processes, and those of them that can be written.
    pub user_views: u32,
    pub writable_views: u32,
    /// SECTION_OBJECT_POINTERS (ns-wdm-_section_object_pointers), one for all file objects.
    pub section_object_pointers: Block,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
}

impl Fcb {
    fn new(volume: usize, kind: Kind, stream: Option<(u64, String)>, region: u64) -> Self {
        Self {
            volume,
            kind,
            links: Vec::new(),
            stream,
            reparse: None,
            deleted: false,
            size: 0,
            valid_data_length: 0,
            allocation: 0,
            header: header::new(),
            region,
            handles: 0,
            file_objects: 0,
            delete_pending: false,
            stream_context: None,
            data_scan: None,
            user_views: 0,
            writable_views: 0,
            section_object_pointers: Block::zeroed(24),
        }
    }
}

impl State {
    pub fn fcb(&self, id: u64) -> Result<&Fcb, NtStatus> {
        self.files.get(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn fcb_mut(&mut self, id: u64) -> Result<&mut Fcb, NtStatus> {
        self.files.get_mut(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    /// The file that a stream belongs to; of the default stream, itself.
    pub fn file_of_stream(&self, id: u64) -> Result<u64, NtStatus> {
        let stream = &self.fcb(id)?.stream;
        Ok(stream.as_ref().map_or(id, |(file, _)| *file))
    }

    pub fn find_file(&self, volume: usize, name: &Name) -> Option<u64> {
        let (base, _) = self.find_link(volume, &name.file)?;
        let Some(stream) = &name.stream else {
            return Some(base);
        };
        let of_base = |fcb: &Fcb| {
            let this = fcb.stream.as_ref();
            !fcb.deleted && this.is_some_and(|(of, name)| *of == base && name == stream)
        };
        let mut files = self.files.iter();
        files.find(|(_, fcb)| of_base(fcb)).map(|(id, _)| *id)
    }

    /// Every volume has a root directory.
    pub fn ensure_root(&mut self, volume: usize, room: Room) -> Result<(), NtStatus> {
        if self.find_link(volume, ROOT).is_none() {
            let root = self.new_stream(volume, Kind::Directory, None, room)?;
            self.add_link(root, ROOT.to_owned())?;
        }
        Ok(())
    }

    /// Makes a file; for an alternate data stream also the file that it belongs to.
    pub fn new_file(
        &mut self,
        volume: usize,
        name: &Name,
        kind: Kind,
        room: Room,
    ) -> Result<u64, NtStatus> {
        self.check_parent(volume, &name.file)?;
        let base = self.find_link(volume, &name.file);
        let base = match base {
            Some((base, _)) => base,
            None => {
                let base = self.new_stream(volume, kind, None, room)?;
                self.add_link(base, name.file.clone())?;
                base
            }
        };
        match &name.stream {
            None => Ok(base),
            Some(stream) => self.new_stream(volume, kind, Some((base, stream.clone())), room),
        }
    }

    fn new_stream(
        &mut self,
        volume: usize,
        kind: Kind,
        stream: Option<(u64, String)>,
        room: Room,
    ) -> Result<u64, NtStatus> {
        let region = match (kind, self.regions.free.pop()) {
            (Kind::Directory, free) => {
                self.regions.free.extend(free);
                0
            }
            (Kind::File, Some(region)) => region,
            (Kind::File, None) if self.regions.next + room.region <= room.device => {
                self.regions.next += room.region;
                self.regions.next - room.region
            }
            (Kind::File, None) => return Err(NtStatus::DISK_FULL),
        };
        let id = self.new_id();
        self.files
            .insert(id, Fcb::new(volume, kind, stream, region));
        Ok(id)
    }

    fn new_id(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }

    /// Whether a file object is of a directory.
    pub fn is_directory(&self, file: usize) -> bool {
        let id = self.file_objects.get(&file).and_then(|file| file.file);
        let fcb = id.and_then(|id| self.files.get(&id));
        fcb.is_some_and(|fcb| fcb.kind == Kind::Directory)
    }
}

impl Kernel {
    pub fn room(&self) -> Room {
        Room {
            device: self.pmem.size(),
            region: self.region_bytes(),
        }
    }

    /// The largest file.
    pub fn region_bytes(&self) -> u64 {
        /// What views begin on.
        const GRANULARITY: u64 = 0x1_0000;
        self.options.file_region_bytes.next_multiple_of(GRANULARITY)
    }

    /// Whether a file object is of a directory.
    pub fn is_directory(&self, file_object: usize) -> bool {
        self.lock().is_directory(file_object)
    }

    /// Whose memory a place on the device is: which volume's.
    pub fn volume_of_memory(&self, state: &State, offset: u64) -> Option<usize> {
        let bytes = self.region_bytes();
        let here = |fcb: &&Fcb| {
            fcb.kind == Kind::File && (fcb.region..fcb.region + bytes).contains(&offset)
        };
        state.files.values().find(here).map(|fcb| fcb.volume)
    }
}
