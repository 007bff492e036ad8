//! Rules, and where they are broken.

use crate::package::Package;

/// A documented rule.
#[derive(Debug)]
pub struct Rule {
    /// InfVerif's error code, if it has one for this (inf-validation-errors-and-warnings).
    pub code: Option<u16>,
    /// Its name.
    pub name: &'static str,
    /// The page of the Windows driver documentation that has it.
    pub page: &'static str,
    /// Finds where it is broken.
    pub check: fn(&Package<'_>, &mut Faults),
}

/// Where one rule is broken.
#[derive(Debug, Default)]
pub struct Faults(pub(crate) Vec<(usize, String)>);

/// A broken rule.
#[derive(Debug)]
pub struct Finding {
    /// The line, from 1 on.
    pub line: usize,
    /// The rule.
    pub rule: &'static Rule,
    /// What to do.
    pub advice: String,
}

impl Rule {
    /// The rule's code, if it has one, and its name.
    pub fn label(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.name),
            None => self.name.to_owned(),
        }
    }
}

impl Faults {
    /// The rule is broken on this line. Said once, even if several ways lead there.
    pub fn add(&mut self, line: usize, advice: impl Into<String>) {
        let fault = (line, advice.into());
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// The rule is broken unless this holds.
    pub fn unless(&mut self, holds: bool, line: usize, advice: impl Into<String>) {
        if !holds {
            self.add(line, advice);
        }
    }
}
