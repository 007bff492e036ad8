//! Strings that are used and not defined, or the other way around.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::{Field, Section, same},
    strings::{Piece, pieces},
};

const STRINGS: &str = "install/inf-strings-section";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1235),
        name: "undefined-string",
        page: CODES,
        check: undefined,
    },
    Rule {
        code: None,
        name: "unused-string",
        page: STRINGS,
        check: unused,
    },
    Rule {
        code: Some(1294),
        name: "string-defined-twice",
        page: CODES,
        check: twice,
    },
    Rule {
        code: Some(1295),
        name: "strings-differ-by-language",
        page: CODES,
        check: languages,
    },
];

fn is_strings(section: &Section) -> bool {
    section.is("Strings") || section.has_prefix("Strings.")
}

/// All keys and values in which tokens are replaced, with their lines.
fn fields<'a>(package: &Package<'a>) -> impl Iterator<Item = (usize, &'a Field)> {
    let sections = package.inf.sections.iter();
    sections
        .filter(|section| !is_strings(section))
        .flat_map(|section| &section.entries)
        .flat_map(|entry| {
            let fields = entry.key.iter().chain(&entry.values);
            fields.map(|field| (entry.line, field))
        })
}

fn undefined(package: &Package<'_>, faults: &mut Faults) {
    for (line, field) in fields(package) {
        for piece in pieces(&field.raw) {
            match piece {
                Piece::Token(name) => {
                    let advice = format!("define {name} in [Strings], or write %%{name}%%");
                    let is_defined = package.inf.strings.get(name).is_some();
                    faults.unless(is_defined, line, advice);
                }
                Piece::Stray => faults.add(line, "write %% for a percent character"),
                Piece::Text(_) | Piece::Percent | Piece::Directory(_) => {}
            }
        }
    }
}

fn unused(package: &Package<'_>, faults: &mut Faults) {
    let used: Vec<&str> = fields(package)
        .flat_map(|(_, field)| pieces(&field.raw))
        .filter_map(|piece| match piece {
            Piece::Token(name) => Some(name),
            _ => None,
        })
        .collect();
    let Some(strings) = package.inf.section("Strings") else {
        return;
    };
    for entry in &strings.entries {
        if let Some(key) = &entry.key {
            let is_used = used.iter().any(|used| same(used, &key.raw));
            faults.unless(is_used, entry.line, format!("take out {}", key.raw));
        }
    }
}

fn twice(package: &Package<'_>, faults: &mut Faults) {
    for section in package
        .inf
        .sections
        .iter()
        .filter(|section| is_strings(section))
    {
        for (place, entry) in section.entries.iter().enumerate() {
            let Some(key) = &entry.key else {
                faults.add(entry.line, "write a string as NAME = \"text\"");
                continue;
            };
            let earlier = section.entries.iter().take(place);
            let is_new = earlier.clone().all(|earlier| !earlier.is(&key.text));
            faults.unless(is_new, entry.line, format!("define {} once", key.raw));
        }
    }
}

fn languages(package: &Package<'_>, faults: &mut Faults) {
    let names = |section: &Section| {
        let keys = section
            .entries
            .iter()
            .filter_map(|entry| entry.key.as_ref());
        let mut names: Vec<String> = keys.map(|key| key.raw.to_lowercase()).collect();
        names.sort();
        names
    };
    let expected = package.inf.section("Strings").map(names);
    for section in package.inf.sections_with_prefix("Strings.") {
        let agrees = expected.as_ref() == Some(&names(section));
        faults.unless(
            agrees,
            section.line(),
            "define the strings of [Strings], all and no others",
        );
    }
}
