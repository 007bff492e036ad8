//! The README's capability table, as the driver does it: who may do what.

use daxflush_protocol::{Ioctl, USER_PATH};
use daxflush_system_tests::{
    Client,
    scene::{Owned, Scene, log_address},
};
use ntsim::{Access, Disposition, Handle, NtStatus, User, as_user};
use std::{fmt::Write, fs, path::PathBuf};

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// The process of whoever asks.
const ASKER: u64 = 0x2000;

/// A column of the table.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Administrator,
    Writer,
    Reader,
    Stranger,
    Guest,
}

impl Who {
    const ALL: [(Self, &str); 5] = [
        (Self::Administrator, "administrator, SYSTEM"),
        (Self::Writer, "user, own file handle that can write"),
        (Self::Reader, "user, file handle that can only read"),
        (
            Self::Stranger,
            "user, another process's handle, log or token",
        ),
        (Self::Guest, "not authenticated"),
    ];

    fn user(self) -> User {
        match self {
            Self::Administrator => User::Administrator,
            Self::Writer | Self::Reader | Self::Stranger => User::Standard,
            Self::Guest => User::Guest,
        }
    }
}

/// What becomes of one request by one asker, on a machine of its own.
fn attempt(who: Who, ioctl: Ioctl) -> NtStatus {
    let scene = Scene::new();
    let sim = scene.world.sim.clone();
    let access = match who {
        Who::Administrator => GENERIC_READ | GENERIC_WRITE,
        _ => GENERIC_READ,
    };
    let opened = sim.in_process(ASKER, || {
        as_user(who.user(), || sim.open_device_with(USER_PATH, access))
    });
    let device = match opened {
        Ok(device) => device,
        Err(status) => {
            scene.end();
            return status;
        }
    };
    let status = sim.in_process(ASKER, || {
        as_user(who.user(), || ask(who, ioctl, &scene, device))
    });
    sim.in_process(ASKER, || sim.close_handle(device))
        .expect("close");
    scene.end();
    status
}

fn ask(who: Who, ioctl: Ioctl, scene: &Scene, device: Handle) -> NtStatus {
    let sim = &scene.world.sim;
    let client = Client::over(sim, device);
    let own = |access| sim.create_file(r"D:\a", access, Disposition::OpenExisting);
    let writer = own(Access::ReadWrite).expect("a file");
    let reader = own(Access::Read).expect("a file");
    let owned = match who {
        Who::Administrator | Who::Writer => scene.owned(&client, writer),
        // Logs and tokens that it could not have made are those of the scene's own client.
        Who::Reader | Who::Guest => Owned {
            file: reader.as_raw(),
            log: scene.log,
            token: scene.token,
        },
        Who::Stranger => Owned {
            file: scene.file.as_raw(),
            log: scene.log,
            token: scene.token,
        },
    };
    let (input, answer) = scene.request_of(ioctl, &scene.client, &owned);
    let (status, bytes) = client.raw(ioctl.code(), &input, answer + 4096);
    if status == NtStatus::SUCCESS && matches!(ioctl, Ioctl::CreateLog | Ioctl::AttachLog) {
        sim.unmap_shared(log_address(&bytes).expect("an address"))
            .expect("mapped");
    }
    if matches!(who, Who::Administrator | Who::Writer) {
        sim.unmap_shared(owned.log.address).expect("mapped");
    }
    for handle in [writer, reader] {
        sim.close_handle(handle).expect("close");
    }
    status
}

fn word(status: NtStatus) -> String {
    match status {
        NtStatus::SUCCESS => "yes".into(),
        NtStatus::ACCESS_DENIED => "ACCESS_DENIED".into(),
        NtStatus::INVALID_HANDLE => "INVALID_HANDLE".into(),
        NtStatus::INVALID_PARAMETER => "INVALID_PARAMETER".into(),
        other => format!("{other}"),
    }
}

fn table() -> String {
    let mut text = String::from("| operation |");
    for (_, name) in Who::ALL {
        write!(text, " {name} |").expect("a string");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Who::ALL.len()));
    text.push('\n');
    for ioctl in Ioctl::ALL {
        write!(text, "| {} |", ioctl.name()).expect("a string");
        for (who, _) in Who::ALL {
            write!(text, " {} |", word(attempt(who, *ioctl))).expect("a string");
        }
        text.push('\n');
    }
    text
}

const BEGIN: &str =
    "<!-- capabilities: written by tests/system/tests/control/capabilities.rs -->\n";
const END: &str = "<!-- end of capabilities -->";

/// `DAXFLUSH_WRITE=1` writes the table instead of comparing it.
#[test]
fn the_readme_has_the_capability_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
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
        "run DAXFLUSH_WRITE=1 cargo test --release -p daxflush-system-tests --test control capability"
    );
}
