//! What one generation sets, the others set too: an upgrade of Windows must change nothing.

use crate::{
    finding::{Faults, Rule},
    package::{Package, RegistryLine, Service},
    parse::{Inf, same},
};

pub(super) const RULES: &[Rule] = &[Rule {
    code: None,
    name: "generations-differ",
    page: "devtest/inf-verif-error-1330",
    check: agree,
}];

/// What differs by where the driver's file is, or is a name of a section.
const OWN: [&str; 3] = ["ServiceBinary", "AddReg", "EventMessageFile"];

/// One thing that is set, as it can be compared, and where.
struct Item {
    what: String,
    line: usize,
}

fn agree(package: &Package<'_>, faults: &mut Faults) {
    for (place, (_, service)) in package.services().enumerate() {
        for (_, other) in package.services().skip(place.saturating_add(1)) {
            if same(service.name(), other.name()) {
                compare(package.inf, service, other, faults);
                compare(package.inf, other, service, faults);
            }
        }
    }
}

fn compare(inf: &Inf, one: &Service<'_>, other: &Service<'_>, faults: &mut Faults) {
    let others = items(inf, other);
    for item in items(inf, one) {
        let is_there = others.iter().any(|other| other.what == item.what);
        let line = other
            .section
            .map_or(other.directive.line, |section| section.line());
        let advice = format!("set this for the service of line {line} too, to the same");
        faults.unless(is_there, item.line, advice);
    }
}

fn items(inf: &Inf, service: &Service<'_>) -> Vec<Item> {
    let directive = service.directive;
    let mut items = vec![Item {
        what: format!("flags {}", directive.value(1)),
        line: directive.line,
    }];
    for entry in service
        .section
        .into_iter()
        .flat_map(|section| &section.entries)
    {
        let key = entry.directive();
        let values: Vec<&str> = entry
            .values
            .iter()
            .map(|value| value.text.as_str())
            .collect();
        if !is_own(key) {
            items.push(Item {
                what: format!("{} = {}", key.to_lowercase(), values.join(",")),
                line: entry.line,
            });
        }
    }
    let lines = service.registry(inf).into_iter();
    let lines = lines.chain(service.event_registry(inf));
    items.extend(lines.filter(|line| !is_own(line.name)).map(registry_item));
    items
}

/// Below `Parameters` from 24H2 on is the same as directly under the key before.
fn registry_item(line: RegistryLine<'_>) -> Item {
    let key = line.key.to_lowercase();
    let plain = key.strip_prefix("parameters").unwrap_or(&key);
    let plain = plain.trim_start_matches('\\');
    let data = line.entry.values.iter().skip(4);
    let data: Vec<&str> = data.map(|value| value.text.as_str()).collect();
    let name = line.name.to_lowercase();
    Item {
        what: format!("{plain}\\{name} {:?} {}", line.bits(), data.join(",")),
        line: line.entry.line,
    }
}

fn is_own(key: &str) -> bool {
    OWN.iter().any(|own| same(own, key))
}
