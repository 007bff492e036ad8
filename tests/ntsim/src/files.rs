//! The DAX file system: files whose pages are the persistent memory. Its metadata is journalled,
//! so names and sizes are durable at once; data is not until its lines are flushed and drained.

use crate::{
    NtStatus,
    contexts::Place,
    kernel::{Kernel, State},
    nt::{Block, fcb_header, file_object, get, put},
};
use ntsim_machine::pmem::LINE;
use std::sync::Arc;

/// Address space of the device for each file, so that files never move.
pub(crate) const REGION: u64 = 1 << 30;

#[derive(Default)]
pub(crate) struct Regions {
    next: u64,
    free: Vec<u64>,
}

/// A stream, as its file control block.
pub(crate) struct Fcb {
    pub volume: usize,
    pub kind: Kind,
    /// Upper-cased paths: hard links. None for an alternate data stream, and once it is deleted.
    pub names: Vec<String>,
    /// An alternate data stream: of which file, and its name.
    pub stream: Option<(u64, String)>,
    /// Where opening it leads instead.
    pub reparse: Option<String>,
    /// It is gone as soon as nobody has it open.
    pub deleted: bool,
    pub size: u64,
    pub valid_data_length: u64,
    /// FSRTL_ADVANCED_FCB_HEADER, which FileObject->FsContext points to.
    pub header: Block,
    /// Where the file begins on the device.
    pub region: u64,
    pub handles: u32,
    pub file_objects: u32,
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
    /// Sets the sizes that everybody sees.
    pub fn set_sizes(&mut self, size: u64, valid_data_length: u64) {
        const CLUSTER: u64 = 4096;
        self.size = size;
        self.valid_data_length = valid_data_length.min(size);
        let at = self.header.address();
        let allocation = size.next_multiple_of(CLUSTER);
        // SAFETY: our own block, in all of these.
        unsafe { put(at, fcb_header::ALLOCATION_SIZE, allocation) };
        // SAFETY: as above.
        unsafe { put(at, fcb_header::FILE_SIZE, size) };
        // SAFETY: as above.
        unsafe { put(at, fcb_header::VALID_DATA_LENGTH, self.valid_data_length) };
    }
}

/// The file's name, and that of its alternate data stream.
fn split_stream(name: &str) -> (&str, Option<&str>) {
    match name.split_once(':') {
        Some((file, stream)) => (file, Some(stream)),
        None => (name, None),
    }
}

