//! An operation's way through the filter to the file system and back
//! (nc-fltkernel-pflt_pre_operation_callback).

use crate::{
    NtStatus, Sim,
    callback_data::{CallbackData, Parameters},
    deferred,
    filter::{DeviceState, Operation},
    kernel::State,
    lock_order,
    nt::{
        Block, file_object, flt_io_parameter_block as pb, flt_operation_registration as or, get,
        put,
    },
    outstanding, schedule,
    thread::{self, PASSIVE_LEVEL},
    user::FsEvent,
};

pub(crate) type Hook = Box<dyn FnMut(&FsEvent) + Send>;

pub(crate) const CREATE: u8 = 0x00;
pub(crate) const CLOSE: u8 = 0x02;
pub(crate) const READ: u8 = 0x03;
pub(crate) const WRITE: u8 = 0x04;
pub(crate) const SET_INFORMATION: u8 = 0x06;
pub(crate) const FLUSH_BUFFERS: u8 = 0x09;
pub(crate) const FILE_SYSTEM_CONTROL: u8 = 0x0d;
pub(crate) const SHUTDOWN: u8 = 0x10;
pub(crate) const CLEANUP: u8 = 0x12;
pub(crate) const PNP: u8 = 0x1b;
pub(crate) const ACQUIRE_FOR_SECTION_SYNCHRONIZATION: u8 = 0xff;
pub(crate) const RELEASE_FOR_SECTION_SYNCHRONIZATION: u8 = 0xfe;
pub(crate) const PREPARE_MDL_WRITE: u8 = 0xef;
pub(crate) const MDL_WRITE_COMPLETE: u8 = 0xee;
pub(crate) const ACQUIRE_FOR_CC_FLUSH: u8 = 0xfb;
pub(crate) const RELEASE_FOR_CC_FLUSH: u8 = 0xfa;

const PREOP_SUCCESS_WITH_CALLBACK: i32 = 0;
const PREOP_SUCCESS_NO_CALLBACK: i32 = 1;
const PREOP_PENDING: i32 = 2;
const PREOP_DISALLOW_FASTIO: i32 = 3;
const PREOP_COMPLETE: i32 = 4;
const PREOP_SYNCHRONIZE: i32 = 5;
const STATUS_PENDING: NtStatus = NtStatus(0x103);

/// What an operation came to: its status, and bytes transferred.
pub(crate) type Outcome = Result<usize, NtStatus>;

/// How an operation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With IRP_XXX flags.
    Irp {
        flags: u32,
    },
    FastIo,
    FsFilter,
}

impl Kind {
    /// How an operation is usually asked for.
    pub fn of(major: u8) -> Self {
        match major {
            0x80.. => Self::FsFilter,
            // Always synchronous, whatever the file object was opened for.
            CREATE | CLOSE | CLEANUP | FLUSH_BUFFERS | SET_INFORMATION | SHUTDOWN | PNP => {
                Self::Irp {
                    flags: pb::IRP_SYNCHRONOUS_API,
                }
            }
            _ => Self::Irp { flags: 0 },
        }
    }

    pub fn is_irp(self) -> bool {
        matches!(self, Self::Irp { .. })
    }
}

/// An operation, for the filter and the file system alike.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub kind: Kind,
    pub major: u8,
    pub volume: usize,
    pub file: usize,
}

impl Request {
    /// Whether the post-operation comes in the thread of the pre-operation, at a low IRQL.
    fn is_synchronized(&self, pre: i32) -> bool {
        !self.kind.is_irp() || self.major == CREATE || pre == PREOP_SYNCHRONIZE
    }

    /// What the file system sets as the top-level IRP while it acts (nf-ntifs-iosettoplevelirp).
    fn top_level(&self) -> usize {
        const FSRTL_FAST_IO_TOP_LEVEL_IRP: usize = 4;
        match self.kind {
            // Stands for the IRP, of which only the address is of interest.
            Kind::Irp { .. } => std::ptr::from_ref(self) as usize,
            Kind::FastIo | Kind::FsFilter => FSRTL_FAST_IO_TOP_LEVEL_IRP,
        }
    }

