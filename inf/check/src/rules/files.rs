//! The files of the package: each is listed, on a disk that is listed, and copied.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::{FileLine, Package},
    parse::{Entry, same},
};

const SOURCES: &str = "install/inf-sourcedisksfiles-section";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1230),
        name: "file-not-listed",
        page: SOURCES,
        check: not_listed,
    },
    Rule {
        code: None,
        name: "file-name-token",
        page: SOURCES,
        check: name_token,
    },
    Rule {
        code: Some(1008),
        name: "disk-number",
        page: SOURCES,
        check: disk_number,
    },
    Rule {
        code: Some(1273),
        name: "disk-not-listed",
        page: "install/inf-sourcedisksnames-section",
        check: disk,
    },
    Rule {
        code: None,
        name: "file-not-copied",
        page: SOURCES,
        check: not_copied,
    },
    Rule {
        code: Some(1213),
        name: "catalog-listed",
        page: CODES,
        check: catalog,
    },
    Rule {
        code: Some(1231),
        name: "compressed-name",
        page: CODES,
        check: compressed,
    },
    Rule {
        code: Some(1330),
        name: "two-sources",
        page: "devtest/inf-verif-error-1330",
        check: two_sources,
    },
    Rule {
        code: Some(1083),
        name: "copy-flags",
        page: "install/inf-copyfiles-directive",
        check: flags,
    },
];

/// Flags of a file that is copied.
const COPY_FLAGS: u32 = 0xFFFF;

/// The entries of SourceDisksFiles, the architecture's first.
pub(super) fn sources<'a>(package: &Package<'a>) -> impl Iterator<Item = &'a Entry> {
    let sections = package.source_disks("SourceDisksFiles");
    sections.into_iter().flat_map(|section| &section.entries)
}

/// What any generation copies.
pub(super) fn copied<'a>(package: &Package<'a>) -> impl Iterator<Item = FileLine<'a>> {
    let inf = package.inf;
    package
        .installs
        .iter()
        .flat_map(|install| install.copied(inf))
}

fn not_listed(package: &Package<'_>, faults: &mut Faults) {
    for file in copied(package) {
        let is_listed = sources(package).any(|source| source.is(file.source));
        faults.unless(
            is_listed,
            file.entry.line,
            format!("list {} in [SourceDisksFiles]", file.source),
        );
    }
}

fn name_token(package: &Package<'_>, faults: &mut Faults) {
    for source in sources(package) {
        let raw = source.key.as_ref().map_or("", |key| &key.raw);
        faults.unless(
            !raw.contains('%'),
            source.line,
            "write the file's name itself",
        );
    }
}

fn disk_number(package: &Package<'_>, faults: &mut Faults) {
    for source in sources(package) {
        let is_number = number(source.value(0)).is_some();
        faults.unless(is_number, source.line, "give the number of the file's disk");
    }
}

fn disk(package: &Package<'_>, faults: &mut Faults) {
    let disks = package.source_disks("SourceDisksNames");
    for source in sources(package) {
        let id = source.value(0);
        if number(id).is_none() {
            continue;
        }
        let is_listed = disks.iter().any(|disks| disks.entry(id).is_some());
        faults.unless(
            is_listed,
            source.line,
            format!("list the disk {id} in [SourceDisksNames]"),
        );
    }
}

fn not_copied(package: &Package<'_>, faults: &mut Faults) {
    if package.installs.is_empty() {
        return;
    }
    for source in sources(package) {
        let is_copied = copied(package).any(|file| source.is(file.source));
        faults.unless(is_copied, source.line, "copy the file, or take it out");
    }
}

fn catalog(package: &Package<'_>, faults: &mut Faults) {
    for source in sources(package) {
        let name = source.key.as_ref().map_or("", |key| &key.text);
        let is_catalog = name.to_lowercase().ends_with(".cat");
        faults.unless(
            !is_catalog,
            source.line,
            "name the catalog in [Version] only",
        );
    }
}

fn compressed(package: &Package<'_>, faults: &mut Faults) {
    for source in sources(package) {
        let name = source.key.as_ref().map_or("", |key| &key.text);
        faults.unless(
            !name.ends_with('_'),
            source.line,
            "list the uncompressed file's name",
        );
    }
}

fn two_sources(package: &Package<'_>, faults: &mut Faults) {
    let files: Vec<FileLine<'_>> = copied(package).collect();
    for (place, file) in files.iter().enumerate() {
        let mut earlier = files.iter().take(place);
        let agrees = earlier.all(|earlier| {
            !same(earlier.destination, file.destination) || same(earlier.source, file.source)
        });
        faults.unless(
            agrees,
            file.entry.line,
            "copy one source file to one destination",
        );
    }
}

fn flags(package: &Package<'_>, faults: &mut Faults) {
    for file in copied(package).filter(|file| file.list.is_some()) {
        let text = file.entry.value(3);
        let flags = number(text);
        let is_valid = text.is_empty() || flags.is_some_and(|flags| flags <= COPY_FLAGS);
        faults.unless(is_valid, file.entry.line, "use documented flags only");
    }
}
