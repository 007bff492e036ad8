//! Deferred I/O work items: operations handed to a system worker thread
//! (nf-fltkernel-fltqueuedeferredioworkitem).

use crate::{
    NtStatus, count,
    kernel::Kernel,
    nt::{Block, flt_callback_data as cd, flt_io_parameter_block as pb, get},
    outstanding::Phase,
    thread,
};
use std::{collections::HashMap, sync::Arc};

const POSTOP_FINISHED_PROCESSING: i32 = 0;
const POSTOP_MORE_PROCESSING_REQUIRED: i32 = 1;

#[derive(Default)]
pub(crate) struct Work {
    /// By address, and whether they are in a queue.
    items: HashMap<usize, (Block, bool)>,
    /// The I/O manager's: also of which device they are.
    io_items: HashMap<usize, IoItem>,
    jobs: HashMap<u64, Job>,
    next_job: u64,
}

struct IoItem {
    _block: Block,
    device: usize,
    queued: bool,
}

/// A work routine that is queued or running.
struct Job {
    volume: Option<usize>,
    /// Its callback data, until that is completed.
    data: Option<usize>,
    /// The device or instance that it is of is not gone before it has ended.
    keeps_image: bool,
}

impl Work {
    /// Whether a job is left, of those that keep the driver's image or of those that do not.
    pub fn is_left(&self, keeps_image: bool) -> bool {
        let mut jobs = self.jobs.values();
        jobs.any(|job| job.keeps_image == keeps_image)
    }

    fn start_without_device(&mut self) -> u64 {
        let job = self.start(None, None);
        if let Some(job) = self.jobs.get_mut(&job) {
            job.keeps_image = false;
        }
        job
    }

    pub fn is_busy(&self, volume: usize) -> bool {
        self.jobs.values().any(|job| job.volume == Some(volume))
    }

    pub fn uses(&self, data: usize) -> bool {
        self.jobs.values().any(|job| job.data == Some(data))
    }

    /// The operation was completed: its callback data is no longer the work routine's.
    pub fn let_go(&mut self, data: usize) {
        let mut jobs = self.jobs.values_mut();
        if let Some(job) = jobs.find(|job| job.data == Some(data)) {
            job.data = None;
        }
    }

    fn start(&mut self, volume: Option<usize>, data: Option<usize>) -> u64 {
        self.next_job += 1;
        let job = Job {
            volume,
            data,
            keeps_image: true,
        };
        self.jobs.insert(self.next_job, job);
        self.next_job
    }
}

/// What FltDoCompletionProcessingWhenSafe is called with.
pub(crate) struct SafeCompletion {
    pub data: usize,
    pub objects: usize,
    pub context: usize,
    pub flags: u32,
    pub routine: usize,
}

impl Kernel {
    /// nf-fltkernel-fltallocatedeferredioworkitem
    pub fn allocate_work_item(&self) -> usize {
        let block = Block::zeroed(64);
        let address = block.address();
        let mut inner = self.outstanding.lock();
        inner.work.items.insert(address, (block, false));
        address
    }

    /// nf-fltkernel-fltfreedeferredioworkitem
    pub fn free_work_item(&self, item: usize) {
        let found = self.outstanding.lock().work.items.remove(&item);
        match found {
            None => self.violation("work item", "freed that does not exist"),
            Some((_, true)) => self.violation("work item", "freed while in a queue"),
            Some(_) => {}
        }
    }

    /// Work items that were not freed.
    pub fn work_items(&self) -> usize {
        let inner = self.outstanding.lock();
        inner.work.items.len() + inner.work.io_items.len()
    }

    /// nf-fltkernel-fltqueuedeferredioworkitem
    pub fn queue_work_item(
        self: &Arc<Self>,
        item: usize,
        data: usize,
        routine: usize,
        queue: u32,
        context: usize,
    ) -> Result<(), NtStatus> {
        /// CriticalWorkQueue, and after it DelayedWorkQueue.
        const LAST_QUEUE: u32 = 1;
        if queue > LAST_QUEUE {
            self.violation("work item", "put into a queue that is the system's own");
        }
        let volume = self.check_safe_to_post(data)?;
        let mut inner = self.outstanding.lock();
        let queued = match inner.work.items.get_mut(&item) {
            Some((_, queued)) => std::mem::replace(queued, true),
            None => {
                drop(inner);
                self.violation("work item", "queued that does not exist");
                return Err(NtStatus::INVALID_PARAMETER);
            }
        };
        let job = inner.work.start(volume, Some(data));
        drop(inner);
        if queued {
            self.violation("work item", "queued while in a queue");
        }
        self.run_job(job, move |kernel| {
            if let Some((_, queued)) = kernel.outstanding.lock().work.items.get_mut(&item) {
                *queued = false;
            }
            // SAFETY: the work routine's three arguments.
            kernel.driver_callback(thread::PASSIVE_LEVEL, || unsafe {
                ntsim_machine::call::call3(routine, item, data, context)
            });
        });
        Ok(())
    }

