//! The headers of a kernel image, checked.

use object::LittleEndian as LE;
use object::pe::{self, ImageDosHeader, ImageFileHeader, ImageNtHeaders64, ImageSectionHeader};
use object::pod;

use super::LoadError;

const PAGE: u64 = 4096;
/// More than any driver has; keeps damaged files from asking for gigabytes.
const MAX_IMAGE: u32 = 256 << 20;

/// A section of an image.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub rva: u32,
    /// Bytes in memory.
    pub size: u32,
    /// Where its contents lie in the file.
    pub raw: std::ops::Range<usize>,
    pub writable: bool,
    pub executable: bool,
    /// Code that may be paged out: of a section named PAGE or PAGExxxx.
    pub pageable: bool,
    /// Code that is there until DriverEntry has returned: of a section named INIT.
    pub discarded: bool,
}

/// An entry of the data directory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Directory {
    pub rva: u32,
    pub size: u32,
}

/// What loading needs to know.
#[derive(Debug)]
pub(super) struct Headers {
    pub preferred_base: u64,
    pub entry_point: u32,
    pub image_size: u32,
    /// Bytes of the file that are mapped as headers.
    pub header_size: u32,
    pub sections: Vec<Section>,
    directories: Vec<Directory>,
}

impl Headers {
    /// Parses and checks the headers of `file`.
    pub fn parse(file: &[u8]) -> Result<Headers, LoadError> {
        let nt_at = nt_headers_at(file)?;
        let nt = nt_headers(file, nt_at)?;
        let optional = &nt.optional_header;
        let image_size = optional.size_of_image.get(LE);
        if image_size == 0 || image_size > MAX_IMAGE || !u64::from(image_size).is_multiple_of(PAGE)
        {
            return Err(malformed(format!("SizeOfImage is 0x{image_size:x}")));
        }
        let header_size = optional.size_of_headers.get(LE);
        need(file, "the header area", u64::from(header_size))?;
        let sections = sections(file, nt_at, &nt.file_header, image_size)?;
        let headers = Headers {
            preferred_base: optional.image_base.get(LE),
            entry_point: optional.address_of_entry_point.get(LE),
            image_size,
            header_size,
            directories: directories(file, nt_at, nt)?,
            sections,
        };
        headers.check_layout(file)?;
        checksum(file, nt_at, optional.check_sum.get(LE))?;
        Ok(headers)
    }

    /// An entry of the data directory, empty when the image has none.
    pub fn directory(&self, index: usize) -> Directory {
        self.directories.get(index).copied().unwrap_or_default()
    }

    fn check_layout(&self, file: &[u8]) -> Result<(), LoadError> {
        let in_code = |s: &&Section| {
            s.executable && s.rva <= self.entry_point && self.entry_point - s.rva < s.size
        };
        if !self.sections.iter().any(|s| in_code(&s)) {
            return Err(LoadError::EntryPointOutsideCode {
                rva: self.entry_point,
            });
        }
        let first = self.sections.iter().map(|s| s.rva).min().unwrap_or(0);
        if self.header_size > first {
            return Err(malformed("the header area overlaps the first section"));
        }
        // The certificate table is the one directory that holds a file offset.
        let certificate = self.directory(pe::IMAGE_DIRECTORY_ENTRY_SECURITY);
        need(
            file,
            "the certificate table",
            u64::from(certificate.rva) + u64::from(certificate.size),
        )
    }
}

/// Where the PE signature is.
fn nt_headers_at(file: &[u8]) -> Result<usize, LoadError> {
    if file.get(..2) != Some(b"MZ") {
        return Err(LoadError::NotPe {
            start: describe(file),
        });
    }
    need(file, "the DOS header", size_of::<ImageDosHeader>() as u64)?;
    let at = u32::from_le_bytes([file[0x3c], file[0x3d], file[0x3e], file[0x3f]]);
    need(file, "the PE signature", u64::from(at) + 4)?;
    if file[at as usize..at as usize + 4] != *b"PE\0\0" {
        return Err(LoadError::NotPe {
            start: "MZ, but it has no PE signature".to_owned(),
        });
    }
    Ok(at as usize)
}

/// The NT headers, if they are those of a driver for this machine.
fn nt_headers(file: &[u8], at: usize) -> Result<&ImageNtHeaders64, LoadError> {
    need(
        file,
        "the file header",
        (at + 4 + size_of::<ImageFileHeader>() + 2) as u64,
    )?;
    let machine = u16::from_le_bytes([file[at + 4], file[at + 5]]);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(LoadError::WrongMachine { machine });
    }
    let magic_at = at + 4 + size_of::<ImageFileHeader>();
    let magic = u16::from_le_bytes([file[magic_at], file[magic_at + 1]]);
    if magic != pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC {
        return Err(LoadError::NotPe32Plus { magic });
    }
    need(
        file,
        "the optional header",
        (at + size_of::<ImageNtHeaders64>()) as u64,
    )?;
    let (nt, _) = pod::from_bytes::<ImageNtHeaders64>(&file[at..])
        .map_err(|()| malformed("the NT headers are misplaced"))?;
    let subsystem = nt.optional_header.subsystem.get(LE);
    if subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        return Err(LoadError::NotNative { subsystem });
    }
    if nt.file_header.characteristics.get(LE) & pe::IMAGE_FILE_RELOCS_STRIPPED != 0 {
        return Err(LoadError::RelocationsStripped);
    }
    if nt.optional_header.address_of_entry_point.get(LE) == 0 {
        return Err(LoadError::NoEntryPoint);
    }
    Ok(nt)
}

