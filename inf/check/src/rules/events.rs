//! The event log's source: the texts are in the driver's own image.

use super::{CODES, binary::split};
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::Package,
    parse::same,
};

const ADD_SERVICE: &str = "install/inf-addservice-directive";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: None,
        name: "event-message-file",
        page: ADD_SERVICE,
        check: message_file,
    },
    Rule {
        code: None,
        name: "event-types",
        page: ADD_SERVICE,
        check: types,
    },
    Rule {
        code: Some(1250),
        name: "event-log-type",
        page: CODES,
        check: log_type,
    },
    Rule {
        code: Some(1290),
        name: "event-log-directive",
        page: ADD_SERVICE,
        check: directives,
    },
];

/// Errors, warnings and information.
const TYPES: u32 = 7;

/// `%12%` as the registry should have it (code 1258); the driver store's directory is resolved by Windows.
const DRIVERS: &str = r"%SystemRoot%\System32\drivers";

fn as_registered(path: &str) -> String {
    match split(path) {
        Some(("12", file)) => format!("{DRIVERS}\\{file}"),
        _ => path.to_owned(),
    }
}

fn message_file(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let (Some(section), Some(binary)) = (service.event_log, service.get("ServiceBinary"))
        else {
            continue;
        };
        let lines = service.event_registry(package.inf);
        let line = lines
            .iter()
            .find(|line| same(line.name, "EventMessageFile"));
        let expected = as_registered(binary.value(0));
        let mut files = line.map_or("", |line| line.data(0)).split(';');
        let names_image = files.any(|file| same(&as_registered(file), &expected));
        let place = line.map_or(section.line(), |line| line.entry.line);
        faults.unless(
            names_image,
            place,
            format!("name the driver's image: {expected}"),
        );
    }
}

fn types(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let Some(section) = service.event_log else {
            continue;
        };
        let lines = service.event_registry(package.inf);
        let line = lines.iter().find(|line| same(line.name, "TypesSupported"));
        let is_all = line.is_some_and(|line| number(line.data(0)) == Some(TYPES));
        let place = line.map_or(section.line(), |line| line.entry.line);
        faults.unless(is_all, place, format!("set TypesSupported to {TYPES}"));
    }
}

fn log_type(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let text = service.directive.value(4);
        let known = ["", "System", "Application", "Security"];
        let is_known = known.iter().any(|known| same(known, text));
        faults.unless(
            is_known,
            service.directive.line,
            "log to System, or leave it out",
        );
    }
}

fn directives(package: &Package<'_>, faults: &mut Faults) {
    for section in package
        .services()
        .filter_map(|(_, service)| service.event_log)
    {
        for entry in &section.entries {
            let is_known = ["AddReg", "DelReg", "BitReg"]
                .iter()
                .any(|known| entry.is(known));
            faults.unless(
                is_known,
                entry.line,
                "take this out: it is no directive of an event log",
            );
        }
    }
}