    /// nf-wdm-ioallocateworkitem
    pub fn allocate_io_work_item(&self, device: usize) -> usize {
        let block = Block::zeroed(64);
        let address = block.address();
        let item = IoItem {
            _block: block,
            device,
            queued: false,
        };
        let mut inner = self.outstanding.lock();
        inner.work.io_items.insert(address, item);
        address
    }

    /// nf-wdm-iofreeworkitem
    pub fn free_io_work_item(&self, item: usize) {
        let found = self.outstanding.lock().work.io_items.remove(&item);
        match found {
            None => self.violation("work item", "freed that does not exist"),
            Some(item) if item.queued => self.violation("work item", "freed while in a queue"),
            Some(_) => {}
        }
    }

    /// nf-wdm-ioqueueworkitem
    pub fn queue_io_work_item(self: &Arc<Self>, item: usize, routine: usize, context: usize) {
        let mut inner = self.outstanding.lock();
        let Some(found) = inner.work.io_items.get_mut(&item) else {
            drop(inner);
            self.violation("work item", "queued that does not exist");
            return;
        };
        let (device, queued) = (found.device, std::mem::replace(&mut found.queued, true));
        let job = inner.work.start(None, None);
        drop(inner);
        if queued {
            self.violation("work item", "queued while in a queue");
        }
        self.run_job(job, move |kernel| {
            if let Some(found) = kernel.outstanding.lock().work.io_items.get_mut(&item) {
                found.queued = false;
            }
            // SAFETY: the work routine's two arguments (nc-wdm-io_workitem_routine).
            kernel.driver_callback(thread::PASSIVE_LEVEL, || unsafe {
                ntsim_machine::call::call2(routine, device, context)
            });
        });
    }

    /// nf-wdm-exqueueworkitem
    pub fn queue_without_device(self: &Arc<Self>, routine: usize, parameter: usize) {
        let job = self.outstanding.lock().work.start_without_device();
        self.run_job(job, move |kernel| {
            // SAFETY: the work routine's argument.
            kernel.driver_callback(thread::PASSIVE_LEVEL, || unsafe {
                ntsim_machine::call::call1(routine, parameter)
            });
        });
    }

    /// nf-fltkernel-fltdocompletionprocessingwhensafe: whether it could, and the post-operation's
    /// status.
    pub fn complete_when_safe(self: &Arc<Self>, safe: SafeCompletion) -> (bool, i32) {
        self.check_may_complete_when_safe(&safe);
        let SafeCompletion {
            data,
            objects,
            context,
            flags,
            routine,
        } = safe;
        if thread::irql() < thread::DISPATCH_LEVEL {
            let (level, flags) = (thread::irql(), flags as usize);
            // SAFETY: the safe post-operation's four arguments.
            let status = self.driver_callback(level, || unsafe {
                ntsim_machine::call::call4(routine, data, objects, context, flags)
            });
            return (true, status);
        }
        let volume = match self.check_safe_to_post(data) {
            Ok(volume) if !self.fails("FltDoCompletionProcessingWhenSafe") => volume,
            _ => return (false, POSTOP_FINISHED_PROCESSING),
        };
        let job = self.outstanding.lock().work.start(volume, Some(data));
        self.run_job(job, move |kernel| {
            // SAFETY: as above.
            let status = kernel.driver_callback(thread::PASSIVE_LEVEL, || unsafe {
                ntsim_machine::call::call4(routine, data, objects, context, flags as usize)
            });
            if status != POSTOP_MORE_PROCESSING_REQUIRED {
                kernel.complete_pended_post_operation(data);
            }
        });
        (true, POSTOP_MORE_PROCESSING_REQUIRED)
    }

