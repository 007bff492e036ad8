//! What an image imports, and whether Windows 10 1703 has it.

use object::{
    LittleEndian as LE, Object,
    pe::{
        IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
        IMAGE_DLLCHARACTERISTICS_NX_COMPAT, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE,
        IMAGE_SUBSYSTEM_NATIVE,
    },
    read::pe::{ImageOptionalHeader, PeFile64},
};
use std::collections::HashMap;

/// The images a driver may import from.
const IMAGES: [&str; 3] = ["ntoskrnl.exe", "fltmgr.sys", "hal.dll"];

/// Exports that are older than Windows 10 and have no page of their own in the reference.
const OLD_EXPORTS: [(&str, &str); 6] = [
    (
        "IoFileObjectType",
        "wdm.h: a variable, named on nf-wdm-obreferenceobjectbyhandle",
    ),
    (
        "PsInitialSystemProcess",
        "ntddk.h: a variable, named on 'Windows kernel-mode process'",
    ),
    (
        "ObfReferenceObject",
        "what the ObReferenceObject macro calls",
    ),
    (
        "ObfDereferenceObject",
        "what the ObDereferenceObject macro calls",
    ),
    (
        "IofCompleteRequest",
        "what the IoCompleteRequest macro calls",
    ),
    ("ExFreePool", "what the ExFreePool macro calls"),
];

/// Windows 10 versions up to 1703, as the table writes them.
const UP_TO_1703: [&str; 13] = [
    "?", "2000", "XP", "2003", "Vista", "7", "8", "8.1", "10", "10-1507", "10-1511", "10-1607",
    "10-1703",
];

/// Which image has which routine since when: `name<TAB>since<TAB>image` lines of the driver
/// reference.
pub struct Availability(HashMap<String, (String, String)>);

impl Availability {
    /// Reads the table.
    pub fn parse(table: &str) -> Self {
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let rows = lines.filter_map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let (name, since) = (fields.next()?, fields.next()?);
            Some((name, (since, fields.next().unwrap_or_default())))
        });
        Self(rows.collect())
    }

    /// The table of this project.
    pub fn reference() -> Self {
        Self::parse(include_str!("../../data/kernel-api-since.tsv"))
    }

    /// Why a routine must not be imported from a library, if it must not.
    fn objection(&self, library: &str, name: &str) -> Option<String> {
        if OLD_EXPORTS.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let Some((since, image)) = self.0.get(name) else {
            return Some(format!("{name} is not in the driver reference"));
        };
        if !UP_TO_1703.contains(&since.as_str()) {
            return Some(format!(
                "{name} exists since Windows {since}; 1703 cannot load this"
            ));
        }
        let there = image.is_empty() || image.to_lowercase().contains(&library.to_lowercase());
        (!there).then(|| format!("{name} is imported from {library}, but {image} has it"))
    }
}

/// Everything that is wrong with a driver image; nothing if it may ship.
pub fn check(image: &[u8], available: &Availability) -> Vec<String> {
    match PeFile64::parse(image) {
        Ok(pe) => {
            let mut faults = imports(&pe, available);
            faults.extend(headers(&pe));
            faults.extend(paths(image));
            faults
        }
        Err(error) => vec![format!("not a 64-bit Windows image: {error}")],
    }
}

fn imports(pe: &PeFile64<'_>, available: &Availability) -> Vec<String> {
    let imports = match pe.imports() {
        Ok(imports) => imports,
        Err(error) => return vec![format!("the import table cannot be read: {error}")],
    };
    let fault = |import: &object::Import<'_>| {
        let library = String::from_utf8_lossy(import.library()).into_owned();
        let name = String::from_utf8_lossy(import.name()).into_owned();
        if !IMAGES
            .iter()
            .any(|image| image.eq_ignore_ascii_case(&library))
        {
            return Some(format!(
                "{name} is imported from {library}, which no driver may use"
            ));
        }
        available.objection(&library, &name)
    };
    imports.iter().filter_map(fault).collect()
}

fn headers(pe: &PeFile64<'_>) -> Vec<String> {
    let header = &pe.nt_headers().optional_header;
    let flags = header.dll_characteristics();
    let mut faults = Vec::new();
    for (bit, name) in [
        (IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX compatible"),
        (IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, "relocatable"),
        (
            IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
            "marked for integrity checks",
        ),
    ] {
        if flags & bit == 0 {
            faults.push(format!("the image is not {name}"));
        }
    }
    if header.subsystem() != IMAGE_SUBSYSTEM_NATIVE {
        faults.push("the image is not for the native subsystem".into());
    }
    for section in pe.section_table().iter() {
        let flags = section.characteristics.get(LE);
        if flags & IMAGE_SCN_MEM_EXECUTE != 0 && flags & IMAGE_SCN_MEM_WRITE != 0 {
            let name = String::from_utf8_lossy(section.raw_name()).into_owned();
            faults.push(format!("section {name} is both writable and executable"));
        }
    }
    faults
}

/// Paths of the machine that built the image.
fn paths(image: &[u8]) -> Vec<String> {
    let found = |path: &&str| {
        image
            .windows(path.len())
            .any(|window| window == path.as_bytes())
    };
    let leaked = ["/home/", "/root/", "/.cargo/", "\\Users\\"]
        .into_iter()
        .filter(found);
    leaked
        .map(|path| format!("the image has a path of the build machine ({path})"))
        .collect()
}

/// The routines an image imports.
pub fn names(image: &[u8]) -> Vec<String> {
    let pe = PeFile64::parse(image);
    let imports = pe.and_then(|pe| {
        let names = pe.imports()?;
        Ok(names
            .iter()
            .map(|import| String::from_utf8_lossy(import.name()).into_owned())
            .collect())
    });
    imports.unwrap_or_default()
}
