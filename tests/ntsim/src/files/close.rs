//! The end of handles, file objects and files.

use super::{Fcb, Kind};
use crate::{
    NtStatus,
    contexts::Place,
    kernel::Kernel,
    nt::{file_object, get, put},
};
use ntsim_machine::pmem::PAGE;
use std::sync::Arc;

impl Kernel {
    /// The last reference to a file object is gone: IRP_MJ_CLOSE, and perhaps the stream with it.
    pub fn close_file_object(self: &Arc<Self>, address: usize) {
        let Some(file) = self.lock().file_objects.remove(&address) else {
            return;
        };
        if let Some(device) = &file.device {
            self.send_close(device, address);
        }
        file.block
            .take_away("after its last reference was given back");
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

    /// A handle's cleanup: the last one of a name or stream to be deleted deletes it.
    pub fn cleanup(&self, id: u64, file: usize) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        // SAFETY: a file object of ours.
        let flags: u32 = unsafe { get(file, file_object::FLAGS) };
        if flags & file_object::FO_DELETE_ON_CLOSE != 0 {
            state.set_delete_pending(file, true)?;
        }
        let base = state.file_of_stream(id)?;
        let opened_by = state.file_objects.get(&file).map_or(0, |file| file.link);
        let fcb = state.fcb_mut(id)?;
        fcb.handles -= 1;
        let stream_goes = fcb.handles == 0 && fcb.delete_pending;
        let links = &mut state.fcb_mut(base)?.links;
        let mut link_goes = false;
        if let Some(at) = links.iter().position(|link| link.id == opened_by) {
            links[at].handles -= 1;
            link_goes = links[at].handles == 0 && links[at].delete_pending;
            if link_goes {
                links.remove(at);
            }
        }
        let file_goes = link_goes && links.is_empty();
        drop(state);
        if stream_goes || link_goes {
            // SAFETY: a file object of ours.
            unsafe { put(file, file_object::DELETE_PENDING, 1_u8) };
        }
        if file_goes {
            self.delete_file(base);
        } else if stream_goes {
            self.delete_stream(id);
        }
        Ok(0)
    }

    /// A file that no name is left of goes, with its streams.
    pub(super) fn delete_file(&self, id: u64) {
        for stream in self.streams_of(id) {
            self.delete_stream(stream);
        }
        self.delete_stream(id);
    }

    /// A stream that is open goes when it is closed.
    pub(super) fn delete_stream(&self, id: u64) {
        if let Ok(fcb) = self.lock().fcb_mut(id) {
            fcb.deleted = true;
        }
        self.free_if_deleted(id);
    }

    /// The alternate data streams of a file.
    pub(super) fn streams_of(&self, id: u64) -> Vec<u64> {
        let state = self.lock();
        let of_file = |fcb: &Fcb| {
            let stream = fcb.stream.as_ref();
            !fcb.deleted && stream.is_some_and(|(of, _)| *of == id)
        };
        let files = state.files.iter().filter(|(_, fcb)| of_file(fcb));
        files.map(|(id, _)| *id).collect()
    }

    fn free_if_deleted(&self, id: u64) {
        let mut state = self.lock();
        let unused = |fcb: &&Fcb| fcb.deleted && fcb.file_objects == 0;
        let Some(fcb) = state.files.get(&id).filter(unused) else {
            return;
        };
        let (kind, region, size) = (fcb.kind, fcb.region, fcb.size);
        state.files.remove(&id);
        if kind == Kind::Directory {
            return;
        }
        // Through views programs can store up to the end of the last page.
        let freed = self.pmem.zero_durable(region, size.next_multiple_of(PAGE));
        freed.expect("the device holds every region");
        state.regions.free.push(region);
    }
}
