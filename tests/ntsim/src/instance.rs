//! Attaching the filter to a volume, and detaching it
//! (nc-fltkernel-pflt_instance_setup_callback, nc-fltkernel-pflt_instance_teardown_callback).

use crate::{
    NtStatus, Sim,
    callback_data::CallbackData,
    contexts::Place,
    filter::DeviceState,
    kernel::Kernel,
    nt::flt_registration as fr,
    outstanding::Operation,
    thread::{APC_LEVEL, PASSIVE_LEVEL},
};
use std::sync::Arc;

/// FLTFL_INSTANCE_SETUP_XXX.
pub(crate) const AUTOMATIC_ATTACHMENT: u32 = 1;
pub(crate) const MANUAL_ATTACHMENT: u32 = 2;
pub(crate) const NEWLY_MOUNTED_VOLUME: u32 = 4;

/// FLTFL_INSTANCE_TEARDOWN_XXX.
pub(crate) const MANUAL: u32 = 1;
pub(crate) const FILTER_UNLOAD: u32 = 2;
pub(crate) const MANDATORY_FILTER_UNLOAD: u32 = 4;
pub(crate) const VOLUME_DISMOUNT: u32 = 8;

const POSTOP_FINISHED_PROCESSING: i32 = 0;
const FLTFL_POST_OPERATION_DRAINING: usize = 1;

impl Kernel {
    /// Offers a volume to the filter. DAX volumes are offered to filters that say they support
    /// them (FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME).
    pub fn attach(self: &Arc<Self>, index: usize, flags: u32) -> Result<(), NtStatus> {
        let (setup, file_system) = {
            let mut state = self.lock();
            let filter = state.filter.as_ref();
            let filter = filter.ok_or(NtStatus::FLT_DO_NOT_ATTACH)?;
            let (setup, supports_dax) = (
                filter.instance_setup,
                filter.flags & fr::SUPPORT_DAX_VOLUME != 0,
            );
            let volume = &mut state.volumes[index];
            if volume.attached {
                return Err(NtStatus::FLT_INSTANCE_NAME_COLLISION);
            }
            if volume.dismounted || (volume.options.dax && !supports_dax) {
                return Err(NtStatus::FLT_DO_NOT_ATTACH);
            }
            volume.new_instance();
            volume.attached = true;
            // FLT_FSTYPE_NTFS or FLT_FSTYPE_FAT.
            (setup, if volume.options.ntfs { 2 } else { 3 })
        };
        if setup == 0 {
            return Ok(());
        }
        const FILE_DEVICE_DISK_FILE_SYSTEM: usize = 8;
        let related = self.related_objects(index, 0);
        let (at, flags) = (related.address(), flags as usize);
        // SAFETY: the callback's four arguments.
        let status = self.driver_callback(PASSIVE_LEVEL, || unsafe {
            ntsim_machine::call::call4(setup, at, flags, FILE_DEVICE_DISK_FILE_SYSTEM, file_system)
        });
        NtStatus(status).check().inspect_err(|_| self.forget(index))
    }

    /// FltUnregisterFilter: tears down every instance, then forgets the filter.
    pub fn unregister_filter(self: &Arc<Self>) {
        let (volumes, reason) = {
            let state = self.lock();
            let mandatory = state.mandatory_unload;
            let reason = if mandatory {
                MANDATORY_FILTER_UNLOAD
            } else {
                FILTER_UNLOAD
            };
            (state.volumes.len(), reason)
        };
        (0..volumes).for_each(|index| self.tear_down(index, reason));
        // The image must not go while another thread runs a cleanup callback of it.
        if !self.outstanding.wait_until(|inner| inner.cleanups == 0) {
            ntsim_machine::fault::bugcheck("a context cleanup callback does not return");
        }
        self.lock().filter = None;
    }

    /// Ends the instance on a volume, if there is one: from the start on no new operation calls the
    /// filter, and the end comes when no operation that has is left.
    pub fn tear_down(self: &Arc<Self>, index: usize, reason: u32) {
        let (start, complete) = {
            let mut state = self.lock();
            let callbacks = state
                .filter
                .as_ref()
                .map(|filter| (filter.teardown_start, filter.teardown_complete));
            let volume = &mut state.volumes[index];
            let (true, false, Some(callbacks)) = (volume.attached, volume.tearing_down, callbacks)
            else {
                drop(state);
                self.wait_for_teardown(index);
                return;
            };
            volume.tearing_down = true;
            self.outstanding.lock().torn_down.insert(index);
            callbacks
        };
        let related = self.related_objects(index, 0);
        let call = |callback: usize| {
            if callback != 0 {
                let (at, reason) = (related.address(), reason as usize);
                // SAFETY: the callbacks' two arguments.
                self.driver_callback(PASSIVE_LEVEL, || unsafe {
                    ntsim_machine::call::call2(callback, at, reason)
                });
            }
        };
        call(start);
        self.drain(index);
        call(complete);
        self.forget(index);
        self.outstanding.lock().torn_down.remove(&index);
        self.outstanding.notify();
    }

