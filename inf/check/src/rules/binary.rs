//! The service's image: one of the files that are copied, by the path where it goes.

use super::destinations::destination;
use crate::{
    finding::{Faults, Rule},
    package::{Install, Package},
    parse::{Inf, same},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(2085),
        name: "service-binary-path",
        page: "install/using-dirids",
        check: path,
    },
    Rule {
        code: Some(2084),
        name: "service-binary-not-copied",
        page: "devtest/inf-verif-error-2084",
        check: not_copied,
    },
];

/// The directory's number and the rest of a path like `%13%\daxflush.sys`.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let (directory, rest) = path.strip_prefix('%')?.split_once('%')?;
    let is_number = !directory.is_empty() && directory.bytes().all(|byte| byte.is_ascii_digit());
    let rest = rest.strip_prefix('\\')?;
    (is_number && !rest.is_empty()).then_some((directory, rest))
}

/// The paths of the files that are copied.
fn copied(inf: &Inf, install: &Install<'_>) -> Vec<String> {
    let files = install.copied(inf);
    let path = |file| {
        let entry = destination(inf, file)?;
        let directory = entry.value(0);
        let name = file.destination;
        Some(match entry.value(1).trim_matches('\\') {
            "" => format!("%{directory}%\\{name}"),
            subdirectory => format!("%{directory}%\\{subdirectory}\\{name}"),
        })
    };
    files.iter().filter_map(path).collect()
}

fn path(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        if let Some(entry) = service.get("ServiceBinary") {
            let is_path = entry.value(0).is_empty() || split(entry.value(0)).is_some();
            faults.unless(is_path, entry.line, "write a path like %13%\\file.sys");
        }
    }
}

fn not_copied(package: &Package<'_>, faults: &mut Faults) {
    for (install, service) in package.services() {
        let Some(entry) = service.get("ServiceBinary") else {
            continue;
        };
        if split(entry.value(0)).is_some() {
            let paths = copied(package.inf, install);
            let is_copied = paths.iter().any(|path| same(path, entry.value(0)));
            let advice = format!("name a file that CopyFiles copies: {}", paths.join(" or "));
            faults.unless(is_copied, entry.line, advice);
        }
    }
}
