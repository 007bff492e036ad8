//! An operation's way through the filter to the file system and back
//! (nc-fltkernel-pflt_pre_operation_callback, nc-fltkernel-pflt_post_operation_callback).

use crate::{
    NtStatus, Sim,
    nt::{Block, file_object, flt_callback_data as cd, flt_io_parameter_block as pb, get, put},
    thread::{self, DISPATCH_LEVEL, PASSIVE_LEVEL},
    user::FsEvent,
};

pub(crate) type Hook = Box<dyn FnMut(&FsEvent) + Send>;

pub(crate) const CREATE: u8 = 0x00;
pub(crate) const READ: u8 = 0x03;
pub(crate) const WRITE: u8 = 0x04;
pub(crate) const SET_INFORMATION: u8 = 0x06;
pub(crate) const FLUSH_BUFFERS: u8 = 0x09;
pub(crate) const CLEANUP: u8 = 0x12;
pub(crate) const CLOSE: u8 = 0x02;
pub(crate) const ACQUIRE_FOR_SECTION_SYNCHRONIZATION: u8 = 0xff;
pub(crate) const RELEASE_FOR_SECTION_SYNCHRONIZATION: u8 = 0xfe;
pub(crate) const ACQUIRE_FOR_CC_FLUSH: u8 = 0xfb;
pub(crate) const RELEASE_FOR_CC_FLUSH: u8 = 0xfa;

const PREOP_SUCCESS_WITH_CALLBACK: i32 = 0;
const PREOP_SUCCESS_NO_CALLBACK: i32 = 1;
const PREOP_COMPLETE: i32 = 4;
const PREOP_SYNCHRONIZE: i32 = 5;
const POSTOP_FINISHED_PROCESSING: i32 = 0;

/// The parameters of the operations that have any.
pub(crate) enum Parameters<'a> {
    None,
    Write { offset: i64, data: &'a [u8] },
    SetInformation { class: i32, buffer: &'a [u8] },
    SectionSync { protection: u32 },
}

/// What an operation came to: its status, and bytes transferred.
pub(crate) type Outcome = Result<usize, NtStatus>;

/// The structures that callbacks see.
struct CallbackData {
    data: Block,
    parameters: Block,
}

impl CallbackData {
    fn new(major: u8, file: usize, instance: usize, parameters: &Parameters<'_>) -> Self {
        let (data, block) = (Block::zeroed(cd::SIZE), Block::zeroed(pb::SIZE));
        let (at, p) = (data.address(), block.address());
        let fs_filter = major >= 0x80;
        let flags = if fs_filter {
            cd::FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION
        } else {
            cd::FLTFL_CALLBACK_DATA_IRP_OPERATION
        };
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, cd::FLAGS, flags) };
        // SAFETY: as above.
        unsafe { put(at, cd::IOPB, p) };
        // SAFETY: as above. UserMode.
        unsafe { put(at, cd::REQUESTOR_MODE, 1_u8) };
        // SAFETY: as above.
        unsafe { put(p, pb::MAJOR_FUNCTION, major) };
        // SAFETY: as above.
        unsafe { put(p, pb::TARGET_FILE_OBJECT, file) };
        // SAFETY: as above.
        unsafe { put(p, pb::TARGET_INSTANCE, instance) };
        let this = Self {
            data,
            parameters: block,
        };
        this.fill(parameters);
        this
    }

    fn fill(&self, parameters: &Parameters<'_>) {
        let p = self.parameters.address();
        match parameters {
            Parameters::None => {}
            Parameters::Write { offset, data } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::WRITE_LENGTH, data.len() as u32) };
                // SAFETY: as above. No program here uses keys, which leaves a recognisable value.
                unsafe { put(p, pb::WRITE_KEY, 0x4b45_5900_u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BYTE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BUFFER, data.as_ptr() as usize) };
            }
            Parameters::SetInformation { class, buffer } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::SET_LENGTH, buffer.len() as u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_CLASS, *class) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_BUFFER, buffer.as_ptr() as usize) };
            }
            Parameters::SectionSync { protection } => {
                // SAFETY: our own block, in all of these. SyncTypeCreateSection.
                unsafe { put(p, pb::SYNC_TYPE, 1_u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::SYNC_PAGE_PROTECTION, *protection) };
            }
        }
    }

    fn set_outcome(&self, outcome: &Outcome) {
        let status = outcome.err().unwrap_or(NtStatus::SUCCESS);
        // SAFETY: our own block.
        unsafe { put(self.data.address(), cd::STATUS, status.0) };
        // SAFETY: as above.
        unsafe { put(self.data.address(), cd::INFORMATION, outcome.unwrap_or(0)) };
    }

    fn status(&self) -> NtStatus {
        // SAFETY: our own block, which the filter may have written.
        NtStatus(unsafe { get(self.data.address(), cd::STATUS) })
    }
}