    /// A teardown that another thread has begun.
    fn wait_for_teardown(&self, index: usize) {
        let ended = self
            .outstanding
            .wait_until(|inner| !inner.torn_down.contains(&index));
        if !ended {
            ntsim_machine::fault::bugcheck("the teardown of an instance does not end");
        }
    }

    /// Calls the post-operations of what the file system has not acted on for cleanup, and waits
    /// for those that run or are pended, and for work items.
    fn drain(self: &Arc<Self>, index: usize) {
        loop {
            self.wait_for_operations(index);
            // SAFETY: the operation's callback data, which it keeps while it is copied.
            let copy = |data| unsafe { CallbackData::copy_for_draining(data) };
            let Some((operation, data)) = self.next_to_drain(index, copy) else {
                return;
            };
            self.call_draining(&operation, &data);
        }
    }

    fn call_draining(self: &Arc<Self>, operation: &Operation, data: &CallbackData) {
        let related = self.related_objects(operation.volume, operation.file);
        let (at, objects) = (data.address(), related.address());
        let (post, context) = (operation.post, operation.context);
        self.count_callback();
        // SAFETY: the callback's four arguments.
        let status = self.driver_callback(APC_LEVEL, || unsafe {
            ntsim_machine::call::call4(post, at, objects, context, FLTFL_POST_OPERATION_DRAINING)
        });
        if status != POSTOP_FINISHED_PROCESSING {
            let detail = format!("a draining post-operation returned {status}");
            self.violation("callback", &detail);
        }
    }

    /// What the Filter Manager keeps of an instance that is gone: nothing.
    fn forget(self: &Arc<Self>, index: usize) {
        let (instance, streams) = {
            let state = self.lock();
            let instance = state.volumes[index].instance_address();
            let files = state.files.iter();
            let here = files.filter(|(_, fcb)| fcb.volume == index);
            let mut streams: Vec<u64> = here.map(|(id, _)| *id).collect();
            streams.sort_unstable();
            (instance, streams)
        };
        for stream in streams {
            self.detach_context(&Place::Stream(stream));
        }
        self.detach_context(&Place::Instance(instance));
        let volume = &mut self.lock().volumes[index];
        volume.attached = false;
        volume.tearing_down = false;
        volume.data_scan = false;
    }

    /// The volume goes away under its instance: what is open stays, and fails from now on.
    pub fn tear_down_for_dismount(self: &Arc<Self>, index: usize) {
        self.tear_down(index, VOLUME_DISMOUNT);
        let volume = &mut self.lock().volumes[index];
        volume.dismounted = true;
        volume.mount += 1;
    }
}

impl Sim {
    /// `fltmc attach`.
    ///
    /// # Errors
    /// STATUS_NO_SUCH_DEVICE, and what the filter's instance setup answered.
    pub fn attach(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        self.kernel.attach(index, MANUAL_ATTACHMENT)
    }

    /// `fltmc detach`.
    ///
    /// # Errors
    /// STATUS_FLT_INSTANCE_NOT_FOUND, STATUS_FLT_DO_NOT_DETACH of a filter without a query teardown
    /// callback, and what that callback answered.
    pub fn detach(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        let query = {
            let state = self.kernel.lock();
            let volume = &state.volumes[index];
            let filter = state.filter.as_ref();
            let filter = filter.filter(|_| volume.attached && !volume.tearing_down);
            filter
                .ok_or(NtStatus::FLT_INSTANCE_NOT_FOUND)?
                .query_teardown
        };
        if query == 0 {
            return Err(NtStatus::FLT_DO_NOT_DETACH);
        }
        let related = self.kernel.related_objects(index, 0);
        let at = related.address();
        // SAFETY: the callback's two arguments
        // (nc-fltkernel-pflt_instance_query_teardown_callback).
        let status = self.kernel.driver_callback(PASSIVE_LEVEL, || unsafe {
            ntsim_machine::call::call2(query, at, 0)
        });
        NtStatus(status).check()?;
        self.kernel.tear_down(index, MANUAL);
        Ok(())
    }

    /// Dismounts a volume by force: what is open stays, and fails with STATUS_VOLUME_DISMOUNTED.
    /// The next create mounts the volume again.
    ///
    /// # Errors
    /// STATUS_NO_SUCH_DEVICE.
    pub fn dismount(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        self.kernel.tear_down_for_dismount(index);
        Ok(())
    }

    /// The first access to a dismounted volume.
    pub(crate) fn mount_again(&self, index: usize) {
        let mounted = {
            let volume = &mut self.kernel.lock().volumes[index];
            let there = volume.device == DeviceState::Present;
            there && std::mem::replace(&mut volume.dismounted, false)
        };
        if mounted {
            // As when a volume is added.
            let flags = AUTOMATIC_ATTACHMENT | NEWLY_MOUNTED_VOLUME;
            let _ = self.kernel.attach(index, flags);
        }
    }

    pub(crate) fn volume_index(&self, letter: char) -> Result<usize, NtStatus> {
        let (state, letter) = (self.kernel.lock(), letter.to_ascii_uppercase());
        let mut volumes = state.volumes.iter();
        let found = volumes.position(|volume| volume.letter == letter);
        found.ok_or(NtStatus::NO_SUCH_DEVICE)
    }
}