    fn cannot_fail(&self) -> bool {
        [CLEANUP, CLOSE].contains(&self.major)
    }
}

/// An operation that the filter is called for.
pub(crate) struct Watched {
    pub request: Request,
    pub operation: Operation,
    pub data: CallbackData,
    pub related: Block,
}

impl Sim {
    /// Sends an operation of the usual kind through the filter, if it watches it on this volume,
    /// to `act`.
    pub(crate) fn dispatch(
        &self,
        major: u8,
        volume: usize,
        file: usize,
        parameters: Parameters<'_>,
        act: impl FnOnce() -> Outcome,
    ) -> Outcome {
        self.dispatch_as(Kind::of(major), major, volume, file, parameters, act)
    }

    /// As [`Sim::dispatch`], for an operation of any kind. Fast I/O that the filter disallows is
    /// asked for again as an IRP.
    pub(crate) fn dispatch_as(
        &self,
        kind: Kind,
        major: u8,
        volume: usize,
        file: usize,
        parameters: Parameters<'_>,
        act: impl FnOnce() -> Outcome,
    ) -> Outcome {
        if major == CREATE {
            self.mount_again(volume);
        }
        let request = Request {
            kind,
            major,
            volume,
            file,
        };
        thread::as_program(|| self.send_through(request, parameters, act))
    }

    fn send_through(
        &self,
        request: Request,
        parameters: Parameters<'_>,
        act: impl FnOnce() -> Outcome,
    ) -> Outcome {
        let Request {
            kind,
            major,
            volume,
            file,
        } = request;
        let Some(watched) = self.watch(request, &parameters) else {
            return self.act(&request, act);
        };
        let address = watched.data.address();
        let (status, context) = self.call_pre(&watched);
        let outcome = match status {
            PREOP_COMPLETE => self.completed_by_filter(&watched),
            PREOP_DISALLOW_FASTIO if kind == Kind::FastIo => {
                self.kernel.operation_ends(address);
                if [PREPARE_MDL_WRITE, MDL_WRITE_COMPLETE].contains(&major) {
                    // There is no IRP of the same major function: who asked asks otherwise.
                    return Err(NtStatus::FLT_DISALLOW_FAST_IO);
                }
                return self.dispatch_as(Kind::of(major), major, volume, file, parameters, act);
            }
            PREOP_SUCCESS_WITH_CALLBACK | PREOP_SYNCHRONIZE
                if self.wants_post(&watched, status) =>
            {
                let synchronized = request.is_synchronized(status);
                self.kernel
                    .operation_goes_down(address, context, synchronized);
                let outcome = self.act(&request, act);
                watched.data.refresh(&parameters);
                self.complete(&watched, context, synchronized, outcome)
            }
            _ => {
                self.kernel.operation_ends(address);
                self.act(&request, act)
            }
        };
        self.kernel.operation_ends(address);
        if lock_order::held() != 0 {
            let detail = format!("held after an operation of major function {major:#x}");
            self.kernel.violation("push lock", &detail);
        }
        outcome
    }

    /// Makes the filter's view of an operation, if it is to be called for it. From then on the
    /// teardown of its instance waits.
    fn watch(&self, request: Request, parameters: &Parameters<'_>) -> Option<Watched> {
        let state = self.kernel.lock();
        let operation = state.watched_operation(&request)?;
        let instance = state.volumes[request.volume].instance_address();
        let (kind, major, file) = (request.kind, request.major, request.file);
        let data = CallbackData::new(kind, major, file, instance, parameters);
        let begun = outstanding::Operation::new(request.volume, file, operation.post);
        self.kernel.operation_begins(data.address(), begun);
        drop(state);
        let related = self.kernel.related_objects(request.volume, file);
        Some(Watched {
            request,
            operation,
            data,
            related,
        })
    }

