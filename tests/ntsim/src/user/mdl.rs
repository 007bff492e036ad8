//! MDL writes: the program is given the file's pages and stores into them itself.

use super::Opened;
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{Kind, MDL_WRITE_COMPLETE, PREPARE_MDL_WRITE, WRITE},
    nt::{Block, mdl, put},
    objects::{FILE_WRITE_DATA, Handle},
};

/// Minor codes of IRP_MJ_WRITE (irp-mj-write).
const IRP_MN_MDL: u8 = 2;
const IRP_MN_COMPLETE_MDL: u8 = 6;

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
    chain: Vec<Block>,
}

impl MdlWrite {
    fn chain(length: usize) -> Vec<Block> {
        let lengths = (0..length).step_by(PER_MDL);
        let chain: Vec<Block> = lengths.clone().map(|_| Block::zeroed(mdl::SIZE)).collect();
        for (index, start) in lengths.enumerate() {
            let at = chain[index].address();
            let next = chain.get(index + 1).map_or(0, Block::address);
            let bytes = (length - start).min(PER_MDL) as u32;
            // SAFETY: our own block of the structure's size, in all of these.
            unsafe { put(at, mdl::NEXT, next) };
            // SAFETY: as above.
            unsafe { put(at, mdl::STRUCTURE_SIZE, mdl::SIZE as i16) };
            // SAFETY: as above.
            unsafe { put(at, mdl::BYTE_COUNT, bytes) };
        }
        chain
    }

    fn first(&self) -> usize {
        self.chain.first().map_or(0, Block::address)
    }

    /// As CcMdlWriteComplete frees the chain: nobody may look at it afterwards.
    fn free_chain(&self) {
        for block in &self.chain {
            for at in 0..mdl::SIZE {
                // SAFETY: our own block.
                unsafe { put(block.address(), at, FREED) };
            }
        }
    }
}

impl Sim {
    /// Asks for the pages of a range to store into: by IRP_MJ_WRITE with IRP_MN_MDL, or by fast I/O
    /// (FsRtlPrepareMdlWrite).
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
        let end = offset + length as u64;
        let (id, volume, object) = (file.file, file.volume, file.object);
        let act = || self.kernel.extend(id, end).map(|()| length);
        if fast {
            let out = Block::zeroed(8);
            let parameters = Parameters::PrepareMdlWrite {
                offset,
                length: length as u32,
                chain: out.address(),
            };
            let major = PREPARE_MDL_WRITE;
            self.dispatch_as(Kind::FastIo, major, volume, object, parameters, act)?;
        } else {
            let parameters = Parameters::MdlWrite {
                minor: IRP_MN_MDL,
                offset,
                length: length as u32,
                chain: 0,
            };
            self.dispatch(WRITE, volume, object, parameters, act)?;
        }
        let chain = MdlWrite::chain(length);
        Ok(MdlWrite {
            file,
            offset,
            length,
            fast,
            chain,
        })
    }

    /// CPU stores into pages that were given out.
    ///
    /// # Panics
    /// The range is not within them.
    pub fn store_mdl(&self, write: &MdlWrite, at: usize, data: &[u8]) {
        assert!(at + data.len() <= write.length, "a store beyond the pages");
        let region = self
            .kernel
            .lock()
            .fcb(write.file.file)
            .map(|fcb| fcb.region);
        let region = region.expect("a file that is open");
        let stored = self
            .kernel
            .pmem
            .write(region + write.offset + at as u64, data);
        stored.expect("the device holds every region");
    }

    /// Gives the pages back: the data is written.
    ///
    /// # Errors
    /// What the filter answered.
    pub fn complete_mdl_write(&self, write: MdlWrite) -> Result<(), NtStatus> {
        let (volume, object) = (write.file.volume, write.file.object);
        let (offset, chain) = (write.offset, write.first());
        let act = || {
            write.free_chain();
            Ok(write.length)
        };
        let done = if write.fast {
            let parameters = Parameters::MdlWriteComplete { offset, chain };
            self.dispatch_as(
                Kind::FastIo,
                MDL_WRITE_COMPLETE,
                volume,
                object,
                parameters,
                act,
            )
        } else {
            let parameters = Parameters::MdlWrite {
                minor: IRP_MN_COMPLETE_MDL,
                offset,
                length: write.length as u32,
                chain,
            };
            self.dispatch(WRITE, volume, object, parameters, act)
        };
        done.map(|_| ())
    }
}