impl Sim {
    /// Sends an operation through the filter, if it watches it on this volume, to `act`.
    pub(crate) fn dispatch(
        &self,
        major: u8,
        volume: usize,
        file: usize,
        parameters: Parameters<'_>,
        act: impl FnOnce() -> Outcome,
    ) -> Outcome {
        let callbacks = {
            let state = self.kernel.lock();
            let attached = state
                .volumes
                .get(volume)
                .is_some_and(|volume| volume.attached);
            let operation = state
                .filter
                .as_ref()
                .and_then(|filter| filter.operations.get(&major));
            operation
                .filter(|_| attached)
                .map(|operation| (operation.pre, operation.post))
        };
        let Some((pre, post)) = callbacks else {
            return self.act(major, file, act);
        };
        let instance = self.kernel.lock().volumes[volume].instance_address();
        let data = CallbackData::new(major, file, instance, &parameters);
        let related = self.kernel.related_objects(volume, file);
        let completion = Block::zeroed(8);
        let (at, related, context) = (data.data.address(), related.address(), completion.address());
        // SAFETY: the callback's three arguments.
        let status = self.callback(PASSIVE_LEVEL, || unsafe {
            ntsim_machine::call::call3(pre, at, related, context)
        });
        // SAFETY: our own block.
        let context: usize = unsafe { get(completion.address(), 0) };
        if context != 0 && (status == PREOP_COMPLETE || status == PREOP_SUCCESS_NO_CALLBACK) {
            self.kernel.violation(
                "callback",
                "a completion context that no post-operation gets",
            );
        }
        match status {
            PREOP_COMPLETE => return Err(data.status()),
            PREOP_SUCCESS_NO_CALLBACK => return self.act(major, file, act),
            PREOP_SUCCESS_WITH_CALLBACK => {}
            PREOP_SYNCHRONIZE if major != CREATE => {}
            other => self
                .kernel
                .violation("callback", &format!("pre-operation returned {other}")),
        }
        let outcome = self.act(major, file, act);
        data.set_outcome(&outcome);
        let high = major == WRITE && self.kernel.options.post_write_at_dispatch;
        let level = if high && status != PREOP_SYNCHRONIZE {
            DISPATCH_LEVEL
        } else {
            PASSIVE_LEVEL
        };
        // SAFETY: the callback's four arguments.
        let finished = self.callback(level, || unsafe {
            ntsim_machine::call::call4(post, at, related, context, 0)
        });
        if finished != POSTOP_FINISHED_PROCESSING {
            self.kernel
                .violation("callback", &format!("post-operation returned {finished}"));
        }
        outcome
    }

    /// The file system's part, between the two calls of the hook.
    fn act(&self, major: u8, file: usize, act: impl FnOnce() -> Outcome) -> Outcome {
        self.call_hook(&FsEvent::BeforeAction { major, file });
        let outcome = act();
        self.call_hook(&FsEvent::AfterAction { major, file });
        outcome
    }

    fn call_hook(&self, event: &FsEvent) {
        // Taken out while it runs, so that what it does itself calls no hook.
        let hook = self.kernel.hook.lock().expect("hook").take();
        if let Some(mut hook) = hook {
            hook(event);
            self.kernel.hook.lock().expect("hook").get_or_insert(hook);
        }
    }

    /// Calls the driver at a level and checks that it comes back as it went.
    fn callback(&self, level: u8, call: impl FnOnce() -> usize) -> i32 {
        let (before, attached) = (thread::irql(), thread::attached());
        thread::set_irql(level);
        let status = self.driver_code(call).expect("a thread for the driver") as i32;
        if thread::irql() != level || thread::attached() != attached {
            self.kernel.violation(
                "callback",
                "returned at another IRQL or attached to a process",
            );
        }
        thread::set_irql(before);
        status
    }

    /// Sets the file pointer of a file object.
    pub(crate) fn set_file_pointer(&self, file: usize, offset: u64) {
        // SAFETY: a file object of ours.
        unsafe { put(file, file_object::CURRENT_BYTE_OFFSET, offset) };
    }
}
