//! The Version section, which a primitive driver must have complete.

use super::{CODES, PRIMITIVE};
use crate::{
    finding::{Faults, Rule},
    number::{is_date, is_version},
    package::Package,
    parse::{Entry, Section, same},
    strings::{Piece, pieces},
};

const VERSION: &str = "install/inf-version-section";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1001),
        name: "signature",
        page: VERSION,
        check: signature,
    },
    Rule {
        code: Some(1234),
        name: "version-incomplete",
        page: PRIMITIVE,
        check: complete,
    },
    Rule {
        code: Some(1204),
        name: "provider",
        page: CODES,
        check: provider,
    },
    Rule {
        code: Some(1292),
        name: "provider-indirect",
        page: CODES,
        check: indirect,
    },
    Rule {
        code: Some(1233),
        name: "no-catalog",
        page: CODES,
        check: no_catalog,
    },
    Rule {
        code: Some(1214),
        name: "catalog-name",
        page: CODES,
        check: catalog_name,
    },
    Rule {
        code: Some(1324),
        name: "pnp-lockdown",
        page: VERSION,
        check: lockdown,
    },
    Rule {
        code: Some(1218),
        name: "driver-date",
        page: "install/inf-driverver-directive",
        check: date,
    },
    Rule {
        code: Some(1217),
        name: "driver-version",
        page: "install/inf-driverver-directive",
        check: driver_version,
    },
    Rule {
        code: Some(1290),
        name: "version-directive",
        page: VERSION,
        check: directives,
    },
    Rule {
        code: Some(1088),
        name: "version-directive-twice",
        page: CODES,
        check: twice,
    },
];

/// Directives of the section that are not deprecated and belong to no other kind of INF.
const DIRECTIVES: [&str; 8] = [
    "Signature",
    "Class",
    "ClassGuid",
    "Provider",
    "CatalogFile",
    "DriverVer",
    "PnpLockdown",
    "ClassVer",
];

fn version<'a>(package: &Package<'a>) -> Option<&'a Section> {
    package.inf.section("Version")
}

fn directive<'a>(package: &Package<'a>, key: &'a str) -> Option<&'a Entry> {
    version(package)?.entries_of(key).next()
}

fn signature(package: &Package<'_>, faults: &mut Faults) {
    let Some(section) = version(package) else {
        return faults.add(1, "begin with [Version] and Signature = \"$Windows NT$\"");
    };
    let entry = section.entry("Signature");
    let is_known = entry.is_some_and(|entry| same(entry.value(0), "$Windows NT$"));
    let line = entry.map_or(section.line(), |entry| entry.line);
    faults.unless(is_known, line, "write Signature = \"$Windows NT$\"");
}

fn complete(package: &Package<'_>, faults: &mut Faults) {
    let Some(section) = version(package) else {
        return;
    };
    for key in ["Provider", "Class", "ClassGuid", "DriverVer"] {
        let entry = section.entry(key);
        let is_filled = entry.is_some_and(|entry| !entry.value(0).is_empty());
        let line = entry.map_or(section.line(), |entry| entry.line);
        faults.unless(is_filled, line, format!("fill in {key}"));
    }
}

fn provider(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "Provider") {
        let is_own = !entry.value(0).to_lowercase().starts_with("microsoft");
        faults.unless(
            is_own,
            entry.line,
            "name the organization that wrote the INF",
        );
    }
}

fn indirect(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "Provider") {
        let is_token = matches!(pieces(entry.raw(0)).as_slice(), [] | [Piece::Token(_)]);
        faults.unless(
            is_token,
            entry.line,
            "name the provider in [Strings], and that here",
        );
    }
}

fn catalogs(section: &Section) -> impl Iterator<Item = &Entry> {
    section.entries.iter().filter(|entry| {
        let key = entry.key.as_ref().map(|key| key.text.to_lowercase());
        key.is_some_and(|key| key == "catalogfile" || key.starts_with("catalogfile."))
    })
}

fn no_catalog(package: &Package<'_>, faults: &mut Faults) {
    if let Some(section) = version(package) {
        let mut filled = catalogs(section).filter(|entry| !entry.value(0).is_empty());
        faults.unless(
            filled.next().is_some(),
            section.line(),
            "name the catalog in CatalogFile",
        );
    }
}

fn catalog_name(package: &Package<'_>, faults: &mut Faults) {
    for entry in version(package).into_iter().flat_map(catalogs) {
        let name = entry.value(0).to_lowercase();
        let stem = name.strip_suffix(".cat");
        let is_name = stem.is_some_and(|stem| !stem.is_empty() && !stem.contains(['\\', '/']));
        faults.unless(
            name.is_empty() || is_name,
            entry.line,
            "name a file NAME.cat",
        );
    }
}

fn lockdown(package: &Package<'_>, faults: &mut Faults) {
    if let Some(section) = version(package) {
        let entry = section.entry("PnpLockdown");
        let is_locked = entry.is_some_and(|entry| entry.value(0) == "1");
        let line = entry.map_or(section.line(), |entry| entry.line);
        faults.unless(is_locked, line, "write PnpLockdown = 1");
    }
}

fn date(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "DriverVer") {
        let date = entry.value(0);
        let is_valid = date.is_empty() || is_date(date);
        faults.unless(is_valid, entry.line, "give a date MM/DD/YYYY");
    }
}

fn driver_version(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "DriverVer") {
        let is_valid = entry.value(0).is_empty() || is_version(entry.value(1));
        faults.unless(
            is_valid,
            entry.line,
            "give a version W.X.Y.Z of numbers below 65535, not all 0",
        );
    }
}

fn directives(package: &Package<'_>, faults: &mut Faults) {
    for entry in version(package)
        .into_iter()
        .flat_map(|section| &section.entries)
    {
        let key = entry.directive();
        let base = key.split_once('.').map_or(key, |(base, _)| base);
        let is_known = DIRECTIVES.iter().any(|known| same(known, base));
        faults.unless(
            is_known,
            entry.line,
            "take this out: it is no directive of [Version] here",
        );
    }
}

fn twice(package: &Package<'_>, faults: &mut Faults) {
    let entries = version(package).map_or([].as_slice(), |section| &section.entries);
    for (place, entry) in entries.iter().enumerate() {
        let Some(key) = &entry.key else {
            continue;
        };
        let mut earlier = entries.iter().take(place);
        let is_new = earlier.all(|earlier| !earlier.is(&key.text));
        faults.unless(is_new, entry.line, format!("write {} once", key.text));
    }
}
