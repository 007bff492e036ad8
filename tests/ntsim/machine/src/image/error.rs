//! Why an image could not be loaded.

use std::io;
use std::path::PathBuf;

/// Why an image could not be loaded: what is wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error(
        "{}: {source}; build the driver first, or name the .sys file that was built",
        .path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No DOS header or no PE signature.
    #[error("not a PE image: expected a Windows .sys file, this one starts with {start}")]
    NotPe {
        /// The first bytes, in words that help.
        start: String,
    },
    /// The file ends before something that its headers promise.
    #[error(
        "truncated file: {what} ends at byte {needed}, the file has {len}; copy or build it again"
    )]
    Truncated {
        /// What is cut off.
        what: String,
        /// Bytes that the file should have at least.
        needed: u64,
        /// Bytes that it has.
        len: u64,
    },
    /// Built for another processor.
    #[error(
        "built for machine 0x{machine:04x}: only x86-64 (0x8664) runs here; \
         build for x86_64-pc-windows-msvc"
    )]
    WrongMachine {
        /// IMAGE_FILE_HEADER.Machine.
        machine: u16,
    },
    /// x86-64, but the optional header is not PE32+.
    #[error(
        "optional header magic 0x{magic:04x}: an x86-64 image has PE32+ (0x020b); \
         the file is damaged"
    )]
    NotPe32Plus {
        /// IMAGE_OPTIONAL_HEADER.Magic.
        magic: u16,
    },
    /// A user-mode program or DLL.
    #[error(
        "subsystem {subsystem}: a kernel driver has subsystem 1 (native); \
         link with /SUBSYSTEM:NATIVE /DRIVER"
    )]
    NotNative {
        /// IMAGE_OPTIONAL_HEADER.Subsystem.
        subsystem: u16,
    },
    /// AddressOfEntryPoint is zero.
    #[error("no entry point: link with /ENTRY:DriverEntry (or GsDriverEntry)")]
    NoEntryPoint,
    /// The entry point is not in an executable section.
    #[error("the entry point 0x{rva:x} is not in an executable section; the file is damaged")]
    EntryPointOutsideCode {
        /// AddressOfEntryPoint.
        rva: u32,
    },
    /// The image can only be loaded at its preferred base.
    #[error("relocations stripped: the kernel loads drivers anywhere; link without /FIXED")]
    RelocationsStripped,
    /// Headers that contradict themselves.
    #[error("malformed headers: {what}; the file is damaged")]
    MalformedHeaders {
        /// What is wrong.
        what: String,
    },
    /// A section beyond SizeOfImage.
    #[error(
        "section {section} ends at 0x{end:x}, outside the image of 0x{image:x} \
         bytes; the file is damaged"
    )]
    SectionOutsideImage {
        /// The section's name.
        section: String,
        /// Where it ends, from the image base.
        end: u64,
        /// SizeOfImage.
        image: u64,
    },
    /// A section that does not start on a page, or shares one with its predecessor.
    #[error("section {section} does not start on a page of its own; link with /ALIGN:4096")]
    SectionNotPageAligned {
        /// The section's name.
        section: String,
    },
    /// A section that is both writable and executable, which memory integrity (HVCI) forbids.
    #[error(
        "section {section} is writable and executable: memory integrity refuses such \
         drivers; split it"
    )]
    WritableExecutable {
        /// The section's name.
        section: String,
    },
    /// The import directory leads outside the image or is not well-formed.
    #[error("malformed import directory: {what}; the file is damaged")]
    MalformedImports {
        /// What is wrong.
        what: String,
    },
    /// The relocation directory is not well-formed or has an entry of an unknown kind.
    #[error("malformed relocations: {what}; the file is damaged")]
    MalformedRelocations {
        /// What is wrong.
        what: String,
    },
    /// The checksum in the header is neither zero nor right.
    #[error(
        "checksum mismatch: the header says 0x{stored:08x}, the file has 0x{computed:08x}; \
         the file was changed after linking: copy or build it again"
    )]
    ChecksumMismatch {
        /// IMAGE_OPTIONAL_HEADER.CheckSum.
        stored: u32,
        /// What it should be.
        computed: u32,
    },
    /// Imports that the host does not offer.
    #[error(
        "{} unresolved import{}: {}; the simulated kernel must offer {}, or the driver do without",
        imports.len(), if imports.len() == 1 { "" } else { "s" }, imports.join(", "),
        if imports.len() == 1 { "it" } else { "them" }
    )]
    Unresolved {
        /// All of them, as `dll!name`.
        imports: Vec<String>,
    },
    /// The system refused memory or a protection.
    #[error("mapping the image: {0}")]
    Map(#[from] io::Error),
}
