//! MDL writes: the program is given the file's pages and stores into them itself.

use super::Opened;
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{Kind, MDL_WRITE_COMPLETE, Outcome, PREPARE_MDL_WRITE, WRITE},
    nt::{Block, get, mdl, put},
    objects::{FILE_WRITE_DATA, Handle},
};
use ntsim_machine::pmem::View;
use std::cell::{Cell, RefCell};

/// Minor codes of IRP_MJ_WRITE (flt-parameters-for-irp-mj-write).
const IRP_MN_MDL: u8 = 2;
const IRP_MN_COMPLETE_MDL: u8 = 6;

const PAGE: u64 = 4096;
/// Bytes that one MDL of a chain describes here at most.
const PER_MDL: usize = 16 << 10;
/// What freed MDLs are filled with.
const FREED: u8 = 0xdd;

/// Pages of a file that a program may store into until it completes the write.
pub struct MdlWrite {
    file: Opened,
    offset: u64,
    length: usize,
    fast: bool,
    pages: Pages,
}

/// Where the cache manager has the pages, and the chain of MDLs that describes them.
struct Pages {
    view: View,
    /// Bytes before the range in its first page.
    skipped: usize,
    chain: Vec<Block>,
}

impl Pages {
    fn new(view: View, skipped: usize, length: usize) -> Self {
        let starts = (0..length).step_by(PER_MDL);
        let describe = |start: usize| {
            let bytes = (length - start).min(PER_MDL);
            let va = view.base() + skipped + start;
            let (page, within) = (va - va % PAGE as usize, va % PAGE as usize);
            let pages = (within + bytes).div_ceil(PAGE as usize);
            let block = Block::zeroed(mdl::SIZE + 8 * pages);
            let at = block.address();
            let size = (mdl::SIZE + 8 * pages) as i16;
            // SAFETY: our own block of the structure's size, in all of these.
            unsafe { put(at, mdl::STRUCTURE_SIZE, size) };
            // SAFETY: as above.
            unsafe { put(at, mdl::MDL_FLAGS, mdl::MDL_PAGES_LOCKED) };
            // SAFETY: as above.
            unsafe { put(at, mdl::START_VA, page) };
            // SAFETY: as above.
            unsafe { put(at, mdl::BYTE_COUNT, bytes as u32) };
            // SAFETY: as above.
            unsafe { put(at, mdl::BYTE_OFFSET, within as u32) };
            block
        };
        let chain: Vec<Block> = starts.map(describe).collect();
        for pair in chain.windows(2) {
            // SAFETY: as above.
            unsafe { put(pair[0].address(), mdl::NEXT, pair[1].address()) };
        }
        Self {
            view,
            skipped,
            chain,
        }
    }

    fn first(&self) -> usize {
        self.chain.first().map_or(0, Block::address)
    }

    /// As CcMdlWriteComplete frees the chain: nobody may look at it afterwards.
    fn free_chain(&self) {
        for block in &self.chain {
            // SAFETY: an MDL of ours, which says how large it is.
            let size: i16 = unsafe { get(block.address(), mdl::STRUCTURE_SIZE) };
            for at in 0..size as usize {
                // SAFETY: as above.
                unsafe { put(block.address(), at, FREED) };
            }
        }
    }
}

impl MdlWrite {
    /// Whether the pages were given out by fast I/O, and will be given back so.
    pub fn is_fast(&self) -> bool {
        self.fast
    }

    /// MDLs in the chain.
    pub fn mdls(&self) -> usize {
        self.pages.chain.len()
    }

    /// CPU stores into the pages, `at` bytes from the beginning of the range.
    ///
    /// # Panics
    /// The bytes are not within the range.
    pub fn store(&self, at: usize, data: &[u8]) {
        let end = at.checked_add(data.len());
        assert!(
            end.is_some_and(|end| end <= self.length),
            "a store beyond the pages"
        );
        self.pages.view.store(self.pages.skipped + at, data);
    }
}

impl Sim {
    /// As [`MdlWrite::store`].
    ///
    /// # Panics
    /// The range is not within the pages.
    pub fn store_mdl(&self, write: &MdlWrite, at: usize, data: &[u8]) {
        write.store(at, data);
    }

