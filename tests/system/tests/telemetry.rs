//! Events, entries of the error log, and the self-test: what happened is told, once, to who asked.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_protocol::{
    FileRange, Ioctl, SelfTestReply, log_bytes, log_layout, reply_bytes, self_test,
};
use daxflush_system_tests::{Client, World, driver, whole};
use ntsim::{
    FlushKind, Handle, NtStatus, Sim, SimOptions, TraceEvent, TraceValue, User, VolumeOptions,
    WriteOptions, as_user,
};
use std::path::{Path, PathBuf};

const COMMIT_FAILED: u32 = 0xc004_4002;
const VOLUME_LOST: u32 = 0xc004_4003;
const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};
/// Volumes, commits, degradations, failures, changes.
const KEYWORDS: [u64; 5] = [1, 2, 4, 8, 16];

fn number(event: &TraceEvent, field: &str) -> u64 {
    match event.field(field) {
        Some(TraceValue::Number(number)) => *number,
        other => panic!("{field} of {event:?} is {other:?}"),
    }
}

fn text(event: &TraceEvent, field: &str) -> String {
    match event.field(field) {
        Some(TraceValue::Text(text)) => text.clone(),
        other => panic!("{field} of {event:?} is {other:?}"),
    }
}

fn status(event: &TraceEvent) -> NtStatus {
    match event.field("Status") {
        Some(TraceValue::Signed(status)) => NtStatus(*status as i32),
        Some(TraceValue::Number(status)) => NtStatus(*status as u32 as i32),
        other => panic!("the status of {event:?} is {other:?}"),
    }
}

/// The events of a name that were written since events were last looked at.
fn events(sim: &Sim, name: &str) -> Vec<TraceEvent> {
    let mut found = sim.trace_events();
    found.retain(|event| event.name == name);
    found
}

/// Everything that events tell of.
fn workload(world: &mut World) {
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, 10_000);
    let through = WriteOptions {
        write_through: true,
        ..WriteOptions::default()
    };
    world
        .write_with(file, 20_000, 100, through)
        .expect("written");
    client.begin(file, ALL).expect("begun");
    client.drain().expect("drained");
    world.flush_quietly(file);
    world.truncate(file, 5000);
    let range = FileRange {
        offset: 0,
        length: 64,
    };
    client.mark(file, &[range]).expect("a report");
    client.commit(file, ALL).expect("a commit");
    world.write(file, 30_000, 1);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    world.sim.flush_file_buffers(file).expect_err("failed");
    let log = client.create_log(file, 64).expect("a log");
    let memory = world.sim.shared_view(log.address, log_bytes(64));
    memory.expect("the log").store(log_layout::OVERFLOW / 8, 1);
    client.commit(file, ALL).expect("a commit");
    client.close_log(log.log).expect("closed");
    world.sim.unmap_shared(log.address).expect("unmapped");
    let _: SelfTestReply = client.ask(Ioctl::SelfTest, &[]).expect("a self-test");
    world.sim.detach('D').expect("detached");
    world.sim.attach('D').expect("attached again");
    world.sim.fail_nth("FltAllocateContext", 1);
    let refused = world.sim.write_file(file, 0, &[1]);
    assert_eq!(refused, Err(NtStatus::INSUFFICIENT_RESOURCES));
    world.write(file, 0, 1);
    world.sim.rename(file, r"D:\b", false).expect("renamed");
    world.sim.close_handle(file).expect("close");
    let again = world.open("b");
    world.model(again, |model| model.commit());
    world.sim.rename(again, r"D:\a", false).expect("renamed");
    world.sim.close_handle(again).expect("close");
    client.close();
}

fn names(events: &[TraceEvent]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn nothing_is_written_while_nobody_listens() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    client.trace(5).expect("a level");
    workload(&mut world);
    assert_eq!(world.sim.events_written_while_off(), 0);
    assert_eq!(world.sim.trace_events(), []);
    // Nor when nobody listens any more.
    world.sim.set_tracing(Some((5, 0)));
    workload(&mut world);
    assert_ne!(world.sim.trace_events(), []);
    world.sim.set_tracing(None);
    workload(&mut world);
    assert_eq!(world.sim.events_written_while_off(), 0);
    assert_eq!(world.sim.trace_events(), []);
    client.close();
    world.end();
}

