//! What programs do is recorded exactly. The programs are this test, started again; all that is
//! needed is that a process may watch its own child.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "record/programs.rs"]
mod programs;

use daxctl::{
    record::{Missed, Options, RecordError, Summary, record},
    trace::{self, Op},
};
use nix::{
    sys::signal::{SigSet, Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Not a test, but the programs that the tests record.
#[test]
fn program() {
    match std::env::var(programs::VARIABLE).as_deref() {
        Ok("recorder") => recorder(),
        Ok(name) => programs::run(name),
        Err(_) => {}
    }
}

struct Recorded {
    folder: TempDir,
    /// Where the trace is.
    output: TempDir,
    summary: Summary,
    ops: Vec<Op>,
}

impl Recorded {
    /// The operations as they stand in the trace.
    fn lines(&self) -> Vec<String> {
        self.ops.iter().map(line).collect()
    }

    fn is(&self, expected: &[&str]) {
        assert_eq!(self.lines(), expected);
        let missed = self.summary.missed.iter();
        let missed: Vec<_> = missed
            .filter(|(missed, _)| !is_own_output(missed))
            .collect();
        assert!(missed.is_empty(), "{missed:?}");
    }
}

/// Whether it is where the tests' own output goes, if that is a file: the recorded program has it from
/// the tests, and writes to it.
fn is_own_output(missed: &Missed) -> bool {
    let Missed::OpenedBefore(path) = missed else {
        return false;
    };
    ["/proc/self/fd/1", "/proc/self/fd/2"]
        .iter()
        .any(|own| fs::read_link(own).is_ok_and(|own| own == *path))
}

fn line(op: &Op) -> String {
    match op {
        Op::Open { file, name } => format!("open {file} {name}"),
        Op::Write {
            file,
            offset,
            length,
        } => format!("write {file} {offset} {length}"),
        Op::Store {
            file,
            offset,
            length,
        } => format!("store {file} {offset} {length}"),
        Op::Map {
            file,
            offset,
            length,
        } => format!("map {file} {offset} {length}"),
        Op::Flush { file } => format!("flush {file}"),
        Op::FlushView {
            file,
            offset,
            length,
        } => format!("flushview {file} {offset} {length}"),
        Op::Truncate { file, size } => format!("truncate {file} {size}"),
        Op::Delete { file } => format!("delete {file}"),
    }
}

/// The command that runs a program in a folder.
fn command(name: &str, folder: &Path) -> Vec<OsString> {
    let this = std::env::current_exe().expect("this program");
    let mut assignment = OsString::from(format!("{}=", programs::FOLDER));
    assignment.push(folder);
    let mut command: Vec<OsString> = vec!["env".into()];
    command.push(format!("{}={name}", programs::VARIABLE).into());
    command.push(assignment);
    command.push(this.into());
    let test = ["program", "--exact", "--nocapture", "--quiet"];
    command.extend(test.map(OsString::from));
    command
}

fn start(program: Vec<OsString>, watch: &[PathBuf], output: &Path) -> Result<Summary, RecordError> {
    let options = Options {
        program,
        watch: watch.to_vec(),
        output: output.into(),
    };
    let result = record(&options, &mut |_| {});
    if let Err(RecordError::NotPermitted(_)) = &result {
        panic!("these tests need ptrace of one's own children: {result:?}");
    }
    result
}

fn run_in(folder: TempDir, name: &str, watch: &[PathBuf]) -> Recorded {
    let output = TempDir::new().expect("a folder");
    let path = output.path().join("trace.tsv.gz");
    let summary = start(command(name, folder.path()), watch, &path).expect("a recording");
    let ops: Vec<Op> = trace::read(&path)
        .expect("a trace")
        .steps
        .into_iter()
        .map(|step| step.op)
        .collect();
    assert_eq!(summary.counts.operations(), ops.len() as u64);
    Recorded {
        folder,
        output,
        summary,
        ops,
    }
}

/// Records a program that does well, and only what it does in its own folder.
fn run(name: &str) -> Recorded {
    let folder = TempDir::new().expect("a folder");
    let watch = [folder.path().to_path_buf()];
    let recorded = run_in(folder, name, &watch);
    assert!(recorded.summary.status.success(), "{:?}", recorded.summary);
    recorded
}

#[test]
fn writes_of_all_kinds() {
    let recorded = run("writes");
    recorded.is(&[
        "open 0 a.db",
        "write 0 0 10",
        "write 0 10 5",
        "write 0 100 7",
        "write 0 200 6",
        "write 0 15 3",
        "write 0 18 6",
        "flush 0",
        "write 0 206 3",
        "flush 0",
        "write 0 24 2",
        "flush 0",
        "write 0 209 4",
        "write 0 213 6",
        "write 0 50 8",
        "flush 0",
        "open 1 sub+b_c",
        "truncate 0 0",
        "write 0 0 3",
        "delete 0",
        "open 0 a.db",
        "write 0 0 1",
    ]);
    let names: Vec<_> = recorded
        .summary
        .files
        .iter()
        .map(|file| {
            (
                file.number,
                file.path.file_name().expect("a name").to_owned(),
            )
        })
        .collect();
    assert_eq!(names, [(0, "a.db".into()), (1, "b:c".into())]);
    assert_eq!(recorded.summary.counts.bytes_written, 64);
}

#[test]
fn sizes_and_other_ways_to_flush() {
    run("sizes").is(&[
        "open 0 a.db",
        "truncate 0 10000",
        "truncate 0 12000",
        "write 0 4096 7904",
        "truncate 0 5000",
        "flush 0",
        "write 0 0 1",
        "flush 0",
    ]);
}

#[test]
fn copies_within_the_system() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("from"), [1; 500]).expect("a file");
    let watch = [folder.path().to_path_buf()];
    let recorded = run_in(folder, "copies", &watch);
    recorded.is(&[
        "open 0 to",
        "write 0 1000 100",
        "write 0 0 50",
        "write 0 50 20",
    ]);
}