    fn check_may_complete_when_safe(&self, safe: &SafeCompletion) {
        use crate::dispatch::{FLUSH_BUFFERS, READ, WRITE};
        const FLTFL_POST_OPERATION_DRAINING: u32 = 1;
        if safe.flags & FLTFL_POST_OPERATION_DRAINING != 0 {
            self.violation("callback", "completion when safe of a draining operation");
            return;
        }
        if operation(safe.data).is_none() {
            self.violation("callback", "completion when safe of what is no IRP");
        }
        // SAFETY: the callback data that the driver was called with, and its parameters.
        let major: u8 = unsafe { get(get(safe.data, cd::IOPB), pb::MAJOR_FUNCTION) };
        if [READ, WRITE, FLUSH_BUFFERS].contains(&major) {
            // Paging I/O may come this way, and completing it in a worker thread may deadlock.
            let detail = format!("completion when safe of major function {major:#x}");
            self.violation("callback", &detail);
        }
        let inner = self.outstanding.lock();
        let phase = inner.operations.get(&safe.data).map(|found| found.phase);
        drop(inner);
        if phase != Some(Phase::After) {
            let detail = "completion when safe outside of a post-operation";
            self.violation("callback", detail);
        }
    }

    /// Whether an operation can go to a worker thread; the volume of its instance.
    fn check_safe_to_post(&self, data: usize) -> Result<Option<usize>, NtStatus> {
        let refused = NtStatus::FLT_NOT_SAFE_TO_POST_OPERATION;
        let (irp_flags, instance) = operation(data).ok_or(refused)?;
        if irp_flags & pb::IRP_PAGING_IO != 0 || thread::top_level_irp() != 0 {
            return Err(refused);
        }
        self.live_instance(instance).map(Some)
    }

    /// Runs a job in a system worker thread.
    fn run_job(self: &Arc<Self>, job: u64, work: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let kernel = self.clone();
        let run = move || {
            thread::in_process(thread::SYSTEM, || work(&kernel));
            kernel.outstanding.lock().work.jobs.remove(&job);
            kernel.outstanding.notify();
        };
        match crate::schedule::another("system worker thread") {
            Some(baton) => count::spawn(move || baton.run(run)),
            None => count::spawn(run),
        };
    }
}

/// For callback data of an IRP: its IrpFlags and its TargetInstance.
fn operation(data: usize) -> Option<(u32, usize)> {
    // SAFETY: the callback data that the driver was called with, in all of these.
    let flags: u32 = unsafe { get(data, cd::FLAGS) };
    // SAFETY: as above.
    let parameters: usize = unsafe { get(data, cd::IOPB) };
    if flags & cd::FLTFL_CALLBACK_DATA_IRP_OPERATION == 0 {
        return None;
    }
    // SAFETY: the parameter block of the callback data.
    let irp_flags = unsafe { get(parameters, pb::IRP_FLAGS) };
    // SAFETY: as above.
    let instance = unsafe { get(parameters, pb::TARGET_INSTANCE) };
    Some((irp_flags, instance))
}

/// nf-fltkernel-fltisoperationsynchronous
///
/// # Safety
/// `data` is callback data.
pub(crate) unsafe fn is_synchronous(data: usize) -> bool {
    use crate::nt::file_object as fo;
    const FILE_SYSTEM_CONTROL: u8 = 0x0d;
    let Some((irp_flags, _)) = operation(data) else {
        return true;
    };
    if irp_flags & pb::IRP_PAGING_IO != 0 {
        return irp_flags & pb::IRP_SYNCHRONOUS_PAGING_IO != 0;
    }
    // SAFETY: the caller's promise.
    let parameters: usize = unsafe { get(data, cd::IOPB) };
    // SAFETY: the parameter block of the callback data.
    let major: u8 = unsafe { get(parameters, pb::MAJOR_FUNCTION) };
    // SAFETY: as above.
    if major == FILE_SYSTEM_CONTROL && unsafe { is_buffered(parameters) } {
        return true;
    }
    // SAFETY: as above.
    let file: usize = unsafe { get(parameters, pb::TARGET_FILE_OBJECT) };
    let file_flags: u32 = if file == 0 {
        0
    } else {
        // SAFETY: a file object of ours.
        unsafe { get(file, fo::FLAGS) }
    };
    file_flags & fo::FO_SYNCHRONOUS_IO != 0 || irp_flags & pb::IRP_SYNCHRONOUS_API != 0
}

/// Whether the control code of an FSCTL is one with METHOD_BUFFERED.
///
/// # Safety
/// `parameters` are those of IRP_MJ_FILE_SYSTEM_CONTROL: OutputBufferLength, InputBufferLength and
/// FsControlCode, each but the first POINTER_ALIGNMENT.
unsafe fn is_buffered(parameters: usize) -> bool {
    const METHOD_BUFFERED: u32 = 0;
    // SAFETY: the caller's promise.
    let code: u32 = unsafe { get(parameters, pb::PARAMETERS + 16) };
    code & 3 == METHOD_BUFFERED
}