impl State {
    pub fn fcb(&self, id: u64) -> Result<&Fcb, NtStatus> {
        self.files.get(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn fcb_mut(&mut self, id: u64) -> Result<&mut Fcb, NtStatus> {
        self.files.get_mut(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn find_file(&self, volume: usize, name: &str) -> Option<u64> {
        let (file, stream) = split_stream(name);
        let named = |fcb: &Fcb| fcb.volume == volume && fcb.names.iter().any(|name| name == file);
        let (base, _) = self.files.iter().find(|(_, fcb)| named(fcb))?;
        let Some(stream) = stream else {
            return Some(*base);
        };
        let of_base = |fcb: &Fcb| {
            let this = fcb.stream.as_ref();
            !fcb.deleted && this.is_some_and(|(of, name)| of == base && name == stream)
        };
        let mut files = self.files.iter();
        files.find(|(_, fcb)| of_base(fcb)).map(|(id, _)| *id)
    }

    /// Makes a file; for an alternate data stream also the file that it belongs to.
    pub fn new_file(
        &mut self,
        volume: usize,
        name: &str,
        kind: Kind,
        limit: u64,
    ) -> Result<u64, NtStatus> {
        let (file, stream) = split_stream(name);
        let stream = match stream {
            None => None,
            Some(stream) => {
                let base = match self.find_file(volume, file) {
                    Some(base) => base,
                    None => self.new_file(volume, file, Kind::File, limit)?,
                };
                Some((base, stream.to_owned()))
            }
        };
        let region = match self.regions.free.pop() {
            Some(region) => region,
            None if self.regions.next + REGION <= limit => {
                self.regions.next += REGION;
                self.regions.next - REGION
            }
            None => return Err(NtStatus::DISK_FULL),
        };
        self.next_file += 1;
        let names = if stream.is_none() {
            vec![name.to_owned()]
        } else {
            Vec::new()
        };
        let fcb = Fcb {
            volume,
            kind,
            names,
            stream,
            reparse: None,
            deleted: false,
            size: 0,
            valid_data_length: 0,
            header: Block::zeroed(fcb_header::SIZE),
            region,
            handles: 0,
            file_objects: 0,
            delete_pending: false,
            stream_context: None,
            data_scan: None,
            user_views: 0,
            writable_views: 0,
            section_object_pointers: Block::zeroed(24),
        };
        let (header, size) = (fcb.header.address(), fcb_header::SIZE as i16);
        // SAFETY: our own block.
        unsafe { put(header, fcb_header::NODE_BYTE_SIZE, size) };
        self.files.insert(self.next_file, fcb);
        Ok(self.next_file)
    }

    /// Whether a file object is of a directory.
    pub fn is_directory(&self, file: usize) -> bool {
        let id = self.file_objects.get(&file).and_then(|file| file.file);
        let fcb = id.and_then(|id| self.files.get(&id));
        fcb.is_some_and(|fcb| fcb.kind == Kind::Directory)
    }
}

impl Kernel {
    /// Stores data as a copy through the cache manager does: with plain CPU stores.
    pub fn write(&self, id: u64, offset: u64, data: &[u8]) -> Result<usize, NtStatus> {
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(NtStatus::INVALID_PARAMETER)?;
        if end > REGION {
            return Err(NtStatus::DISK_FULL);
        }
        self.extend(id, end)?;
        let region = self.lock().fcb(id)?.region;
        self.pmem
            .write(region + offset, data)
            .expect("the device holds every region");
        Ok(data.len())
    }

    /// A write through the block stack, as the memory manager's: durable when it is done, like all
    /// that a disk is told to write.
    pub fn write_through_stack(
        &self,
        id: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, NtStatus> {
        let count = self.write(id, offset, data)?;
        let region = self.lock().fcb(id)?.region;
        let kept = self.pmem.format_durable(region + offset, data.len() as u64);
        kept.expect("the device holds every region");
        Ok(count)
    }

    /// Moves a file's end to at least `end`, and what counts as its data with it. What lies between
    /// is zero.
    pub fn extend(&self, id: u64, end: u64) -> Result<(), NtStatus> {
        if end > REGION {
            return Err(NtStatus::DISK_FULL);
        }
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        let (size, valid) = (fcb.size.max(end), fcb.valid_data_length.max(end));
        fcb.set_sizes(size, valid);
        Ok(())
    }

    pub fn read(&self, id: u64, offset: u64, data: &mut [u8]) -> Result<usize, NtStatus> {
        let (region, size) = {
            let state = self.lock();
            let fcb = state.fcb(id)?;
            (fcb.region, fcb.size)
        };
        if offset >= size {
            return Err(NtStatus::END_OF_FILE);
        }
        let count = data.len().min((size - offset) as usize);
        self.pmem
            .read(region + offset, &mut data[..count])
            .expect("the device holds every region");
        Ok(count)
    }

    /// Sets the end of the file. What is cut off reads as zero when the file grows again.
    pub fn set_size(self: &Arc<Self>, id: u64, size: u64) -> Result<(), NtStatus> {
        if size > REGION {
            return Err(NtStatus::DISK_FULL);
        }
        let (old, region) = {
            let state = self.lock();
            let fcb = state.fcb(id)?;
            (fcb.size, fcb.region)
        };
        if size < old {
            self.purge_sections(id)?;
            self.zero_tail(region, size, old);
        }
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        let valid = fcb.valid_data_length;
        fcb.set_sizes(size, valid);
        Ok(())
    }

    /// Zeroes what a truncation cuts off. Whole lines belong to nobody from then on; the rest of a
    /// line that the file keeps is zeroed by stores like any other, which are not durable.
    fn zero_tail(&self, region: u64, size: u64, old: u64) {
        let (whole, end) = (size.next_multiple_of(LINE), old.next_multiple_of(LINE));
        let zeroed = self
            .pmem
            .write(region + size, &vec![0; (whole - size) as usize]);
        zeroed.expect("the device holds every region");
        let cut = self
            .pmem
            .zero_durable(region + whole, end.saturating_sub(whole));
        cut.expect("the device holds every region");
    }

    /// The last reference to a file object is gone: IRP_MJ_CLOSE, and perhaps the stream with it.
    pub fn close_file_object(self: &Arc<Self>, address: usize) {
        let Some(file) = self.lock().file_objects.remove(&address) else {
            return;
        };
        let Some(id) = file.file else { return };
        let gone = {
            let mut state = self.lock();
            let Ok(fcb) = state.fcb_mut(id) else { return };
            fcb.file_objects -= 1;
            fcb.file_objects == 0
        };
        if gone {
            // The file system tears down the stream, and the Filter Manager its contexts.
            self.detach_context(&Place::Stream(id));
            self.free_if_deleted(id);
        }
    }

    /// A handle's cleanup: the last one of a file to be deleted deletes it.
    pub fn cleanup(&self, id: u64, file: usize) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        fcb.handles -= 1;
        // SAFETY: a file object of ours.
        let flags: u32 = unsafe { get(file, file_object::FLAGS) };
        fcb.delete_pending |= flags & file_object::FO_DELETE_ON_CLOSE != 0;
        if fcb.handles == 0 && fcb.delete_pending {
            fcb.names.clear();
            fcb.deleted = true;
            drop(state);
            self.delete_streams_of(id);
            // SAFETY: a file object of ours.
            unsafe { put(file, file_object::DELETE_PENDING, 1_u8) };
        }
        Ok(0)
    }

    /// Deletes the alternate data streams of a file; one that is open goes when it is closed.
    pub fn delete_streams_of(&self, id: u64) {
        let streams: Vec<u64> = {
            let mut state = self.lock();
            let of_file = |fcb: &&mut Fcb| fcb.stream.as_ref().is_some_and(|(of, _)| *of == id);
            let found = state.files.iter_mut();
            found
                .filter_map(|(id, fcb)| {
                    let fcb = Some(fcb).filter(of_file)?;
                    fcb.deleted = true;
                    Some(*id)
                })
                .collect()
        };
        streams.into_iter().for_each(|id| self.free_if_deleted(id));
    }

    /// Frees a name for `file`, deleting the file that has it if that is allowed.
    pub fn take_name(
        &self,
        volume: usize,
        name: &str,
        file: u64,
        replace: bool,
    ) -> Result<(), NtStatus> {
        let mut state = self.lock();
        let Some(other) = state.find_file(volume, name).filter(|other| *other != file) else {
            return Ok(());
        };
        if !replace {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        let fcb = state.fcb_mut(other)?;
        if fcb.handles != 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        fcb.names.retain(|taken| taken != name);
        fcb.deleted = fcb.names.is_empty();
        drop(state);
        self.free_if_deleted(other);
        Ok(())
    }

    fn free_if_deleted(&self, id: u64) {
        let mut state = self.lock();
        let Some(fcb) = state
            .files
            .get(&id)
            .filter(|fcb| fcb.deleted && fcb.file_objects == 0)
        else {
            return;
        };
        let (region, size) = (fcb.region, fcb.size);
        state.files.remove(&id);
        let freed = self.pmem.zero_durable(region, size.next_multiple_of(LINE));
        freed.expect("the device holds every region");
        state.regions.free.push(region);
    }
}
