//! A machine: a folder of Wine's with its own registry, drives and services.

use crate::kernel;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};
use tempfile::TempDir;
use wait_timeout::ChildExt;

const LIMIT: Duration = Duration::from_secs(120);

/// A machine of Wine's, which is shut down and deleted when dropped.
pub struct Prefix {
    folder: Folder,
}

enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// The first of these that exists, or the last, to be looked for on the path.
fn program(places: &[&'static str]) -> &'static str {
    let there = places.iter().find(|place| Path::new(place).exists());
    there.or(places.last()).expect("a place")
}

fn wine() -> &'static str {
    program(&["/usr/lib/wine/wine64", "wine"])
}

fn server() -> &'static str {
    program(&["/usr/lib/wine/wineserver64", "wineserver"])
}

impl Prefix {
    /// A new machine, its kernel completed.
    ///
    /// # Panics
    /// Wine is not here, or its kernel is not as expected.
    #[expect(clippy::new_without_default, reason = "it is no small thing to make")]
    pub fn new() -> Self {
        static FIRST: LazyLock<Prefix> = LazyLock::new(Prefix::make);
        let folder = tempfile::tempdir().expect("a folder");
        let status = Command::new("cp")
            .args(["-a", "--reflink=auto"])
            .arg(FIRST.folder.path().join("."))
            .arg(folder.path())
            .status();
        assert!(status.expect("cp").success(), "the machine is copied");
        let prefix = Self {
            folder: Folder::Temporary(folder),
        };
        // Without programs a machine lives on only if its server is told to; for a minute.
        let status = prefix.command(server()).arg("-p60").status();
        status.expect("Wine's server");
        prefix
    }

    /// The machine that others are copies of. It is in the build's folder, as nobody drops it.
    fn make() -> Self {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp");
        fs::create_dir_all(&place).expect("a folder");
        let folder = place.join("wine");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the last one is removed");
        }
        fs::create_dir(&folder).expect("a folder");
        let folder = folder.canonicalize().expect("a folder");
        let prefix = Self {
            folder: Folder::Kept(folder),
        };
        prefix.run("wineboot", &["--init"]).succeeded();
        for module in kernel::MODULES {
            let key = r"HKCU\Software\Wine\DllOverrides";
            prefix
                .run("reg", &["add", key, "/v", module, "/d", "native", "/f"])
                .succeeded();
        }
        prefix.stop();
        kernel::complete(&prefix.path(r"C:\windows\system32"));
        prefix
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("WINEPREFIX", self.folder.path())
            .env("WINEARCH", "win64")
            .env(
                "WINEDEBUG",
                std::env::var("DAXFLUSH_WINEDEBUG").unwrap_or("-all".into()),
            )
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env_remove("DISPLAY")
            .stdin(Stdio::null());
        command
    }

    fn stop(&self) {
        for wait in ["-k", "-w"] {
            let _ = self.command(server()).arg(wait).status();
        }
    }

    /// Where a path of the machine is here.
    ///
    /// # Panics
    /// It is not on C:.
    pub fn path(&self, windows: &str) -> PathBuf {
        let rest = windows.strip_prefix(r"C:\").expect("a path on C:");
        let drive = self.folder.path().join("drive_c");
        drive.join(rest.replace('\\', "/"))
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// It cannot be run, or takes longer than two minutes.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        let texts = tempfile::tempdir().expect("a folder");
        let text = |name: &str| texts.path().join(name);
        let to = |name: &str| File::create(text(name)).expect("a file");
        let mut child = self
            .command(wine())
            .arg(program)
            .args(arguments)
            .stdout(to("out"))
            .stderr(to("err"))
            .spawn()
            .expect("Wine is missing: run scripts/setup");
        let ended = child.wait_timeout(LIMIT).expect("a child of ours");
        let read = |name: &str| {
            let bytes = fs::read(text(name)).expect("what it wrote");
            String::from_utf8_lossy(&bytes).replace('\r', "")
        };
        let Some(status) = ended else {
            let _ = child.kill();
            panic!(
                "{program} {arguments:?} did not end:\n{}{}",
                read("out"),
                read("err")
            );
        };
        let code = status.code().unwrap_or(-1);
        let (out, err) = (read("out"), read("err"));
        Ran { code, out, err }
    }

    /// Copies a folder to a place of the machine.
    ///
    /// # Panics
    /// It cannot be copied.
    pub fn copy(&self, folder: &Path, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(&to).expect("a folder");
        for entry in fs::read_dir(folder).expect("the folder") {
            let entry = entry.expect("an entry").path();
            if entry.is_file() {
                let name = entry.file_name().expect("a name");
                fs::copy(&entry, to.join(name)).expect("it is copied");
            }
        }
    }

    /// Removes a folder or a file of the machine.
    ///
    /// # Panics
    /// It cannot be removed.
    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.expect("it is removed");
    }

    /// The state that `sc query` shows of a service; nothing if there is no such service.
    pub fn service_state(&self, service: &str) -> Option<String> {
        let ran = self.run("sc", &["query", service]);
        let line = ran.out.lines().find(|line| line.contains("STATE"))?;
        line.split_whitespace().last().map(str::to_owned)
    }

    /// The lines of a registry key's export, with all below it; none if there is no such key.
    ///
    /// # Panics
    /// The export is not UTF-16.
    pub fn registry(&self, key: &str) -> Vec<String> {
        let file = r"C:\export.reg";
        if self.run("reg", &["export", key, file, "/y"]).code != 0 {
            return Vec::new();
        }
        let bytes = fs::read(self.path(file)).expect("an export");
        self.remove(file);
        let units = bytes
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let text = String::from_utf16(&units.collect::<Vec<_>>()).expect("UTF-16");
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Every file below the Windows folder, but logs and what Wine makes when it likes.
    ///
    /// # Panics
    /// A folder cannot be read.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let root = self.path(r"C:\windows");
        collect(&root, &mut found).expect("the folders can be read");
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with("windows/temp") {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            collect(&path, found)?;
        }
        found.insert(path);
    }
    Ok(())
}

impl Ran {
    /// That it succeeded.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// That it ended with this exit status, and said this on standard error.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn failed(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(says), "{says}: {self:?}");
        self
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        self.stop();
    }
}
