//! The instances of a minifilter, and where the filter manager looks for them and for what it supports.

use super::MINIFILTER;
use crate::{
    finding::{Faults, Rule},
    package::{Package, RegistryLine, Service},
    parse::{Inf, same},
    target::ISOLATED_BUILD,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: None,
        name: "default-instance",
        page: MINIFILTER,
        check: default_instance,
    },
    Rule {
        code: None,
        name: "instance-incomplete",
        page: MINIFILTER,
        check: incomplete,
    },
    Rule {
        code: None,
        name: "filter-values-place",
        page: MINIFILTER,
        check: place,
    },
    Rule {
        code: None,
        name: "supported-features",
        page: "ifs/offloaded-data-transfers",
        check: features,
    },
];

/// SUPPORTED_FS_FEATURES_OFFLOAD_READ, OFFLOAD_WRITE, QUERY_OPEN and BYPASS_IO.
const FEATURES: u32 = 0xF;

/// The key without the `Parameters` that it has from 24H2 on.
fn plain(key: &str) -> &str {
    match key.split_once('\\') {
        Some((first, rest)) if same(first, "Parameters") => rest,
        None if same(key, "Parameters") => "",
        _ => key,
    }
}

/// The instance that a line belongs to.
fn instance<'a>(line: &RegistryLine<'a>) -> Option<&'a str> {
    let (first, name) = plain(line.key).split_once('\\')?;
    same(first, "Instances").then_some(name)
}

/// The services that have a section; another rule is about those without.
fn defined<'p>(package: &'p Package<'_>) -> impl Iterator<Item = &'p Service<'p>> {
    let services = package.services().map(|(_, service)| service);
    services.filter(|service| service.section.is_some())
}

/// The altitudes of a service's instances.
pub(super) fn altitudes<'a>(
    inf: &'a Inf,
    service: &Service<'a>,
) -> impl Iterator<Item = RegistryLine<'a>> {
    let lines = service.registry(inf).into_iter();
    lines.filter(|line| instance(line).is_some() && same(line.name, "Altitude"))
}

fn default_instance(package: &Package<'_>, faults: &mut Faults) {
    for service in defined(package) {
        let lines = service.registry(package.inf);
        let mut defaults = lines.iter().filter(|line| {
            same(plain(line.key), "Instances") && same(line.name, "DefaultInstance")
        });
        let Some(default) = defaults.next() else {
            faults.add(
                service.directive.line,
                "name the DefaultInstance under Instances",
            );
            continue;
        };
        let mut instances = lines.iter().filter_map(instance);
        let exists = instances.any(|name| same(name, default.data(0)));
        faults.unless(
            exists,
            default.entry.line,
            "name an instance that is defined",
        );
    }
}

fn incomplete(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let lines = service.registry(package.inf);
        for line in &lines {
            let Some(name) = instance(line) else {
                continue;
            };
            for value in ["Altitude", "Flags"] {
                let mut others = lines.iter();
                let has = others.any(|other| {
                    instance(other).is_some_and(|other| same(other, name))
                        && same(other.name, value)
                });
                faults.unless(
                    has,
                    line.entry.line,
                    format!("give the instance {name} its {value}"),
                );
            }
        }
    }
}

/// Under Parameters from 24H2 on, which isolation asks for anyway; directly under the key before.
fn place(package: &Package<'_>, faults: &mut Faults) {
    for (install, service) in package.services() {
        if !install.serves_before(ISOLATED_BUILD) {
            continue;
        }
        for line in service.registry(package.inf) {
            let first = plain(line.key).split('\\').next().unwrap_or_default();
            let is_filters = same(first, "Instances") || same(line.name, "SupportedFeatures");
            let is_plain = plain(line.key) == line.key;
            let advice =
                "put this directly under the service's key: Parameters is for 24H2 and later";
            faults.unless(!is_filters || is_plain, line.entry.line, advice);
        }
    }
}

fn features(package: &Package<'_>, faults: &mut Faults) {
    for service in defined(package) {
        let lines = service.registry(package.inf);
        let Some(line) = lines
            .iter()
            .find(|line| same(line.name, "SupportedFeatures"))
        else {
            let advice = "say in SupportedFeatures what the filter lets pass: offloads are refused without it";
            faults.add(service.directive.line, advice);
            continue;
        };
        let bits = crate::number::number(line.data(0));
        let is_known = bits.is_some_and(|bits| bits & !FEATURES == 0);
        faults.unless(
            is_known,
            line.entry.line,
            "use documented bits: 1, 2, 4 and 8",
        );
    }
}
