//! Every rogue is caught, with a report that says where, and a well-behaved driver is not. The
//! README's table of them is written from their first lines.

use daxflush_rogues::{
    report::{self, Report},
    rogue::{self, Rogue},
};
use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Output},
    sync::Mutex,
};

/// What no rogue is caught at: the simulator's own limits, and a flush of a device's memory after it has
/// gone, which needs a driver that maps and flushes; the driver's own tests go there.
const UNPROVEN: &[&str] = &["not simulated", "removal"];

fn run(rogue: &Rogue) -> Output {
    let image = rogue.image();
    let shown = image.display();
    assert!(
        image.exists(),
        "{shown} is missing: run scripts/build-rogues"
    );
    let runner = env!("CARGO_BIN_EXE_rogue-runner");
    let output = Command::new(runner).arg(&image).output();
    output.expect("the runner runs")
}

fn check(rogue: &Rogue) -> Result<(), String> {
    let output = run(rogue);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = text + &String::from_utf8_lossy(&output.stderr);
    let found = report::read(&text);
    let Rogue {
        name,
        rule,
        routine,
        ..
    } = rogue;
    if rogue.is_well_behaved() {
        let clean = found.is_empty() && output.status.success();
        return clean
            .then_some(())
            .ok_or(format!("{name} is accused:\n{text}"));
    }
    let is_it = |report: &Report| report.is_of(name, rule, routine);
    match found.as_slice() {
        [only] if is_it(only) && matches!(output.status.code(), Some(1 | 70)) => Ok(()),
        _ => Err(format!(
            "{name}: one report of {rule:?} in {routine} is due; {}:\n{text}",
            output.status
        )),
    }
}

#[test]
fn every_rogue_is_caught_and_nobody_else() {
    let left = Mutex::new(Rogue::all());
    let wrong = Mutex::new(Vec::new());
    let worker = || {
        while let Some(rogue) = { left.lock().expect("rogues").pop() } {
            if let Err(text) = check(&rogue) {
                wrong.lock().expect("mistakes").push(text);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(worker);
        scope.spawn(worker);
    });
    let wrong = wrong.into_inner().expect("mistakes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What follows each `violation(` and `fatal(` in the simulator, if it is a literal.
fn rules_in(folder: &Path, rules: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the simulator's sources") {
        let path = entry.expect("a source").path();
        if path.is_dir() {
            rules_in(&path, rules);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        for call in ["violation(", "fatal("] {
            for (_, rest) in text.match_indices(call).map(|(at, _)| text.split_at(at)) {
                let argument = rest[call.len()..].trim_start();
                if let Some((rule, _)) = argument.strip_prefix('"').and_then(|s| s.split_once('"'))
                {
                    rules.insert(rule.into());
                }
            }
        }
    }
}

#[test]
fn every_rule_has_a_rogue() {
    let mut rules = BTreeSet::new();
    rules_in(&rogue::folder().join("../ntsim/src"), &mut rules);
    let proven: BTreeSet<String> = Rogue::all().into_iter().map(|rogue| rogue.rule).collect();
    let unproven: BTreeSet<String> = UNPROVEN.iter().map(|rule| (*rule).into()).collect();
    let without: Vec<_> = rules.difference(&proven).cloned().collect();
    let listed: Vec<_> = unproven.iter().cloned().collect();
    assert_eq!(without, listed, "rules without a rogue, and those listed");
}

fn table() -> String {
    let mut text = String::from(
        "| rule | what the driver does | driver | Driver Verifier |\n|---|---|---|---|\n",
    );
    let mut rogues = Rogue::all();
    rogues.retain(|rogue| !rogue.is_well_behaved());
    rogues.sort_by(|one, two| (&one.rule, &one.name).cmp(&(&two.rule, &two.name)));
    for rogue in rogues {
        let Rogue {
            name,
            rule,
            verifier,
            page,
            does,
            ..
        } = rogue;
        writeln!(
            text,
            "| {rule} (`{page}`) | {does} | [{name}](tests/rogues/src-c/{name}.c) | {verifier} |"
        )
        .expect("a string");
    }
    text
}

const BEGIN: &str = "<!-- rules: written by tests/rogues/tests/rogues.rs -->\n";
const END: &str = "<!-- end of rules -->";

/// `DAXFLUSH_WRITE=1` writes the table instead of comparing it.
#[test]
fn the_readme_has_the_rules() {
    let path = rogue::folder().join("../../README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let begin = readme.find(BEGIN).expect("the table's place") + BEGIN.len();
    let end = begin + readme[begin..].find(END).expect("the table's end");
    let table = table();
    if std::env::var_os("DAXFLUSH_WRITE").is_some() {
        let written = format!("{}{table}{}", &readme[..begin], &readme[end..]);
        fs::write(&path, written).expect("the README is written");
        return;
    }
    assert_eq!(
        &readme[begin..end],
        table,
        "run DAXFLUSH_WRITE=1 cargo test --release -p daxflush-rogues readme"
    );
}
