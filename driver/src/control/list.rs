//! Answers that are lists of records, as many as fit.

use crate::nt::{device::ControlRequest, status::NtStatus};
use daxflush_protocol::{Record, ReplyHeader, record_bytes};
use zerocopy::IntoBytes;

/// Writes records one after the other.
pub struct ListAnswer<'r, 'b> {
    request: &'r mut ControlRequest<'b>,
    /// Bytes written, the header included.
    end: usize,
    count: u32,
    /// Bytes of the record that did not fit.
    missing: Option<usize>,
}

impl<'r, 'b> ListAnswer<'r, 'b> {
    pub fn new(request: &'r mut ControlRequest<'b>) -> Self {
        Self {
            request,
            end: size_of::<ReplyHeader>(),
            count: 0,
            missing: None,
        }
    }

    /// Adds a record with its name in UTF-16; whether it fitted.
    pub fn push<R: Record>(&mut self, mut record: R, name: &[u16]) -> Result<bool, NtStatus> {
        let name = name.as_bytes();
        let size = record_bytes::<R>(name.len());
        let end = self.end.saturating_add(size);
        if end > self.request.room() {
            self.missing = Some(size);
            return Ok(false);
        }
        let number = |bytes: usize| u32::try_from(bytes).map_err(|_| NtStatus::INVALID_PARAMETER);
        record.set_sizes(number(size)?, number(name.len())?);
        self.request.put(self.end, record.as_bytes())?;
        let behind = self.end.saturating_add(size_of::<R>());
        self.request.put(behind, name)?;
        // What fills the record up to its size is written too.
        self.request.put(end, &[])?;
        self.end = end;
        self.count = self.count.saturating_add(1);
        Ok(true)
    }

    /// Writes the header. BUFFER_OVERFLOW if there are more records than fitted.
    pub fn finish(self) -> Result<(), NtStatus> {
        let size = self.missing.map_or(self.end, |missing| {
            size_of::<ReplyHeader>().saturating_add(missing)
        });
        let header = ReplyHeader {
            size: u32::try_from(size).unwrap_or(u32::MAX),
            count: self.count,
        };
        self.request.put(0, header.as_bytes())?;
        match self.missing {
            None => Ok(()),
            Some(_) => Err(NtStatus::BUFFER_OVERFLOW),
        }
    }
}