    /// Calls the pre-operation: its status and completion context.
    fn call_pre(&self, watched: &Watched) -> (i32, usize) {
        let pre = watched.operation.pre;
        if pre == 0 {
            return (PREOP_SUCCESS_WITH_CALLBACK, 0);
        }
        let (at, related) = (watched.data.address(), watched.related.address());
        self.kernel.count_callback();
        let completion = Block::zeroed(8);
        let out = completion.address();
        // SAFETY: the callback's three arguments.
        let status = self.kernel.driver_callback(PASSIVE_LEVEL, || unsafe {
            ntsim_machine::call::call3(pre, at, related, out)
        });
        // SAFETY: our own block.
        let context: usize = unsafe { get(out, 0) };
        self.check_pre(&watched.request, at, status, context);
        if status == PREOP_PENDING {
            return self.resumed_pre(at);
        }
        (status, context)
    }

    /// The filter has pended the operation: with what it goes on.
    fn resumed_pre(&self, data: usize) -> (i32, usize) {
        let allowed = [
            PREOP_SUCCESS_WITH_CALLBACK,
            PREOP_SUCCESS_NO_CALLBACK,
            PREOP_COMPLETE,
        ];
        let resumed = self.kernel.wait_for_pre_operation(data);
        let Some((status, context)) = resumed else {
            return (PREOP_SUCCESS_NO_CALLBACK, 0);
        };
        if !allowed.contains(&status) {
            let detail = format!("a pended pre-operation was completed with {status}");
            self.kernel.violation("callback", &detail);
        }
        (status, context)
    }

    fn check_pre(&self, request: &Request, data: usize, status: i32, context: usize) {
        let wrong = |detail: &str| self.kernel.violation("callback", detail);
        let (kind, major) = (request.kind, request.major);
        let with_post = [PREOP_SUCCESS_WITH_CALLBACK, PREOP_SYNCHRONIZE].contains(&status);
        if context != 0 && !with_post {
            wrong("a completion context that no post-operation gets");
        }
        match status {
            PREOP_SUCCESS_WITH_CALLBACK | PREOP_SUCCESS_NO_CALLBACK | PREOP_COMPLETE => {}
            PREOP_SYNCHRONIZE if major == CREATE => wrong("a create was synchronized"),
            PREOP_SYNCHRONIZE if [READ, WRITE].contains(&major) && kind.is_irp() => {
                // SAFETY: the operation's callback data.
                if !unsafe { deferred::is_synchronous(data) } {
                    wrong("an asynchronous read or write was synchronized");
                }
            }
            PREOP_SYNCHRONIZE => {}
            PREOP_PENDING if kind.is_irp() => {}
            PREOP_PENDING => wrong("a pre-operation of what is no IRP was pended"),
            PREOP_DISALLOW_FASTIO if kind == Kind::FastIo => {}
            other => wrong(&format!("pre-operation returned {other}")),
        }
    }

    /// Whether a post-operation follows, which must have been registered to be asked for.
    fn wants_post(&self, watched: &Watched, status: i32) -> bool {
        let Operation { pre, post, .. } = watched.operation;
        let major = watched.request.major;
        if post == 0 {
            if pre != 0 {
                let detail = format!(
                    "pre-operation of {major:#x} returned {status} without a post-operation"
                );
                self.kernel.violation("callback", &detail);
            }
            return false;
        }
        if major == SHUTDOWN {
            self.kernel
                .violation("callback", "a post-operation of IRP_MJ_SHUTDOWN was wanted");
            return false;
        }
        true
    }

    /// FLT_PREOP_COMPLETE: the file system never sees the operation.
    fn completed_by_filter(&self, watched: &Watched) -> Outcome {
        let status = watched.data.status();
        if status == STATUS_PENDING {
            self.kernel
                .violation("callback", "completed with STATUS_PENDING");
        }
        self.check_may_fail(&watched.request, status);
        watched.data.outcome()
    }

