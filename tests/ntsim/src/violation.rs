//! A broken rule, as a person reads it.

use crate::{calls, thread};
use std::fmt;

/// A rule of the driver reference that the driver broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: String,
    /// What happened.
    pub detail: String,
    /// The kernel routine that the driver was in, or the driver's routine that had just returned.
    pub routine: String,
    /// Where the driver called it: `daxflush.sys!function+0x12`.
    pub caller: String,
    /// The IRQL of the thread.
    pub irql: u8,
    /// Frames in driver code, innermost first, below each routine that was entered.
    pub stack: Vec<String>,
    /// The thread's last calls of kernel routines, the last one first.
    pub calls: Vec<String>,
}

impl Violation {
    /// Of the calling thread, now.
    pub(crate) fn here(rule: &str, detail: &str) -> Self {
        let here = calls::whereabouts();
        Self {
            rule: rule.into(),
            detail: detail.into(),
            routine: here.routine,
            caller: here.caller,
            irql: thread::irql(),
            stack: here.stack,
            calls: here.calls,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.detail)?;
        for (what, value) in [
            ("routine", &self.routine),
            ("caller", &self.caller),
            ("IRQL", &calls::level(self.irql)),
        ] {
            if !value.is_empty() {
                write!(f, "\n    {what:<8} {value}")?;
            }
        }
        for (what, lines) in [("stack", &self.stack), ("calls", &self.calls)] {
            for (number, line) in lines.iter().enumerate() {
                let what = if number == 0 { what } else { "" };
                write!(f, "\n    {what:<8} {line}")?;
            }
        }
        Ok(())
    }
}
