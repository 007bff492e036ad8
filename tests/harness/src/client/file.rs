//! A file on persistent memory.

use super::{ClientError, Device, Platform, Recording, View, recorder::Recorder};
use daxflush_protocol::{CommitReply, FileRange};
use std::sync::Arc;

/// An open file: written to, stored to through one view, and committed.
///
/// A commit that returns success has made durable every write and store that was done before it
/// began, whichever [`Recording`] tells the driver of them. Closed when dropped.
pub struct DaxFile<P: Platform> {
    device: Arc<Device<P>>,
    handle: Option<P::Handle>,
    recording: Recording,
    mapped: Option<Mapped<P>>,
}

struct Mapped<P: Platform> {
    view: Arc<View<P>>,
    recorder: Recorder<P>,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> DaxFile<P> {
    /// Opens a file to read and write it, made if it is not there.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(device: &Arc<Device<P>>, path: &str, recording: Recording) -> Result<Self, P> {
        let handle = device.platform.open_file(path);
        Ok(Self {
            device: device.clone(),
            handle: Some(handle.map_err(ClientError::Platform)?),
            recording,
            mapped: None,
        })
    }

    /// The handle.
    ///
    /// # Panics
    /// Never: it is there until the file is closed, which takes the file.
    pub fn handle(&self) -> &P::Handle {
        self.handle.as_ref().expect("an open file")
    }

    /// Maps `length` bytes from `offset`, within the file. On Windows the offset is a multiple of
    /// 64 KiB.
    ///
    /// # Errors
    /// The file is mapped already; the file system's, the driver's, or first-write tracking's.
    pub fn map(&mut self, offset: u64, length: u64) -> Result<(), P> {
        if self.mapped.is_some() {
            return Err(ClientError::Mapped);
        }
        let recorder = Recorder::new(self.recording, &self.device, self.handle())?;
        let platform = &self.device.platform;
        let mapping = platform.map(self.handle(), offset, length);
        let mapping = mapping.map_err(ClientError::Platform)?;
        let mut view = View::new(platform.clone(), mapping, offset, length);
        if self.recording == Recording::Faults {
            view.track().map_err(ClientError::Tracking)?;
        }
        self.mapped = Some(Mapped {
            view: Arc::new(view),
            recorder,
        });
        Ok(())
    }

    /// Stores `data` at `offset` in the file, through the view, and records it.
    ///
    /// # Errors
    /// The range is not mapped, with nothing stored; or the driver's, and the range is recorded
    /// nevertheless and reported again with the next one.
    pub fn store(&mut self, offset: u64, data: &[u8]) -> Result<(), P> {
        self.store_with(offset, data.len() as u64, |view| view.store(offset, data))
    }

    /// Records a range that the program has stored to by itself, at [`address`](Self::address).
    ///
    /// # Errors
    /// As [`store`](Self::store)'s.
    pub fn record(&mut self, offset: u64, length: u64) -> Result<(), P> {
        self.store_with(offset, length, |_| true)
    }

    /// Where the first mapped byte is in this process, and how many there are.
    pub fn address(&self) -> Option<(usize, u64)> {
        let view = &self.mapped.as_ref()?.view;
        Some((view.address()?, view.length()))
    }

    fn store_with(
        &mut self,
        offset: u64,
        length: u64,
        store: impl FnOnce(&View<P>) -> bool,
    ) -> Result<(), P> {
        let recording = self.recording;
        let mapped = self.mapped.as_mut();
        let Some(mapped) = mapped
            .filter(|mapped| mapped.view.within(offset, length).is_some() && store(&mapped.view))
        else {
            return Err(ClientError::NotMapped { offset, length });
        };
        let range = FileRange { offset, length };
        if length != 0 && mapped.recorder.stored(recording, range) {
            return self.publish();
        }
        Ok(())
    }

    /// The view, for other threads to store to: if that needs no recording by the program, so that
    /// the [`Recording`] is `Faults` or `Conservative`. It is unmapped when nobody has it any more.
    pub fn shared_view(&self) -> Option<Arc<View<P>>> {
        match self.recording {
            Recording::Faults | Recording::Conservative => {}
            Recording::Report | Recording::Log { .. } => return None,
        }
        self.mapped.as_ref().map(|mapped| mapped.view.clone())
    }

