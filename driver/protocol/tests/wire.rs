//! The wire structures: layouts that clients rely on, and every malformed request refused.

use daxflush_protocol::{
    AttachLogRequest, CloseLogRequest, CommitReply, CommitRequest, CreateLogRequest,
    DirtyLinesRequest, DrainReply, FileRange, FillTokenRequest, FlushToken, FlushTokenHeader,
    GetTokenRequest, Histogram, Information, Ioctl, ListRequest, LogReply, MAX_RANGES, MAX_WRITE,
    MarkDirty, MarkDirtyHeader, Record, ReplyHeader, RequiredAccess, SelfTestReply,
    SetSettingRequest, Setting, SettingRecord, Statistics, StatisticsReply, StatisticsRequest,
    StreamRecord, StreamsRequest, TokenFlushReply, TokenReply, TokenRequest, TraceReply,
    TraceRequest, VersionReply, VersionRequest, VolumeRecord, WriteToken, WriteTokenHeader,
    record_bytes, records,
};
use zerocopy::IntoBytes;

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
    macro_rules! sizes {
        ($($kind:ident: $size:literal,)*) => {
            $(assert_eq!(size_of::<$kind>(), $size, stringify!($kind));)*
        };
    }
    sizes! {
        ReplyHeader: 8,
        VersionRequest: 8,
        VersionReply: 32,
        Information: 88,
        StatisticsRequest: 16,
        Statistics: 184,
        Histogram: 264,
        StatisticsReply: 712,
        ListRequest: 8,
        StreamsRequest: 16,
        VolumeRecord: 72,
        StreamRecord: 104,
        DirtyLinesRequest: 32,
        MarkDirtyHeader: 16,
        FileRange: 16,
        CommitRequest: 32,
        CommitReply: 24,
        DrainReply: 8,
        CreateLogRequest: 16,
        CloseLogRequest: 8,
        AttachLogRequest: 16,
        LogReply: 24,
        GetTokenRequest: 24,
        TokenReply: 8,
        TokenRequest: 8,
        FlushTokenHeader: 16,
        TokenFlushReply: 8,
        WriteTokenHeader: 24,
        FillTokenRequest: 32,
        TraceRequest: 8,
        TraceReply: 8,
        SelfTestReply: 24,
        SettingRecord: 24,
        SetSettingRequest: 16,
    }
    assert_eq!(request(&[RANGE]).len(), 32);
}

