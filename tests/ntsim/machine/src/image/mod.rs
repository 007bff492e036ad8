//! Loading Windows kernel images (PE32+, x86-64, native subsystem) into this process.

mod cookie;
mod debug;
mod error;
mod headers;
mod imports;
mod inlined;
mod mapping;
mod pageable;
mod registry;
mod relocate;

use std::path::Path;
use std::sync::Arc;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::PeFile64;

pub use debug::frames;
pub use error::LoadError;
use headers::{Headers, Section};
pub use imports::Resolver;
use mapping::Mapping;
pub(crate) use pageable::page_in;
use registry::Module;
pub(crate) use registry::find as find_module;

/// A loaded kernel image.
///
/// Dropping it (and every [`Oracle`](crate::oracle::Oracle) planted in it) unloads it: its memory
/// goes away. Its addresses stay reserved, so that a late call into it ends in a bugcheck that
/// names it.
#[derive(Clone, Debug)]
pub struct Image {
    loaded: Arc<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    module: Module,
    entry_point: usize,
    sections: Vec<Section>,
    /// Starts and ends, by ascending start.
    functions: Vec<(u32, u32)>,
    exports: Vec<(String, u32)>,
    mapping: Mapping,
}

/// The address and original bytes of executable memory.
#[derive(Debug)]
pub(crate) struct Code {
    pub start: usize,
    pub bytes: Box<[u8]>,
}

impl Image {
    /// Loads the image at `path`: checks it, maps it at a random base, relocates it, links its
    /// imports through `resolve` (called with DLL and function name, `#ordinal` for an import by
    /// ordinal) and protects its sections, none of them both writable and executable. No image code
    /// runs.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with the file. Unresolved imports are reported all at once.
    pub fn load(path: &Path, resolve: &mut Resolver<'_>) -> Result<Image, LoadError> {
        let file = std::fs::read(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        // Absolute, for whoever looks for debug information later.
        let path = std::path::absolute(path).ok().map(Arc::from);
        Image::from_file(&name, path, &file, resolve)
    }

    /// Loads an image from memory, under a name for messages; as [`Image::load`].
    ///
    /// # Errors
    /// As [`Image::load`].
    pub fn from_bytes(
        name: &str,
        file: &[u8],
        resolve: &mut Resolver<'_>,
    ) -> Result<Image, LoadError> {
        Image::from_file(name, None, file, resolve)
    }

    fn from_file(
        name: &str,
        path: Option<Arc<Path>>,
        file: &[u8],
        resolve: &mut Resolver<'_>,
    ) -> Result<Image, LoadError> {
        crate::fault::install()?;
        let (headers, mapping) = prepare(file, resolve)?;
        let functions = functions(&headers, &mapping);
        let start = mapping.base();
        let module = Module {
            name: name.into(),
            path,
            start,
            end: start + mapping.len(),
            unloaded: false,
        };
        registry::add(&module);
        let loaded = Loaded {
            module,
            entry_point: start + headers.entry_point as usize,
            sections: headers.sections,
            functions,
            exports: exports(file),
            mapping,
        };
        let image = Image {
            loaded: Arc::new(loaded),
        };
        image.register_pageable();
        Ok(image)
    }

    /// Does all that [`Image::from_bytes`] does, and gives the addresses back, as nobody has run or
    /// seen anything there: for who tries many files.
    ///
    /// # Errors
    /// As [`Image::load`].
    pub fn check(file: &[u8], resolve: &mut Resolver<'_>) -> Result<(), LoadError> {
        let (headers, mapping) = prepare(file, resolve)?;
        functions(&headers, &mapping);
        mapping.give_back();
        exports(file);
        Ok(())
    }

    /// Address of the entry point.
    pub fn entry_point(&self) -> usize {
        self.loaded.entry_point
    }

    /// Address of the image.
    pub fn base(&self) -> usize {
        self.loaded.module.start
    }

    /// Bytes from the base to the end of the last section (SizeOfImage).
    pub fn size(&self) -> usize {
        self.loaded.mapping.len()
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.loaded.module.name
    }

    /// Whether an address lies in the image.
    pub fn contains(&self, addr: usize) -> bool {
        (self.base()..self.base() + self.size()).contains(&addr)
    }

    /// An address for people: `daxflush.sys!function+0x12`, `daxflush.sys+0x1234` without debug
    /// information, or the bare number outside the image.
    pub fn symbolize(&self, addr: usize) -> String {
        if self.contains(addr) {
            self.loaded.module.symbolize(addr)
        } else {
            format!("0x{addr:x}")
        }
    }

    /// Address of an exported symbol.
    pub fn export(&self, name: &str) -> Option<usize> {
        let found = self
            .loaded
            .exports
            .iter()
            .find(|(exported, _)| exported == name);
        found.map(|(_, rva)| self.base() + *rva as usize)
    }

    /// Where functions start, from the exception directory (`.pdata`), ascending.
    pub(crate) fn functions(&self) -> impl Iterator<Item = usize> {
        self.loaded
            .functions
            .iter()
            .map(|(rva, _)| self.base() + *rva as usize)
    }

    /// Functions, or parts of them, from the exception directory, by ascending start.
    pub(crate) fn function_ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let at = |rva: u32| self.base() + rva as usize;
        let functions = self.loaded.functions.iter();
        functions.map(move |(start, end)| at(*start)..at(*end))
    }

    /// Where code is entered from outside: the entry point and what is exported.
    pub(crate) fn entries(&self) -> impl Iterator<Item = usize> {
        let exports = self.loaded.exports.iter();
        let exported = exports.map(|(_, rva)| self.base() + *rva as usize);
        std::iter::once(self.entry_point()).chain(exported)
    }

