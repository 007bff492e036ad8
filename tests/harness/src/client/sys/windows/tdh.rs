//! Events as the system hands them over, decoded by what they say of themselves.

use crate::{
    events::Event,
    fields::{Field, Length, text_at, values},
    from_events::PROVIDER,
};
use std::{
    mem::offset_of,
    ptr::{null, null_mut},
    slice,
};
use windows_sys::Win32::{
    Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS},
    System::Diagnostics::Etw::{
        EVENT_PROPERTY_INFO, EVENT_RECORD, PropertyParamFixedLength, PropertyParamLength,
        PropertyStruct, TRACE_EVENT_INFO, TdhGetEventInformation,
    },
};
use zerocopy::IntoBytes;

/// An event of the driver's; `None` if the system cannot say what is in it.
pub fn decode(record: &EVENT_RECORD) -> Option<Event> {
    let information = information(record)?;
    let bytes = information.as_bytes();
    if bytes.len() < size_of::<TRACE_EVENT_INFO>() {
        return None;
    }
    // SAFETY: long enough, aligned to 8 bytes, and filled in by the system; every bit pattern is one.
    let header = unsafe { &*information.as_ptr().cast::<TRACE_EVENT_INFO>() };
    // SAFETY: both of the union's fields are offsets.
    let name = match unsafe { header.Anonymous1.EventNameOffset } {
        0 => header.TaskNameOffset,
        name => name,
    };
    let fields: Option<Vec<Field>> = properties(&information, header)?
        .iter()
        .map(|property| field(property, bytes))
        .collect();
    let descriptor = &record.EventHeader.EventDescriptor;
    Some(Event {
        provider: PROVIDER.into(),
        name: text_at(bytes, name)?,
        level: descriptor.Level,
        keyword: descriptor.Keyword,
        time: u64::try_from(record.EventHeader.TimeStamp).unwrap_or(0),
        fields: values(fields?, data(record)),
    })
}

/// A TRACE_EVENT_INFO and what it refers to, in words for its alignment.
fn information(record: &EVENT_RECORD) -> Option<Vec<u64>> {
    let mut size = 0;
    // SAFETY: a record from the system; without a buffer only the size is asked for.
    let asked = unsafe { TdhGetEventInformation(record, 0, null(), null_mut(), &mut size) };
    if asked != ERROR_INSUFFICIENT_BUFFER {
        return None;
    }
    let mut buffer = vec![0u64; (size as usize).div_ceil(size_of::<u64>())];
    let room = buffer.as_mut_ptr().cast::<TRACE_EVENT_INFO>();
    // SAFETY: as above, with a buffer of at least the size.
    let asked = unsafe { TdhGetEventInformation(record, 0, null(), room, &mut size) };
    (asked == ERROR_SUCCESS).then_some(buffer)
}

/// The array at the end of the header.
fn properties<'a>(
    information: &'a [u64],
    header: &TRACE_EVENT_INFO,
) -> Option<&'a [EVENT_PROPERTY_INFO]> {
    let count = header.TopLevelPropertyCount as usize;
    let first = offset_of!(TRACE_EVENT_INFO, EventPropertyInfoArray);
    let bytes = count.checked_mul(size_of::<EVENT_PROPERTY_INFO>())?;
    let array = information.as_bytes().get(first..)?.get(..bytes)?;
    // SAFETY: within the buffer, at an offset that is aligned as the structure's own; plain numbers.
    Some(unsafe { slice::from_raw_parts(array.as_ptr().cast(), count) })
}

/// `None` for structures, which the driver does not use.
fn field(property: &EVENT_PROPERTY_INFO, bytes: &[u8]) -> Option<Field> {
    let has = |flag| property.Flags & flag != 0;
    if has(PropertyStruct) {
        return None;
    }
    // SAFETY: not a structure; and each field of the other unions is a number.
    let (kind, length) = unsafe {
        (
            property.Anonymous1.nonStructType.InType,
            property.Anonymous3.length,
        )
    };
    let length = if has(PropertyParamLength) {
        Some(Length::Of(length))
    } else {
        has(PropertyParamFixedLength).then_some(Length::Fixed(length))
    };
    Some(Field {
        name: text_at(bytes, property.NameOffset)?,
        kind,
        length,
    })
}

fn data(record: &EVENT_RECORD) -> &[u8] {
    if record.UserData.is_null() {
        return &[];
    }
    // SAFETY: so many bytes are there for as long as the record is.
    unsafe { slice::from_raw_parts(record.UserData.cast(), record.UserDataLength.into()) }
}