#[test]
fn files_are_known_by_more_than_their_names() {
    run("names").is(&[
        "open 0 new",
        "write 0 0 1",
        "open 1 new~2",
        "write 1 0 1",
        "delete 0",
        "write 1 0 9",
        "write 1 0 8",
        "delete 1",
    ]);
}

#[test]
fn a_file_without_a_name_lives_as_long_as_it_is_open() {
    run("held").is(&[
        "open 0 temporary",
        "write 0 0 11",
        "open 1 temporary~2",
        "write 1 0 12",
        "delete 0",
        "write 1 0 13",
    ]);
}

#[test]
fn stores_through_views() {
    let recorded = run("mapped");
    recorded.is(&[
        "open 0 m.db",
        "truncate 0 12288",
        "write 0 0 100",
        // The last view shows what is made later only.
        "truncate 0 16384",
        "map 0 0 16384",
        "store 0 20 22",
        "store 0 64 1",
        "store 0 4090 10",
        "flushview 0 0 100",
        "store 0 8192 1",
        "flush 0",
        "write 0 9100 50",
        "store 0 9000 3",
        "store 0 9110 1",
        "store 0 4096 1",
        "flush 0",
        "store 0 12287 1",
        "truncate 0 16384",
        "store 0 12288 1",
        "flushview 0 12288 4096",
        "store 0 4097 1",
    ]);
    assert_eq!(recorded.summary.changes.grown_for_view, 1);
}

#[test]
fn views_that_become_writable() {
    run("protected").is(&[
        "open 0 m.db",
        "truncate 0 8192",
        "map 0 4096 4096",
        "store 0 4096 3",
        "flush 0",
    ]);
}

#[test]
fn views_that_move_and_shrink() {
    run("moved").is(&[
        "open 0 m.db",
        "truncate 0 16384",
        "map 0 0 16384",
        "store 0 0 1",
        "store 0 1 1",
        "store 0 12288 1",
        "flushview 0 0 16384",
        "store 0 2 1",
    ]);
}

/// A file that consists of what the trace says was written to it, and zeros.
fn replayed(recorded: &Recorded, name: &str) -> Vec<u8> {
    let last = fs::read(recorded.folder.path().join(name)).expect("a file");
    let mut file = Vec::new();
    for op in &recorded.ops {
        match *op {
            Op::Truncate { size, .. } => file.resize(size as usize, 0),
            Op::Write { offset, length, .. } | Op::Store { offset, length, .. } => {
                let range = offset as usize..(offset + length) as usize;
                // Only what is there in the end is known of what was stored.
                file[range.clone()].copy_from_slice(&last[range]);
            }
            _ => {}
        }
    }
    file
}

#[test]
fn what_is_stored_is_all_that_differs() {
    let recorded = run("random");
    let last = fs::read(recorded.folder.path().join("m.db")).expect("a file");
    assert!(replayed(&recorded, "m.db") == last);
    assert!(recorded.summary.counts.stores > 5_000);
    assert!(recorded.summary.counts.flushes > 0 && recorded.summary.counts.view_flushes > 0);
    assert_eq!(recorded.summary.missed, []);
}

