//! Which sections an INF's entries lead to.

use crate::parse::{Entry, Inf, Section, same};

/// An entry that names a section.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its directive.
    pub directive: &'a str,
    /// The section's name.
    pub name: &'a str,
}

/// Directives whose values are names of sections.
const LISTS: [&str; 17] = [
    "AddReg",
    "DelReg",
    "BitReg",
    "CopyFiles",
    "DelFiles",
    "RenFiles",
    "AddProperty",
    "DelProperty",
    "AddTrigger",
    "FailureActions",
    "Ini2Reg",
    "LogConfig",
    "ProfileItems",
    "RegisterDlls",
    "UnregisterDlls",
    "UpdateIniFields",
    "UpdateInis",
];

/// Everything that is named by the sections that Windows looks for, and by what they name.
pub fn references(inf: &Inf) -> Vec<Reference<'_>> {
    let mut waiting: Vec<&Section> = inf
        .sections_with_prefix("DefaultInstall")
        .chain(inf.sections_with_prefix("DefaultUninstall"))
        .collect();
    let mut seen: Vec<&Section> = Vec::new();
    let mut references = Vec::new();
    while let Some(section) = waiting.pop() {
        if seen.iter().any(|seen| std::ptr::eq(*seen, section)) {
            continue;
        }
        seen.push(section);
        for reference in section.entries.iter().flat_map(named) {
            waiting.extend(inf.section(reference.name));
            references.push(reference);
        }
    }
    references
}

fn named(entry: &Entry) -> Vec<Reference<'_>> {
    let Some(key) = &entry.key else {
        return Vec::new();
    };
    let directive = key.text.as_str();
    let values = entry.values.iter().map(|value| value.text.as_str());
    let names: Vec<&str> = if LISTS.iter().any(|list| same(list, directive)) {
        values.filter(|name| !name.starts_with('@')).collect()
    } else if same(directive, "AddService") {
        // The service-install section is another rule's.
        values.skip(2).take(2).collect()
    } else {
        Vec::new()
    };
    let names = names.into_iter().filter(|name| !name.is_empty());
    names
        .map(|name| Reference {
            entry,
            directive,
            name,
        })
        .collect()
}
