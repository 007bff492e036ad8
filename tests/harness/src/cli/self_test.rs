//! `daxctl selftest`.

use super::{
    failure::{Failure, Outcome},
    output::{BAD, GOOD, grouped, json, say, time},
    site::{Site, Visit},
};
use crate::client::{Coded, Platform};
use daxflush_protocol::{method_name, self_test};
use serde::Serialize;
use std::process::ExitCode;

/// The command.
pub struct SelfTest;

#[derive(Serialize)]
struct Answer {
    method: &'static str,
    passed: bool,
    checks: Vec<Check>,
    lines: u64,
    time_ns: u64,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    passed: bool,
}

impl Visit for SelfTest {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let device = site.administration()?;
        let reply = device.self_test();
        let reply = reply.map_err(|error| Failure::of("the self-test", &error))?;
        let checks = self_test::NAMES.iter().enumerate();
        let answer = Answer {
            method: method_name(device.version().method),
            passed: reply.failed == 0 && reply.checks == self_test::ALL,
            checks: checks
                .map(|(bit, name)| Check {
                    name,
                    passed: reply.checks & !reply.failed & (1 << bit) != 0,
                })
                .collect(),
            lines: reply.lines,
            time_ns: reply.time.saturating_mul(100),
        };
        if site.json {
            json(&answer)?;
        } else {
            for Check { name, passed } in &answer.checks {
                let (style, word) = if *passed {
                    (GOOD, "passed")
                } else {
                    (BAD, "FAILED")
                };
                say!("{style}{word}{style:#}  {name}");
            }
            let (lines, method) = (grouped(answer.lines), answer.method);
            say!(
                "{lines} lines flushed with {method} in {}",
                time(reply.time)
            );
        }
        Ok(if answer.passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
