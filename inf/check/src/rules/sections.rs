//! Sections that are named and missing, there and never named, or there twice.

use super::{CODES, MINIFILTER};
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::{Section, same},
    references::references,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1203),
        name: "missing-section",
        page: CODES,
        check: missing,
    },
    Rule {
        code: Some(1005),
        name: "no-section-named",
        page: CODES,
        check: none_named,
    },
    Rule {
        code: Some(2083),
        name: "unused-section",
        page: CODES,
        check: unused,
    },
    Rule {
        code: Some(1209),
        name: "section-defined-twice",
        page: CODES,
        check: twice,
    },
    Rule {
        code: Some(1205),
        name: "section-for-two-directives",
        page: CODES,
        check: two_directives,
    },
    Rule {
        code: None,
        name: "required-sections",
        page: MINIFILTER,
        check: required,
    },
];

/// Sections that Windows looks for by their names.
const KNOWN: [&str; 9] = [
    "Version",
    "SourceDisksNames",
    "SourceDisksFiles",
    "DestinationDirs",
    "Strings",
    "ControlFlags",
    "SignatureAttributes",
    "Manufacturer",
    "ClassInstall32",
];

/// What a minifilter's INF must have, beside its DefaultInstall sections.
const REQUIRED: [&str; 3] = ["Version", "DestinationDirs", "Strings"];

fn missing(package: &Package<'_>, faults: &mut Faults) {
    for reference in references(package.inf) {
        let is_service = same(reference.directive, "AddService");
        let is_install = is_service && reference.name == reference.entry.value(2);
        let exists = package.inf.section(reference.name).is_some();
        let name = reference.name;
        let advice = format!(
            "write the section [{name}] that {} names",
            reference.directive
        );
        faults.unless(exists || is_install, reference.entry.line, advice);
    }
}

fn none_named(package: &Package<'_>, faults: &mut Faults) {
    let services = package
        .services()
        .filter_map(|(_, service)| service.section);
    let installs = package.installs.iter().map(|install| install.section);
    for section in installs.chain(services) {
        for entry in &section.entries {
            let names = entry.is("AddReg") || entry.is("CopyFiles");
            let has_name = entry.values.iter().any(|value| !value.text.is_empty());
            let advice = format!("name a section in {}", entry.directive());
            faults.unless(!names || has_name, entry.line, advice);
        }
    }
}

fn unused(package: &Package<'_>, faults: &mut Faults) {
    let inf = package.inf;
    let references = references(inf);
    for section in &inf.sections {
        let is_named = references.iter().any(|reference| {
            section.is(reference.name) || section.is(&format!("{}.security", reference.name))
        });
        if is_named || is_known(section) {
            continue;
        }
        let parent = section.name.rsplit_once('.').map(|(parent, _)| parent);
        let is_entry =
            section.has_prefix("DefaultInstall") || section.has_prefix("DefaultUninstall");
        let is_extension = is_entry && section.name.to_lowercase().ends_with(".services");
        let is_used = if is_extension {
            parent.is_some_and(|parent| inf.section(parent).is_some())
        } else {
            is_entry
        };
        let advice = format!("use the section [{}] or take it out", section.name);
        faults.unless(is_used, section.line(), advice);
    }
}

fn is_known(section: &Section) -> bool {
    KNOWN
        .iter()
        .any(|known| section.is(known) || section.has_prefix(&format!("{known}.")))
}

fn twice(package: &Package<'_>, faults: &mut Faults) {
    for section in &package.inf.sections {
        for line in section.lines.iter().skip(1) {
            let advice = format!(
                "merge this with [{}] of line {}",
                section.name,
                section.line()
            );
            faults.add(*line, advice);
        }
    }
}

fn two_directives(package: &Package<'_>, faults: &mut Faults) {
    let references = references(package.inf);
    for (place, later) in references.iter().enumerate() {
        let other = references.iter().take(place).find(|earlier| {
            same(earlier.name, later.name) && !same(earlier.directive, later.directive)
        });
        if let Some(other) = other {
            let advice = format!(
                "give {} and {} a section each",
                other.directive, later.directive
            );
            faults.add(later.entry.line.max(other.entry.line), advice);
        }
    }
}

fn required(package: &Package<'_>, faults: &mut Faults) {
    for name in REQUIRED {
        let exists = package.inf.section(name).is_some();
        // An INF without a version is another rule's.
        faults.unless(
            exists || name == "Version",
            1,
            format!("write the section [{name}]"),
        );
    }
    for install in &package.installs {
        let name = &install.section.name;
        let advice = format!("add the service in [{name}.Services]");
        faults.unless(!install.services.is_empty(), install.section.line(), advice);
        let copies = !install.copied(package.inf).is_empty();
        faults.unless(
            copies,
            install.section.line(),
            "copy the driver with CopyFiles",
        );
    }
}
