//! What exists on the machine at a moment, to be compared with what existed at another.

use crate::Sim;
use ntsim_machine::coverage::Coverage;
use std::sync::Arc;

/// Counts of what programs and the driver hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Blocks of pool.
    pub pool_blocks: usize,
    /// Bytes in them.
    pub pool_bytes: usize,
    /// Handles of programs.
    pub handles: usize,
    /// Handles of the kernel.
    pub kernel_handles: usize,
    /// File objects, of files, volumes and devices.
    pub file_objects: usize,
    /// Streams that exist.
    pub files: usize,
    /// Section objects.
    pub sections: usize,
    /// Views of sections that the driver has mapped, for itself or for programs.
    pub views: usize,
    /// Contexts of the filter's.
    pub contexts: usize,
    /// File names that the driver has asked for.
    pub names: usize,
    /// References to volumes and instances.
    pub references: usize,
    /// Work items that were queued and have not returned.
    pub work_items: usize,
}

impl Sim {
    /// What programs and the driver hold now.
    pub fn held(&self) -> Held {
        let work_items = self.kernel.work_items();
        let state = self.kernel.lock();
        let (pool_blocks, pool_bytes) = state.pool.in_use();
        let of_kernel = state.handles.values().filter(|entry| entry.is_kernel());
        let kernel_handles = of_kernel.count();
        Held {
            pool_blocks,
            pool_bytes,
            handles: state.handles.len() - kernel_handles,
            kernel_handles,
            file_objects: state.file_objects.len(),
            files: state.files.len(),
            sections: state.sections.len(),
            views: state.views.len(),
            contexts: state.contexts.len(),
            names: state.names.len(),
            references: state.flt_references.values().sum(),
            work_items,
        }
    }

    /// Which basic blocks of the driver were executed since it was loaded; none without a driver, or
    /// without [`crate::SimOptions::cover_blocks`].
    pub fn coverage(&self) -> Option<Arc<Coverage>> {
        let driver = self.kernel.driver.lock().expect("driver");
        driver.as_ref()?.oracle.as_ref()?.coverage()
    }
}