#[test]
fn large_views_are_compared_fast() {
    let start = Instant::now();
    let recorded = run("large");
    let took = start.elapsed();
    let counts = recorded.summary.counts;
    println!("300 commits of 16 MiB took {took:?}: {counts:?}");
    assert_eq!((counts.maps, counts.view_flushes), (1, 300));
    assert_eq!((counts.stores, counts.bytes_stored), (15_000, 120_000));
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn all_threads_are_followed() {
    let recorded = run("threads");
    let mut writes = recorded.lines();
    assert_eq!(writes.remove(0), "open 0 t.db");
    assert_eq!(writes.pop().as_deref(), Some("flush 0"));
    let mut expected: Vec<String> = (0..400)
        .map(|index| format!("write 0 {} 10", index / 100 * 100_000 + index % 100 * 100))
        .collect();
    writes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(writes, expected);
}

#[test]
fn processes_share_offsets_and_views() {
    run("forks").is(&[
        "open 0 f.db",
        "write 0 0 3",
        "open 1 m.db",
        "truncate 1 4096",
        "map 1 0 4096",
        "write 0 3 4",
        "store 1 0 1",
        "store 1 100 1",
        "write 1 200 1",
        "write 0 7 5",
        "store 1 300 1",
    ]);
}

#[test]
fn what_a_killed_program_did_is_kept() {
    let folder = TempDir::new().expect("a folder");
    let watch = [folder.path().to_path_buf()];
    let recorded = run_in(folder, "killed", &watch);
    recorded.is(&[
        "open 0 m.db",
        "truncate 0 4096",
        "map 0 0 4096",
        "store 0 0 1",
        "flushview 0 0 4096",
        "store 0 100 1",
    ]);
    assert_eq!(recorded.summary.status.signal(), Some(libc::SIGKILL));
}

/// Records a program that does not end by itself.
fn recorder() {
    let folder = PathBuf::from(std::env::var_os(programs::FOLDER).expect("a folder"));
    let watch = [folder.join("m.db")];
    let output = folder.join("trace.tsv");
    let summary = start(command("waits", &folder), &watch, &output).expect("a recording");
    assert!(summary.interrupted);
    assert_eq!(summary.status.signal(), Some(libc::SIGKILL));
}

#[test]
fn an_interrupted_recording_is_kept() {
    let folder = TempDir::new().expect("a folder");
    let recorder = command("recorder", folder.path());
    // The recorder has more threads than this library wants: they inherit what is blocked, and so
    // does the program, which has to be asked three times therefore.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    let (program, arguments) = recorder.split_first().expect("a program");
    signals.thread_block().expect("a mask");
    let child = Command::new(program).args(arguments).spawn();
    signals.thread_unblock().expect("a mask");
    let mut child = child.expect("a process");
    let file = folder.path().join("m.db");
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::metadata(&file).map_or(0, |file| file.len()) <= 4096 {
        assert!(Instant::now() < deadline, "it did not start");
        sleep(Duration::from_millis(10));
    }
    let status = loop {
        assert!(Instant::now() < deadline, "it did not end");
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        // Signals that were not taken yet would be one.
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        sleep(Duration::from_millis(200));
    };
    assert!(status.success(), "{status}");
    let trace = trace::read(&folder.path().join("trace.tsv")).expect("a trace");
    let lines: Vec<String> = trace.steps.iter().map(|step| line(&step.op)).collect();
    let expected = [
        "open 0 m.db",
        "truncate 0 4096",
        "map 0 0 4096",
        "write 0 4096 1",
        "store 0 100 1",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_program_may_become_another() {
    let folder = TempDir::new().expect("a folder");
    let watch = [folder.path().to_path_buf()];
    let recorded = run_in(folder, "exec", &watch);
    recorded.is(&[
        "open 0 m.db",
        "truncate 0 4096",
        "map 0 0 4096",
        "store 0 100 1",
        "open 1 second",
        "write 1 0 4",
    ]);
    assert_eq!(recorded.summary.status.code(), Some(7));
}

#[test]
fn what_cannot_be_watched_is_told() {
    let folder = TempDir::new().expect("a folder");
    let watch = [folder.path().to_path_buf()];
    let recorded = run_in(folder, "uring", &watch);
    let used = recorded.summary.status.code().expect("an end");
    let mut expected = Vec::new();
    if used & 1 != 0 {
        expected.push((Missed::IoUring, 1));
    }
    if used & 2 != 0 {
        expected.push((Missed::Aio, 1));
    }
    assert_eq!(recorded.summary.missed, expected);
}

#[test]
fn only_what_is_asked_for_is_recorded() {
    let folder = || {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("in")).expect("a folder");
        folder
    };
    let inside = folder();
    let watch = [inside.path().join("in")];
    run_in(inside, "elsewhere", &watch).is(&["open 0 a.db", "write 0 0 2"]);
    let one = folder();
    // It is made by the program.
    let watch = [one.path().join("out.db")];
    run_in(one, "elsewhere", &watch).is(&["open 0 out.db", "write 0 0 1"]);
    let recorded = run_in(folder(), "elsewhere", &[]);
    recorded.is(&["open 0 out.db", "write 0 0 1", "open 1 a.db", "write 1 0 2"]);
    let left: Vec<_> = fs::read_dir(recorded.output.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["trace.tsv.gz"]);
}

#[test]
fn a_file_that_was_there_has_its_size() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("out.db");
    fs::create_dir(folder.path().join("in")).expect("a folder");
    fs::write(&path, [1; 77]).expect("a file");
    run_in(folder, "elsewhere", &[path]).is(&["open 0 out.db", "truncate 0 77", "write 0 0 1"]);
}

#[test]
fn what_was_open_before_is_told_or_recorded() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("out");
    fs::write(&path, [1; 3]).expect("a file");
    let output = folder.path().join("trace.tsv");
    // The shell opens the file, and what it starts writes to it.
    let script = format!("exec >>{}; exec echo 12", path.display());
    let program = ["sh", "-c", &script].map(OsString::from).to_vec();
    start(program, std::slice::from_ref(&path), &output).expect("a recording");
    let text = fs::read_to_string(&output).expect("a trace");
    let expected =
        "# storage trace 1: op<TAB>file<TAB>args\nopen\t0\tout\ntruncate\t0\t3\nwrite\t0\t3\t3\n";
    assert_eq!(text, expected);
}

