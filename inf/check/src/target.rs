//! Decorations of section names: which systems a section is for (inf-manufacturer-section,
//! combining-platform-extensions-with-operating-system-versions).

use crate::{number::number, parse::same};

/// A processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 32-bit Intel.
    X86,
    /// Itanium.
    Ia64,
    /// x64.
    Amd64,
    /// 32-bit ARM.
    Arm,
    /// ARM64.
    Arm64,
}

impl Architecture {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::X86, "x86"),
        (Self::Ia64, "ia64"),
        (Self::Amd64, "amd64"),
        (Self::Arm, "arm"),
        (Self::Arm64, "arm64"),
    ];

    /// As decorations have it, and stampinf puts it.
    pub fn name(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(known, _)| *known == self);
        known.map_or("", |(_, name)| name)
    }

    /// The architecture of a decoration.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(_, known)| same(known, name));
        known.map(|(architecture, _)| *architecture)
    }
}

/// The first build that takes a build number in a decoration (code 1288).
pub const FIRST_DECORATED_BUILD: u32 = 14310;

/// Windows 11 24H2, as the filter manager's and InfVerif's rules have it: what the filter manager reads
/// is under Parameters, and drivers run from the driver store.
pub const ISOLATED_BUILD: u32 = 25952;

/// What a section is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// All of them if there is none.
    pub architecture: Option<Architecture>,
    /// The first build of Windows 10 or 11.
    pub build: Option<u32>,
    /// A product type or suite mask, which no universal INF may have.
    pub is_restricted: bool,
}

/// Extensions behind a decoration.
const EXTENSIONS: [&str; 10] = [
    "Services",
    "Events",
    "Software",
    "Components",
    "Wmi",
    "Filters",
    "HW",
    "CoInstallers",
    "Interfaces",
    "NetDrivers",
];

/// A section's name without its base: what it is for, and its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decorated<'a> {
    /// What it is for.
    pub target: Target,
    /// `Services`, say.
    pub extension: Option<&'a str>,
}

/// Takes apart the name of a section like `DefaultInstall.NTamd64.10.0...25952.Services`; nothing if it
/// is none of this base.
///
/// # Errors
/// A decoration that is none.
pub fn decorated<'a>(base: &str, name: &'a str) -> Option<Result<Decorated<'a>, ()>> {
    let (start, rest) = name.split_at_checked(base.len())?;
    if !same(start, base) {
        return None;
    }
    if rest.is_empty() {
        let target = Target::default();
        let extension = None;
        return Some(Ok(Decorated { target, extension }));
    }
    let rest = rest.strip_prefix('.')?;
    let (decoration, extension) = match rest.rsplit_once('.') {
        Some((before, last)) if is_extension(last) => (before, Some(last)),
        _ if is_extension(rest) => ("", Some(rest)),
        _ => (rest, None),
    };
    let target = if decoration.is_empty() {
        Some(Target::default())
    } else {
        target(decoration)
    };
    Some(
        target
            .map(|target| Decorated { target, extension })
            .ok_or(()),
    )
}

fn is_extension(text: &str) -> bool {
    EXTENSIONS.iter().any(|known| same(known, text))
}

/// `NT[Architecture][.[Major][.[Minor][.[ProductType][.[SuiteMask]][.[BuildNumber]]]]]`
fn target(decoration: &str) -> Option<Target> {
    let mut parts = decoration.split('.');
    let platform = parts.next()?;
    let (nt, architecture) = platform.split_at_checked(2)?;
    if !same(nt, "NT") {
        return None;
    }
    let architecture = match architecture {
        "" => None,
        name => Some(Architecture::from_name(name)?),
    };
    let numbers: Option<Vec<Option<u32>>> = parts
        .map(|part| match part {
            "" => Some(None),
            digits => number(digits).map(Some),
        })
        .collect();
    let numbers = numbers?;
    if numbers.len() > 5 {
        return None;
    }
    let part = |place: usize| numbers.get(place).copied().flatten();
    Some(Target {
        architecture,
        build: part(4),
        is_restricted: part(2).is_some() || part(3).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name = "defaultinstall.ntARM64.10.0...25952.services";
        let parts = decorated("DefaultInstall", name).expect("of this base");
        let parts = parts.expect("a decoration");
        assert_eq!(parts.extension, Some("services"));
        assert_eq!(parts.target.architecture, Some(Architecture::Arm64));
        assert_eq!(parts.target.build, Some(25952));
        assert!(!parts.target.is_restricted);
    }

    #[test]
    fn other_names_are_not() {
        assert!(decorated("DefaultInstall", "DefaultInstaller").is_none());
        assert!(decorated("DefaultInstall", "Default").is_none());
        assert_eq!(
            decorated("DefaultInstall", "DefaultInstall.amd64"),
            Some(Err(()))
        );
        assert_eq!(
            decorated("DefaultInstall", "DefaultInstall.NTvax"),
            Some(Err(()))
        );
        let plain = decorated("DefaultInstall", "DefaultInstall.Services");
        let plain = plain.expect("of this base").expect("a decoration");
        assert_eq!(plain.target, Target::default());
    }
}
