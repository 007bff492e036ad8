//! What the DefaultInstall sections are for.

use super::{CODES, PRIMITIVE};
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::Section,
    target::{Decorated, FIRST_DECORATED_BUILD, decorated},
};

const UNIVERSAL: &str = "install/using-a-universal-inf-file";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1212),
        name: "manufacturer",
        page: PRIMITIVE,
        check: manufacturer,
    },
    Rule {
        code: Some(1421),
        name: "no-architecture",
        page: PRIMITIVE,
        check: no_architecture,
    },
    Rule {
        code: Some(1423),
        name: "not-for-this-architecture",
        page: PRIMITIVE,
        check: not_for_this,
    },
    Rule {
        code: Some(1274),
        name: "not-stamped",
        page: CODES,
        check: not_stamped,
    },
    Rule {
        code: Some(1287),
        name: "decoration",
        page: "install/inf-manufacturer-section",
        check: decoration,
    },
    Rule {
        code: Some(1288),
        name: "build-number",
        page: "install/combining-platform-extensions-with-operating-system-versions",
        check: build_number,
    },
    Rule {
        code: None,
        name: "product-type",
        page: UNIVERSAL,
        check: product_type,
    },
];

const UNSTAMPED: &str = "$ARCH$";

/// All DefaultInstall and DefaultUninstall sections, with their extensions.
fn entries<'a>(package: &Package<'a>) -> Vec<(&'a Section, Result<Decorated<'a>, ()>)> {
    let take_apart = |section: &'a Section| {
        let install = decorated("DefaultInstall", &section.name);
        let parts = install.or_else(|| decorated("DefaultUninstall", &section.name))?;
        Some((section, parts))
    };
    package.inf.sections.iter().filter_map(take_apart).collect()
}

fn is_unstamped(section: &Section) -> bool {
    section.name.contains(UNSTAMPED)
}

fn manufacturer(package: &Package<'_>, faults: &mut Faults) {
    if let Some(section) = package.inf.section("Manufacturer") {
        faults.add(
            section.line(),
            "take out [Manufacturer]: a primitive driver installs on no device",
        );
    }
}

fn no_architecture(package: &Package<'_>, faults: &mut Faults) {
    for (section, parts) in entries(package) {
        let is_decorated =
            parts.is_err() || parts.is_ok_and(|parts| parts.target.architecture.is_some());
        faults.unless(
            is_decorated,
            section.line(),
            format!("write an architecture, like .NT{UNSTAMPED}"),
        );
    }
}

fn not_for_this(package: &Package<'_>, faults: &mut Faults) {
    let mut entries = package.inf.sections.iter();
    if entries.any(is_unstamped) {
        return;
    }
    let name = package.architecture.name();
    let has_any = !package.installs.is_empty();
    faults.unless(has_any, 1, format!("write [DefaultInstall.NT{name}]"));
    let for_all_builds = package
        .installs
        .iter()
        .any(|install| install.from.is_none());
    let line = package
        .installs
        .first()
        .map_or(1, |install| install.section.line());
    let is_served = !has_any || for_all_builds;
    faults.unless(
        is_served,
        line,
        format!("write [DefaultInstall.NT{name}] for older systems"),
    );
}

fn not_stamped(package: &Package<'_>, faults: &mut Faults) {
    for section in &package.inf.sections {
        let advice = format!("replace {UNSTAMPED} with inf-gate stamp");
        faults.unless(!is_unstamped(section), section.line(), advice);
    }
}

fn decoration(package: &Package<'_>, faults: &mut Faults) {
    for (section, parts) in entries(package) {
        let is_valid = parts.is_ok() || is_unstamped(section);
        let advice = "decorate with NT and an architecture, and a version like .10.0...25952";
        faults.unless(is_valid, section.line(), advice);
    }
}

fn build_number(package: &Package<'_>, faults: &mut Faults) {
    for (section, parts) in entries(package) {
        let build = parts.ok().and_then(|parts| parts.target.build);
        let is_valid = build.is_none_or(|build| build >= FIRST_DECORATED_BUILD);
        let advice = format!("use a build number from {FIRST_DECORATED_BUILD} on");
        faults.unless(is_valid, section.line(), advice);
    }
}

fn product_type(package: &Package<'_>, faults: &mut Faults) {
    for (section, parts) in entries(package) {
        let is_free = parts.map_or(true, |parts| !parts.target.is_restricted);
        faults.unless(
            is_free,
            section.line(),
            "leave out product type and suite mask",
        );
    }
}
