//! A program's requests for lists.

use crate::Client;
use daxflush_protocol::{
    DirtyLinesRequest, Ioctl, LIST_BYTES, ListRequest, Record, ReplyHeader, StreamRecord,
    StreamsRequest, VolumeRecord, records,
};
use ntsim::{Handle, NtStatus};
use zerocopy::{FromBytes, IntoBytes};

/// A page of a list: how it ended, its header if there was room, and its records with their names.
pub struct Page<R> {
    /// SUCCESS or BUFFER_OVERFLOW, or an error.
    pub status: NtStatus,
    /// The header, or zeros.
    pub header: ReplyHeader,
    /// The records.
    pub records: Vec<(R, String)>,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl Client {
    /// One page of a list.
    ///
    /// # Panics
    /// The answer is not what its header says.
    pub fn page<R: Record>(&self, what: Ioctl, input: &[u8], room: usize) -> Page<R> {
        let (status, answer) = self.raw(what.code(), input, room);
        let header = ReplyHeader::read_from_prefix(&answer);
        let header = header.map_or(ReplyHeader::default(), |(header, _)| header);
        let found: Vec<_> = records::<R>(&answer)
            .map(|(record, name)| (record, text(name)))
            .collect();
        assert_eq!(found.len(), header.count as usize, "all records are whole");
        let whole: usize = found
            .iter()
            .map(|(record, _)| record.sizes().0 as usize)
            .sum();
        if !answer.is_empty() {
            assert_eq!(answer.len(), size_of::<ReplyHeader>() + whole);
        }
        Page {
            status,
            header,
            records: found,
            bytes: answer.len(),
        }
    }

    /// All volumes.
    ///
    /// # Panics
    /// They do not fit.
    pub fn volumes(&self) -> Vec<(VolumeRecord, String)> {
        let page = self.page(
            Ioctl::Volumes,
            ListRequest::default().as_bytes(),
            LIST_BYTES,
        );
        assert_eq!(page.status, NtStatus::SUCCESS);
        page.records
    }

    /// All streams of a volume.
    ///
    /// # Panics
    /// They do not fit.
    pub fn streams(&self, volume: u64) -> Vec<(StreamRecord, String)> {
        let request = StreamsRequest { volume, after: 0 };
        let page = self.page(Ioctl::Streams, request.as_bytes(), LIST_BYTES);
        assert_eq!(page.status, NtStatus::SUCCESS);
        page.records
    }

    /// The dirty lines of each part of a file.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// The answer is not what its header says.
    pub fn dirty_lines(
        &self,
        file: Handle,
        offset: u64,
        cell_bytes: u64,
        cells: u32,
    ) -> Result<Vec<u32>, NtStatus> {
        let request = DirtyLinesRequest {
            file: file.as_raw(),
            offset,
            cell_bytes,
            cells,
            reserved: 0,
        };
        let room = size_of::<ReplyHeader>() + 4 * (cells as usize).min(1 << 16);
        let answer = self.answer(Ioctl::DirtyLines, request.as_bytes(), room)?;
        let (header, body) = ReplyHeader::read_from_prefix(&answer).expect("a header");
        assert_eq!((header.size as usize, header.count), (answer.len(), cells));
        let cells = body.chunks_exact(4);
        Ok(cells
            .map(|cell| u32::from_le_bytes([cell[0], cell[1], cell[2], cell[3]]))
            .collect())
    }
}

fn text(name: &[u8]) -> String {
    let units = name.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16(&units).expect("a name")
}