    /// Asks for the pages of a range to store into: by IRP_MJ_WRITE with IRP_MN_MDL, or by fast I/O
    /// (IRP_MJ_PREPARE_MDL_WRITE), which becomes an IRP if the filter disallows it.
    ///
    /// # Errors
    /// As WriteFile's.
    pub fn prepare_mdl_write(
        &self,
        handle: Handle,
        offset: u64,
        length: usize,
        fast: bool,
    ) -> Result<MdlWrite, NtStatus> {
        let file = self.opened(handle)?;
        if file.access & FILE_WRITE_DATA == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        if length == 0 {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let (volume, object) = (file.volume, file.object);
        let (pages, published) = (RefCell::new(None), Cell::new(0));
        let act = || {
            let made = self.give_pages(file.file, offset, length)?;
            published.set(made.first());
            *pages.borrow_mut() = Some(made);
            Ok(length)
        };
        let fast = fast && {
            let out = Block::zeroed(8);
            let parameters = Parameters::PrepareMdlWrite {
                offset,
                length: length as u32,
                chain: out.address(),
            };
            let act = || {
                let done = act()?;
                // SAFETY: our own block.
                unsafe { put(out.address(), 0, published.get()) };
                Ok(done)
            };
            self.fast(PREPARE_MDL_WRITE, volume, object, parameters, act)?
        };
        if !fast {
            let parameters = Parameters::MdlWrite {
                minor: IRP_MN_MDL,
                offset,
                length: length as u32,
                chain: &published,
            };
            self.dispatch(WRITE, volume, object, parameters, act)?;
        }
        // A filter that completes the request itself has no pages to give.
        let pages = pages.into_inner().ok_or(NtStatus::INVALID_PARAMETER)?;
        Ok(MdlWrite {
            file,
            offset,
            length,
            fast,
            pages,
        })
    }

    /// The file system's part: the file reaches as far as the range, whose pages are locked.
    fn give_pages(&self, file: u64, offset: u64, length: usize) -> Result<Pages, NtStatus> {
        let end = offset.checked_add(length as u64);
        self.kernel
            .extend(file, end.ok_or(NtStatus::INVALID_PARAMETER)?)?;
        let region = self.kernel.lock().fcb(file)?.region;
        let skipped = offset % PAGE;
        let view = self
            .kernel
            .pmem
            .map(region + offset - skipped, skipped + length as u64, true);
        let view = view.map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        Ok(Pages::new(view, skipped as usize, length))
    }

    /// Gives the pages back: the data is written.
    ///
    /// # Errors
    /// What the filter answered.
    pub fn complete_mdl_write(&self, write: MdlWrite) -> Result<(), NtStatus> {
        let (volume, object) = (write.file.volume, write.file.object);
        let (offset, chain) = (write.offset, write.pages.first());
        let act = || {
            write.pages.free_chain();
            Ok(write.length)
        };
        if write.fast {
            let parameters = Parameters::MdlWriteComplete { offset, chain };
            if self.fast(MDL_WRITE_COMPLETE, volume, object, parameters, act)? {
                return Ok(());
            }
        }
        let parameters = Parameters::MdlWrite {
            minor: IRP_MN_COMPLETE_MDL,
            offset,
            length: write.length as u32,
            chain: &Cell::new(chain),
        };
        self.dispatch(WRITE, volume, object, parameters, act)
            .map(|_| ())
    }

    /// Fast I/O; `false` if it is disallowed, and who asked has to ask otherwise.
    fn fast(
        &self,
        major: u8,
        volume: usize,
        object: usize,
        parameters: Parameters<'_>,
        act: impl FnOnce() -> Outcome,
    ) -> Result<bool, NtStatus> {
        match self.dispatch_as(Kind::FastIo, major, volume, object, parameters, act) {
            Ok(_) => Ok(true),
            Err(NtStatus::FLT_DISALLOW_FAST_IO) => Ok(false),
            Err(status) => Err(status),
        }
    }
}
