//! A driver with a device, whose dispatch routine is a closure, and calls of kernel routines as it
//! makes them.

use crate::{
    NtStatus, Sim, imports,
    nt::{Block, Utf16, driver_object, get, io_stack_location as sl, irp, put},
    thread,
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

/// What a dispatch routine gets.
pub struct Irp {
    pub major: u8,
    pub code: u32,
    pub buffer: usize,
}

type Dispatch = Box<dyn Fn(&Irp) -> (NtStatus, usize) + Send + Sync>;

static DISPATCH: LazyLock<Mutex<HashMap<usize, Arc<Dispatch>>>> = LazyLock::new(Default::default);

extern "win64" fn on_irp(_device: usize, request: usize) -> usize {
    let here = Arc::as_ptr(&thread::kernel()) as usize;
    let dispatch = DISPATCH.lock().expect("dispatch")[&here].clone();
    // SAFETY: the IRP that the routine got, in all of these.
    let s: usize = unsafe { get(request, irp::CURRENT_STACK_LOCATION) };
    // SAFETY: as above.
    let (major, code, buffer) = unsafe {
        (
            get(s, sl::MAJOR_FUNCTION),
            get(s, sl::IO_CONTROL_CODE),
            get(request, irp::SYSTEM_BUFFER),
        )
    };
    let (status, information) = dispatch(&Irp {
        major,
        code,
        buffer,
    });
    // SAFETY: as above.
    unsafe { put(request, irp::STATUS, status.0) };
    // SAFETY: as above.
    unsafe { put(request, irp::INFORMATION, information) };
    raw("IofCompleteRequest", &[request, 0]);
    status.0 as usize
}

/// A machine with a driver object, whose routines are all `dispatch`.
pub struct Machine {
    pub sim: Sim,
    pub object: Block,
}

pub fn machine(dispatch: impl Fn(&Irp) -> (NtStatus, usize) + Send + Sync + 'static) -> Machine {
    let sim = super::fake::bare();
    let object = Block::zeroed(driver_object::SIZE);
    for major in 0..28 {
        let at = driver_object::MAJOR_FUNCTION + 8 * major;
        // SAFETY: our own block.
        unsafe { put(object.address(), at, on_irp as *const () as usize) };
    }
    sim.kernel.lock().driver_object = Some(object.address());
    let here = Arc::as_ptr(&sim.kernel) as usize;
    let mut all = DISPATCH.lock().expect("dispatch");
    all.insert(here, Arc::new(Box::new(dispatch)));
    drop(all);
    Machine { sim, object }
}

impl Machine {
    /// \Device\Test and \DosDevices\Test.
    pub fn create_device(&self, characteristics: u32, exclusive: bool) -> usize {
        let (name, link) = (Utf16::new(r"\Device\Test"), Utf16::new(r"\DosDevices\Test"));
        let out = Block::zeroed(8);
        let arguments = [
            self.object.address(),
            16,
            name.address(),
            0x22,
            characteristics as usize,
            usize::from(exclusive),
            out.address(),
        ];
        assert_eq!(
            status(&self.sim, "IoCreateDevice", &arguments),
            NtStatus::SUCCESS
        );
        let arguments = [link.address(), name.address()];
        let linked = status(&self.sim, "IoCreateSymbolicLink", &arguments);
        assert_eq!(linked, NtStatus::SUCCESS);
        // SAFETY: our own block.
        unsafe { get(out.address(), 0) }
    }

    /// A device that can be opened.
    pub fn start_device(&self, characteristics: u32, exclusive: bool) -> usize {
        let device = self.create_device(characteristics, exclusive);
        self.sim.kernel.devices_are_initialized();
        device
    }
}

/// Calls a kernel routine from driver code.
fn raw(name: &str, arguments: &[usize]) -> usize {
    type Routine =
        extern "win64" fn(usize, usize, usize, usize, usize, usize, usize, usize) -> usize;
    let found = imports::resolve(0, "ntoskrnl.exe", name);
    let address = found.or_else(|| imports::resolve(0, "fltmgr.sys", name));
    let address = address.unwrap_or_else(|| panic!("{name} is no import"));
    let mut all = [0; 8];
    all[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f, g, h] = all;
    // SAFETY: an import, which takes no more than these, of at most 64 bits each; the caller is the
    // one to remove them.
    let routine: Routine = unsafe { std::mem::transmute(address) };
    routine(a, b, c, d, e, f, g, h)
}

/// Calls a kernel routine as the driver does.
pub fn call(sim: &Sim, name: &str, arguments: &[usize]) -> usize {
    thread::run(&sim.kernel, || raw(name, arguments))
}

/// As [`call`], of a routine that returns a status.
pub fn status(sim: &Sim, name: &str, arguments: &[usize]) -> NtStatus {
    NtStatus(call(sim, name, arguments) as i32)
}
