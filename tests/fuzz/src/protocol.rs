//! What both sides of the device parse: requests with ranges or data, and lists.

use daxflush_protocol::{
    FlushToken, MarkDirty, Record, StreamRecord, VolumeRecord, WriteToken, record_bytes, records,
};

/// Parses the bytes as everything that they could be.
///
/// # Panics
/// What was parsed is not what is written again, or a record is not within the answer.
pub fn run(data: &[u8]) {
    // Structures of 8-byte fields, as the kernel's buffer is aligned.
    let mut words = vec![0_u64; data.len().div_ceil(8)];
    let aligned = zerocopy::IntoBytes::as_mut_bytes(&mut words[..]);
    aligned[..data.len()].copy_from_slice(data);
    let input = &aligned[..data.len()];
    let mut buffer = vec![0; data.len()];
    if let Some(request) = MarkDirty::parse(input) {
        assert!(request.ranges.iter().all(|range| range.is_valid()));
        let again = MarkDirty::encode(request.file, request.ranges, &mut buffer);
        assert_eq!(again, Some(input));
    }
    if let Some(request) = FlushToken::parse(input) {
        assert!(request.ranges.iter().all(|range| range.is_valid()));
        assert_eq!(request.encode(&mut buffer), Some(input));
    }
    if let Some(request) = WriteToken::parse(input) {
        assert!(!request.data.is_empty());
        assert_eq!(request.encode(&mut buffer), Some(input));
    }
    listed::<VolumeRecord>(input);
    listed::<StreamRecord>(input);
}

fn listed<R: Record>(answer: &[u8]) {
    let room = answer.len() / size_of::<R>();
    let mut found = 0;
    for (record, name) in records::<R>(answer) {
        let (size, name_bytes) = record.sizes();
        assert!(size as usize >= size_of::<R>() + name.len() && name.len() == name_bytes as usize);
        assert!(record_bytes::<R>(name.len()) >= size_of::<R>() + name.len());
        found += 1;
        assert!(found <= room, "more records than there is room for");
    }
}
