//! Starting the program so that nothing of it runs unwatched.

use super::{RecordError, process};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{AccessFlags, Pid, access},
};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Command,
};

/// A shell stops itself, is seized, and becomes the program: to ask for ptrace in the new process
/// itself would need code between fork and exec.
const SHELL: &str = "/bin/sh";
const SCRIPT: &str = r#"kill -STOP $$; exec "$@""#;

/// Starts the program; it is seized and stopped before its first instruction.
pub fn start(program: &[OsString]) -> Result<Pid, RecordError> {
    let (name, arguments) = program.split_first().ok_or(RecordError::NoProgram)?;
    let path = find(name)?;
    if process::is_32_bit(&path).unwrap_or(false) {
        return Err(RecordError::ThirtyTwoBit(path));
    }
    let failed = |source| RecordError::Start {
        program: path.clone(),
        source,
    };
    let mut shell = Command::new(SHELL);
    shell.args(["-c", SCRIPT, "sh"]).arg(&path).args(arguments);
    let child = shell.spawn().map_err(failed)?;
    let pid = Pid::from_raw(child.id().cast_signed());
    match seize(pid) {
        Ok(()) => Ok(pid),
        Err(error) => {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
            Err(match error {
                Errno::EPERM | Errno::EACCES | Errno::ENOSYS => RecordError::NotPermitted(error),
                other => failed(io::Error::from(other)),
            })
        }
    }
}

fn seize(pid: Pid) -> Result<(), Errno> {
    loop {
        match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Stopped(..)) => break,
            Ok(_) => return Err(Errno::ECHILD),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    ptrace::seize(
        pid,
        Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEEXIT
            | Options::PTRACE_O_EXITKILL,
    )?;
    kill(pid, Signal::SIGCONT)
}

/// The path of a program, as execvp would find it.
fn find(name: &OsStr) -> Result<PathBuf, RecordError> {
    let plain = Path::new(name);
    if name.is_empty() {
        return Err(RecordError::NotFound(plain.into()));
    }
    if name.as_encoded_bytes().contains(&b'/') {
        return runnable(plain);
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let mut denied = None;
    for folder in std::env::split_paths(&folders) {
        // An empty entry is the current folder, and the shell must not search again.
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".").into()
        } else {
            folder
        };
        match runnable(&folder.join(plain)) {
            Err(RecordError::NotFound(_)) => {}
            Err(other) => denied = Some(other),
            found => return found,
        }
    }
    Err(denied.unwrap_or_else(|| RecordError::NotFound(plain.into())))
}

fn runnable(path: &Path) -> Result<PathBuf, RecordError> {
    let metadata = path.metadata();
    let metadata = metadata.map_err(|_| RecordError::NotFound(path.into()))?;
    if metadata.is_file() && access(path, AccessFlags::X_OK).is_ok() {
        Ok(path.into())
    } else {
        Err(RecordError::NotExecutable(path.into()))
    }
}
