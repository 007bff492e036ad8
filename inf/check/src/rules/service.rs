//! The service-install section of a minifilter.

use super::{CODES, MINIFILTER};
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::{Package, Service},
    parse::{Entry, same},
};

const ADD_SERVICE: &str = "install/inf-addservice-directive";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(2006),
        name: "undefined-service",
        page: CODES,
        check: undefined,
    },
    Rule {
        code: Some(1013),
        name: "service-incomplete",
        page: ADD_SERVICE,
        check: incomplete,
    },
    Rule {
        code: None,
        name: "service-type",
        page: MINIFILTER,
        check: service_type,
    },
    Rule {
        code: None,
        name: "start-type",
        page: MINIFILTER,
        check: start_type,
    },
    Rule {
        code: None,
        name: "error-control",
        page: MINIFILTER,
        check: error_control,
    },
    Rule {
        code: None,
        name: "filter-manager",
        page: MINIFILTER,
        check: filter_manager,
    },
    Rule {
        code: Some(1083),
        name: "service-flags",
        page: ADD_SERVICE,
        check: flags,
    },
    Rule {
        code: Some(1017),
        name: "service-name",
        page: CODES,
        check: name,
    },
    Rule {
        code: Some(1290),
        name: "service-directive",
        page: ADD_SERVICE,
        check: directives,
    },
    Rule {
        code: Some(1088),
        name: "service-directive-twice",
        page: CODES,
        check: twice,
    },
    Rule {
        code: None,
        name: "service-texts",
        page: ADD_SERVICE,
        check: texts,
    },
];

/// What a service-install section must have.
const REQUIRED: [&str; 4] = ["ServiceType", "StartType", "ErrorControl", "ServiceBinary"];

/// Directives for drivers; those for Win32 services only are not among them.
const DIRECTIVES: [&str; 12] = [
    "DisplayName",
    "Description",
    "ServiceType",
    "StartType",
    "ErrorControl",
    "ServiceBinary",
    "StartName",
    "AddReg",
    "LoadOrderGroup",
    "Dependencies",
    "Security",
    "BootFlags",
];

/// Prohibited elsewhere, by a rule for all sections.
const LEGACY: [&str; 2] = ["DelReg", "BitReg"];

/// Flags of AddService that a filter may have: those that keep what an administrator has changed, and
/// SPSVCINST_STARTSERVICE.
const FLAGS: u32 = 0x0007_FDF8;

/// Names of the samples, which are reserved.
const SAMPLES: [&str; 14] = [
    "avscan",
    "cancelSafe",
    "cdo",
    "change",
    "ctx",
    "delete",
    "fmm",
    "minispy",
    "NameChanger",
    "nullFilter",
    "passThrough",
    "scanner",
    "simrep",
    "swapBuffers",
];

const MAX_DESCRIPTION: usize = 1024;

/// Checks a numeric directive of each service.
fn numeric(
    package: &Package<'_>,
    faults: &mut Faults,
    key: &'static str,
    allowed: &[u32],
    advice: &str,
) {
    for (_, service) in package.services() {
        if let Some(entry) = service.get(key) {
            let is_allowed = number(entry.value(0)).is_some_and(|value| allowed.contains(&value));
            faults.unless(is_allowed, entry.line, advice);
        }
    }
}

fn undefined(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let is_defined = service.section.is_some() && !service.name().is_empty();
        let advice = "name a service, and a section that installs it";
        faults.unless(is_defined, service.directive.line, advice);
    }
}

fn incomplete(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let Some(section) = service.section else {
            continue;
        };
        for key in REQUIRED {
            let entry = section.entry(key);
            let is_filled = entry.is_some_and(|entry| !entry.value(0).is_empty());
            let line = entry.map_or(section.line(), |entry| entry.line);
            faults.unless(is_filled, line, format!("fill in {key}"));
        }
    }
}

fn service_type(package: &Package<'_>, faults: &mut Faults) {
    let advice = "write 2, SERVICE_FILE_SYSTEM_DRIVER";
    numeric(package, faults, "ServiceType", &[2], advice);
}

fn start_type(package: &Package<'_>, faults: &mut Faults) {
    // 0 is for what the system needs to boot, and 4 cannot be installed.
    let advice = "write 3, SERVICE_DEMAND_START: no system boots from what this driver serves";
    numeric(package, faults, "StartType", &[1, 2, 3], advice);
}

fn error_control(package: &Package<'_>, faults: &mut Faults) {
    let advice = "write 1, SERVICE_ERROR_NORMAL";
    numeric(package, faults, "ErrorControl", &[1], advice);
}

fn filter_manager(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let Some(section) = service.section else {
            continue;
        };
        let entry = section.entry("Dependencies");
        let values = entry.map_or([].as_slice(), |entry| &entry.values);
        let depends = values.iter().any(|value| same(&value.text, "FltMgr"));
        let line = entry.map_or(section.line(), |entry| entry.line);
        faults.unless(depends, line, "write Dependencies = \"FltMgr\"");
    }
}

fn flags(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let text = service.directive.value(1);
        let flags = if text.is_empty() {
            Some(0)
        } else {
            number(text)
        };
        let is_valid = flags.is_some_and(|flags| flags & !FLAGS == 0);
        let advice = "use flags that a filter's service may have: it is no device's own service";
        faults.unless(is_valid, service.directive.line, advice);
    }
}

fn name(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let is_reserved = SAMPLES.iter().any(|known| same(known, service.name()));
        faults.unless(
            !is_reserved,
            service.directive.line,
            "use another name: samples' names are reserved",
        );
    }
}

fn entries<'a>(service: &Service<'a>) -> &'a [Entry] {
    service
        .section
        .map_or([].as_slice(), |section| &section.entries)
}

fn directives(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        for entry in entries(service) {
            let key = entry.directive();
            let mut known = DIRECTIVES.iter().chain(&LEGACY);
            let is_known = known.any(|known| same(known, key));
            faults.unless(
                is_known,
                entry.line,
                "take this out: it is no directive of a driver's service",
            );
        }
    }
}

fn twice(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let entries = entries(service);
        for (place, entry) in entries.iter().enumerate() {
            let Some(key) = entry.key.as_ref().filter(|key| !same(&key.text, "AddReg")) else {
                continue;
            };
            let mut earlier = entries.iter().take(place);
            let is_new = earlier.all(|earlier| !earlier.is(&key.text));
            faults.unless(is_new, entry.line, format!("write {} once", key.text));
        }
    }
}

fn texts(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        if let Some(entry) = service.get("Description") {
            let is_short = entry.value(0).chars().count() <= MAX_DESCRIPTION;
            faults.unless(
                is_short,
                entry.line,
                format!("use at most {MAX_DESCRIPTION} characters"),
            );
        }
    }
}
