//! The setup class and its GUID.

use super::CODES;
use crate::{
    finding::{Faults, Rule},
    package::Package,
    parse::{Entry, same},
};

const CLASSES: &str = "ifs/file-system-filter-driver-classes-and-class-guids";
const MAX_CLASS: usize = 31;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Some(1010),
        name: "class-guid",
        page: CODES,
        check: guid,
    },
    Rule {
        code: Some(1281),
        name: "class-and-guid-differ",
        page: CLASSES,
        check: agree,
    },
    Rule {
        code: Some(1286),
        name: "class-name-length",
        page: CODES,
        check: length,
    },
];

/// A setup class of file system filters.
pub(super) struct Class {
    pub(super) name: &'static str,
    guid: &'static str,
    /// The load order group that it stands for.
    pub(super) group: &'static str,
}

const fn class(name: &'static str, guid: &'static str, group: &'static str) -> Class {
    Class { name, guid, group }
}

/// As the page has them. It says that Filter, FSFilter Top and FSFilter Bottom have none.
#[rustfmt::skip]
pub(super) const FILTERS: [Class; 17] = [
    class("ActivityMonitor", "{b86dff51-a31e-4bac-b3cf-e8cfe75c9fc2}", "FSFilter Activity Monitor"),
    class("Undelete", "{fe8f1572-c67a-48c0-bbac-0b5c6d66cafb}", "FSFilter Undelete"),
    class("AntiVirus", "{b1d1a169-c54f-4379-81db-bee7d88d7454}", "FSFilter Anti-Virus"),
    class("Replication", "{48d3ebc4-4cf8-48ff-b869-9c68ad42eb9f}", "FSFilter Replication"),
    class("ContinuousBackup", "{71aa14f8-6fad-4622-ad77-92bb9d7e6947}", "FSFilter Continuous Backup"),
    class("ContentScreener", "{3e3f0674-c83c-4558-bb26-9820e1eba5c5}", "FSFilter Content Screener"),
    class("QuotaManagement", "{8503c911-a6c7-4919-8f79-5028f5866b0c}", "FSFilter Quota Management"),
    class("SystemRecovery", "{2db15374-706e-4131-a0c7-d7c78eb0289a}", "FSFilter System Recovery"),
    class("CFSMetadataServer", "{cdcf0939-b75b-4630-bf76-80f7ba655884}", "FSFilter Cluster File System"),
    class("HSM", "{d546500a-2aeb-45f6-9482-f4b1799c3177}", "FSFilter HSM"),
    class("Compression", "{f3586baf-b5aa-49b5-8d6c-0569284c639f}", "FSFilter Compression"),
    class("Encryption", "{a0a701c0-a511-42ff-aa6c-06dc0395576f}", "FSFilter Encryption"),
    class("Virtualization", "{f75a86c0-10d8-4c3a-b233-ed60e4cdfaac}", "FSFilter Virtualization"),
    class("PhysicalQuotaManagement", "{6a0a8e78-bba6-4fc4-a709-1e33cd09d67e}", "FSFilter Physical Quota Management"),
    class("OpenFileBackup", "{f8ecafa6-66d1-41a5-899b-66585d7216b7}", "FSFilter Open File"),
    class("SecurityEnhancer", "{d02bc3da-0c8e-4945-9bd5-f1883c226c8c}", "FSFilter Security Enhancer"),
    class("CopyProtection", "{89786ff1-9c12-402f-9c9e-17753c7f4375}", "FSFilter Copy Protection"),
];

/// A directive of the Version section that is filled in.
pub(super) fn directive<'a>(package: &Package<'a>, key: &'a str) -> Option<&'a Entry> {
    let section = package.inf.section("Version")?;
    let entry = section.entries_of(key).next();
    entry.filter(|entry| !entry.value(0).is_empty())
}

fn is_guid(text: &str) -> bool {
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let Some(inner) = inner else {
        return false;
    };
    let parts: Vec<&str> = inner.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(is_hex)
}

fn guid(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "ClassGuid") {
        let advice = "write {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}";
        faults.unless(is_guid(entry.value(0)), entry.line, advice);
    }
}

fn agree(package: &Package<'_>, faults: &mut Faults) {
    let class = directive(package, "Class");
    let guid = directive(package, "ClassGuid");
    let (Some(class), Some(guid)) = (class, guid) else {
        return;
    };
    let by_name = FILTERS
        .iter()
        .find(|known| same(known.name, class.value(0)));
    let by_guid = FILTERS.iter().find(|known| same(known.guid, guid.value(0)));
    match (by_name, by_guid) {
        (Some(known), _) if is_guid(guid.value(0)) => {
            let advice = format!("write {}, the GUID of the class {}", known.guid, known.name);
            faults.unless(same(known.guid, guid.value(0)), guid.line, advice);
        }
        (None, Some(known)) => {
            let advice = format!("write {}, the class of this GUID", known.name);
            faults.add(class.line, advice);
        }
        _ => {}
    }
}

fn length(package: &Package<'_>, faults: &mut Faults) {
    if let Some(entry) = directive(package, "Class") {
        let length = entry.value(0).chars().count();
        let advice = format!("use at most {MAX_CLASS} characters for a class");
        faults.unless(length <= MAX_CLASS, entry.line, advice);
    }
}
