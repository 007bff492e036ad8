//! What the runner prints, read again: violations, and the bugcheck that ended it.

/// A violation or a bugcheck.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The rule, which ends at the first colon.
    pub rule: String,
    /// The kernel routine, or the driver's own that had returned or faulted.
    pub routine: String,
    /// Where the driver was: `NAME.sys!function+0x12`.
    pub caller: String,
    /// As a name.
    pub irql: String,
    /// Lines of the stack.
    pub stack: Vec<String>,
}

const BUGCHECK: &str = "*** BUGCHECK: ";

/// Every report in what the runner has printed.
pub fn read(text: &str) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    let mut is_stack = false;
    for line in text.lines() {
        if let Some(first) = line.strip_prefix(BUGCHECK) {
            reports.push(begin(first));
            continue;
        }
        let Some(field) = line.strip_prefix("    ") else {
            if line.contains(": ") {
                reports.push(begin(line));
            }
            is_stack = false;
            continue;
        };
        let Some(report) = reports.last_mut() else {
            continue;
        };
        let (key, value) = field.split_at(field.len().min(9));
        match key.trim_end() {
            "routine" => report.routine = value.into(),
            "caller" => report.caller = value.into(),
            "IRQL" => report.irql = value.into(),
            "stack" => is_stack = true,
            "" => {}
            _ => is_stack = false,
        }
        if is_stack {
            report.stack.push(value.into());
        }
        read_note(report, field);
    }
    reports
}

fn begin(line: &str) -> Report {
    let (rule, detail) = line.split_once(": ").unwrap_or((line, ""));
    // A fault is in the driver's own code, after the last "at".
    let place = detail
        .rsplit_once(" at ")
        .map(|(_, place)| place)
        .filter(|place| place.contains('!') && !place.contains(' '));
    Report {
        rule: rule.into(),
        caller: place.unwrap_or_default().into(),
        routine: place.unwrap_or_default().into(),
        ..Report::default()
    }
}

/// A line that a bugcheck adds.
fn read_note(report: &mut Report, field: &str) {
    let Some((key, value)) = field.split_once(": ") else {
        return;
    };
    match key {
        "IRQL" => report.irql = value.into(),
        "frame" | "stack" => report.stack.push(value.into()),
        "in" => {
            if let (true, Some((routine, caller))) =
                (report.routine.is_empty(), value.split_once(" from "))
            {
                report.routine = routine.into();
                report.caller = caller.into();
            }
        }
        _ => {}
    }
}

impl Report {
    /// Whether the report is of this rule, in this routine, and says where in the driver it was.
    pub fn is_of(&self, driver: &str, rule: &str, routine: &str) -> bool {
        let own = format!("{driver}.sys!{routine}+0x");
        let in_driver = format!("{driver}.sys!");
        let has_place = if self.routine.starts_with(&own) {
            // What the driver's own routine did, seen after it: nobody in the driver called it.
            true
        } else {
            let named = self.caller.starts_with(&in_driver) && self.caller.contains("+0x");
            self.routine == routine && named && !self.stack.is_empty()
        };
        self.rule == rule && has_place && !self.irql.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIOLATION: &str = "pool: freed twice\n    routine  ExFreePool\n    caller   x.sys!f+0x12\
        \n    IRQL     PASSIVE_LEVEL\n    stack    ExFreePool\n             x.sys!f+0x12\
        \n    calls    ExFreePool from x.sys!f+0x12 at PASSIVE_LEVEL\n";
    const FAULT: &str = "*** BUGCHECK: pool overrun: an access at x.sys!f+0x9\n    rax=1\n\
        \x20   stack: x.sys!f+0x9\n    IRQL: 2\n    call: ExFreePool from x.sys!f+0x1 at PASSIVE_LEVEL\n";
    const RAISED: &str = "*** BUGCHECK: lock: taken twice\n    IRQL: APC_LEVEL\n\
        \x20   in: ExAcquire from x.sys!f+0x1\n    frame: ExAcquire\n    frame: x.sys!f+0x1\n";

    #[test]
    fn a_violation_is_read() {
        let read = read(VIOLATION);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].stack, ["ExFreePool", "x.sys!f+0x12"]);
        assert!(read[0].is_of("x", "pool", "ExFreePool"), "{read:?}");
        assert!(!read[0].is_of("x", "pool", "ExFreePoolWithTag"));
        assert!(!read[0].is_of("y", "pool", "ExFreePool"));
    }

    #[test]
    fn bugchecks_are_read() {
        let fault = read(FAULT);
        assert_eq!(fault.len(), 1);
        assert!(fault[0].is_of("x", "pool overrun", "f"), "{fault:?}");
        let raised = read(RAISED);
        assert!(raised[0].is_of("x", "lock", "ExAcquire"), "{raised:?}");
        assert_eq!(raised[0].stack.len(), 2);
    }
}