    pub(crate) fn check_may_fail(&self, request: &Request, status: NtStatus) {
        if request.cannot_fail() && !status.is_success() {
            self.kernel
                .violation("callback", "the filter failed a cleanup or close");
        }
    }

    /// The file system's part, between the two calls of the hook.
    fn act(&self, request: &Request, act: impl FnOnce() -> Outcome) -> Outcome {
        let (major, file) = (request.major, request.file);
        schedule::point("(the file system acts)");
        self.call_hook(&FsEvent::BeforeAction { major, file });
        let mounted = self.kernel.lock().check_mounted(request);
        let outcome = mounted.and_then(|()| thread::with_top_level_irp(request.top_level(), act));
        self.call_hook(&FsEvent::AfterAction { major, file });
        schedule::point("(the file system has acted)");
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

    /// Sets the file pointer of a file object.
    pub(crate) fn set_file_pointer(&self, file: usize, offset: u64) {
        // SAFETY: a file object of ours.
        unsafe { put(file, file_object::CURRENT_BYTE_OFFSET, offset) };
    }
}

impl State {
    /// The filter's callbacks for an operation, if its instance is to see it.
    fn watched_operation(&self, request: &Request) -> Option<Operation> {
        let volume = self.volumes.get(request.volume)?;
        if !volume.attached || volume.tearing_down || !self.is_of_this_mount(request) {
            return None;
        }
        let filter = self.filter.as_ref()?;
        let operation = *filter.operations.get(&request.major)?;
        let skipped = is_skipped(request, operation.flags);
        (!skipped).then_some(operation)
    }

    /// Whether an operation is on what was opened since the volume was mounted.
    fn is_of_this_mount(&self, request: &Request) -> bool {
        let file = self.file_objects.get(&request.file);
        file.is_none_or(|file| file.mount == self.volumes[request.volume].mount)
    }

    /// Whether the file system can act on an operation.
    fn check_mounted(&self, request: &Request) -> Result<(), NtStatus> {
        // What only lets go always succeeds.
        let lets_go = [RELEASE_FOR_SECTION_SYNCHRONIZATION, RELEASE_FOR_CC_FLUSH];
        let major = request.major;
        let exempt = request.cannot_fail() || [PNP, SHUTDOWN].contains(&major);
        let volume = self.volumes.get(request.volume);
        let Some(volume) = volume.filter(|_| !exempt && !lets_go.contains(&major)) else {
            return Ok(());
        };
        if volume.device == DeviceState::Gone {
            return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
        }
        if !self.is_of_this_mount(request) {
            return Err(NtStatus::VOLUME_DISMOUNTED);
        }
        if major == CREATE && (volume.remove_pending || volume.locked.is_some()) {
            return Err(NtStatus::ACCESS_DENIED);
        }
        Ok(())
    }
}

/// FLTFL_OPERATION_REGISTRATION_SKIP_XXX (ns-fltkernel-_flt_operation_registration).
fn is_skipped(request: &Request, flags: u32) -> bool {
    let volume_open = request.file != 0 && {
        // SAFETY: a file object of ours.
        let flags: u32 = unsafe { get(request.file, file_object::FLAGS) };
        flags & file_object::FO_VOLUME_OPEN != 0
    };
    if flags & or::SKIP_NON_DASD_IO != 0 && !volume_open {
        return true;
    }
    if ![READ, WRITE].contains(&request.major) {
        return false;
    }
    let (paging, cached) = match request.kind {
        Kind::Irp { flags } => {
            let paging = flags & pb::IRP_PAGING_IO != 0;
            (paging, !paging && flags & pb::IRP_NOCACHE == 0)
        }
        Kind::FastIo | Kind::FsFilter => (false, true),
    };
    (paging && flags & or::SKIP_PAGING_IO != 0)
        || (cached && flags & or::SKIP_CACHED_IO != 0)
        || (!paging && !cached && flags & or::SKIP_NON_CACHED_NON_PAGING_IO != 0)
}
