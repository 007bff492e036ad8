//! `daxctl simulate` as a child process.

use crate::run::{command, on, text};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
};
use tempfile::TempDir;

/// A machine that serves a socket, killed when dropped.
pub struct Machine {
    child: Child,
    output: BufReader<ChildStdout>,
    socket: PathBuf,
    folder: Option<TempDir>,
}

impl Machine {
    /// A machine on which nothing runs, with a socket of its own.
    pub fn idle() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut machine = Self::at(&folder.path().join("machine.sock"), &["--idle"]);
        machine.folder = Some(folder);
        machine
    }

    /// A machine on a socket; returns when it serves it.
    pub fn at(socket: &Path, arguments: &[&str]) -> Self {
        let path = socket.to_str().expect("UTF-8");
        let mut command = command(&[&["simulate", "--socket", path], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("daxctl runs");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut said = String::new();
        while !said.contains("ctrl-C ends it") {
            let count = output.read_line(&mut said).expect("UTF-8");
            assert_ne!(count, 0, "it has ended: {said}");
        }
        Self {
            child,
            output,
            socket: socket.to_owned(),
            folder: None,
        }
    }

    /// Its socket.
    pub fn socket(&self) -> &str {
        self.socket.to_str().expect("UTF-8")
    }

    /// Sends it a signal, and waits for its end; returns its exit status and what it has said.
    pub fn end(&mut self, signal: Signal) -> (Option<i32>, String) {
        let id = i32::try_from(self.child.id()).expect("a process");
        kill(Pid::from_raw(id), signal).expect("it runs");
        let mut said = String::new();
        self.output.read_to_string(&mut said).expect("UTF-8");
        (self.child.wait().expect("its end").code(), said)
    }

    /// Asserts that it works, and that the driver has broken no rule until it was unloaded.
    pub fn end_well(mut self) {
        text(&on(self.socket(), &["status"]));
        let (code, said) = self.end(Signal::SIGINT);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("no rule was broken"), "{said}");
        assert!(!self.socket.exists(), "the socket is gone");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
