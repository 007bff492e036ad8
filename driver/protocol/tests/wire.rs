//! The wire structures: layouts that clients rely on, and every malformed request refused.

use daxflush_protocol::{
    CommitRequest, FileRange, Ioctl, MAX_RANGES, MarkDirty, Statistics, VersionReply,
};

fn request(ranges: &[FileRange]) -> Vec<u8> {
    let mut buffer = vec![0; 16 + 16 * ranges.len()];
    MarkDirty::encode(7, ranges, &mut buffer)
        .expect("a valid request")
        .to_vec()
}

const RANGE: FileRange = FileRange {
    offset: 64,
    length: 1,
};

#[test]
fn sizes_are_fixed() {
    assert_eq!(size_of::<VersionReply>(), 20);
    assert_eq!(size_of::<Statistics>(), 184);
    assert_eq!(size_of::<CommitRequest>(), 24);
    assert_eq!(request(&[RANGE]).len(), 32);
}

#[test]
fn codes_are_buffered_and_distinct() {
    for ioctl in [
        Ioctl::Version,
        Ioctl::Statistics,
        Ioctl::MarkDirty,
        Ioctl::Commit,
    ] {
        assert_eq!(ioctl.code() & 3, 0, "METHOD_BUFFERED");
        assert_eq!(Ioctl::from_code(ioctl.code()), Some(ioctl));
    }
    assert_eq!(Ioctl::from_code(Ioctl::Commit.code() + 4), None);
    assert_eq!(
        Ioctl::from_code(Ioctl::Commit.code() | 3),
        None,
        "METHOD_NEITHER"
    );
}

#[test]
fn a_request_survives_the_wire() {
    let bytes = request(&[
        RANGE,
        FileRange {
            offset: 0,
            length: 4096,
        },
    ]);
    let parsed = MarkDirty::parse(&bytes).expect("valid");
    assert_eq!((parsed.file, parsed.ranges.len()), (7, 2));
    assert_eq!(parsed.ranges[0], RANGE);
}

#[test]
fn every_wrong_length_is_refused() {
    let bytes = request(&[RANGE, RANGE]);
    for length in 0..bytes.len() {
        assert!(
            MarkDirty::parse(&bytes[..length]).is_none(),
            "{length} bytes"
        );
    }
    let mut long = bytes.clone();
    long.extend([0; 16]);
    assert!(
        MarkDirty::parse(&long).is_none(),
        "more ranges than counted"
    );
}

#[test]
fn empty_overflowing_and_reserved_are_refused() {
    for range in [
        FileRange {
            offset: 0,
            length: 0,
        },
        FileRange {
            offset: u64::MAX,
            length: 2,
        },
        FileRange {
            offset: i64::MAX as u64,
            length: 1,
        },
    ] {
        assert!(
            MarkDirty::parse(&request(&[RANGE, range])).is_none(),
            "{range:?}"
        );
    }
    assert!(MarkDirty::parse(&request(&[])).is_none(), "no ranges");
    let mut reserved = request(&[RANGE]);
    reserved[12] = 1;
    assert!(MarkDirty::parse(&reserved).is_none(), "reserved field");
    let many = vec![RANGE; MAX_RANGES + 1];
    assert!(
        MarkDirty::encode(7, &many, &mut vec![0; 1 << 20]).is_none(),
        "too many"
    );
}

#[test]
fn a_short_buffer_is_not_written_past() {
    assert!(MarkDirty::encode(7, &[RANGE], &mut [0; 31]).is_none());
}
