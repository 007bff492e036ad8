//! Events that the driver writes when somebody listens, wherever they come from.

use serde::{Deserialize, Serialize};
use std::{fmt, io, time::Duration};

/// A value of an event's field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A number without a sign.
    Unsigned(u64),
    /// A number with a sign.
    Signed(i64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Anything else, as bytes.
    Bytes(Vec<u8>),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The provider's name.
    pub provider: String,
    /// The event's name.
    pub name: String,
    /// 1 critical to 5 verbose.
    pub level: u8,
    /// The event's keywords, as bits.
    pub keyword: u64,
    /// When it was written, in units of 100 ns: since 1601 (UTC) on Windows, since the start of the
    /// simulated machine else.
    pub time: u64,
    /// Its fields in order.
    pub fields: Vec<(String, Value)>,
}

/// Where events come from. Listening begins when it is made and ends when it is dropped.
pub trait Events {
    /// The events since the last call, oldest first; waits for one for at most `wait`.
    ///
    /// # Errors
    /// The source is gone.
    fn next(&mut self, wait: Duration) -> io::Result<Vec<Event>>;

    /// Events that were lost because nobody took them in time.
    fn lost(&self) -> u64;
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Value {
    /// As JSON: a number, a truth value, or a text; bytes in hexadecimal.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unsigned(value) => (*value).into(),
            Self::Signed(value) => (*value).into(),
            Self::Bool(value) => (*value).into(),
            Self::Text(value) => value.clone().into(),
            Self::Bytes(_) => self.to_string().into(),
        }
    }
}
