//! The page of a power cut after which something is wrong.

use super::{
    explore::{Explorer, unit},
    marks::Mark,
    memory::{Bytes, LINE, UNITS},
    promise::Wrong,
    subset::{Subset, Undrained},
};
use crate::Failure;
use ntsim::JournalEntry;
use std::fmt::Write as _;

/// Lines and marks that are told in full.
const TOLD: usize = 12;

/// The page of an image that breaks a promise, or of which a program says what is wrong.
pub fn of(
    explorer: &Explorer<'_>,
    undrained: &Undrained,
    point: u64,
    subset: Subset,
    said: String,
) -> Failure {
    let mut wrong = Vec::new();
    for (at, (line, _)) in undrained.iter().enumerate() {
        explain(explorer, *line, &subset.bytes(undrained, at), &mut wrong);
    }
    page(explorer, undrained, point, subset, wrong, said)
}

/// The page of a line that is durable, and must not be so.
pub fn of_line(
    explorer: &Explorer<'_>,
    undrained: &Undrained,
    point: u64,
    subset: Subset,
    line: u32,
) -> Failure {
    let mut wrong = Vec::new();
    explain(explorer, line, explorer.memory.durable(line), &mut wrong);
    page(explorer, undrained, point, subset, wrong, String::new())
}

/// The page of a disagreement between the models.
pub fn of_models(explorer: &Explorer<'_>, said: String) -> Failure {
    Failure {
        title: said,
        details: vec![place(explorer), done(explorer)],
        ..Failure::default()
    }
}

/// What there is to say of an image with which nothing is wrong.
pub fn clean(explorer: &Explorer<'_>, undrained: &Undrained, point: u64, subset: Subset) -> String {
    format!(
        "crash point {point}, survivors {subset}: nothing is wrong\n\n{}\n\n{}",
        place(explorer),
        survivors(explorer, undrained, subset)
    )
}

fn page(
    explorer: &Explorer<'_>,
    undrained: &Undrained,
    point: u64,
    subset: Subset,
    wrong: Vec<(Wrong, String)>,
    said: String,
) -> Failure {
    let title = match wrong.first() {
        Some((Wrong::Lost, _)) => {
            "P1 is broken: bytes that a successful commit covers are lost".to_owned()
        }
        Some((Wrong::Torn, _)) => "an 8-byte store is torn, or bytes came from nowhere".to_owned(),
        None => format!("the program cannot recover: {said}"),
    };
    let mut details = vec![place(explorer), survivors(explorer, undrained, subset)];
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(TOLD);
        let mut text = String::from("bytes that must not be found so\n");
        for (_, what) in wrong.iter().take(TOLD) {
            push(&mut text, what);
        }
        if more != 0 {
            push(&mut text, &format!("and {more} more"));
        }
        details.push(text);
    }
    details.push(done(explorer));
    Failure {
        title,
        replay: format!("--point {point} --subset {subset}"),
        details,
        ..Failure::default()
    }
}

fn push(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {line}");
}

