//! IRP_MJ_FILE_SYSTEM_CONTROL (DeviceIoControl on a file or a volume).

use super::Opened;
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{FILE_SYSTEM_CONTROL, Outcome},
    nt::{Block, get, put},
    objects::{FILE_WRITE_DATA, Handle, Target},
    thread,
};

/// Control codes (winioctl.h).
mod code {
    pub const LOCK_VOLUME: u32 = 0x9_0018;
    pub const UNLOCK_VOLUME: u32 = 0x9_001c;
    pub const DISMOUNT_VOLUME: u32 = 0x9_0020;
    pub const OFFLOAD_READ: u32 = 0x9_4264;
    pub const SET_SPARSE: u32 = 0x9_00c4;
    pub const SET_ZERO_DATA: u32 = 0x9_80c8;
    pub const OFFLOAD_WRITE: u32 = 0x9_8268;
    pub const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;
    pub const DUPLICATE_EXTENTS_TO_FILE_EX: u32 = 0x9_83e8;
}

/// The lower two bits of a control code.
const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;

/// STORAGE_OFFLOAD_TOKEN (ns-ntddstor-_storage_offload_token).
const TOKEN: usize = 512;
/// Bytes at a time in copies.
const PIECE: u64 = 1 << 20;

/// The one buffer of a METHOD_BUFFERED request.
struct Buffer {
    block: Block,
    input: usize,
    output: usize,
}

impl Buffer {
    fn word(&self, at: usize) -> Result<u64, NtStatus> {
        if at + 8 > self.input {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        // SAFETY: within our own block, as just checked.
        Ok(unsafe { get(self.block.address(), at) })
    }

    fn answer(&self, at: usize, value: u64) {
        // SAFETY: our own block, whose room for the answer was checked.
        unsafe { put(self.block.address(), at, value) };
    }
}

impl Sim {
    /// DeviceIoControl with a file system's control code; returns the bytes written to `output`.
    ///
    /// # Errors
    /// As the file system's; STATUS_INVALID_DEVICE_REQUEST for a code that is not simulated.
    pub fn fsctl(
        &self,
        handle: Handle,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        let length = input.len().max(output.len());
        let buffer = Buffer {
            block: Block::zeroed(length.max(8)),
            input: input.len(),
            output: output.len(),
        };
        let at = buffer.block.address();
        for (index, byte) in input.iter().enumerate() {
            // SAFETY: our own block of that length.
            unsafe { put(at, index, *byte) };
        }
        let parameters = Parameters::Control {
            code,
            input: input.len() as u32,
            output: output.len() as u32,
            buffers: match code & METHOD_NEITHER {
                METHOD_BUFFERED => [if length == 0 { 0 } else { at }, 0],
                METHOD_NEITHER => [input.as_ptr() as usize, output.as_mut_ptr() as usize],
                _ => [at, output.as_mut_ptr() as usize],
            },
        };
        let act = || match self.opened(handle) {
            Ok(file) => self.control_file(&file, code, &buffer),
            Err(_) => self.control_volume(volume, object, code),
        };
        let count = self.dispatch(FILE_SYSTEM_CONTROL, volume, object, parameters, act)?;
        for (index, byte) in output[..count].iter_mut().enumerate() {
            // SAFETY: as above.
            *byte = unsafe { get(at, index) };
        }
        Ok(count)
    }

    fn control_volume(&self, volume: usize, object: usize, code: u32) -> Outcome {
        match code {
            code::LOCK_VOLUME => {
                self.kernel.purge_volume(volume);
                let mut state = self.kernel.lock();
                let mut others = state.file_objects.iter();
                let open = others.any(|(other, file)| file.volume == volume && *other != object);
                let lock = &mut state.volumes[volume].locked;
                if open || lock.is_some() {
                    return Err(NtStatus::ACCESS_DENIED);
                }
                *lock = Some(object);
                Ok(0)
            }
            code::UNLOCK_VOLUME => {
                let lock = &mut self.kernel.lock().volumes[volume].locked;
                if *lock != Some(object) {
                    return Err(NtStatus::NOT_LOCKED);
                }
                *lock = None;
                Ok(0)
            }
            code::DISMOUNT_VOLUME => {
                self.kernel.tear_down_for_dismount(volume);
                Ok(0)
            }
            _ => Err(NtStatus::INVALID_DEVICE_REQUEST),
        }
    }

    fn control_file(&self, file: &Opened, code: u32, buffer: &Buffer) -> Outcome {
        let writes = ![code::OFFLOAD_READ, code::SET_SPARSE].contains(&code);
        if writes && file.access & FILE_WRITE_DATA == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        match code {
            code::SET_SPARSE => Ok(0),
            code::SET_ZERO_DATA => {
                // FILE_ZERO_DATA_INFORMATION: FileOffset, BeyondFinalZero.
                let (start, beyond) = (buffer.word(0)?, buffer.word(8)?);
                if start > beyond || i64::try_from(beyond).is_err() {
                    return Err(NtStatus::INVALID_PARAMETER);
                }
                self.zero(file.file, start, beyond)
            }
            code::DUPLICATE_EXTENTS_TO_FILE => {
                // DUPLICATE_EXTENTS_DATA: FileHandle, SourceFileOffset, TargetFileOffset, ByteCount.
                let source = self.cloned_file(buffer.word(0)?)?;
                let (from, to) = (buffer.word(8)?, buffer.word(16)?);
                self.clone_extents(source, from, file, to, buffer.word(24)?)
            }
            code::DUPLICATE_EXTENTS_TO_FILE_EX if thread::is_32_bit() => {
                // With a 4-byte SIZE_T and handle.
                let source = self.cloned_file(buffer.word(0)? >> 32)?;
                let (from, to) = (buffer.word(8)?, buffer.word(16)?);
                self.clone_extents(source, from, file, to, buffer.word(24)?)
            }
            code::DUPLICATE_EXTENTS_TO_FILE_EX => {
                // DUPLICATE_EXTENTS_DATA_EX: Size, FileHandle, SourceFileOffset, ...
                let source = self.cloned_file(buffer.word(8)?)?;
                let (from, to) = (buffer.word(16)?, buffer.word(24)?);
                self.clone_extents(source, from, file, to, buffer.word(32)?)
            }
            code::OFFLOAD_READ => self.offload_read(file, buffer),
            code::OFFLOAD_WRITE => self.offload_write(file, buffer),
            _ => Err(NtStatus::INVALID_DEVICE_REQUEST),
        }
    }