#[test]
fn a_session_gets_the_levels_and_keywords_that_it_asked_for() {
    for level in 1..=5 {
        for keyword in KEYWORDS.into_iter().chain([0, 3, 0xff, 1 << 40]) {
            let mut world = World::new();
            let client = Client::open(&world.sim);
            client.trace(5).expect("a level");
            world.sim.set_tracing(Some((level, keyword)));
            workload(&mut world);
            let any = if keyword == 0 { u64::MAX } else { keyword };
            let events = world.sim.trace_events();
            assert!(events.iter().all(|event| event.level <= level));
            assert!(events.iter().all(|event| event.keyword & any != 0));
            assert!(events.iter().all(|event| event.provider == "Daxflush"));
            assert_eq!(world.sim.events_written_while_off(), 0);
            if level == 5 && any == u64::MAX {
                let all = [
                    "Attach",
                    "Commit",
                    "CommitFailed",
                    "Degraded",
                    "Detach",
                    "Flush",
                    "Open",
                    "Refused",
                    "Store",
                    "Truncate",
                    "Write",
                ];
                assert_eq!(names(&events), all);
            }
            world.sim.set_tracing(None);
            client.close();
            world.end();
        }
    }
}

#[test]
fn the_trace_level_filters_what_a_session_gets() {
    let expected: [&[&str]; 6] = [
        &[],
        &[],
        &["CommitFailed"],
        &["CommitFailed", "Degraded", "Refused"],
        &[
            "Attach",
            "Commit",
            "CommitFailed",
            "Degraded",
            "Detach",
            "Refused",
        ],
        &[
            "Attach",
            "Commit",
            "CommitFailed",
            "Degraded",
            "Detach",
            "Flush",
            "Open",
            "Refused",
            "Store",
            "Truncate",
            "Write",
        ],
    ];
    let mut world = World::new();
    world.sim.set_tracing(Some((5, 0)));
    // As it comes: all but single changes.
    workload(&mut world);
    assert_eq!(names(&world.sim.trace_events()), expected[4]);
    let client = Client::open(&world.sim);
    for (level, expected) in (0..).zip(expected) {
        let reply = client.trace(level).expect("a level");
        assert_eq!((reply.level, reply.listened), (level, 1));
        world.sim.trace_events();
        workload(&mut world);
        assert_eq!(names(&world.sim.trace_events()), expected, "{level}");
    }
    world.sim.set_tracing(None);
    client.close();
    world.end();
}

#[test]
fn volumes_that_come_and_go_are_told() {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    sim.set_tracing(Some((4, 0)));
    sim.load_driver(&driver(), "daxflush").expect("loads");
    let client = Client::open(&sim);
    let attached = events(&sim, "Attach");
    assert_eq!(attached.len(), 1);
    assert_eq!(number(&attached[0], "Volume"), client.volumes()[0].0.id);
    assert_eq!(text(&attached[0], "Name"), r"\Device\HarddiskVolume1");
    assert_eq!((attached[0].level, attached[0].keyword), (4, 1));
    sim.detach('D').expect("detached");
    let detached = events(&sim, "Detach");
    assert_eq!(detached.len(), 1);
    assert_eq!(
        number(&detached[0], "Volume"),
        number(&attached[0], "Volume")
    );
    sim.attach('D').expect("attached");
    let again = events(&sim, "Attach");
    assert_eq!(number(&again[0], "Late"), 1);
    assert_ne!(number(&again[0], "Volume"), number(&attached[0], "Volume"));
    client.close();
    sim.unload_driver("daxflush").expect("unloads");
    assert_eq!(events(&sim, "Detach").len(), 1);
    assert_eq!(sim.violations(), []);
}

