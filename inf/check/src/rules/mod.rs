//! The rules, each with the page that has it. Pages are those of the Windows driver documentation, without
//! `.md`. No page asks for `unused-string` and `generations-differ`: they are this project's, and theirs are
//! the nearest.

use crate::finding::Rule;

mod binary;
mod class;
mod destinations;
mod directives;
mod events;
mod files;
mod generations;
mod groups;
mod instances;
mod registry;
mod registry_data;
mod sections;
mod security;
mod service;
mod strings;
mod syntax;
mod targets;
mod uninstall;
mod version;
mod versions;

/// The page with InfVerif's codes.
const CODES: &str = "devtest/inf-validation-errors-and-warnings";
/// The page about INFs of minifilters.
const MINIFILTER: &str = "ifs/creating-an-inf-file-for-a-minifilter-driver";
/// The page about primitive drivers.
const PRIMITIVE: &str = "develop/creating-a-primitive-driver";

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let groups: [&'static [Rule]; 20] = [
        syntax::RULES,
        sections::RULES,
        strings::RULES,
        version::RULES,
        class::RULES,
        targets::RULES,
        uninstall::RULES,
        directives::RULES,
        files::RULES,
        destinations::RULES,
        service::RULES,
        binary::RULES,
        security::RULES,
        groups::RULES,
        instances::RULES,
        registry::RULES,
        registry_data::RULES,
        events::RULES,
        versions::RULES,
        generations::RULES,
    ];
    groups.into_iter().flatten()
}
