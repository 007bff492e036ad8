//! Names of files and volumes.

use super::{
    create, details,
    driver::{call, status},
    fake::{Fake, machine},
};
use crate::{
    Access, Disposition, Handle, NtStatus, Sim, SimOptions,
    nt::{Block, flt_file_name_information as ni, get, put},
    thread,
};

const NORMALIZED: usize = 0x101;
const OK: NtStatus = NtStatus::SUCCESS;

fn instance(sim: &Sim) -> usize {
    sim.kernel.lock().volumes[0].instance_address()
}

/// A UNICODE_STRING.
fn text(at: usize) -> String {
    // SAFETY: a string of the simulation.
    let (bytes, buffer): (u16, usize) = unsafe { (get(at, 0), get(at, 8)) };
    // SAFETY: as above.
    let units = (0..usize::from(bytes) / 2).map(|at| unsafe { get(buffer, 2 * at) });
    String::from_utf16_lossy(&units.collect::<Vec<u16>>())
}

fn query(sim: &Sim, file: Handle, options: usize) -> Result<usize, NtStatus> {
    let (object, _) = sim.file_object(file)?;
    let out = Block::zeroed(8);
    let arguments = [object, instance(sim), options, out.address()];
    status(sim, "FltGetFileNameInformationUnsafe", &arguments).check()?;
    // SAFETY: our own block.
    Ok(unsafe { get(out.address(), 0) })
}

#[test]
fn a_file_has_the_name_of_its_volume_and_path() {
    let sim = machine(SimOptions::default(), Fake::default());
    let file = create(&sim, "a:s");
    let name = query(&sim, file, NORMALIZED).expect("a name");
    assert_eq!(text(name + ni::NAME), r"\Device\HarddiskVolume1\A:S");
    assert_eq!(text(name + ni::VOLUME), r"\Device\HarddiskVolume1");
    call(&sim, "FltReferenceFileNameInformation", &[name]);
    call(&sim, "FltReleaseFileNameInformation", &[name]);
    sim.check_nothing_left();
    assert_eq!(details(&sim), ["1 file names"]);
    call(&sim, "FltReleaseFileNameInformation", &[name]);
    call(&sim, "FltReleaseFileNameInformation", &[name]);
    assert_eq!(
        details(&sim)[1],
        "a file name information after it was released was released"
    );
    let volume = sim.open_volume('D').expect("the volume");
    let name = query(&sim, volume, NORMALIZED).expect("a name");
    assert_eq!(text(name + ni::NAME), r"\Device\HarddiskVolume1");
    let plain = create(&sim, "c");
    sim.rename(plain, r"D:\d", false).expect("a rename");
    let name = query(&sim, plain, NORMALIZED).expect("a name");
    assert_eq!(text(name + ni::NAME), r"\Device\HarddiskVolume1\D");
}

#[test]
fn a_name_cannot_be_asked_for_everywhere() {
    let sim = machine(SimOptions::default(), Fake::default());
    let file = create(&sim, "a");
    let invalid = Err(NtStatus::FLT_INVALID_NAME_REQUEST);
    let below = |options| sim.with_top_level_irp(|| query(&sim, file, options));
    assert_eq!(below(0x401), invalid, "it may be refused");
    assert_eq!(below(0x201), Err(NtStatus::FLT_NAME_CACHE_MISS));
    assert_eq!(details(&sim), [""; 0]);
    assert_eq!(below(NORMALIZED), invalid);
    thread::set_irql(thread::APC_LEVEL);
    assert_eq!(query(&sim, file, NORMALIZED), invalid);
    thread::set_irql(0);
    let expected = [
        "a name was queried below a file system, which may wait for ever",
        "a name was queried while APCs are disabled, which may wait for ever",
    ];
    assert_eq!(details(&sim), expected);
    sim.fail_nth("FltGetFileNameInformationUnsafe", 1);
    let failed = query(&sim, file, NORMALIZED);
    assert_eq!(failed, Err(NtStatus::INSUFFICIENT_RESOURCES));
}

#[test]
fn a_file_that_was_cleaned_up_is_not_asked() {
    let sim = machine(SimOptions::default(), Fake::default());
    let file = create(&sim, "a");
    let (object, _) = sim.file_object(file).expect("open");
    sim.kernel.reference(object);
    sim.close_handle(file).expect("close");
    let out = Block::zeroed(8);
    let arguments = [object, instance(&sim), NORMALIZED, out.address()];
    let queried = status(&sim, "FltGetFileNameInformationUnsafe", &arguments);
    assert_eq!(queried, NtStatus::FLT_INVALID_NAME_REQUEST);
    let expected = "a name was queried after the cleanup, which may wait for ever";
    assert_eq!(details(&sim), [expected]);
    call(&sim, "ObfDereferenceObject", &[object]);
    let again = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    assert!(again.is_ok());
}

#[test]
fn a_volume_has_two_names() {
    let sim = machine(SimOptions::default(), Fake::default());
    let (out, string, buffer) = (Block::zeroed(8), Block::zeroed(16), Block::zeroed(128));
    let arguments = [instance(&sim), out.address()];
    assert_eq!(status(&sim, "FltGetVolumeFromInstance", &arguments), OK);
    // SAFETY: our own blocks.
    let volume: usize = unsafe {
        put(string.address(), 8, buffer.address());
        get(out.address(), 0)
    };
    for (routine, name) in [
        ("FltGetVolumeName", r"\Device\HarddiskVolume1"),
        (
            "FltGetVolumeGuidName",
            r"\??\Volume{da5f1054-0000-4000-8000-000000000001}",
        ),
    ] {
        let small = status(&sim, routine, &[volume, 0, out.address()]);
        assert_eq!(small, NtStatus::BUFFER_TOO_SMALL);
        // SAFETY: our own block.
        let needed: u32 = unsafe { get(out.address(), 0) };
        for (room, expected) in [(needed - 1, small), (needed, OK)] {
            // SAFETY: our own block: MaximumLength.
            unsafe { put(string.address(), 2, room as u16) };
            let arguments = [volume, string.address(), 0];
            assert_eq!(status(&sim, routine, &arguments), expected);
        }
        assert_eq!(text(string.address()), name);
        let neither = status(&sim, routine, &[volume, 0, 0]);
        assert_eq!(neither, NtStatus::INVALID_PARAMETER);
    }
    sim.check_nothing_left();
    assert_eq!(details(&sim), ["1 references to volumes and instances"]);
    call(&sim, "FltObjectDereference", &[volume]);
    sim.check_nothing_left();
    assert_eq!(details(&sim).len(), 1);
}
