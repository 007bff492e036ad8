//! Where the registry is written.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    package::{Package, RegistryLine, added},
    parse::same,
};

const ISOLATION: &str = "develop/driver-isolation";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1224),
        name: "registry-root",
        page: "install/inf-addreg-directive",
        check: root,
    },
    Rule {
        code: Some(1321),
        name: "not-relative",
        page: ISOLATION,
        check: not_relative,
    },
    Rule {
        code: Some(1323),
        name: "not-under-parameters",
        page: ISOLATION,
        check: not_under_parameters,
    },
    Rule {
        code: None,
        name: "relative-to-nothing",
        page: "install/inf-addreg-directive",
        check: relative_to_nothing,
    },
    Rule {
        code: Some(1294),
        name: "value-added-twice",
        page: CODES,
        check: twice,
    },
    Rule {
        code: Some(1258),
        name: "directory-in-registry",
        page: CODES,
        check: directory,
    },
];

const ROOTS: [&str; 5] = ["HKR", "HKLM", "HKCR", "HKCU", "HKU"];

/// All lines that add something to the registry.
pub(super) fn lines<'a>(package: &Package<'a>) -> Vec<RegistryLine<'a>> {
    let inf = package.inf;
    let installs = package.installs.iter();
    let mut lines: Vec<_> = installs
        .flat_map(|install| added(inf, install.section))
        .collect();
    for (_, service) in package.services() {
        lines.extend(service.registry(inf));
        lines.extend(service.event_registry(inf));
    }
    lines
}

fn root(package: &Package<'_>, faults: &mut Faults) {
    for line in lines(package) {
        let is_root = line.entry.key.is_none() && ROOTS.iter().any(|root| same(root, line.root));
        faults.unless(is_root, line.entry.line, "begin with HKR");
    }
}

/// Before 24H2 `infverif /h` lets some other roots pass; this driver needs none.
fn not_relative(package: &Package<'_>, faults: &mut Faults) {
    for line in lines(package) {
        let is_root = ROOTS.iter().any(|root| same(root, line.root));
        let is_fine = !is_root || same(line.root, "HKR");
        faults.unless(is_fine, line.entry.line, "write to HKR only");
    }
}

fn not_under_parameters(package: &Package<'_>, faults: &mut Faults) {
    for (install, service) in package.services() {
        if !install.is_isolated() {
            continue;
        }
        for line in service.registry(package.inf) {
            let first = line.key.split('\\').next().unwrap_or_default();
            let is_fine = !same(line.root, "HKR") || same(first, "Parameters");
            faults.unless(is_fine, line.entry.line, "put this under Parameters");
        }
    }
}

/// A DefaultInstall section has no device, and so no key that HKR could stand for.
fn relative_to_nothing(package: &Package<'_>, faults: &mut Faults) {
    for install in &package.installs {
        for line in added(package.inf, install.section) {
            let is_fine = !same(line.root, "HKR");
            faults.unless(
                is_fine,
                line.entry.line,
                "add this in the service's section",
            );
        }
    }
}

fn twice(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        for lines in [
            service.registry(package.inf),
            service.event_registry(package.inf),
        ] {
            for (place, line) in lines.iter().enumerate() {
                let mut earlier = lines.iter().take(place);
                let is_new = earlier.all(|earlier| !same(&earlier.path(), &line.path()));
                faults.unless(is_new, line.entry.line, format!("set {} once", line.path()));
            }
        }
    }
}

/// A directory may be resolved when the package is staged in another system's image; the driver store's
/// is not.
fn directory(package: &Package<'_>, faults: &mut Faults) {
    for line in lines(package) {
        for value in line.entry.values.iter().skip(4) {
            for piece in crate::strings::pieces(&value.raw) {
                let is_fixed = matches!(piece, crate::strings::Piece::Directory(id) if id != "13");
                let advice = "write %%SystemRoot%%\\... in values of the registry";
                faults.unless(!is_fixed, line.entry.line, advice);
            }
        }
    }
}