    /// Zeroes by CPU stores, as far as the file reaches.
    fn zero(&self, file: u64, start: u64, beyond: u64) -> Outcome {
        let size = self.kernel.lock().fcb(file)?.size;
        let mut at = start;
        while at < beyond.min(size) {
            let length = (beyond.min(size) - at).min(PIECE);
            self.kernel.write(file, at, &vec![0; length as usize])?;
            at += length;
        }
        Ok(0)
    }

    /// Within a volume, in clusters except at the end of the source, and within the target, as the
    /// remarks on FSCTL_DUPLICATE_EXTENTS_TO_FILE say.
    fn clone_extents(
        &self,
        source: u64,
        from: u64,
        target: &Opened,
        to: u64,
        length: u64,
    ) -> Outcome {
        const CLUSTER: u64 = 4096;
        let (whole, target_size, volume) = {
            let state = self.kernel.lock();
            let (source, target) = (state.fcb(source)?, state.fcb(target.file)?);
            let end = from.checked_add(length);
            let whole = length.is_multiple_of(CLUSTER) || end == Some(source.size);
            (whole, target.size, source.volume)
        };
        let aligned = whole && from.is_multiple_of(CLUSTER) && to.is_multiple_of(CLUSTER);
        let within = to.checked_add(length).is_some_and(|end| end <= target_size);
        if !aligned || !within || volume != target.volume {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        self.copy(source, from, target.file, to, length).map(|_| 0)
    }

    fn cloned_file(&self, handle: u64) -> Result<u64, NtStatus> {
        let state = self.kernel.lock();
        let Target::File(object) = state.handle(handle)?.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        let file = state.file_objects.get(&object).and_then(|file| file.file);
        file.ok_or(NtStatus::INVALID_PARAMETER)
    }

    /// On persistent memory an extent is shared or copied; here it is copied, by CPU stores.
    fn copy(&self, source: u64, from: u64, target: u64, to: u64, length: u64) -> Outcome {
        let mut done = 0;
        while done < length {
            let mut piece = vec![0; (length - done).min(PIECE) as usize];
            let count = self.kernel.read(source, from + done, &mut piece)?;
            self.kernel.write(target, to + done, &piece[..count])?;
            done += count as u64;
        }
        Ok(done as usize)
    }

    /// FSCTL_OFFLOAD_READ_INPUT: FileOffset at 16, CopyLength; FSCTL_OFFLOAD_READ_OUTPUT: Size,
    /// Flags, TransferLength at 8, Token at 16.
    fn offload_read(&self, file: &Opened, buffer: &Buffer) -> Outcome {
        const ANSWER: usize = 16 + TOKEN;
        if buffer.output < ANSWER {
            return Err(NtStatus::BUFFER_TOO_SMALL);
        }
        let (offset, length) = (buffer.word(16)?, buffer.word(24)?);
        let mut state = self.kernel.lock();
        state.offload_tokens.push((file.file, offset, length));
        let token = state.offload_tokens.len() as u64;
        buffer.answer(0, ANSWER as u64);
        buffer.answer(8, length);
        buffer.answer(16, token);
        Ok(ANSWER)
    }

    /// FSCTL_OFFLOAD_WRITE_INPUT: Size, Flags, FileOffset at 8, CopyLength, TransferOffset, Token;
    /// FSCTL_OFFLOAD_WRITE_OUTPUT: Size, Flags, LengthWritten at 8.
    fn offload_write(&self, file: &Opened, buffer: &Buffer) -> Outcome {
        const ANSWER: usize = 16;
        if buffer.output < ANSWER {
            return Err(NtStatus::BUFFER_TOO_SMALL);
        }
        let (to, length, skip) = (buffer.word(8)?, buffer.word(16)?, buffer.word(24)?);
        let token = buffer.word(32)? as usize;
        let (source, from, limit) = {
            let state = self.kernel.lock();
            let known = token.checked_sub(1);
            let known = known.and_then(|index| state.offload_tokens.get(index).copied());
            let (source, from, _) = known.ok_or(NtStatus::INVALID_PARAMETER)?;
            (source, from, state.offload_limit.unwrap_or(u64::MAX))
        };
        let length = length.min(limit);
        let written = self.copy(source, from + skip, file.file, to, length)?;
        buffer.answer(0, ANSWER as u64);
        buffer.answer(8, written as u64);
        Ok(ANSWER)
    }

    /// Lets offloaded writes do no more than so many bytes at a time.
    pub fn limit_offloaded_writes(&self, bytes: Option<u64>) {
        self.kernel.lock().offload_limit = bytes;
    }
}
