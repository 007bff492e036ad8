//! The socket: commands in processes of their own, machines that come and go, and all that does not
//! belong on it.

use crate::{
    machine::Machine,
    run::{daxctl, error, json, on, text},
};
use daxctl::{
    client::{Platform, Remote},
    random::Random,
    remote::{
        Connection, MAX_CONNECTIONS, MAX_FRAME, MAX_HANDLES, Request, Response, VERSION, decode,
        encode, read_frame, write_frame,
    },
};
use nix::sys::signal::Signal;
use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

const FILE: &str = r"D:\a.db";

/// A program of the test itself on a machine.
fn client(machine: &Machine) -> Remote {
    let connection = Connection::open(Path::new(machine.socket()));
    Remote(connection.expect("it serves"))
}

/// Waits for what other threads do soon.
fn soon(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn what_one_process_marks_another_one_commits() {
    let machine = Machine::idle();
    let socket = machine.socket();
    let client = client(&machine);
    let file = client.open_file(FILE).expect("a new file");
    client.set_size(&file, 1 << 20).expect("room");
    text(&on(socket, &["commit", FILE]));

    // The end of the command's handle is a commit point.
    text(&on(socket, &["mark", FILE, "0:64"]));
    assert_eq!(json(socket, &["commit", FILE])[0]["lines"], 0);

    text(&on(socket, &["settings", "CleanupCommits", "0"]));
    text(&on(socket, &["mark", FILE, "0:64", "4K:65"]));
    let streams = json(socket, &["streams"]);
    assert_eq!(streams[0]["dirty_lines"], 3, "{streams}");
    assert_eq!(streams[0]["handles"], 1, "the test's own");
    let part = json(socket, &["commit", FILE, "--range", "0:4K"]);
    assert_eq!(
        (&part[0]["lines"], &part[0]["ranges"]),
        (&1.into(), &1.into())
    );
    let rest = json(socket, &["commit", FILE, "--no-drain"]);
    assert_eq!(
        (&rest[0]["lines"], &rest[0]["ranges"]),
        (&2.into(), &1.into())
    );
    assert_eq!(json(socket, &["commit", FILE])[0]["lines"], 0);
    client.close(file).expect("it was open");
    machine.end_well();
}

#[test]
fn what_is_written_is_read_again() {
    let machine = Machine::idle();
    let client = client(&machine);
    let file = client.open_file(FILE).expect("a new file");
    client.set_size(&file, 3 << 20).expect("room");
    let mut random = Random::new(1, 1);
    // More than one request carries.
    let data: Vec<u8> = (0..(2 << 20) + 5)
        .map(|_| random.next_u64() as u8)
        .collect();
    client.write(&file, 7, &data).expect("room");
    let mut found = vec![0; data.len()];
    client.read(&file, 7, &mut found).expect("it is there");
    assert!(found == data, "the same bytes");
    let beyond = client.read(&file, 3 << 20, &mut found[..1]);
    assert!(beyond.is_err(), "nothing is there");
    client.close(file).expect("it was open");
    machine.end_well();
}

/// A connection without manners.
struct Raw(UnixStream);

impl Raw {
    fn open(machine: &Machine) -> Self {
        let stream = UnixStream::connect(machine.socket()).expect("it serves");
        let wait = Some(Duration::from_secs(20));
        stream.set_read_timeout(wait).expect("a timeout");
        Self(stream)
    }

    fn greeted(machine: &Machine) -> Self {
        let mut raw = Self::open(machine);
        let hello = raw.ask(&Request::Hello { version: VERSION });
        assert_eq!(hello, Some(Response::Hello { version: VERSION }));
        raw
    }

    fn ask(&mut self, request: &Request) -> Option<Response> {
        self.send(&encode(request).expect("short"))
    }

    /// Sends a frame with these bytes.
    fn send(&mut self, bytes: &[u8]) -> Option<Response> {
        write_frame(&mut self.0, bytes).ok()?;
        self.answer()
    }

    fn answer(&mut self) -> Option<Response> {
        let frame = read_frame(&mut self.0).ok()??;
        Some(decode(&frame).expect("a response"))
    }

    fn open_file(&mut self) -> Option<Response> {
        let (path, create) = (FILE.to_owned(), true);
        self.ask(&Request::OpenFile { path, create })
    }

    /// Whether the other side has closed the connection.
    fn ended(&mut self) -> bool {
        !matches!(self.0.read(&mut [0]), Ok(1..))
    }
}

fn refused(answer: Option<Response>) -> String {
    match answer {
        Some(Response::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_disconnects_leaves_nothing_open() {
    let machine = Machine::idle();
    let used = || json(machine.socket(), &["status"])["used"].clone();
    let before = used();
    let mut raw = Raw::greeted(&machine);
    let mut open = 0;
    let reason = loop {
        match raw.ask(&Request::OpenDevice { write: false }) {
            Some(Response::Handle(_)) => open += 1,
            other => break refused(other),
        }
    };
    assert_eq!(open, MAX_HANDLES);
    assert!(reason.contains("1024 handles are open"), "{reason}");
    let during = used()["handles"].as_u64();
    assert_eq!(
        during,
        before["handles"].as_u64().map(|own| own + open as u64)
    );
    drop(raw);
    assert!(soon(|| used() == before), "{}", used());

    let mut raw = Raw::greeted(&machine);
    assert!(matches!(raw.open_file(), Some(Response::Handle(_))));
    assert_eq!(json(machine.socket(), &["streams"])[0]["handles"], 1);
    drop(raw);
    let gone = || json(machine.socket(), &["streams"])[0]["handles"].as_u64() != Some(1);
    assert!(soon(gone), "the file is closed");
    machine.end_well();
}

#[test]
fn handles_are_their_connections_own() {
    let machine = Machine::idle();
    let (mut one, mut other) = (Raw::greeted(&machine), Raw::greeted(&machine));
    let Some(Response::Handle(file)) = one.open_file() else {
        panic!("no file");
    };
    let answer = other.ask(&Request::SetSize { file, size: 64 });
    assert!(matches!(answer, Some(Response::Failed(_))), "{answer:?}");
    let answer = one.ask(&Request::SetSize { file, size: 64 });
    assert_eq!(answer, Some(Response::Done));
    drop((one, other));
    machine.end_well();
}

#[test]
fn what_does_not_belong_on_the_socket_hurts_nobody() {
    let machine = Machine::idle();
    let reason = refused(Raw::open(&machine).open_file());
    assert!(reason.contains("must be Hello"), "{reason}");

    let mut old = Raw::open(&machine);
    let answer = old.ask(&Request::Hello {
        version: VERSION - 1,
    });
    assert_eq!(answer, Some(Response::Hello { version: VERSION }));
    refused(old.open_file());

    // A frame that is none ends nothing: the next one is read.
    let mut raw = Raw::greeted(&machine);
    refused(raw.send(&[]));
    refused(raw.send(&[0xff; 100]));
    let mut long = encode(&Request::Close { handle: 1 }).expect("short");
    long.push(0);
    refused(raw.send(&long));
    assert!(matches!(raw.open_file(), Some(Response::Handle(_))));

    // Behind a length that cannot be nobody knows where the next frame begins.
    let length = u32::try_from(MAX_FRAME + 1).expect("short");
    raw.0.write_all(&length.to_le_bytes()).expect("it listens");
    let reason = refused(raw.answer());
    assert!(reason.contains("are the most"), "{reason}");
    assert!(raw.ended());

    let asked = Request::Control {
        device: 0,
        code: u32::MAX,
        input: Vec::new(),
        room: u32::MAX,
    };
    let answer = Raw::greeted(&machine).ask(&asked);
    assert!(matches!(answer, Some(Response::Failed(_))), "{answer:?}");

    let mut broken = Raw::greeted(&machine);
    broken
        .0
        .write_all(&[100, 0, 0, 0, 1, 2, 3])
        .expect("it listens");
    drop(broken);

    let mut random = Random::new(1, 1);
    for _ in 0..50 {
        let count = random.below(4096);
        let garbage: Vec<u8> = (0..count).map(|_| random.next_u64() as u8).collect();
        let mut raw = Raw::open(&machine);
        // It hangs up at the first frame that is too long.
        let _ = raw.0.write_all(&garbage);
    }
    machine.end_well();
}

#[test]
fn connections_are_limited_and_come_back() {
    let machine = Machine::idle();
    let mut all: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| Raw::greeted(&machine))
        .collect();
    let output = on(machine.socket(), &["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error(&output).contains("64 connections are open"),
        "{}",
        error(&output)
    );
    assert!(!error(&output).contains("simulate"), "{}", error(&output));
    assert!(matches!(all[0].open_file(), Some(Response::Handle(_))));
    drop(all);
    assert!(soon(|| on(machine.socket(), &["status"]).status.success()));
    machine.end_well();
}

#[test]
fn one_machine_serves_a_socket() {
    let machine = Machine::idle();
    let second = daxctl(&["simulate", "--socket", machine.socket(), "--idle"]);
    assert_eq!(second.status.code(), Some(2));
    let message = error(&second);
    assert!(
        message.contains("runs already") && message.contains(machine.socket()),
        "{message}"
    );
    let mode = fs::metadata(machine.socket())
        .expect("a socket")
        .permissions();
    assert_eq!(mode.mode() & 0o077, 0, "nobody else may connect");
    machine.end_well();
}

#[test]
fn a_machine_that_was_killed_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("machine.sock");
    let mut killed = Machine::at(&path, &["--idle"]);
    let (code, _) = killed.end(Signal::SIGKILL);
    assert_eq!(code, None);
    assert!(path.exists(), "it could not remove it");
    let output = on(killed.socket(), &["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error(&output).contains("daxctl simulate"),
        "{}",
        error(&output)
    );
    Machine::at(&path, &["--idle"]).end_well();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    fs::write(&path, "mine").expect("a file");
    let output = daxctl(&[
        "simulate",
        "--idle",
        "--socket",
        path.to_str().expect("UTF-8"),
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(
        error(&output).contains("is no socket"),
        "{}",
        error(&output)
    );
    assert_eq!(fs::read(&path).expect("it is there"), b"mine");
}

#[test]
fn the_end_does_not_wait_for_who_is_connected() {
    let mut machine = Machine::idle();
    let mut raw = Raw::greeted(&machine);
    assert!(matches!(raw.open_file(), Some(Response::Handle(_))));
    let (code, said) = machine.end(Signal::SIGINT);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no rule was broken"), "{said}");
    assert!(!Path::new(machine.socket()).exists());
    assert!(raw.ended());
}

#[test]
fn a_machine_with_a_workload_of_its_own_serves_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("machine.sock");
    let machine = Machine::at(&path, &["--rate", "2000"]);
    let commits = || json(machine.socket(), &["status"])["counters"]["commits"].as_u64();
    let first = commits();
    assert!(soon(|| commits() > first), "it works on");
    let streams = || {
        json(machine.socket(), &["streams"])
            .as_array()
            .map(Vec::len)
    };
    assert!(soon(|| streams() == Some(4)));
    assert_eq!(
        json(machine.socket(), &["commit", r"D:\stock.db"])[0]["drained"],
        true
    );
    machine.end_well();
}
