//! Where things are in a PE32+ image.

use crate::error::{Error, Result};
use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DEBUG_TYPE_CODEVIEW, IMAGE_DEBUG_TYPE_REPRO, IMAGE_DIRECTORY_ENTRY_DEBUG,
    IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64,
    ImageDebugDirectory,
};
use object::read::ReadRef;
use object::read::pe::PeFile64;
use std::ops::Range;

/// A PE32+ image.
pub struct Pe<'data> {
    data: &'data [u8],
    file: PeFile64<'data>,
    /// Where "PE\0\0" is.
    headers: usize,
}

/// What a debug directory entry says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugKind {
    /// The name and GUID of a PDB file.
    CodeView,
    /// The mark of a reproducible build.
    Repro,
    /// Anything else.
    Other,
}

/// An entry of the debug directory.
#[derive(Debug, Clone)]
pub struct DebugEntry {
    /// What it has.
    pub kind: DebugKind,
    /// Where its time stamp is in the file.
    pub stamp: Range<usize>,
    /// Where what it has is in the file.
    pub data: Range<usize>,
}

impl<'data> Pe<'data> {
    /// Reads the headers.
    pub fn parse(data: &'data [u8]) -> Result<Self> {
        let file = PeFile64::parse(data)
            .map_err(|error| Error::new(format!("not a 64-bit Windows image (PE32+): {error}")))?;
        let headers = file.dos_header().nt_headers_offset() as usize;
        if file.data_directories().len() != 16 {
            return Err(Error::new(format!(
                "the image has {} data directories where linkers make 16",
                file.data_directories().len()
            )));
        }
        Ok(Self {
            data,
            file,
            headers,
        })
    }

    /// The image's bytes.
    pub fn data(&self) -> &'data [u8] {
        self.data
    }

    /// The image as the library that reads it has it.
    pub fn file(&self) -> &PeFile64<'data> {
        &self.file
    }

    /// The machine, by the name that an INF has for it, or in hexadecimal digits.
    pub fn machine(&self) -> String {
        match self.file.nt_headers().file_header.machine.get(LE) {
            IMAGE_FILE_MACHINE_AMD64 => "amd64".into(),
            IMAGE_FILE_MACHINE_ARM64 => "arm64".into(),
            other => format!("{other:#06x}"),
        }
    }

    /// The header's checksum.
    pub fn checksum(&self) -> u32 {
        self.file.nt_headers().optional_header.check_sum.get(LE)
    }

    /// Where the header's time stamp is.
    pub fn stamp(&self) -> Range<usize> {
        let at = self.headers + 8;
        at..at + 4
    }

    /// Where the header's checksum is.
    pub fn checksum_field(&self) -> Range<usize> {
        let at = self.headers + 24 + 64;
        at..at + 4
    }

    /// Where the directory entry of the certificate table is.
    pub fn certificates_entry(&self) -> Range<usize> {
        let at = self.headers + 24 + 112 + 8 * IMAGE_DIRECTORY_ENTRY_SECURITY;
        at..at + 8
    }

    /// Where the certificate table, in which signatures are, is in the file.
    pub fn certificates(&self) -> Result<Option<Range<usize>>> {
        let Some(directory) = self.file.data_directory(IMAGE_DIRECTORY_ENTRY_SECURITY) else {
            return Ok(None);
        };
        let start = directory.virtual_address.get(LE) as usize;
        let end = start.saturating_add(directory.size.get(LE) as usize);
        if start == 0 && end == 0 {
            return Ok(None);
        }
        if start < self.certificates_entry().end || end > self.data.len() {
            return Err(Error::new(
                "the image's certificate table is not within the file",
            ));
        }
        Ok(Some(start..end))
    }

    /// The debug directory.
    pub fn debug_entries(&self) -> Result<Vec<DebugEntry>> {
        let outside = || Error::new("the image's debug directory is not within the file");
        let Some(directory) = self.file.data_directory(IMAGE_DIRECTORY_ENTRY_DEBUG) else {
            return Ok(Vec::new());
        };
        let (address, size) = directory.address_range();
        if size == 0 {
            return Ok(Vec::new());
        }
        let (offset, available) = self
            .file
            .section_table()
            .pe_file_range_at(address)
            .ok_or_else(outside)?;
        let length = size_of::<ImageDebugDirectory>();
        let size = size as usize;
        if size > available as usize || !size.is_multiple_of(length) {
            return Err(outside());
        }
        let mut entries = Vec::new();
        for number in 0..size / length {
            let at = (offset as usize)
                .checked_add(number * length)
                .ok_or_else(outside)?;
            let entry: &ImageDebugDirectory =
                self.data.read_at(at as u64).map_err(|()| outside())?;
            let start = entry.pointer_to_raw_data.get(LE) as usize;
            let end = start
                .checked_add(entry.size_of_data.get(LE) as usize)
                .ok_or_else(outside)?;
            if end > self.data.len() {
                return Err(outside());
            }
            entries.push(DebugEntry {
                kind: match entry.typ.get(LE) {
                    IMAGE_DEBUG_TYPE_CODEVIEW => DebugKind::CodeView,
                    IMAGE_DEBUG_TYPE_REPRO => DebugKind::Repro,
                    _ => DebugKind::Other,
                },
                stamp: at + 4..at + 8,
                data: start..end,
            });
        }
        Ok(entries)
    }
}