    /// Copies of the executable sections.
    pub(crate) fn code(&self) -> Vec<Code> {
        let executable = self.loaded.sections.iter().filter(|s| s.executable);
        let copy = |s: &Section| {
            let bytes = &self.loaded.mapping.bytes()[s.rva as usize..(s.rva + s.size) as usize];
            Code {
                start: self.base() + s.rva as usize,
                bytes: bytes.into(),
            }
        };
        executable.map(copy).collect()
    }

    /// Stores one byte at each address, all in executable sections.
    ///
    /// # Safety
    /// No thread may run image code meanwhile, and the image must keep its meaning.
    pub(crate) unsafe fn patch(
        &self,
        bytes: impl Iterator<Item = (usize, u8)>,
    ) -> std::io::Result<()> {
        let set = |protection| {
            let mut executable = self.loaded.sections.iter().filter(|s| s.executable);
            executable.try_for_each(|s| {
                self.loaded
                    .mapping
                    .protect(s.rva as usize, s.size as usize, protection)
            })
        };
        set(libc::PROT_READ | libc::PROT_WRITE)?;
        for (at, byte) in bytes {
            assert!(self.contains(at), "0x{at:x} is not in {}", self.name());
            // SAFETY: in an executable section, writable by now, which nobody runs or reads.
            unsafe { (at as *mut u8).write(byte) };
        }
        set(libc::PROT_READ | libc::PROT_EXEC)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        registry::mark_unloaded(self.module.start);
    }
}

/// An address for people, whichever image it lies or lay in: `daxflush.sys!function+0x12`,
/// `daxflush.sys (unloaded)+0x1234`.
pub fn symbolize(addr: usize) -> Option<String> {
    find_module(addr).map(|module| module.symbolize(addr))
}

/// The function that holds an address, of whichever image; none without debug information.
pub fn function(addr: usize) -> Option<String> {
    let module = find_module(addr)?;
    debug::function(&module, addr - module.start).map(|(name, _)| name)
}

/// The function of the source that an address is of, of whichever image: an inlined one, too. What is
/// inlined of Rust's own libraries is its caller's.
pub fn source_function(addr: usize) -> Option<String> {
    const LIBRARIES: [&str; 3] = ["core::", "alloc::", "compiler_builtins::"];
    let module = find_module(addr)?;
    let inlined = inlined::at(&module, addr - module.start);
    let own =
        |name: &&std::sync::Arc<str>| !LIBRARIES.iter().any(|library| name.starts_with(library));
    let found = inlined.iter().find(own).map(|name| name.to_string());
    found.or_else(|| function(addr))
}

/// The image in memory, ready to run.
fn prepare(file: &[u8], resolve: &mut Resolver<'_>) -> Result<(Headers, Mapping), LoadError> {
    let headers = Headers::parse(file)?;
    let mut mapping = map(&headers, file)?;
    match finish(&headers, &mut mapping, resolve) {
        Ok(()) => Ok((headers, mapping)),
        Err(error) => {
            mapping.give_back();
            Err(error)
        }
    }
}

fn finish(
    headers: &Headers,
    mapping: &mut Mapping,
    resolve: &mut Resolver<'_>,
) -> Result<(), LoadError> {
    relocate::relocate(headers, mapping)?;
    cookie::set(headers, mapping)?;
    imports::link(headers, mapping, resolve)?;
    protect(headers, mapping)
}

fn map(headers: &Headers, file: &[u8]) -> Result<Mapping, LoadError> {
    let mut mapping = Mapping::new(headers.image_size as usize)?;
    let header_size = headers.header_size as usize;
    let memory = mapping.bytes_mut();
    memory[..header_size].copy_from_slice(&file[..header_size]);
    for section in &headers.sections {
        let to = &mut memory[section.rva as usize..][..section.raw.len()];
        to.copy_from_slice(&file[section.raw.clone()]);
    }
    Ok(mapping)
}

fn protect(headers: &Headers, mapping: &Mapping) -> Result<(), LoadError> {
    mapping.protect(0, mapping.len(), libc::PROT_READ)?;
    for section in &headers.sections {
        let extra = match (section.writable, section.executable) {
            (true, _) => libc::PROT_WRITE,
            (_, true) => libc::PROT_EXEC,
            _ => 0,
        };
        mapping.protect(
            section.rva as usize,
            section.size as usize,
            libc::PROT_READ | extra,
        )?;
    }
    Ok(())
}

/// Starts and ends of RUNTIME_FUNCTION entries. A damaged table only costs resynchronization points.
fn functions(headers: &Headers, mapping: &Mapping) -> Vec<(u32, u32)> {
    let table = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION);
    let (start, end) = (table.rva as usize, table.rva as usize + table.size as usize);
    let mut functions: Vec<(u32, u32)> = (start..end)
        .step_by(12)
        .map_while(|at| mapping.u32(at).zip(mapping.u32(at + 4)))
        // What is behind a table's end has no function.
        .take_while(|(start, end)| start < end)
        .collect();
    functions.sort_unstable();
    functions.dedup_by_key(|(start, _)| *start);
    functions
}

/// Named exports. A kernel image rarely has any; a damaged table counts as empty.
fn exports(file: &[u8]) -> Vec<(String, u32)> {
    let Ok(pe) = PeFile64::parse(file) else {
        return Vec::new();
    };
    let base = pe.nt_headers().optional_header.image_base.get(LE);
    let Ok(exports) = object::Object::exports(&pe) else {
        return Vec::new();
    };
    let named = exports.iter().map(|export| {
        let name = String::from_utf8_lossy(export.name()).into_owned();
        (name, export.address().wrapping_sub(base) as u32)
    });
    named.collect()
}
