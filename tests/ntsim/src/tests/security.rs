//! Who may open a device, and what its handle allows.

use super::{
    details,
    driver::{Machine, call, machine, status},
};
use crate::{
    NtStatus, User, as_user, imports,
    nt::{Block, get},
    thread::{self, DISPATCH_LEVEL},
};
use std::sync::{Arc, Mutex};

const PATH: &str = r"\\.\Test";
const SECURE_OPEN: u32 = 0x100;
const READ: u32 = 0x8000_0000;
const DENIED: Option<NtStatus> = Some(NtStatus::ACCESS_DENIED);
const OK: NtStatus = NtStatus::SUCCESS;

fn plain() -> Machine {
    machine(|_| (NtStatus::SUCCESS, 0))
}

/// A pointer of SE_EXPORTS by its place among the SIDs.
fn sid(machine: &Machine, at: usize) -> usize {
    let exports = machine.sim.kernel.exports.address();
    let variable = imports::resolve(exports, "ntoskrnl.exe", "SeExports").expect("SeExports");
    // SAFETY: the exported variable.
    let structure: usize = unsafe { get(variable, 0) };
    // SAFETY: the structure has 23 privileges, then SIDs.
    unsafe { get(structure, 8 * (23 + at)) }
}

const WORLD: usize = 1;
const SYSTEM: usize = 10;
const ADMINISTRATORS: usize = 11;
const AUTHENTICATED: usize = 19;

/// Opens a device object, as the driver does.
fn open(machine: &Machine, device: usize, access: usize) -> Result<u64, NtStatus> {
    let out = Block::zeroed(8);
    let arguments = [device, 0x200, 0, access, 0, 0, out.address()];
    status(&machine.sim, "ObOpenObjectByPointer", &arguments).check()?;
    // SAFETY: our own block.
    Ok(unsafe { get(out.address(), 0) })
}

/// Gives a device a list that allows all to these SIDs.
fn protect(machine: &Machine, device: usize, allowed: &[usize]) {
    let sim = &machine.sim;
    let (descriptor, acl) = (Block::zeroed(40), Block::zeroed(256));
    let (d, a) = (descriptor.address(), acl.address());
    assert_eq!(status(sim, "RtlCreateSecurityDescriptor", &[d, 1]), OK);
    assert_eq!(status(sim, "RtlCreateAcl", &[a, 256, 2]), OK);
    for at in allowed {
        let arguments = [a, 2, 0x1000_0000, sid(machine, *at)];
        assert_eq!(status(sim, "RtlAddAccessAllowedAce", &arguments), OK);
    }
    assert_eq!(
        status(sim, "RtlSetDaclSecurityDescriptor", &[d, 1, a, 0]),
        OK
    );
    let handle = open(machine, device, 0x4_0000).expect("the device") as usize;
    assert_eq!(status(sim, "ZwSetSecurityObject", &[handle, 4, d]), OK);
    assert_eq!(status(sim, "ZwClose", &[handle]), OK);
}

#[test]
fn a_device_is_everybodys_until_its_driver_says_otherwise() {
    let machine = plain();
    let device = machine.start_device(SECURE_OPEN, false);
    let sim = &machine.sim;
    let guest = as_user(User::Guest, || sim.open_device(PATH)).expect("weak");
    sim.close_handle(guest).expect("close");
    protect(&machine, device, &[SYSTEM, ADMINISTRATORS]);
    for user in [User::Guest, User::Standard] {
        assert_eq!(as_user(user, || sim.open_device(PATH)).err(), DENIED);
        let inside = as_user(user, || sim.open_device(r"\\.\Test\x"));
        assert_eq!(inside.err(), DENIED);
    }
    for user in [User::Administrator, User::System] {
        let handle = as_user(user, || sim.open_device(r"\\?\globalroot\Device\Test\x"));
        sim.close_handle(handle.expect("allowed")).expect("close");
    }
    protect(&machine, device, &[AUTHENTICATED]);
    assert!(as_user(User::Standard, || sim.open_device(PATH)).is_ok());
    assert_eq!(as_user(User::Guest, || sim.open_device(PATH)).err(), DENIED);
    protect(&machine, device, &[WORLD]);
    assert!(as_user(User::Guest, || sim.open_device(PATH)).is_ok());
    assert_eq!(details(sim), [""; 0]);
}

#[test]
fn names_inside_of_a_device_are_checked_if_it_asks_for_it() {
    let machine = plain();
    let device = machine.start_device(0, false);
    let sim = &machine.sim;
    protect(&machine, device, &[SYSTEM]);
    let open = |path| as_user(User::Guest, || sim.open_device(path));
    assert_eq!(open(PATH).err(), DENIED);
    assert!(open(r"\\.\Test\x").is_ok());
    assert_eq!(
        open(r"\\.\Tes").err(),
        Some(NtStatus::OBJECT_NAME_NOT_FOUND)
    );
}

