//! The service's security descriptor: who may start, stop and change it.

use crate::{
    finding::{Faults, Rule},
    package::Package,
};

pub(super) const RULES: &[Rule] = &[Rule {
    code: None,
    name: "service-security",
    page: "install/inf-addservice-directive",
    check: security,
}];

/// Those who must be able to do everything, so that the service can be upgraded and removed.
const OWNERS: [&str; 2] = ["SY", "BA"];

/// Rights that change nothing: to ask for configuration, state and dependents, and to read the descriptor.
const READING: [&str; 6] = ["GR", "RC", "CC", "LC", "SW", "LO"];

fn security(package: &Package<'_>, faults: &mut Faults) {
    for (_, service) in package.services() {
        let entry = service.get("Security");
        let judged = entry.map(|entry| (entry.line, judge(entry.value(0))));
        if let Some((line, Err(advice))) = judged {
            faults.add(line, advice);
        }
    }
}

/// # Errors
/// What to do.
fn judge(descriptor: &str) -> Result<(), String> {
    let aces = aces(descriptor).ok_or("write a list of access rights like D:P(A;;GA;;;SY)")?;
    for owner in OWNERS {
        if !aces.contains(&("GA", owner)) {
            return Err(format!("give everything to {owner}: (A;;GA;;;{owner})"));
        }
    }
    let others = aces.iter().filter(|(_, who)| !OWNERS.contains(who));
    for (rights, who) in others {
        if !is_reading(rights) {
            return Err(format!("let {who} read only: (A;;GR;;;{who})"));
        }
    }
    Ok(())
}

/// Rights and who has them. Only entries that allow something are known here.
fn aces(descriptor: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = descriptor.strip_prefix("D:")?;
    rest = rest.strip_prefix('P').unwrap_or(rest);
    let mut aces = Vec::new();
    while !rest.is_empty() {
        let (ace, after) = rest.strip_prefix('(')?.split_once(')')?;
        let fields: Vec<&str> = ace.split(';').collect();
        let ["A", "", rights, "", "", who] = fields.as_slice() else {
            return None;
        };
        aces.push((*rights, *who));
        rest = after;
    }
    Some(aces)
}

fn is_reading(mut rights: &str) -> bool {
    while !rights.is_empty() {
        match rights.split_at_checked(2) {
            Some((right, rest)) if READING.contains(&right) => rights = rest,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn only_owners_change_the_service() {
        assert_eq!(
            judge("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;CCLCSWLORC;;;AU)"),
            Ok(())
        );
        for descriptor in [
            "",
            "O:SY",
            "D:(A;;GA;;;SY)",
            "D:(A;;GA;;;SY)(A;;GA;;;BA)(A;;RP;;;AU)",
            "D:(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x10;;;AU)",
            "D:(A;;GA;;;SY)(A;;GA;;;BA)(D;;GA;;;AU)",
            "D:(A;;GA;;;SY",
        ] {
            assert!(judge(descriptor).is_err(), "{descriptor}");
        }
    }
}
