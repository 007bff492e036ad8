//! A minifilter whose callbacks are closures. It is not loaded: its registration is read from
//! memory as a loaded one's is.

use crate::{
    NtStatus, Sim, SimOptions, VolumeOptions,
    filter::read_registration,
    instance::AUTOMATIC_ATTACHMENT,
    kernel::Kernel,
    nt::{
        Block, flt_callback_data as cd, flt_context_registration as cr,
        flt_operation_registration as or, flt_registration as fr, get, put,
    },
    thread,
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

pub const WITH_CALLBACK: i32 = 0;
pub const NO_CALLBACK: i32 = 1;
pub const DISALLOW_FASTIO: i32 = 3;
pub const COMPLETE: i32 = 4;
pub const SYNCHRONIZE: i32 = 5;
pub const FINISHED: i32 = 0;
pub const MORE_PROCESSING: i32 = 1;

/// Callback data, completion context (in or out), flags.
pub struct Call {
    pub data: usize,
    pub objects: usize,
    pub context: usize,
    pub flags: u32,
}

type Callback = Box<dyn Fn(&mut Call) -> i32 + Send + Sync>;

/// What the minifilter does; what is not set succeeds.
#[derive(Default)]
pub struct Fake {
    pub pre: Option<Callback>,
    pub post: Option<Callback>,
    pub setup: Option<Callback>,
    pub query_teardown: Option<Callback>,
    pub start: Option<Callback>,
    pub complete: Option<Callback>,
    pub conflict: Option<Callback>,
    pub work: Option<Callback>,
    pub unload: Option<Callback>,
    /// IRP_MJ_XXX, flags, pre and post.
    pub operations: Vec<(u8, u32, bool, bool)>,
    pub registration_flags: u32,
}

static FAKES: LazyLock<Mutex<HashMap<usize, Arc<Fake>>>> = LazyLock::new(Default::default);

fn fake() -> Arc<Fake> {
    let here = Arc::as_ptr(&thread::kernel()) as usize;
    FAKES.lock().expect("fakes")[&here].clone()
}

fn run(callback: &Option<Callback>, call: &mut Call, default: i32) -> i32 {
    callback.as_ref().map_or(default, |callback| callback(call))
}

macro_rules! callbacks {
    ($($name:ident($($argument:ident),*) => $field:ident, $default:expr,
        $data:expr, $objects:expr, $context:expr, $flags:expr;)*) => {
        $(pub extern "win64" fn $name($($argument: usize),*) -> usize {
            let mut call = Call {
                data: $data,
                objects: $objects,
                context: $context,
                flags: $flags as u32,
            };
            run(&fake().$field, &mut call, $default) as usize
        })*
    };
}

callbacks! {
    on_post(data, objects, context, flags) => post, FINISHED, data, objects, context, flags;
    on_setup(objects, flags, _device, _system) => setup, 0, 0, objects, 0, flags;
    on_query(objects, flags) => query_teardown, 0, 0, objects, 0, flags;
    on_start(objects, reason) => start, 0, 0, objects, 0, reason;
    on_complete(objects, reason) => complete, 0, 0, objects, 0, reason;
    on_conflict(_instance, context, data) => conflict, 0, data, 0, context, 0_usize;
    on_work(item, data, context) => work, 0, data, item, context, 0_usize;
    on_unload(flags) => unload, 0, 0, 0, 0, flags;
}

extern "win64" fn on_pre(data: usize, objects: usize, context: *mut usize) -> usize {
    let mut call = Call {
        data,
        objects,
        context: 0,
        flags: 0,
    };
    let status = run(&fake().pre, &mut call, WITH_CALLBACK);
    // SAFETY: the Filter Manager's out parameter.
    unsafe { context.write(call.context) };
    status as usize
}

pub fn work_routine() -> usize {
    on_work as extern "win64" fn(usize, usize, usize) -> usize as usize
}

pub fn post_routine() -> usize {
    on_post as extern "win64" fn(usize, usize, usize, usize) -> usize as usize
}

/// A machine with the volume D: and this minifilter.
pub fn machine(options: SimOptions, fake: Fake) -> Sim {
    let sim = Sim::boot(options).expect("a machine");
    sim.add_volume('D', VolumeOptions::default()).expect("D:");
    register(&sim.kernel, fake);
    sim
}

/// A machine with the volume D: and no minifilter.
pub fn bare() -> Sim {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default()).expect("D:");
    sim
}