#[test]
fn each_commit_tells_what_it_flushed() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    world.sim.set_tracing(Some((4, 2)));
    let file = world.open("a");
    for lines in [0_u64, 1, 7, 300] {
        (0..lines).for_each(|n| world.write(file, n * 128, 8));
        let flushes = world.sim.observed().flushes;
        world
            .sim
            .flush_file(file, FlushKind::Normal)
            .expect("a flush");
        world.model(file, |model| model.commit());
        let told = events(&world.sim, "Commit");
        assert_eq!(told.len(), 1);
        let volume = client.volumes()[0].0.id;
        assert_eq!(
            number(&told[0], "Lines"),
            world.sim.observed().flushes - flushes
        );
        assert_eq!(number(&told[0], "Lines"), lines);
        assert_eq!(number(&told[0], "Ranges"), lines);
        assert_eq!(number(&told[0], "CoarseLines"), 0);
        assert_eq!(number(&told[0], "Drains"), u64::from(lines > 0));
        assert_eq!(number(&told[0], "Joined"), 0);
        assert_eq!(number(&told[0], "Volume"), volume);
        assert_eq!(number(&told[0], "Stream"), client.streams(volume)[0].0.id);
        assert_eq!(text(&told[0], "Name"), r"\Device\HarddiskVolume1\A");
        assert!(number(&told[0], "Time100ns") < 600_000_000);
    }
    // Without a drain there is none.
    world.write(file, 0, 1);
    client.begin(file, ALL).expect("begun");
    let told = events(&world.sim, "Commit");
    assert_eq!(
        (number(&told[0], "Lines"), number(&told[0], "Drains")),
        (1, 0)
    );
    client.drain().expect("drained");
    world.model(file, |model| model.commit());
    world.close(file);
    world.sim.set_tracing(None);
    client.close();
    world.end();
}

#[test]
fn a_commit_that_fails_tells_why() {
    let mut world = World::new();
    world.sim.set_tracing(Some((2, 8)));
    let file = world.open("a");
    world.write(file, 0, 100);
    world.sim.fail_nth("ZwMapViewOfSection", 1);
    let failed = world.sim.flush_file_buffers(file);
    let told = events(&world.sim, "CommitFailed");
    assert_eq!(told.len(), 1);
    assert_eq!(Err(status(&told[0])), failed);
    assert_eq!((told[0].level, told[0].keyword), (2, 8));
    assert_eq!(text(&told[0], "Name"), r"\Device\HarddiskVolume1\A");
    world.close(file);
    assert_eq!(world.sim.trace_events(), []);
    world.sim.set_tracing(None);
    world.end();
}

#[test]
fn coarse_tracking_is_told() {
    let mut world = World::with(SimOptions::default(), &[("TrackingKiB", 64)]);
    let client = Client::open(&world.sim);
    world.sim.set_tracing(Some((3, 4)));
    let file = world.open("a");
    world.truncate(file, 100 << 20);
    (0..50).for_each(|n| world.write(file, n << 21, 64));
    world.sim.flush_file_buffers(file).expect("a flush");
    world.model(file, |model| model.commit());
    let told = events(&world.sim, "Degraded");
    assert_eq!(told.len(), 1);
    assert_eq!(text(&told[0], "Why"), "coarse tracking");
    let coarse = client.statistics().coarse_lines;
    assert!(coarse > 0);
    assert_eq!(number(&told[0], "Lines"), coarse);
    world.write(file, 0, 64);
    world.flush(file);
    assert_eq!(world.sim.trace_events(), [], "it is exact again");
    world.close(file);
    world.sim.set_tracing(None);
    client.close();
    world.end();
}

#[test]
fn a_log_that_overflows_is_told() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    world.sim.set_tracing(Some((3, 4)));
    let file = world.open("a");
    world.truncate(file, 8192);
    let log = client.create_log(file, 64).expect("a log");
    let memory = world
        .sim
        .shared_view(log.address, log_bytes(64))
        .expect("the log");
    world.flush(file);
    assert_eq!(world.sim.trace_events(), []);
    memory.store(log_layout::OVERFLOW / 8, 1);
    world.sim.flush_file_buffers(file).expect("a flush");
    let whys: Vec<_> = events(&world.sim, "Degraded")
        .iter()
        .map(|it| text(it, "Why"))
        .collect();
    assert_eq!(whys[0], "dirty log");
    client.close_log(log.log).expect("closed");
    world.sim.unmap_shared(log.address).expect("unmapped");
    world.sim.set_tracing(None);
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn a_request_that_is_refused_is_told() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 8192);
    world.flush(file);
    world.sim.detach('D').expect("detached");
    world.sim.attach('D').expect("attached again");
    world.sim.set_tracing(Some((3, 4)));
    world.sim.fail_nth("FltAllocateContext", 1);
    let refused = world.sim.write_file(file, 0, &[1; 100]);
    let told = events(&world.sim, "Refused");
    assert_eq!(told.len(), 1);
    assert_eq!(refused, Err(status(&told[0])));
    world.sim.set_tracing(None);
    world.write(file, 0, 100);
    world.close(file);
    world.end();
}

