//! Event tracing: providers that the driver registers, and what it writes.

mod decode;
mod metadata;
mod provider;

pub(crate) use provider::{Etw, WrittenEvent, activity_id_control, control_may_be_high};

/// An event that the driver has written while it was traced.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceEvent {
    /// The provider's name.
    pub provider: String,
    /// The event's name.
    pub name: String,
    /// How important it is: 1 is critical, 5 is verbose.
    pub level: u8,
    /// The categories that it is of.
    pub keyword: u64,
    /// The interrupt time when it was written.
    pub time_100ns: u64,
    /// The fields in their order. A field of a structure is named `structure.field`.
    pub fields: Vec<(String, TraceValue)>,
}

impl TraceEvent {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&TraceValue> {
        let mut fields = self.fields.iter();
        fields.find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// The value of an event's field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceValue {
    /// Of an unsigned type, also one that is shown in hexadecimal digits, a Boolean, or a time.
    Number(u64),
    /// Of a signed type.
    Signed(i64),
    /// Of a string, a GUID or a floating-point number.
    Text(String),
    /// Of anything else: binary data, and all elements of an array.
    Bytes(Vec<u8>),
}
