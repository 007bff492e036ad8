//! What is written to the registry: types and data.

use super::{CODES, registry::lines};
use crate::{
    finding::{Faults, Rule},
    number::number,
    package::{Package, RegistryLine},
    parse::same,
};

const ADD_REG: &str = "install/inf-addreg-directive";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1083),
        name: "registry-flags",
        page: ADD_REG,
        check: flags,
    },
    Rule {
        code: Some(1268),
        name: "not-a-number",
        page: CODES,
        check: numbers,
    },
    Rule {
        code: Some(1267),
        name: "not-bytes",
        page: CODES,
        check: bytes,
    },
    Rule {
        code: Some(1006),
        name: "no-data",
        page: ADD_REG,
        check: no_data,
    },
    Rule {
        code: Some(1201),
        name: "too-much-data",
        page: CODES,
        check: too_much,
    },
    Rule {
        code: Some(1305),
        name: "appended",
        page: CODES,
        check: appended,
    },
    Rule {
        code: Some(1309),
        name: "deleted",
        page: CODES,
        check: deleted,
    },
    Rule {
        code: Some(1431),
        name: "well-known-type",
        page: CODES,
        check: well_known,
    },
];

const SZ: u32 = 0;
const MULTI_SZ: u32 = 0x0001_0000;
const EXPAND_SZ: u32 = 0x0002_0000;
const DWORD: u32 = 0x0001_0001;
const NONE: u32 = 0x0002_0001;
const QWORD: u32 = 0x000B_0001;
const BINARY: u32 = 1;

/// The bits of the flags that are the type.
const TYPE: u32 = 0xFFFF_0001;
/// The documented others.
const OPTIONS: u32 = 0x0000_703E;
const DELETE_VALUE: u32 = 0x4;
const APPEND: u32 = 0x8;
/// Both of these make keys without values.
const KEY_ONLY: u32 = 0x2010;

/// Values with meanings, and their types.
const WELL_KNOWN: [(&str, u32, &str); 6] = [
    ("DefaultInstance", SZ, "a text: 0x00000000"),
    ("Altitude", SZ, "a text: 0x00000000"),
    ("Flags", DWORD, "a number: 0x00010001"),
    ("SupportedFeatures", DWORD, "a number: 0x00010001"),
    (
        "EventMessageFile",
        EXPAND_SZ,
        "an expandable text: 0x00020000",
    ),
    ("TypesSupported", DWORD, "a number: 0x00010001"),
];

/// The lines whose flags can be read, with them.
fn typed<'a>(package: &Package<'a>) -> impl Iterator<Item = (RegistryLine<'a>, u32)> {
    let lines = lines(package).into_iter();
    lines.filter_map(|line| line.bits().map(|bits| (line, bits)))
}

/// Those that set a value of this type.
fn of_type<'a>(package: &Package<'a>, kind: u32) -> impl Iterator<Item = RegistryLine<'a>> {
    let setting = typed(package)
        .filter(move |(_, bits)| bits & TYPE == kind && bits & (DELETE_VALUE | KEY_ONLY) == 0);
    setting.map(|(line, _)| line)
}

fn data<'a>(line: &RegistryLine<'a>) -> Vec<&'a str> {
    let values = line.entry.values.iter().skip(4);
    values.map(|value| value.text.as_str()).collect()
}

fn is_byte(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn flags(package: &Package<'_>, faults: &mut Faults) {
    const TYPES: [u32; 7] = [SZ, MULTI_SZ, EXPAND_SZ, DWORD, NONE, QWORD, BINARY];
    for line in lines(package) {
        let is_valid = line
            .bits()
            .is_some_and(|bits| TYPES.contains(&(bits & TYPE)) && bits & !(TYPE | OPTIONS) == 0);
        faults.unless(
            is_valid,
            line.entry.line,
            "use documented flags and a documented type",
        );
    }
}

fn numbers(package: &Package<'_>, faults: &mut Faults) {
    for line in of_type(package, DWORD) {
        let data = data(&line);
        let is_number = match data.as_slice() {
            [] => true,
            [one] => number(one).is_some(),
            // In bytes, the lowest first.
            several => several.len() == 4 && several.iter().all(|byte| is_byte(byte)),
        };
        faults.unless(
            is_number,
            line.entry.line,
            format!("give {} a 32-bit number", line.path()),
        );
    }
}

fn bytes(package: &Package<'_>, faults: &mut Faults) {
    for line in of_type(package, BINARY) {
        let is_valid = data(&line).iter().all(|byte| is_byte(byte));
        faults.unless(
            is_valid,
            line.entry.line,
            format!("give {} bytes from 00 to FF", line.path()),
        );
    }
}

fn no_data(package: &Package<'_>, faults: &mut Faults) {
    for kind in [SZ, EXPAND_SZ, DWORD, QWORD, BINARY] {
        for line in of_type(package, kind) {
            let is_key = line.name.is_empty() && line.flags.is_empty();
            let has_data = is_key || line.entry.values.len() > 4;
            faults.unless(
                has_data,
                line.entry.line,
                format!("give {} a value", line.path()),
            );
        }
    }
}

fn too_much(package: &Package<'_>, faults: &mut Faults) {
    for kind in [SZ, EXPAND_SZ] {
        for line in of_type(package, kind) {
            let is_one = line.entry.values.len() <= 5;
            faults.unless(
                is_one,
                line.entry.line,
                "put a text with commas into quotation marks",
            );
        }
    }
}

fn appended(package: &Package<'_>, faults: &mut Faults) {
    for (line, bits) in typed(package) {
        faults.unless(
            bits & APPEND == 0,
            line.entry.line,
            "set the whole list: nothing may be appended",
        );
    }
}

fn deleted(package: &Package<'_>, faults: &mut Faults) {
    for (line, bits) in typed(package) {
        let advice = "delete nothing: an INF may only add";
        faults.unless(bits & DELETE_VALUE == 0, line.entry.line, advice);
    }
}

fn well_known(package: &Package<'_>, faults: &mut Faults) {
    for (line, bits) in typed(package) {
        let known = WELL_KNOWN.iter().find(|(name, _, _)| same(name, line.name));
        if let Some((name, kind, what)) = known {
            faults.unless(
                bits & TYPE == *kind,
                line.entry.line,
                format!("make {name} {what}"),
            );
        }
    }
}