#[test]
fn single_changes_are_told_at_level_5() {
    for level in [4, 5] {
        let mut world = World::with(SimOptions::default(), &[("TraceLevel", 5)]);
        let client = Client::open(&world.sim);
        world.sim.set_tracing(Some((level, 16)));
        let file = world.open("a");
        world.write(file, 100, 200);
        let ranges = [(5, 6), (700, 80)].map(|(offset, length)| FileRange { offset, length });
        client.mark(file, &ranges).expect("a report");
        world.sim.flush_file_buffers(file).expect("a flush");
        world.truncate(file, 150);
        world.model(file, |model| model.commit());
        let told = world.sim.trace_events();
        let stream = client.streams(client.volumes()[0].0.id)[0].0.id;
        let seen: Vec<_> = told
            .iter()
            .map(|event| {
                assert_eq!(number(event, "Stream"), stream);
                assert_eq!((event.level, event.keyword), (5, 16));
                let field = |name| event.field(name).map_or(0, |_| number(event, name));
                let size = field("Size");
                (event.name.as_str(), field("Offset"), field("Length"), size)
            })
            .collect();
        let expected = [
            ("Open", 0, 0, 0),
            ("Write", 100, 200, 0),
            ("Store", 5, 6, 0),
            ("Store", 700, 80, 0),
            ("Flush", 0, 0, 0),
            ("Truncate", 0, 0, 150),
        ];
        let expected = if level == 5 { &expected[..] } else { &[] };
        assert_eq!(seen, expected);
        world.sim.set_tracing(None);
        world.close(file);
        client.close();
        world.end();
    }
}

fn told(sim: &Sim, code: u32) -> usize {
    let log = sim.error_log();
    log.iter().filter(|entry| entry.error_code == code).count()
}

/// A file's last handle ends while nothing can be flushed.
fn close_in_vain(world: &World, file: Handle) {
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    world.sim.close_handle(file).expect("close");
    assert!(!world.sim.is_failure_pending("FltCreateSectionForDataScan"));
}

#[test]
fn a_commit_that_nobody_can_be_told_of_is_in_the_error_log_once_a_minute() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    for name in ["a", "b", "c"] {
        let file = world.open(name);
        world.write(file, 0, 100);
        close_in_vain(&world, file);
        assert_eq!(told(&world.sim, COMMIT_FAILED), 1);
    }
    let entry = &world.sim.error_log()[0];
    assert_eq!(
        entry.final_status,
        NtStatus::INSUFFICIENT_RESOURCES.0 as u32
    );
    assert_eq!(client.statistics().failed_commits, 3);
    // A failure that a program is told of is none of the administrator's.
    let file = world.open("d");
    world.write(file, 0, 100);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    world.sim.flush_file_buffers(file).expect_err("failed");
    assert_eq!(world.sim.error_log().len(), 1);
    world.flush(file);
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn a_volume_that_is_lost_with_dirty_lines_is_in_the_error_log() {
    for dirty in [false, true] {
        let mut world = World::new();
        let file = world.open("a");
        world.write(file, 0, 100);
        if !dirty {
            world.flush(file);
        }
        world.sim.surprise_remove('D').expect("gone");
        assert_eq!(told(&world.sim, VOLUME_LOST), usize::from(dirty));
        if dirty {
            let log = world.sim.error_log();
            let entry = log.iter().find(|entry| entry.error_code == VOLUME_LOST);
            let status = entry.expect("an entry").final_status;
            assert_eq!(status, NtStatus::DEVICE_DOES_NOT_EXIST.0 as u32);
        }
        world.sim.close_handle(file).expect("close");
        world.end();
    }
}

/// What was flushed and never drained is lost as well.
#[test]
fn a_volume_that_is_lost_before_a_drain_is_in_the_error_log() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, 100);
    client.begin(file, ALL).expect("begun");
    world.sim.surprise_remove('D').expect("gone");
    assert_eq!(told(&world.sim, VOLUME_LOST), 1);
    world.sim.close_handle(file).expect("close");
    client.close();
    world.end();
}

