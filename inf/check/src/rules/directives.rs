//! Directives and sections that a universal INF must not have.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    package::{Package, added},
    parse::{Section, same},
};

const UNIVERSAL: &str = "install/using-a-universal-inf-file";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1308),
        name: "prohibited-directive",
        page: UNIVERSAL,
        check: prohibited,
    },
    Rule {
        code: Some(1300),
        name: "prohibited-section",
        page: UNIVERSAL,
        check: prohibited_sections,
    },
    Rule {
        code: Some(1303),
        name: "co-installer",
        page: CODES,
        check: co_installers,
    },
    Rule {
        code: Some(1290),
        name: "unknown-directive",
        page: "install/inf-defaultinstall-section",
        check: unknown,
    },
];

/// Not valid in a universal INF; Reboot and Restart belong to co-installers and hardware.
const PROHIBITED: [&str; 15] = [
    "BitReg",
    "DelFiles",
    "DelProperty",
    "DelReg",
    "DelService",
    "Ini2Reg",
    "LogConfig",
    "ProfileItems",
    "Reboot",
    "RegisterDlls",
    "RenFiles",
    "Restart",
    "UnregisterDlls",
    "UpdateIniFields",
    "UpdateInis",
];

const PROHIBITED_SECTIONS: [&str; 3] = ["ClassInstall32", "InterfaceInstall32", "DeviceInstall32"];
const PROHIBITED_EXTENSIONS: [&str; 3] = [".CoInstallers", ".FactDef", ".LogConfigOverride"];

/// Directives of a DefaultInstall section.
const INSTALL: [&str; 6] = [
    "OptionDesc",
    "CopyFiles",
    "CopyINF",
    "AddReg",
    "Include",
    "Needs",
];
/// Directives of its `Services` section.
const SERVICES: [&str; 3] = ["AddService", "Include", "Needs"];

/// The sections of the install sections, and what they add.
fn installing<'a>(package: &Package<'a>) -> Vec<&'a Section> {
    let own = package.inf.sections_with_prefix("DefaultInstall");
    let mut sections: Vec<&Section> = own.collect();
    for (_, service) in package.services() {
        sections.extend(service.section);
        sections.extend(service.event_log);
    }
    sections
}

fn is_prohibited(key: &str) -> bool {
    PROHIBITED.iter().any(|known| same(known, key))
}

fn prohibited(package: &Package<'_>, faults: &mut Faults) {
    for entry in installing(package)
        .into_iter()
        .flat_map(|section| &section.entries)
    {
        let directive = entry.directive();
        let advice = format!("take out {directive}: an INF may only add");
        faults.unless(!is_prohibited(directive), entry.line, advice);
    }
}

fn prohibited_sections(package: &Package<'_>, faults: &mut Faults) {
    for section in &package.inf.sections {
        let name = section.name.to_lowercase();
        let is_prohibited = PROHIBITED_SECTIONS
            .iter()
            .any(|known| section.has_prefix(known))
            || PROHIBITED_EXTENSIONS
                .iter()
                .any(|known| name.ends_with(&known.to_lowercase()));
        faults.unless(
            !is_prohibited,
            section.line(),
            format!("take out [{}]", section.name),
        );
    }
}

fn co_installers(package: &Package<'_>, faults: &mut Faults) {
    for line in installing(package)
        .into_iter()
        .flat_map(|section| added(package.inf, section))
    {
        let is_one = same(line.name, "CoInstallers32") || same(line.name, "Installer32");
        faults.unless(!is_one, line.entry.line, "take the co-installer out");
    }
}

fn unknown(package: &Package<'_>, faults: &mut Faults) {
    for install in &package.installs {
        let services = format!("{}.Services", install.section.name);
        let services = package.inf.section(&services);
        let known = [
            (Some(install.section), INSTALL.as_slice()),
            (services, SERVICES.as_slice()),
        ];
        for (section, directives) in known {
            for entry in section.into_iter().flat_map(|section| &section.entries) {
                let key = entry.directive();
                let is_known =
                    directives.iter().any(|known| same(known, key)) || is_prohibited(key);
                faults.unless(
                    is_known,
                    entry.line,
                    "take this out: it is no directive of this section",
                );
            }
        }
    }
}
