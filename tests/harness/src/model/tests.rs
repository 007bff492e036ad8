//! The model itself.

use super::*;

fn survivors(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) + '_ {
    |offset, target| {
        let from = &bytes[offset as usize..];
        target.copy_from_slice(&from[..target.len()]);
    }
}

#[test]
fn fresh_data_differs_everywhere() {
    let mut file = File::default();
    for sequence in 0..200 {
        let before: Vec<u8> = file.lines.values().flat_map(|line| *line.now()).collect();
        let data = file.fresh_data(0, 128, sequence);
        assert!(before.iter().zip(&data).all(|(old, new)| old != new));
        file.store(0, &data);
    }
}

#[test]
fn a_committed_line_must_survive() {
    let mut file = File::default();
    file.store(0, &[1; 128]);
    assert_eq!((file.dirty_lines(), file.lines()), (2, 2));
    file.commit();
    assert_eq!(file.dirty_lines(), 0);
    assert_eq!(file.check(survivors(&[1; 128])), []);
    let mut lost = [1; 128];
    lost[64..].fill(0);
    let loss = Loss {
        offset: 64,
        bytes: 64,
        committed: true,
    };
    assert_eq!(file.check(survivors(&lost)), [loss]);
}

#[test]
fn a_dirty_line_may_be_any_mixture_of_whole_units() {
    let mut file = File::default();
    file.store(0, &[1; 64]);
    file.commit();
    file.store(0, &[2; 64]);
    file.store(0, &[3; 64]);
    let mut mixed = [1; 64];
    mixed[8..16].fill(3);
    mixed[16..24].fill(2);
    assert_eq!(file.check(survivors(&mixed)), []);
    // A torn unit, and one that is older than the commit.
    mixed[24] = 2;
    mixed[32..40].fill(0);
    let loss = Loss {
        offset: 24,
        bytes: 16,
        committed: false,
    };
    assert_eq!(file.check(survivors(&mixed)), [loss]);
}

#[test]
fn what_is_cut_off_is_gone() {
    let mut file = File::default();
    file.store(0, &[1; 256]);
    file.truncate(100);
    assert_eq!(file.dirty_lines(), 2);
    file.commit();
    let mut rest = [0; 256];
    rest[..100].fill(1);
    assert_eq!(file.check(survivors(&rest)), []);
}

/// What a commit flushes of a file of 130 lines, the first of them written and two bytes stored
/// through a view, across the end of the second page.
fn lines(mapped: Mapped) -> File {
    let mut file = File::default();
    file.truncate(130 * LINE);
    file.store(0, &[1; 4]);
    file.map(mapped);
    file.store_through_view(8191, &[1, 2]);
    file
}

#[test]
fn each_way_of_recording_has_its_own_grain() {
    for (mapped, flushed) in [
        (Mapped::Report, 3),
        (Mapped::Log, 3),
        // Of the third page, two lines are within the file.
        (Mapped::Faults, 1 + 64 + 2),
        (Mapped::Conservative, 130),
    ] {
        let mut file = lines(mapped);
        assert_eq!((file.dirty_lines(), file.lines_to_flush()), (3, flushed));
        file.commit();
        let still = if mapped == Mapped::Conservative {
            130
        } else {
            0
        };
        assert_eq!(file.lines_to_flush(), still, "{mapped}");
        file.store(64, &[1]);
        assert_eq!(file.lines_to_flush(), still.max(1), "a write is exact");
    }
}

#[test]
fn a_log_that_overflowed_costs_one_flush_of_the_file() {
    let mut file = lines(Mapped::Log);
    file.overflow();
    assert_eq!(file.lines_to_flush(), 130);
    file.commit();
    assert_eq!(file.lines_to_flush(), 0);
}

#[test]
fn until_something_is_reported_all_may_be_dirty() {
    for (mapped, flushed) in [
        (Mapped::Report, 130),
        (Mapped::Faults, 130),
        (Mapped::Log, 0),
    ] {
        let mut file = File::default();
        file.truncate(130 * LINE);
        file.map(mapped);
        assert_eq!(file.lines_to_flush(), flushed, "{mapped}");
    }
}
