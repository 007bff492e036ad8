//! The end of a process: what it had open is closed, and its address space goes.

use crate::{Handle, Sim, thread};

impl Sim {
    /// A process ends: its handles are closed in its context, then its views are unmapped.
    pub fn exit_process(&self, process: u64) {
        thread::in_process(process, || {
            while let Some(handle) = self.some_handle(process) {
                if self.close_handle(handle).is_err() {
                    // A section or key, which no program opened: a driver without kernel handles.
                    let gone = self.kernel.lock().handles.remove(&handle.0);
                    self.kernel.drop_handle(gone);
                }
            }
            self.kernel.unmap_process(process);
        });
    }

    fn some_handle(&self, process: u64) -> Option<Handle> {
        let state = self.kernel.lock();
        let mut handles = state.handles.iter();
        let found = handles.find(|(_, entry)| !entry.kernel && entry.process == process);
        found.map(|(value, _)| Handle(*value))
    }
}