fn explain(explorer: &Explorer<'_>, line: u32, bytes: &Bytes, into: &mut Vec<(Wrong, String)>) {
    let Some((file, offset)) = explorer.promise.file_at(explorer.memory.offset(line)) else {
        return;
    };
    let units = explorer.promise.wrong(file, offset, bytes);
    for at in (0..UNITS).filter(|at| units >> at & 1 == 1) {
        let found = unit(bytes, at);
        let place = offset + 8 * at as u64;
        let (wrong, allowed) = explorer.promise.explain(file, place, found);
        let expected = allowed.iter().map(|value| hex(value));
        let expected: Vec<_> = expected.collect();
        let text = format!(
            "{} offset {place:#x}: found {}, expected {}",
            file.name,
            hex(found),
            expected.join(" or ")
        );
        into.push((wrong, text));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The entry of the journal at which the power goes.
fn place(explorer: &Explorer<'_>) -> String {
    let (recording, at) = explorer.place();
    let journaled = &recording.journal[at];
    let named = |offset: u64| {
        let file = explorer.promise.file_at(offset);
        file.map_or_else(
            || format!("{offset:#x} of the device"),
            |(file, offset)| format!("{} offset {offset:#x}", file.name),
        )
    };
    let what = match &journaled.entry {
        JournalEntry::Store { offset, data } => {
            format!("a store of {} bytes to {}", data.len(), named(*offset))
        }
        JournalEntry::Flush { line, .. } => format!("a flush of {}", named(*line)),
        JournalEntry::OrderedFlush { line, .. } => format!("CLFLUSH of {}", named(*line)),
        JournalEntry::NtStore { offset, data, .. } => format!(
            "a store of {} bytes past the caches to {}",
            data.len(),
            named(*offset)
        ),
        JournalEntry::Fence { .. } => "a fence".to_owned(),
        JournalEntry::Declared { start, .. } => {
            format!("a write through the block stack to {}", named(*start))
        }
        JournalEntry::Zeroed { start, .. } => format!("zeroing of {}", named(*start)),
        JournalEntry::Mark(number) => told(&recording.marks[*number as usize]),
    };
    let symbol = |address: &usize| {
        let symbol = recording.symbols.get(address);
        symbol.map_or_else(|| format!("{address:#x}"), String::clone)
    };
    let by = journaled.instruction.as_ref();
    let by = by.map_or_else(String::new, |address| format!(", by {}", symbol(address)));
    let until = &recording.journal[..=at];
    let driver = until
        .iter()
        .rposition(|journaled| journaled.instruction.is_some());
    let driver = driver.and_then(|at| Some((at, until[at].instruction?)));
    let driver = driver.map_or_else(
        || "none".to_owned(),
        |(at, address)| format!("{}, entry {at}", symbol(&address)),
    );
    let entries = recording.journal.len();
    let promise = &explorer.promise;
    let last = promise.last.as_deref().unwrap_or("none");
    let (succeeded, failed) = promise.ended;
    format!(
        "the power goes at entry {at} of {entries} of the journal: {what}{by}\n\
         the driver's last instruction on the memory: {driver}\n\
         commits so far: {succeeded} succeeded, {failed} failed; the last that succeeded: {last}"
    )
}

/// Which lines survived, and which did not.
fn survivors(explorer: &Explorer<'_>, undrained: &Undrained, subset: Subset) -> String {
    let name = |line: u32| {
        let found = explorer.promise.file_at(explorer.memory.offset(line));
        found.map_or_else(
            || format!("{:#x} of the device", explorer.memory.offset(line)),
            |(file, offset)| format!("{} {offset:#x}", file.name),
        )
    };
    let (mut survived, mut lost) = (Vec::new(), Vec::new());
    for (at, (line, versions)) in undrained.iter().enumerate() {
        let count = versions.len();
        let whole = subset.version(undrained, at);
        if subset.is_torn() {
            let units = (0..UNITS).map(|unit| subset.unit(undrained, at, unit).to_string());
            let units: Vec<_> = units.collect();
            survived.push(format!(
                "{} as a mixture of its {count} versions: {}",
                name(*line),
                units.join(" ")
            ));
        } else if whole == 0 {
            lost.push(name(*line));
        } else {
            survived.push(format!(
                "{} as its version {whole} of {}",
                name(*line),
                count - 1
            ));
        }
    }
    let mut text = format!(
        "{} lines are not drained ({LINE} bytes each)\n",
        undrained.len()
    );
    for (what, lines) in [("survived", survived), ("did not", lost)] {
        push(&mut text, &format!("{what}: {}", lines.len()));
        for line in lines.iter().take(TOLD) {
            push(&mut text, &format!("  {line}"));
        }
        if lines.len() > TOLD {
            push(&mut text, &format!("  and {} more", lines.len() - TOLD));
        }
    }
    text
}

/// What the program did last.
fn done(explorer: &Explorer<'_>) -> String {
    let (recording, at) = explorer.place();
    let before = recording.journal[..=at].iter().rev();
    let marks = before.filter_map(|journaled| match journaled.entry {
        JournalEntry::Mark(number) => Some(&recording.marks[number as usize]),
        _ => None,
    });
    let shown = marks.filter(|mark| !matches!(mark, Mark::Durable { .. }));
    let mut last: Vec<String> = shown.take(TOLD).map(told).collect();
    last.reverse();
    let mut text = String::from("what the program did last\n");
    for mark in last {
        push(&mut text, &mark);
    }
    text
}

fn told(mark: &Mark) -> String {
    match mark {
        Mark::File { file, name, .. } => format!("file {file} is {name}"),
        Mark::Size { file, size } => format!("file {file} has {size} bytes"),
        Mark::Gone { file } => format!("file {file} is deleted"),
        Mark::Storing {
            store,
            file,
            offset,
            data,
        } => format!(
            "store {store} begins: file {file}, offset {offset:#x}, {} bytes",
            data.len()
        ),
        Mark::Stored { store } => format!("store {store} has completed"),
        Mark::Committing { commit, what, .. } => format!("commit {commit} begins: {what}"),
        Mark::Committed { commit, success } => {
            let how = if *success { "succeeded" } else { "failed" };
            format!("commit {commit} has {how}")
        }
        Mark::Through { store } => format!("store {store} was written through"),
        Mark::Begun(number) => format!("transaction {number} begins"),
        Mark::Relied(number) => format!("transaction {number} is relied on"),
        Mark::Durable { file, bytes } => {
            format!("file {file} is compared, {} bytes", bytes.len())
        }
    }
}