    /// Lets the driver know all that was stored so far, for a commit that somebody else asks for.
    ///
    /// # Errors
    /// The driver's or first-write tracking's; what is not reported stays recorded.
    pub fn publish(&mut self) -> Result<(), P> {
        let (Some(mapped), Some(handle)) = (&mut self.mapped, &self.handle) else {
            return Ok(());
        };
        mapped.recorder.publish(&self.device, handle, &mapped.view)
    }

    /// Makes the file durable, its metadata included (FlushFileBuffers).
    ///
    /// # Errors
    /// The driver's or the file system's; nothing is forgotten, and another commit may succeed.
    pub fn commit(&mut self) -> Result<(), P> {
        self.publish()?;
        let flushed = self.device.platform.flush(self.handle());
        flushed.map_err(ClientError::Platform)
    }

    /// Makes the data of a range durable by the driver's own request, without the file system; a
    /// length of 0 with an offset of 0 means all of the file.
    ///
    /// # Errors
    /// As [`commit`](Self::commit)'s.
    pub fn commit_range(&mut self, offset: u64, length: u64) -> Result<CommitReply, P> {
        self.publish()?;
        self.device
            .commit(self.handle(), FileRange { offset, length })
    }

    /// Begins to make the data of a range durable; [`Device::drain`] ends it.
    ///
    /// # Errors
    /// As [`commit`](Self::commit)'s.
    pub fn begin_commit(&mut self, offset: u64, length: u64) -> Result<CommitReply, P> {
        self.publish()?;
        self.device
            .begin_commit(self.handle(), FileRange { offset, length })
    }

    /// Makes stores to a range of the view durable (FlushViewOfFile).
    ///
    /// # Errors
    /// As [`commit`](Self::commit)'s; the range is not mapped.
    pub fn commit_view(&mut self, offset: u64, length: u64) -> Result<(), P> {
        self.publish()?;
        let view = self.mapped.as_ref().map(|mapped| &mapped.view);
        let place = view.and_then(|view| Some((view.mapping()?, view.within(offset, length)?)));
        let (mapping, within) = place.ok_or(ClientError::NotMapped { offset, length })?;
        let flushed = self.device.platform.flush_view(mapping, within, length);
        flushed.map_err(ClientError::Platform)
    }

    /// Writes `data` at `offset` (WriteFile); the driver sees it by itself.
    ///
    /// # Errors
    /// The file system's or the driver's.
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), P> {
        let written = self.device.platform.write(self.handle(), offset, data);
        written.map_err(ClientError::Platform)
    }

    /// Sets the size in bytes.
    ///
    /// # Errors
    /// The file system's.
    pub fn set_size(&self, size: u64) -> Result<(), P> {
        let set = self.device.platform.set_size(self.handle(), size);
        set.map_err(ClientError::Platform)
    }

    /// Stores that did not fit into the dirty log since the file was mapped.
    pub fn log_overflows(&self) -> u64 {
        let mapped = self.mapped.as_ref();
        mapped.map_or(0, |mapped| mapped.recorder.overflows())
    }

    /// Lets the driver know all that was stored, and unmaps the view.
    ///
    /// # Errors
    /// The driver's. If the stores could not be published the file stays mapped.
    pub fn unmap(&mut self) -> Result<(), P> {
        self.publish()?;
        self.mapped
            .take()
            .map_or(Ok(()), |mapped| mapped.recorder.close())
    }

    /// Deletes the file and closes it.
    ///
    /// # Errors
    /// The file system's.
    pub fn delete(mut self) -> Result<(), P> {
        self.mapped = None;
        let platform = &self.device.platform;
        let marked = platform.delete_on_close(self.handle());
        marked.map_err(ClientError::Platform)?;
        self.release()
    }

    /// Lets the driver know all that was stored, and closes the file.
    ///
    /// # Errors
    /// The driver's.
    pub fn close(mut self) -> Result<(), P> {
        self.unmap()?;
        self.release()
    }

    fn release(&mut self) -> Result<(), P> {
        let handle = self.handle.take();
        let closed = handle.map_or(Ok(()), |handle| self.device.platform.close(handle));
        closed.map_err(ClientError::Platform)
    }
}

impl<P: Platform> Drop for DaxFile<P> {
    fn drop(&mut self) {
        if self.handle.is_some() {
            // Who wants to know calls close.
            let _ = self.unmap();
            self.mapped = None;
            let _ = self.release();
        }
    }
}
