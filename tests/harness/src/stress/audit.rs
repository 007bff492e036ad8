//! What must hold when all threads have ended.

use super::{
    Disagreement, Plan, Tally,
    share::{Ended, compare},
};
use crate::{
    client::{ClientError, Device, Platform, Scope},
    scratch::Scratch,
    statistics::counters,
};
use daxflush_protocol::{FileRange, Statistics, StatisticsReply};
use std::{thread::sleep, time::Duration};

/// Whether no counter has shrunk.
pub fn grown(before: &Statistics, now: &Statistics) -> Result<(), Disagreement> {
    let pairs = counters(before).zip(counters(now));
    for (before, now) in pairs.filter(|(before, _)| before.grows) {
        if now.value < before.value {
            return Err(Disagreement::new(format_args!(
                "the counter {} has gone from {} to {}",
                now.name, before.value, now.value
            )));
        }
    }
    Ok(())
}

/// Checks the files, and what the driver counts of them and of all.
pub fn check<P: Platform>(
    plan: &Plan,
    platform: &P,
    files: &[Scratch<P>],
    before: &Statistics,
    tally: &Tally,
    shares: &[Ended],
) -> Result<Vec<Disagreement>, Disagreement> {
    let device = Device::open(platform.clone())?;
    let mut found = Vec::new();
    for (number, (path, file)) in plan.files.iter().zip(files).enumerate() {
        let handle = file.handle();
        device.commit(handle, FileRange::default())?;
        let cells = u32::try_from(plan.threads).unwrap_or(u32::MAX);
        let dirty = device.dirty_lines(handle, 0, super::SHARE, cells)?;
        let reply = device.statistics_of(Scope::File(handle))?;
        let asked = tally.files.get(number).copied().unwrap_or_default();
        let counted = &reply.counters;
        let mut wrong = uneven(&reply);
        let mut rule = |holds: bool, text: String| {
            if !holds {
                wrong.push(text);
            }
        };
        rule(
            counted.dirty_lines == 0 && dirty.iter().all(|lines| *lines == 0),
            format!(
                "{} lines are dirty behind the last commit, by thread {dirty:?}",
                counted.dirty_lines
            ),
        );
        rule(
            counted.failed_commits == 0,
            format!("{} commits have failed", counted.failed_commits),
        );
        rule(
            counted.commits > asked.commits,
            format!(
                "{} commits are counted, {} were done",
                counted.commits,
                asked.commits + 1
            ),
        );
        rule(
            counted.reports == asked.reports,
            format!(
                "{} reported ranges are counted, there were {}",
                counted.reports, asked.reports
            ),
        );
        rule(
            counted.writes >= asked.writes,
            format!(
                "{} writes are counted, {} were done",
                counted.writes, asked.writes
            ),
        );
        for share in shares.iter().filter(|share| share.file == number) {
            let mut bytes = vec![0; share.contents.len()];
            let read = platform.read(handle, share.first, &mut bytes);
            read.map_err(ClientError::Platform)?;
            if let Err(differs) = compare(&share.contents, &bytes, share.first) {
                wrong.push(differs.to_string());
            }
        }
        let wrong = wrong
            .into_iter()
            .map(|text| Disagreement::new(text).at(path));
        found.extend(wrong);
    }
    let now = whole(&device)?;
    let wrong = uneven(&now);
    found.extend(
        wrong
            .into_iter()
            .map(|text| Disagreement::new(text).at("all files")),
    );
    let commits = now.counters.commits.saturating_sub(before.commits);
    if commits < tally.commits() {
        let asked = tally.commits();
        found.push(Disagreement::new(format_args!(
            "all files: {commits} commits are counted, {asked} were done"
        )));
    }
    found.extend(grown(before, &now.counters).err());
    Ok(found)
}

/// The driver's statistics at a moment in which nobody's commit is half counted.
fn whole<P: Platform>(device: &Device<P>) -> Result<StatisticsReply, ClientError<P::Error>> {
    const TRIES: usize = 100;
    const WAIT: Duration = Duration::from_millis(10);
    let mut reply = device.statistics_of(Scope::All)?;
    for _ in 0..TRIES {
        if uneven(&reply).is_empty() {
            break;
        }
        sleep(WAIT);
        reply = device.statistics_of(Scope::All)?;
    }
    Ok(reply)
}

/// Where counters and histograms of the same commits differ.
fn uneven(reply: &StatisticsReply) -> Vec<String> {
    let counted = &reply.counters;
    let (times, lines) = (reply.commit_time.count(), reply.commit_lines.count());
    let mut wrong = Vec::new();
    if times != counted.commits || lines != counted.commits {
        wrong.push(format!(
            "{} commits are counted, {times} times, and {lines} numbers of lines",
            counted.commits
        ));
    }
    if reply.commit_lines.sum != counted.lines {
        wrong.push(format!(
            "{} lines are counted, {} commit by commit",
            counted.lines, reply.commit_lines.sum
        ));
    }
    if counted.joined_commits > counted.commits || counted.coarse_lines > counted.lines {
        wrong.push("a part is counted as more than the whole".into());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shrinks_or_differs_is_named() {
        let mut reply = StatisticsReply::default();
        assert!(uneven(&reply).is_empty());
        let before = reply.counters;
        reply.counters.commits = 1;
        assert!(uneven(&reply)[0].starts_with("1 commits are counted, 0 times"));
        reply.counters.lines = 7;
        assert_eq!(uneven(&reply).len(), 2);
        assert!(grown(&before, &reply.counters).is_ok());
        let shrunk = grown(&reply.counters, &before).expect_err("it has shrunk");
        assert!(shrunk.to_string().contains("commits has gone from 1 to 0"));
    }
}
