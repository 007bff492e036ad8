//! Syntax that older systems do not have.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::Package,
};

pub(super) const RULES: &[Rule] = &[Rule {
    code: Some(1199),
    name: "newer-syntax",
    page: CODES,
    check: newer,
}];

/// Directives of a service, and the builds that have them first (inf-addservice-directive).
const DIRECTIVES: [(&str, u32); 5] = [
    ("AddTrigger", 19041),
    ("ServiceSidType", 19041),
    ("DelayedAutoStart", 19041),
    ("FailureActions", 22621),
    ("BootFlags", 25398),
];

/// Flags of AddService that are as new.
const FLAGS: [(u32, u32); 5] = [
    (0x2000, 19041),
    (0x4000, 19041),
    (0x8000, 19041),
    (0x2_0000, 22621),
    (0x4_0000, 25398),
];

/// Files run from the driver store from Windows 10 1709 on (using-dirids).
const STORE: (u32, u32) = (13, 16299);

fn newer(package: &Package<'_>, faults: &mut Faults) {
    for (install, service) in package.services() {
        for (key, build) in DIRECTIVES {
            if let Some(entry) = service.get(key) {
                let advice = format!("use {key} only in sections for build {build} and later");
                faults.unless(!install.serves_before(build), entry.line, advice);
            }
        }
        let flags = number(service.directive.value(1)).unwrap_or(0);
        for (flag, build) in FLAGS {
            let is_fine = flags & flag == 0 || !install.serves_before(build);
            let advice =
                format!("use the flag {flag:#x} only in sections for build {build} and later");
            faults.unless(is_fine, service.directive.line, advice);
        }
    }
    let inf = package.inf;
    let (directory, build) = STORE;
    for install in package
        .installs
        .iter()
        .filter(|install| install.serves_before(build))
    {
        for file in install.copied(inf) {
            let entry = super::destinations::destination(inf, &file);
            if let Some(entry) = entry.filter(|entry| number(entry.value(0)) == Some(directory)) {
                let advice =
                    format!("use {directory} only in sections for build {build} and later");
                faults.add(entry.line, advice);
            }
        }
    }
}