pub fn register(kernel: &Arc<Kernel>, fake: Fake) {
    let operations = Block::zeroed(or::SIZE * (fake.operations.len() + 1));
    for (at, (major, flags, pre, post)) in fake.operations.iter().enumerate() {
        let element = operations.address() + at * or::SIZE;
        let pre = if *pre {
            on_pre as *const () as usize
        } else {
            0
        };
        let post = if *post { post_routine() } else { 0 };
        // SAFETY: our own block, in all of these.
        unsafe { put(element, or::MAJOR_FUNCTION, *major) };
        // SAFETY: as above.
        unsafe { put(element, or::FLAGS, *flags) };
        // SAFETY: as above.
        unsafe { put(element, or::PRE, pre) };
        // SAFETY: as above.
        unsafe { put(element, or::POST, post) };
    }
    let end = operations.address() + fake.operations.len() * or::SIZE;
    // SAFETY: as above.
    unsafe { put(end, or::MAJOR_FUNCTION, or::END) };
    let contexts = Block::zeroed(2 * cr::SIZE);
    // SAFETY: our own block.
    unsafe { put(contexts.address(), cr::TYPE, crate::contexts::SECTION) };
    // SAFETY: as above.
    unsafe { put(contexts.address(), cr::CONTEXT_SIZE, 8_usize) };
    // SAFETY: as above.
    unsafe { put(contexts.address() + cr::SIZE, cr::TYPE, cr::END) };
    let registration = Block::zeroed(usize::from(fr::SIZE));
    let at = registration.address();
    // SAFETY: our own block.
    unsafe { put(at, 0, fr::SIZE) };
    // SAFETY: as above.
    unsafe { put(at, fr::VERSION, 0x0203_u16) };
    let flags = fake.registration_flags | fr::SUPPORT_DAX_VOLUME;
    // SAFETY: as above.
    unsafe { put(at, fr::FLAGS, flags) };
    let query = fake.query_teardown.is_some();
    for (offset, value) in [
        (fr::CONTEXTS, contexts.address()),
        (fr::OPERATIONS, operations.address()),
        (fr::UNLOAD, on_unload as *const () as usize),
        (fr::INSTANCE_SETUP, on_setup as *const () as usize),
        (
            fr::QUERY_TEARDOWN,
            if query {
                on_query as *const () as usize
            } else {
                0
            },
        ),
        (fr::TEARDOWN_START, on_start as *const () as usize),
        (fr::TEARDOWN_COMPLETE, on_complete as *const () as usize),
        (fr::SECTION_NOTIFICATION, on_conflict as *const () as usize),
    ] {
        // SAFETY: as above.
        unsafe { put(at, offset, value) };
    }
    let here = Arc::as_ptr(kernel) as usize;
    FAKES.lock().expect("fakes").insert(here, Arc::new(fake));
    // SAFETY: the registration built above.
    let filter = unsafe { read_registration(at) }.expect("a registration");
    kernel.check_registration(&filter);
    kernel.lock().filter = Some(filter);
    let volumes = kernel.lock().volumes.len();
    for index in 0..volumes {
        let _ = kernel.attach(index, AUTOMATIC_ATTACHMENT);
    }
}

/// A log that callbacks and tests share.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("the log").push(line.into());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("the log"))
    }

    /// A callback that writes a line with its flags, and succeeds.
    pub fn callback(&self, name: &'static str) -> Option<Callback> {
        let log = self.clone();
        Some(Box::new(move |call| {
            log.add(format!("{name} {:#x}", call.flags));
            0
        }))
    }
}

/// Sets IoStatus.Status in callback data.
pub fn set_status(data: usize, status: NtStatus) {
    // SAFETY: the callback data that a callback got.
    unsafe { put(data, cd::STATUS, status.0) };
}

pub fn status(data: usize) -> NtStatus {
    // SAFETY: as above.
    NtStatus(unsafe { get(data, cd::STATUS) })
}