#[test]
fn codes_are_buffered_distinct_and_say_what_they_need() {
    for (index, ioctl) in Ioctl::ALL.iter().enumerate() {
        let code = ioctl.code();
        assert_eq!(code & 3, 0, "METHOD_BUFFERED");
        assert_eq!((code >> 14) & 3, ioctl.access() as u32);
        assert_eq!(Ioctl::from_code(code), Some(*ioctl));
        assert_eq!(Ioctl::from_code(code | 3), None, "METHOD_NEITHER");
        assert_eq!(Ioctl::from_code(code ^ (1 << 14)), None, "other access");
        let function = |ioctl: &Ioctl| (ioctl.code() >> 2) & 0xfff;
        let same = Ioctl::ALL[..index]
            .iter()
            .any(|other| function(other) == function(ioctl));
        assert!(!same, "{}", ioctl.name());
    }
    for administrators in [
        Ioctl::Streams,
        Ioctl::Trace,
        Ioctl::SelfTest,
        Ioctl::SetSetting,
    ] {
        assert_eq!(administrators.access(), RequiredAccess::Write);
    }
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

#[test]
fn token_requests_of_every_wrong_length_are_refused() {
    let mut buffer = [0; 256];
    let flush = FlushToken {
        token: 9,
        flags: 1,
        ranges: &[RANGE, RANGE],
    };
    let bytes = flush.encode(&mut buffer).expect("a request").to_vec();
    let parsed = FlushToken::parse(&bytes).expect("valid");
    assert_eq!((parsed.token, parsed.flags, parsed.ranges.len()), (9, 1, 2));
    for length in 0..bytes.len() {
        assert!(FlushToken::parse(&bytes[..length]).is_none(), "{length}");
    }
    let mut unknown = bytes.clone();
    unknown[8] = 2;
    assert!(FlushToken::parse(&unknown).is_none(), "an unknown flag");
    let write = WriteToken {
        token: 9,
        offset: 64,
        flags: 3,
        data: b"bytes",
    };
    let bytes = write.encode(&mut buffer).expect("a request").to_vec();
    assert_eq!(
        WriteToken::parse(&bytes).map(|write| write.data),
        Some(&b"bytes"[..])
    );
    for length in (0..bytes.len()).chain([bytes.len() + 1]) {
        let mut other = bytes.clone();
        other.resize(length, 0);
        assert!(WriteToken::parse(&other).is_none(), "{length}");
    }
    let long = vec![0; MAX_WRITE + 1];
    let long = WriteToken {
        data: &long,
        ..write
    };
    assert!(long.encode(&mut vec![0; 2 * MAX_WRITE]).is_none());
}

/// A list as the driver writes it.
fn list(names: &[&[u8]]) -> Vec<u8> {
    let count = names.len() as u32;
    let mut bytes = vec![0; size_of::<ReplyHeader>()];
    for (index, name) in names.iter().enumerate() {
        let size = record_bytes::<VolumeRecord>(name.len());
        let mut record = VolumeRecord {
            id: index as u64,
            ..VolumeRecord::default()
        };
        record.set_sizes(size as u32, name.len() as u32);
        let start = bytes.len();
        bytes.extend_from_slice(record.as_bytes());
        bytes.extend_from_slice(name);
        bytes.resize(start + size, 0);
    }
    let header = ReplyHeader {
        size: bytes.len() as u32,
        count,
    };
    bytes[..8].copy_from_slice(header.as_bytes());
    bytes
}

#[test]
fn a_list_gives_its_records_and_stops_where_it_is_cut() {
    let bytes = list(&[b"ab", b"", b"abcdef"]);
    let found: Vec<_> = records::<VolumeRecord>(&bytes)
        .map(|(record, name)| (record.id, name.to_vec()))
        .collect();
    let expected = [(0, b"ab".to_vec()), (1, vec![]), (2, b"abcdef".to_vec())];
    assert_eq!(found, expected);
    for length in 0..bytes.len() {
        let found = records::<VolumeRecord>(&bytes[..length]).count();
        assert!(found < 3, "{length}");
    }
    // Whatever the bytes are, nothing is read beyond them.
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0xff;
        assert!(records::<VolumeRecord>(&broken).count() <= broken.len());
    }
}

#[test]
fn settings_have_numbers_words_and_limits_that_agree() {
    for (number, setting) in Setting::ALL.iter().enumerate() {
        assert_eq!(*setting as usize, number);
        assert_eq!(Setting::from_number(number as u32), Some(*setting));
        assert_eq!(
            Setting::from_name(&setting.name().to_lowercase()),
            Some(*setting)
        );
        assert!(setting.allows(setting.default_value()));
        assert!(!setting.allows(setting.most().wrapping_add(1)));
        if !setting.words().is_empty() {
            assert_eq!(setting.words().len() as u32, setting.most() + 1);
        }
        for (value, word) in setting.words().iter().enumerate() {
            assert_eq!(setting.value_of(word), Some(value as u32));
            assert_eq!(setting.word(value as u32), Some(*word));
        }
    }
}

#[test]
fn histograms_know_their_buckets() {
    for bucket in 0..32 {
        let least = Histogram::least(bucket);
        assert_eq!(Histogram::bucket(least), bucket);
        if bucket > 0 {
            assert_eq!(Histogram::bucket(least - 1), bucket - 1);
        }
    }
    assert_eq!(Histogram::bucket(u64::MAX), 31);
}