#[test]
fn what_is_not_possible_leaves_all_as_it_was() {
    let folder = TempDir::new().expect("a folder");
    let output = folder.path().join("trace.tsv");
    fs::write(&output, "old").expect("a file");
    let touched = folder.path().join("touched");
    let fails = |program: &[&str], output: &Path, watch: &[PathBuf]| {
        let program = program.iter().map(OsString::from).collect();
        start(program, watch, output).expect_err("a failure")
    };
    let touch = ["touch", touched.to_str().expect("a name")];

    assert!(matches!(fails(&[], &output, &[]), RecordError::NoProgram));
    let missing = fails(&["no-such-program-at-all"], &output, &[]);
    assert_eq!(
        missing.to_string(),
        "no-such-program-at-all: no such program"
    );
    let missing = fails(&["/no/such"], &output, &[]);
    assert!(matches!(missing, RecordError::NotFound(_)));
    let denied = fails(&[output.to_str().expect("a name")], &output, &[]);
    assert!(matches!(denied, RecordError::NotExecutable(_)));
    let nowhere = fails(&touch, &folder.path().join("no/trace"), &[]);
    assert!(matches!(nowhere, RecordError::Output(_)), "{nowhere}");
    let taken = fails(&touch, folder.path(), &[]);
    assert!(matches!(taken, RecordError::Output(_)), "{taken}");
    let watched = fails(&touch, &output, &["/no/such/folder/file".into()]);
    assert!(matches!(watched, RecordError::Watch { .. }));
    let old = folder.path().join("i386");
    fs::write(&old, b"\x7fELF\x01\x01\x01").expect("a file");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("a mode");
    let old = fails(&[old.to_str().expect("a name")], &output, &[]);
    assert!(matches!(old, RecordError::ThirtyTwoBit(_)));

    assert!(!touched.exists());
    assert_eq!(fs::read_to_string(&output).expect("a file"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn sqlite_if_there_is_one() {
    let script = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=1000000; \
                  CREATE TABLE t(a, b); INSERT INTO t VALUES(1, randomblob(100000)); \
                  INSERT INTO t SELECT a + 1, randomblob(50000) FROM t; PRAGMA wal_checkpoint;";
    let folder = TempDir::new().expect("a folder");
    let output = folder.path().join("trace.tsv.gz");
    let database = folder.path().join("data");
    fs::create_dir(&database).expect("a folder");
    let mut program: Vec<OsString> = vec!["sqlite3".into()];
    program.push(database.join("s.db").into());
    program.push(script.into());
    let summary = match start(program, &[database], &output) {
        Err(RecordError::NotFound(_)) => return println!("no sqlite3: not tried"),
        result => result.expect("a recording"),
    };
    println!("{summary:?}");
    assert!(summary.status.success());
    assert_eq!(summary.missed, []);
    let trace = trace::read(&output).expect("a trace");
    let named = |end: &str| {
        let mut steps = trace.steps.iter();
        steps.any(|step| matches!(&step.op, Op::Open { name, .. } if name == end))
    };
    assert!(named("s.db") && named("s.db-wal") && named("s.db-shm"));
    assert!(summary.counts.stores > 0 && summary.counts.flushes > 0);
}
