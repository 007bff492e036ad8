//! Control codes of files and volumes.

use crate::{contents, create, durable, end, machine, open};
use ntsim::{Disposition, Handle, NtStatus, Sim};

const LOCK_VOLUME: u32 = 0x9_0018;
const UNLOCK_VOLUME: u32 = 0x9_001c;
const DISMOUNT_VOLUME: u32 = 0x9_0020;
const SET_SPARSE: u32 = 0x9_00c4;
const SET_ZERO_DATA: u32 = 0x9_80c8;
const OFFLOAD_READ: u32 = 0x9_4264;
const OFFLOAD_WRITE: u32 = 0x9_8268;
const DUPLICATE: u32 = 0x9_8344;
const DUPLICATE_EX: u32 = 0x9_83e8;

fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn control(sim: &Sim, handle: Handle, code: u32, input: &[u64]) -> Result<(), NtStatus> {
    sim.fsctl(handle, code, &words(input), &mut []).map(|_| ())
}

#[test]
fn zeroing_ends_with_the_file_and_is_not_durable() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 100]).expect("a write");
    control(&sim, file, SET_SPARSE, &[]).expect("nothing to do");
    control(&sim, file, SET_ZERO_DATA, &[50, 200]).expect("zeroing");
    assert_eq!(contents(&sim, file), [[7; 50], [0; 50]].concat());
    assert_eq!(durable(&sim, file, 50), [0; 50]);
    let invalid = Err(NtStatus::INVALID_PARAMETER);
    assert_eq!(control(&sim, file, SET_ZERO_DATA, &[2, 1]), invalid);
    assert_eq!(control(&sim, file, SET_ZERO_DATA, &[2]), invalid);
    end(&sim, &[file]);
}

#[test]
fn extents_are_cloned_in_clusters() {
    for ex in [false, true] {
        let sim = machine();
        let (source, target) = (create(&sim, "a"), create(&sim, "b"));
        sim.write_file(source, 0, &[7; 5000]).expect("a write");
        sim.set_end_of_file(target, 16384).expect("room");
        let clone = |from, to, length| {
            let range = [source.as_raw(), from, to, length];
            if ex {
                let with_size = [&[48], &range[..], &[0]].concat();
                control(&sim, target, DUPLICATE_EX, &with_size)
            } else {
                control(&sim, target, DUPLICATE, &range)
            }
        };
        let invalid = Err(NtStatus::INVALID_PARAMETER);
        assert_eq!(clone(1, 0, 4096), invalid);
        assert_eq!(clone(0, 0, 100), invalid);
        assert_eq!(clone(0, 16384, 4096), invalid, "beyond the target");
        assert_eq!(clone(0, 4096, 5000), Ok(()), "up to the source's end");
        let mut found = [0; 5000];
        sim.read_file(target, 4096, &mut found).expect("a read");
        assert_eq!(found, [7; 5000]);
        assert_eq!(durable(&sim, target, 8192), [0; 8192]);
        end(&sim, &[source, target]);
    }
}

#[test]
fn offloaded_writes_may_do_less_than_asked() {
    let sim = machine();
    let (source, target) = (create(&sim, "a"), create(&sim, "b"));
    sim.write_file(source, 0, &[7; 8192]).expect("a write");
    let mut token = [0; 528];
    let read = words(&[32, 0, 0, 8192]);
    let answer = sim.fsctl(source, OFFLOAD_READ, &read, &mut token);
    assert_eq!(answer, Ok(528));
    let mut write = words(&[544, 4096, 4096, 4096]);
    write.extend(&token[16..]);
    for (limit, written) in [(Some(100), 100_u64), (None, 4096)] {
        sim.limit_offloaded_writes(limit);
        let mut answer = [0; 16];
        let done = sim.fsctl(target, OFFLOAD_WRITE, &write, &mut answer);
        assert_eq!(done, Ok(16));
        assert_eq!(answer[8..], written.to_le_bytes());
        assert_eq!(sim.file_size(target), Ok(4096 + written));
    }
    assert_eq!(contents(&sim, target)[4096..], [7; 4096]);
    write[32] = 0xee;
    let unknown = sim.fsctl(target, OFFLOAD_WRITE, &write, &mut [0; 16]);
    assert_eq!(unknown, Err(NtStatus::INVALID_PARAMETER));
    end(&sim, &[source, target]);
}

#[test]
fn unknown_codes_are_refused() {
    let sim = machine();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    for handle in [file, volume] {
        for method in 0..4 {
            let refused = control(&sim, handle, 0x9_fff0 + method, &[1]);
            assert_eq!(refused, Err(NtStatus::INVALID_DEVICE_REQUEST));
        }
    }
    end(&sim, &[file, volume]);
}

#[test]
fn a_volume_is_locked_when_nothing_on_it_is_open() {
    let sim = machine();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    let denied = NtStatus::ACCESS_DENIED;
    let lock = || control(&sim, volume, LOCK_VOLUME, &[]);
    assert_eq!(lock(), Err(denied));
    sim.write_file(file, 0, &[1; 4096]).expect("a write");
    let view = sim.map_view(file, 0, 4096, false).expect("a view");
    sim.close_handle(file).expect("close");
    assert_eq!(lock(), Err(denied), "a section keeps the file object");
    sim.unmap_view(view);
    assert_eq!(lock(), Ok(()));
    let opened = open(&sim, "a", Disposition::OpenExisting);
    assert_eq!(opened.err(), Some(denied));
    control(&sim, volume, UNLOCK_VOLUME, &[]).expect("unlocked");
    let again = control(&sim, volume, UNLOCK_VOLUME, &[]);
    assert_eq!(again, Err(NtStatus::NOT_LOCKED));
    assert_eq!(lock(), Ok(()));
    sim.close_handle(volume).expect("close, which unlocks");
    let file = open(&sim, "a", Disposition::OpenExisting).expect("a file");
    end(&sim, &[file]);
}

#[test]
fn a_dismount_kills_what_is_open() {
    let sim = machine();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    control(&sim, volume, DISMOUNT_VOLUME, &[]).expect("dismounted");
    let dead = Err(NtStatus::VOLUME_DISMOUNTED);
    assert_eq!(sim.write_file(file, 0, &[1]), dead);
    let again = open(&sim, "a", Disposition::OpenExisting).expect("a file");
    sim.write_file(again, 0, &[1]).expect("a write");
    end(&sim, &[file, volume, again]);
}
