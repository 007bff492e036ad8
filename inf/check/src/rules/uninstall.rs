//! DefaultUninstall, which only systems before primitive drivers may use.

use super::PRIMITIVE;
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::Section,
    target::decorated,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1422),
        name: "legacy-uninstall",
        page: PRIMITIVE,
        check: legacy,
    },
    Rule {
        code: None,
        name: "uninstall-stops-service",
        page: super::MINIFILTER,
        check: stops,
    },
];

/// SPSVCINST_STOPSERVICE
const STOP_SERVICE: u32 = 0x200;

fn sections<'a>(
    package: &Package<'a>,
    extension: Option<&'a str>,
) -> impl Iterator<Item = &'a Section> {
    let sections = package.inf.sections_with_prefix("DefaultUninstall");
    sections.filter(move |section| {
        let parts = decorated("DefaultUninstall", &section.name).and_then(Result::ok);
        let extensions = |own: Option<&str>| own.map(str::to_lowercase);
        parts.is_some_and(|parts| extensions(parts.extension) == extensions(extension))
    })
}

fn legacy(package: &Package<'_>, faults: &mut Faults) {
    for section in sections(package, None) {
        let entry = section.entry("LegacyUninstall");
        let is_legacy = entry.is_some_and(|entry| entry.value(0) == "1");
        faults.unless(
            is_legacy,
            section.line(),
            "write LegacyUninstall = 1, or take the section out",
        );
    }
}

fn stops(package: &Package<'_>, faults: &mut Faults) {
    for entry in sections(package, Some("Services")).flat_map(|section| &section.entries) {
        if entry.is("DelService") {
            let flags = crate::number::number(entry.value(1)).unwrap_or(0);
            let stops = flags & STOP_SERVICE != 0;
            faults.unless(
                stops,
                entry.line,
                "stop the service first: add the flag 0x200",
            );
        }
    }
}