#[test]
fn a_device_cannot_be_opened_before_it_is_initialized() {
    let machine = plain();
    let sim = &machine.sim;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, copy) = (seen.clone(), sim.clone());
    sim.set_call_hook(Some(Box::new(move |routine| {
        assert_eq!(thread::irql(), 0);
        let opened = copy.open_device(r"\\.\GLOBALROOT\Device\Test");
        log.lock()
            .expect("log")
            .push((routine.to_owned(), opened.err()));
    })));
    machine.create_device(SECURE_OPEN, false);
    sim.set_call_hook(None);
    let expected = [
        ("IoCreateDevice", NtStatus::OBJECT_NAME_NOT_FOUND),
        ("IoCreateSymbolicLink", NtStatus::NO_SUCH_DEVICE),
    ];
    let seen = seen.lock().expect("log");
    let seen = seen
        .iter()
        .map(|(name, status)| (name.as_str(), status.expect("refused")));
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    sim.kernel.devices_are_initialized();
    assert!(sim.open_device(PATH).is_ok());
}

#[test]
fn an_exclusive_device_is_opened_once() {
    let machine = plain();
    machine.start_device(SECURE_OPEN, true);
    let sim = &machine.sim;
    let first = sim.open_device(PATH).expect("nobody has it");
    assert_eq!(sim.open_device(r"\\.\Test\x").err(), DENIED);
    sim.close_handle(first).expect("close");
    assert!(sim.open_device(PATH).is_ok());
}

#[test]
fn a_control_code_needs_the_rights_that_it_names() {
    let machine = plain();
    machine.start_device(SECURE_OPEN, false);
    let sim = &machine.sim;
    let (read, write) = (1 << 14, 2 << 14);
    let reader = sim.open_device_with(PATH, READ).expect("for reading");
    let control = |code| sim.device_io_control_raw(reader, code, &[], &mut []).0;
    assert_eq!((control(0), control(read)), (OK, OK));
    assert_eq!(control(write), NtStatus::ACCESS_DENIED);
    assert_eq!(control(read | write), NtStatus::ACCESS_DENIED);
    let both = sim.open_device(PATH).expect("for both");
    assert!(
        sim.device_io_control(both, read | write, &[], &mut [])
            .is_ok()
    );
    let none = sim.open_device_with(PATH, 0).expect("for nothing");
    let refused = sim.device_io_control(none, read, &[], &mut []);
    assert_eq!(refused.err(), DENIED);
}

#[test]
fn wrong_descriptors_are_refused() {
    let machine = plain();
    let device = machine.start_device(SECURE_OPEN, false);
    let sim = &machine.sim;
    let (descriptor, acl) = (Block::zeroed(40), Block::zeroed(64));
    let (d, a) = (descriptor.address(), acl.address());
    assert_eq!(
        status(sim, "RtlCreateSecurityDescriptor", &[d, 2]),
        NtStatus::UNKNOWN_REVISION
    );
    let unknown = status(sim, "RtlSetDaclSecurityDescriptor", &[d, 1, a, 0]);
    assert_eq!(unknown, NtStatus::UNKNOWN_REVISION);
    assert_eq!(
        status(sim, "RtlCreateAcl", &[a, 4, 2]),
        NtStatus::BUFFER_TOO_SMALL
    );
    assert_eq!(
        status(sim, "RtlCreateAcl", &[a, 64, 1]),
        NtStatus::INVALID_PARAMETER
    );
    assert_eq!(
        status(sim, "RtlCreateAcl", &[a, 1 << 16, 2]),
        NtStatus::INVALID_PARAMETER
    );
    let world = sid(&machine, WORLD);
    assert_eq!(call(sim, "RtlLengthSid", &[world]) as u32, 12);
    let add = |acl, sid| status(sim, "RtlAddAccessAllowedAce", &[acl, 2, 1, sid]);
    assert_eq!(add(a, world), NtStatus::INVALID_ACL);
    // Room for the header and one entry: 8 + 8 + 12.
    assert_eq!(status(sim, "RtlCreateAcl", &[a, 28, 2]), OK);
    assert_eq!(
        (add(a, world), add(a, world)),
        (OK, NtStatus::ALLOTTED_SPACE_EXCEEDED)
    );
    assert_eq!(status(sim, "RtlCreateSecurityDescriptor", &[d, 1]), OK);
    let weak = open(&machine, device, 0x2_0000).expect("READ_CONTROL") as usize;
    let set = |handle, descriptor| status(sim, "ZwSetSecurityObject", &[handle, 4, descriptor]);
    assert_eq!(set(weak, d), NtStatus::ACCESS_DENIED);
    assert_eq!(set(weak, 0), NtStatus::ACCESS_VIOLATION);
    assert_eq!(details(sim), [""; 0]);
    sim.check_nothing_left();
    assert!(details(sim).contains(&"1 kernel handles".to_owned()));
}

#[test]
fn rules_of_security_routines_are_checked() {
    let machine = plain();
    let device = machine.start_device(SECURE_OPEN, false);
    let sim = &machine.sim;
    let out = Block::zeroed(8);
    let arguments = [device, 0, 0, 0, 0, 0, out.address()];
    assert_eq!(status(sim, "ObOpenObjectByPointer", &arguments), OK);
    thread::set_irql(DISPATCH_LEVEL);
    call(sim, "RtlLengthSid", &[sid(&machine, WORLD)]);
    thread::set_irql(0);
    let found = details(sim);
    assert_eq!(found[0], "an object was opened without OBJ_KERNEL_HANDLE");
    assert!(found[1].starts_with("RtlLengthSid was called at IRQL 2"));
    sim.fail_nth("ObOpenObjectByPointer", 1);
    let failed = open(&machine, device, 0);
    assert_eq!(failed, Err(NtStatus::INSUFFICIENT_RESOURCES));
}
