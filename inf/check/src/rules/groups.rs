//! Load order groups, and the classes and altitudes that belong to them.

use super::{
    MINIFILTER,
    class::{FILTERS, directive},
    instances::altitudes,
};
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::same,
};

const ALTITUDES: &str = "ifs/load-order-groups-and-altitudes-for-minifilter-drivers";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: None,
        name: "load-order-group",
        page: MINIFILTER,
        check: group,
    },
    Rule {
        code: None,
        name: "class-of-group",
        page: "ifs/file-system-filter-driver-classes-and-class-guids",
        check: class,
    },
    Rule {
        code: None,
        name: "altitude",
        page: ALTITUDES,
        check: altitude,
    },
];

struct Group {
    name: &'static str,
    lowest: u32,
    highest: u32,
}

const fn range(name: &'static str, lowest: u32, highest: u32) -> Group {
    Group {
        name,
        lowest,
        highest,
    }
}

/// As the page has them, without the two that are reserved.
const GROUPS: [Group; 21] = [
    range("Filter", 420_000, 429_999),
    range("FSFilter Top", 400_000, 409_999),
    range("FSFilter Activity Monitor", 360_000, 389_999),
    range("FSFilter Undelete", 340_000, 349_999),
    range("FSFilter Anti-Virus", 320_000, 329_999),
    range("FSFilter Replication", 300_000, 309_999),
    range("FSFilter Continuous Backup", 280_000, 289_999),
    range("FSFilter Content Screener", 260_000, 269_999),
    range("FSFilter Quota Management", 240_000, 249_999),
    range("FSFilter System Recovery", 220_000, 229_999),
    range("FSFilter Cluster File System", 200_000, 209_999),
    range("FSFilter HSM", 180_000, 189_999),
    range("FSFilter Imaging", 170_000, 175_000),
    range("FSFilter Compression", 160_000, 169_999),
    range("FSFilter Encryption", 140_000, 149_999),
    range("FSFilter Virtualization", 130_000, 139_999),
    range("FSFilter Physical Quota Management", 120_000, 129_999),
    range("FSFilter Open File", 100_000, 109_999),
    range("FSFilter Security Enhancer", 80_000, 89_999),
    range("FSFilter Copy Protection", 60_000, 69_999),
    range("FSFilter Bottom", 40_000, 49_999),
];

/// The class of a filter whose group has none: what it does counts, and all of those observe.
const OBSERVER: &str = "ActivityMonitor";

fn find(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| same(group.name, name))
}

fn group(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let Some(section) = service.section else {
            continue;
        };
        let entry = section.entry("LoadOrderGroup");
        let is_known = entry.is_some_and(|entry| find(entry.value(0)).is_some());
        let line = entry.map_or(section.line(), |entry| entry.line);
        faults.unless(
            is_known,
            line,
            "name a load order group of file system filters",
        );
    }
}

fn class(package: &Package<'_>, faults: &mut Faults) {
    let Some(own) = directive(package, "Class") else {
        return;
    };
    for (_, service) in package.services() {
        let Some(entry) = service.get("LoadOrderGroup") else {
            continue;
        };
        let group = entry.value(0);
        if find(group).is_none() {
            continue;
        }
        let of_group = FILTERS.iter().find(|class| same(class.group, group));
        let expected = of_group.map_or(OBSERVER, |class| class.name);
        let agrees = same(own.value(0), expected);
        faults.unless(
            agrees,
            own.line,
            format!("write Class = {expected}, which {group} has"),
        );
    }
}

fn altitude(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let group = service
            .get("LoadOrderGroup")
            .and_then(|entry| find(entry.value(0)));
        let Some(group) = group else {
            continue;
        };
        for line in altitudes(package.inf, service) {
            let whole = whole(line.data(0));
            let is_within =
                whole.is_some_and(|whole| (group.lowest..=group.highest).contains(&whole));
            let (lowest, highest) = (group.lowest, group.highest);
            let advice = format!("use an altitude of {}: {lowest} to {highest}", group.name);
            faults.unless(is_within, line.entry.line, advice);
        }
    }
}

/// The whole part of an altitude: a decimal number with as many digits behind the point as anybody likes.
fn whole(altitude: &str) -> Option<u32> {
    let (whole, fraction) = altitude.split_once('.').unwrap_or((altitude, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| whole.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn altitudes_are_decimal_numbers() {
        assert_eq!(whole("40077.7"), Some(40077));
        assert_eq!(whole("40077"), Some(40077));
        for text in [
            "",
            ".7",
            "40077.",
            "0xB2D1",
            "-1",
            "40077.7.7",
            "99999999999",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
