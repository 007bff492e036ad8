//! Whether the file can be read.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    package::Package,
    text::Encoding,
};

const SYNTAX: &str = "install/general-syntax-rules-for-inf-files";

/// Characters of a field, with the null character that Windows adds.
const MAX_FIELD: usize = 4095;
const MAX_SECTION_NAME: usize = 255;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1002),
        name: "syntax",
        page: SYNTAX,
        check: syntax,
    },
    Rule {
        code: Some(1003),
        name: "encoding",
        page: CODES,
        check: encoding,
    },
    Rule {
        code: None,
        name: "length",
        page: SYNTAX,
        check: length,
    },
];

fn syntax(package: &Package<'_>, faults: &mut Faults) {
    for problem in &package.inf.problems {
        faults.add(problem.line, problem.advice);
    }
}

fn encoding(package: &Package<'_>, faults: &mut Faults) {
    let inf = package.inf;
    let is_known = match inf.encoding {
        Encoding::Utf16Le => true,
        Encoding::Unmarked => inf.is_ascii,
        Encoding::Utf8 | Encoding::Utf16Be => false,
    };
    faults.unless(is_known, 1, "store the file as ASCII or as UTF-16 LE");
}

fn length(package: &Package<'_>, faults: &mut Faults) {
    for section in &package.inf.sections {
        let length = section.name.chars().count();
        let advice = format!("use at most {MAX_SECTION_NAME} characters for a section's name");
        faults.unless(length <= MAX_SECTION_NAME, section.line(), advice);
        for entry in &section.entries {
            for field in entry.key.iter().chain(&entry.values) {
                let length = field.raw.chars().count().max(field.text.chars().count());
                let advice = format!("use at most {MAX_FIELD} characters for a field");
                faults.unless(length <= MAX_FIELD, entry.line, advice);
            }
        }
    }
}
