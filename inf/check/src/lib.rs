//! Stamps the driver's INF, and checks it against the rules that Microsoft documents for `infverif /h` and
//! `/w` (which implies `/u` and `/k`), for primitive drivers and for minifilters.
//!
//! It is no replacement for InfVerif, which only runs on Windows; it finds here what InfVerif would say
//! there, and some things that InfVerif does not look at.

pub mod finding;
pub mod lexer;
pub mod number;
pub mod package;
pub mod parse;
pub mod references;
pub mod rules;
pub mod stamp;
pub mod strings;
pub mod target;
pub mod text;

use finding::{Faults, Finding};
use package::Package;
use parse::Inf;
use target::Architecture;

/// Where an INF breaks rules when it is installed on an architecture, in the order of lines.
pub fn check(inf: &Inf, architecture: Architecture) -> Vec<Finding> {
    let package = Package::new(inf, architecture);
    let mut findings = Vec::new();
    for rule in rules::all() {
        let mut faults = Faults::default();
        (rule.check)(&package, &mut faults);
        findings.extend(
            faults
                .0
                .into_iter()
                .map(|(line, advice)| Finding { line, rule, advice }),
        );
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}