fn directories(
    file: &[u8],
    nt_at: usize,
    nt: &ImageNtHeaders64,
) -> Result<Vec<Directory>, LoadError> {
    let count = nt.optional_header.number_of_rva_and_sizes.get(LE).min(16) as usize;
    let start = nt_at + size_of::<ImageNtHeaders64>();
    need(file, "the data directory", (start + 8 * count) as u64)?;
    let entries = file[start..start + 8 * count].chunks_exact(8);
    Ok(entries
        .map(|e| Directory {
            rva: le32(&e[..4]),
            size: le32(&e[4..]),
        })
        .collect())
}

fn sections(
    file: &[u8],
    nt_at: usize,
    header: &ImageFileHeader,
    image_size: u32,
) -> Result<Vec<Section>, LoadError> {
    let optional_size = usize::from(header.size_of_optional_header.get(LE));
    let start = nt_at + 4 + size_of::<ImageFileHeader>() + optional_size;
    let count = usize::from(header.number_of_sections.get(LE));
    need(
        file,
        "the section table",
        (start + count * size_of::<ImageSectionHeader>()) as u64,
    )?;
    let (table, _) = pod::slice_from_bytes::<ImageSectionHeader>(&file[start..], count)
        .map_err(|()| malformed("the section table is misplaced"))?;
    let mut sections: Vec<Section> = Vec::with_capacity(count);
    for header in table {
        let free_from = sections
            .last()
            .map_or(0, |s| u64::from(s.rva) + u64::from(s.size));
        sections.push(section(file, header, image_size, free_from)?);
    }
    Ok(sections)
}

fn section(
    file: &[u8],
    header: &ImageSectionHeader,
    image_size: u32,
    free_from: u64,
) -> Result<Section, LoadError> {
    let name = String::from_utf8_lossy(header.raw_name()).into_owned();
    let rva = header.virtual_address.get(LE);
    let raw_size = header.size_of_raw_data.get(LE);
    let size = match header.virtual_size.get(LE) {
        0 => raw_size,
        size => size,
    };
    let end = u64::from(rva) + u64::from(size);
    if end > u64::from(image_size) {
        return Err(LoadError::SectionOutsideImage {
            section: name,
            end,
            image: image_size.into(),
        });
    }
    if rva == 0 || !u64::from(rva).is_multiple_of(PAGE) || u64::from(rva) < free_from {
        return Err(LoadError::SectionNotPageAligned { section: name });
    }
    let raw_start = header.pointer_to_raw_data.get(LE);
    need(
        file,
        &format!("section {name}"),
        u64::from(raw_start) + u64::from(raw_size),
    )?;
    let raw = raw_start as usize..raw_start as usize + raw_size.min(size) as usize;
    let characteristics = header.characteristics.get(LE);
    let writable = characteristics & pe::IMAGE_SCN_MEM_WRITE != 0;
    let executable = characteristics & pe::IMAGE_SCN_MEM_EXECUTE != 0;
    if writable && executable {
        return Err(LoadError::WritableExecutable { section: name });
    }
    Ok(Section {
        rva,
        size,
        raw,
        writable,
        executable,
        pageable: executable && name.starts_with("PAGE"),
        discarded: executable && name.trim_end_matches('\0') == "INIT",
    })
}

/// Checks IMAGE_OPTIONAL_HEADER.CheckSum, where the linker has set one.
fn checksum(file: &[u8], nt_at: usize, stored: u32) -> Result<(), LoadError> {
    let field = nt_at
        + std::mem::offset_of!(ImageNtHeaders64, optional_header)
        + std::mem::offset_of!(pe::ImageOptionalHeader64, check_sum);
    let computed = compute_checksum(file, field);
    if stored == 0 || stored == computed {
        Ok(())
    } else {
        Err(LoadError::ChecksumMismatch { stored, computed })
    }
}

/// The sum of all 16-bit words with end-around carry, the field itself left out, plus the file's
/// length.
fn compute_checksum(file: &[u8], field: usize) -> u32 {
    let mut sum = 0u32;
    for (i, word) in file.chunks(2).enumerate() {
        if (field..field + 4).contains(&(2 * i)) {
            continue;
        }
        sum += u32::from(word[0]) | word.get(1).map_or(0, |&high| u32::from(high) << 8);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum + file.len() as u32
}

fn need(file: &[u8], what: &str, needed: u64) -> Result<(), LoadError> {
    let len = file.len() as u64;
    if needed <= len {
        Ok(())
    } else {
        Err(LoadError::Truncated {
            what: what.to_owned(),
            needed,
            len,
        })
    }
}

fn describe(file: &[u8]) -> String {
    match file {
        [] => "nothing: it is empty".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "an ELF header (built for Linux?)".to_owned(),
        [b'!', b'<', b'a', b'r', ..] => "an archive header (a .lib or .a?)".to_owned(),
        [0x64, 0x86, ..] => "a COFF object header (an .obj that was not linked?)".to_owned(),
        _ => format!("{:02x?}", &file[..file.len().min(4)]),
    }
}

fn le32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u32::from(byte))
}

fn malformed(what: impl Into<String>) -> LoadError {
    LoadError::MalformedHeaders { what: what.into() }
}
