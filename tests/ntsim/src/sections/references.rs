//! Who could be storing to a stream's pages.

use crate::{
    kernel::{Kernel, State},
    nt::{file_object, get},
    objects::{FILE_WRITE_DATA, Target},
};

impl Kernel {
    /// nf-ntifs-mmdoesfilehaveuserwritablereferences
    pub fn user_writable_references(&self, pointers: usize) -> u32 {
        let state = self.lock();
        let Some(file) = state.stream_of(pointers) else {
            drop(state);
            let detail = format!("{pointers:#x} are no stream's section object pointers");
            self.violation("section", &detail);
            return 0;
        };
        let views = state.fcb(file).map_or(0, |fcb| fcb.writable_views);
        if !self.options.writable_handles_are_references {
            return views;
        }
        views + state.writable_handles(file)
    }
}

impl State {
    fn stream_of(&self, pointers: usize) -> Option<u64> {
        let mut files = self.file_objects.iter();
        let found = files.find(|(address, _)| {
            // SAFETY: a file object of ours.
            let here: usize = unsafe { get(**address, file_object::SECTION_OBJECT_POINTER) };
            here != 0 && here == pointers
        });
        found?.1.file
    }

    fn writable_handles(&self, file: u64) -> u32 {
        let of_file = |target: &Target| match target {
            Target::File(object) => {
                let object = self.file_objects.get(object);
                object.is_some_and(|object| object.file == Some(file))
            }
            _ => false,
        };
        let handles = self.handles.values();
        let writable =
            handles.filter(|entry| entry.access & FILE_WRITE_DATA != 0 && of_file(&entry.target));
        writable.count() as u32
    }
}