/// Without memory for an entry there is none, and nothing else is different.
#[test]
fn an_error_log_without_memory_is_no_harm() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 100);
    world.sim.fail_nth("IoAllocateErrorLogEntry", 1);
    close_in_vain(&world, file);
    assert_eq!(world.sim.error_log(), []);
    let file = world.open("a");
    world.commits("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    world.close(file);
    world.end();
}

fn self_tested(path: &Path) -> SelfTestReply {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    sim.load_driver(path, "daxflush").expect("loads");
    let client = Client::open(&sim);
    let before = sim.observed();
    let reply: SelfTestReply = client.ask(Ioctl::SelfTest, &[]).expect("a self-test");
    let seen = sim.observed() - before;
    assert_eq!(seen.flushes, 0, "no file is touched");
    assert!(seen.foreign_flushes >= reply.lines);
    assert_eq!(reply.checks, self_test::ALL);
    client.close();
    sim.unload_driver("daxflush").expect("unloads");
    assert_eq!(sim.violations(), []);
    reply
}

#[test]
fn the_self_test_passes_as_often_as_it_is_asked_for() {
    let reply = self_tested(&driver());
    assert_eq!(reply.failed, 0);
    // Every third line at least; the commit that failed before may have left more.
    assert!((342..=1024).contains(&reply.lines), "{}", reply.lines);
    let world = World::new();
    let client = Client::open(&world.sim);
    for _ in 0..20 {
        let again: SelfTestReply = client.ask(Ioctl::SelfTest, &[]).expect("a self-test");
        assert_eq!((again.failed, again.lines), (0, reply.lines));
    }
    assert_eq!(
        client.statistics().commits,
        0,
        "they are no commits of a file"
    );
    let code = Ioctl::SelfTest.code();
    let whole = reply_bytes::<SelfTestReply>();
    assert_eq!(client.raw(code, &[0], whole).0, NtStatus::INVALID_PARAMETER);
    assert_eq!(
        client.raw(code, &[], whole - 1).0,
        NtStatus::BUFFER_OVERFLOW
    );
    assert_eq!(client.raw(code, &[], 7).0, NtStatus::BUFFER_TOO_SMALL);
    client.close();
    world.end();
}

#[test]
fn the_self_test_survives_a_shortage() {
    let world = World::new();
    let client = Client::open(&world.sim);
    let mut failures = 0;
    for nth in 1.. {
        world.sim.fail_nth("ExAllocatePoolWithTag", nth);
        let done = client.ask::<SelfTestReply>(Ioctl::SelfTest, &[]);
        if world.sim.is_failure_pending("ExAllocatePoolWithTag") {
            assert_eq!(done.map(|reply| reply.failed), Ok(0));
            break;
        }
        // Coarse marks for want of a node would be no failure of the test.
        assert!(done.is_err() || done.is_ok_and(|reply| reply.failed == 0));
        failures += 1;
    }
    assert!(failures > 0);
    world.sim.fail_nth("ExAllocatePoolWithTag", 1 << 40);
    client.close();
    world.end();
}

#[test]
fn the_self_test_fails_on_broken_drivers() {
    for (fault, bits) in [
        ("fault-skip-line", self_test::COMMIT),
        ("fault-omit-drain", self_test::COMMIT),
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/driver")
            .join(fault)
            .join("daxflush.sys");
        let shown = path.display();
        assert!(
            path.exists(),
            "{shown} is missing: run scripts/build-driver --features {fault}"
        );
        assert_eq!(self_tested(&path).failed, bits, "{fault}");
    }
}

#[test]
fn who_may_only_read_can_neither_trace_nor_test() {
    const GENERIC_READ: u32 = 0x8000_0000;
    let world = World::new();
    as_user(User::Standard, || {
        let device = world
            .sim
            .open_device_with(daxflush_protocol::USER_PATH, GENERIC_READ)
            .expect("the device");
        for (what, input) in [
            (Ioctl::Trace, 8),
            (Ioctl::SelfTest, 0),
            (Ioctl::SetSetting, 16),
        ] {
            let input = vec![0; input];
            let (status, _) =
                world
                    .sim
                    .device_io_control_raw(device, what.code(), &input, &mut [0; 64]);
            assert_eq!(status, NtStatus::ACCESS_DENIED, "{}", what.name());
        }
        world.sim.close_handle(device).expect("close");
    });
    world.end();
}
