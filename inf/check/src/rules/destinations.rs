//! Where files go: the driver store, on systems that have the rules of driver package isolation.

use super::{CODES, files::sources};
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::{FileLine, Install, Package, listed},
    parse::{Entry, Inf, same},
};

const ISOLATION: &str = "develop/driver-isolation";
const DESTINATIONS: &str = "install/inf-destinationdirs-section";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1275),
        name: "no-destination",
        page: DESTINATIONS,
        check: no_destination,
    },
    Rule {
        code: Some(1243),
        name: "directory-number",
        page: "install/using-dirids",
        check: directory_number,
    },
    Rule {
        code: Some(1322),
        name: "not-in-driver-store",
        page: ISOLATION,
        check: not_in_store,
    },
    Rule {
        code: Some(1340),
        name: "directory-not-allowed",
        page: "devtest/infverif_h",
        check: not_allowed,
    },
    Rule {
        code: Some(1100),
        name: "moved-in-driver-store",
        page: CODES,
        check: moved,
    },
    Rule {
        code: Some(1103),
        name: "flags-in-driver-store",
        page: CODES,
        check: flags,
    },
    Rule {
        code: Some(1101),
        name: "security-in-driver-store",
        page: CODES,
        check: security,
    },
    Rule {
        code: None,
        name: "destination-of-nothing",
        page: DESTINATIONS,
        check: of_nothing,
    },
];

/// The driver store.
const STORE: u32 = 13;

/// The directories that `infverif /h` still lets pass beside the driver store.
const TOLERATED: [u32; 17] = [
    10, 11, 12, 23, 51, 52, 55, 16422, 16425, 16426, 16427, 16428, 66000, 66001, 66002, 66003,
    66004,
];

/// The entry of DestinationDirs for a file.
pub(super) fn destination<'a>(inf: &'a Inf, file: &FileLine<'a>) -> Option<&'a Entry> {
    let section = inf.section("DestinationDirs")?;
    let own = file.list.and_then(|list| section.entry(&list.name));
    own.or_else(|| section.entry("DefaultDestDir"))
}

fn no_destination(package: &Package<'_>, faults: &mut Faults) {
    let inf = package.inf;
    let uninstalls = inf.sections_with_prefix("DefaultUninstall");
    let deleted = uninstalls.flat_map(|section| listed(inf, section, "DelFiles"));
    let copied = package
        .installs
        .iter()
        .flat_map(|install| install.copied(inf));
    for file in copied.chain(deleted) {
        let name = file.list.map_or(file.destination, |list| &list.name);
        let advice = format!("give {name} a directory in [DestinationDirs]");
        faults.unless(destination(inf, &file).is_some(), file.entry.line, advice);
    }
}

/// Each file that is copied and has a directory.
fn placed<'a>(
    package: &'a Package<'_>,
) -> impl Iterator<Item = (&'a Install<'a>, FileLine<'a>, &'a Entry)> {
    let inf = package.inf;
    package.installs.iter().flat_map(move |install| {
        let files = install.copied(inf).into_iter();
        files.filter_map(move |file| {
            let entry = destination(inf, &file)?;
            Some((install, file, entry))
        })
    })
}

fn directory_number(package: &Package<'_>, faults: &mut Faults) {
    let section = package.inf.section("DestinationDirs");
    for entry in section.into_iter().flat_map(|section| &section.entries) {
        let is_number = number(entry.value(0)).is_some();
        faults.unless(is_number, entry.line, "give the number of a directory");
    }
}

fn not_in_store(package: &Package<'_>, faults: &mut Faults) {
    for (install, _, entry) in placed(package) {
        let directory = number(entry.value(0));
        let is_fine = !install.is_isolated() || directory.is_none_or(|id| id == STORE);
        faults.unless(
            is_fine,
            entry.line,
            "leave the file in the driver store: 13",
        );
    }
}

fn not_allowed(package: &Package<'_>, faults: &mut Faults) {
    for (install, _, entry) in placed(package) {
        let directory = number(entry.value(0));
        let is_tolerated = directory.is_none_or(|id| id == STORE || TOLERATED.contains(&id));
        let is_fine = install.is_isolated() || is_tolerated;
        faults.unless(
            is_fine,
            entry.line,
            "use 12 for system32\\drivers, or 13 for the driver store",
        );
    }
}

fn moved(package: &Package<'_>, faults: &mut Faults) {
    for (_, file, entry) in placed(package) {
        if number(entry.value(0)) != Some(STORE) {
            continue;
        }
        let source = sources(package).find(|source| source.is(file.source));
        let from = source.map_or("", |source| source.value(1));
        let to = entry.value(1);
        let stays = same(file.source, file.destination)
            && same(from.trim_matches('\\'), to.trim_matches('\\'));
        faults.unless(
            stays,
            file.entry.line,
            "leave the file its name and directory in the driver store",
        );
    }
}

fn flags(package: &Package<'_>, faults: &mut Faults) {
    for (_, file, entry) in placed(package) {
        let has_flags = file.list.is_some() && number(file.entry.value(3)).unwrap_or(0) != 0;
        let is_fine = number(entry.value(0)) != Some(STORE) || !has_flags;
        faults.unless(
            is_fine,
            file.entry.line,
            "copy without flags: the file stays in the driver store",
        );
    }
}

fn security(package: &Package<'_>, faults: &mut Faults) {
    for (_, file, entry) in placed(package) {
        let name = file.list.map(|list| format!("{}.security", list.name));
        let section = name.and_then(|name| package.inf.section(&name));
        if let Some(section) = section.filter(|_| number(entry.value(0)) == Some(STORE)) {
            faults.add(
                section.line(),
                "take this out: files in the driver store have their own security",
            );
        }
    }
}

fn of_nothing(package: &Package<'_>, faults: &mut Faults) {
    let section = package.inf.section("DestinationDirs");
    for entry in section.into_iter().flat_map(|section| &section.entries) {
        let name = entry.key.as_ref().map_or("", |key| &key.text);
        let exists = same(name, "DefaultDestDir") || package.inf.section(name).is_some();
        faults.unless(
            exists,
            entry.line,
            format!("write [{name}], or take this out"),
        );
    }
}
