//! What the programs of one input have open, and the choice of what they do next.

use super::checks::Loose;
use arbitrary::{Arbitrary, Unstructured};
use daxflush_protocol::{Ioctl, SetSettingRequest, Setting, USER_PATH};
use ntsim::{FileId, Handle, MappedView, Sim, User, as_user};
use std::collections::HashMap;
use zerocopy::IntoBytes;

/// The processes that there are.
pub(super) const PROCESSES: [u64; 2] = [0x1000, 0x2000];
const LOCK_VOLUME: u32 = 0x9_0018;
/// Files of each kind at once.
const SLOTS: usize = 4;

/// A handle of the control device.
#[derive(Clone, Copy)]
pub(super) struct Device {
    pub handle: Handle,
    pub process: u64,
    pub user: User,
    pub is_32_bit: bool,
}

/// A handle of a file.
#[derive(Clone, Copy)]
pub(super) struct File {
    pub handle: Handle,
    pub process: u64,
    pub id: FileId,
    /// On persistent memory.
    pub is_dax: bool,
}

pub(super) struct View {
    pub view: MappedView,
    pub id: FileId,
    pub process: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Log {
    pub id: u64,
    pub address: u64,
    pub bytes: u64,
    pub process: u64,
}

pub(super) struct Session<'a> {
    pub sim: &'a Sim,
    pub input: Unstructured<'a>,
    pub devices: Vec<Device>,
    pub files: Vec<File>,
    pub views: Vec<View>,
    pub tokens: Vec<u64>,
    pub logs: Vec<Log>,
    /// Lines of files of which no commit promises anything.
    pub loose: HashMap<FileId, Loose>,
    changed_settings: bool,
}

impl<'a> Session<'a> {
    /// With an administrator's handle of the device, and a file with data in it.
    pub fn new(sim: &'a Sim, input: Unstructured<'a>) -> Self {
        let mut session = Self {
            sim,
            input,
            devices: Vec::new(),
            files: Vec::new(),
            views: Vec::new(),
            tokens: Vec::new(),
            logs: Vec::new(),
            loose: HashMap::new(),
            changed_settings: false,
        };
        session.add_device(PROCESSES[0], User::Administrator, false, 0xc000_0000);
        session.add_file(PROCESSES[0], r"D:\A", Default::default());
        if let Some(file) = session.files.first() {
            sim.write_file(file.handle, 0, &[0x11; 300])
                .expect("a write");
        }
        session
    }

    /// Tells what is done, if somebody wants to know (see [`crate::failure::is_verbose`]).
    pub fn say(&self, text: impl FnOnce() -> String) {
        if crate::failure::is_verbose() {
            eprintln!("  {}", text());
        }
    }

    /// A value of the input; at its end, 0.
    pub fn any<T: Arbitrary<'a> + Default>(&mut self) -> T {
        self.input.arbitrary().unwrap_or_default()
    }

    /// One of the numbers below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.any::<u8>()) % count
    }

    /// One of some things, if there are any.
    pub fn pick<T: Clone>(&mut self, from: impl Fn(&Self) -> &[T]) -> Option<T> {
        let index = self.any::<u8>();
        let list = from(self);
        (!list.is_empty()).then(|| list[usize::from(index) % list.len()].clone())
    }

    /// A number as somebody who means harm would choose it.
    pub fn number(&mut self) -> u64 {
        match self.below(8) {
            0 => self.any(),
            1 => 1_u64
                .rotate_right(self.any::<u8>().into())
                .wrapping_sub(u64::from(self.any::<bool>())),
            2 => u64::from(self.any::<u16>()),
            3 => u64::MAX.wrapping_sub(u64::from(self.any::<u8>())),
            4 => 64 * u64::from(self.any::<u8>()),
            _ => u64::from(self.any::<u8>()),
        }
    }

    /// Does one thing.
    pub fn operation(&mut self) {
        match self.below(32) {
            0..=13 => self.request(),
            14 => self.raw_request(),
            15 => self.open_device(),
            16 => self.close_device(),
            17 => self.open_file(),
            18 => self.close_file(),
            19..=21 => self.write(),
            22 | 23 => self.flush(),
            24 => self.map(),
            25 => self.store(),
            26 => self.unmap(),
            27 => self.resize(),
            28 => self.control_file(),
            29 => self.scribble_in_log(),
            30 => self.flush_volume(),
            _ => self.delete(),
        }
    }

    fn open_device(&mut self) {
        let process = PROCESSES[self.below(2)];
        let user = [
            User::Administrator,
            User::Standard,
            User::System,
            User::Guest,
        ][self.below(4)];
        let access = [0xc000_0000, 0x8000_0000, 0x4000_0000, 0][self.below(4)];
        let is_32_bit = self.any();
        self.add_device(process, user, is_32_bit, access);
    }

    fn add_device(&mut self, process: u64, user: User, is_32_bit: bool, access: u32) {
        if self.devices.len() == SLOTS {
            return;
        }
        let open = || as_user(user, || self.sim.open_device_with(USER_PATH, access));
        let opened = self.sim.in_process(process, open);
        self.say(|| format!("open the device as {user:?} in {process:#x}: {opened:x?}"));
        if let Ok(handle) = opened {
            self.devices.push(Device {
                handle,
                process,
                user,
                is_32_bit,
            });
        }
    }

    fn close_device(&mut self) {
        if !self.devices.is_empty() {
            let index = self.below(self.devices.len());
            self.drop_device(index);
        }
    }

    fn drop_device(&mut self, index: usize) {
        let device = self.devices.swap_remove(index);
        self.say(|| format!("close the device {:x?}", device.handle));
        let close = || self.sim.close_handle(device.handle);
        self.sim.in_process(device.process, close).expect("close");
    }

    /// The driver has new settings.
    pub fn settings_changed(&mut self) {
        self.changed_settings = true;
    }

    pub fn has_room_for_file(&self) -> bool {
        self.files.len() < SLOTS
    }

    /// Closes everything and sets what was set back.
    pub fn end(mut self) {
        for view in self.views.drain(..) {
            let unmap = || self.sim.unmap_view(view.view);
            self.sim.in_process(view.process, unmap);
        }
        // In the order of the input's choice: files first, or devices.
        if self.any() {
            while !self.devices.is_empty() {
                self.drop_device(0);
            }
        }
        if self.changed_settings {
            self.reset_settings();
        }
        for process in PROCESSES {
            self.sim.exit_process(process);
        }
        if self.sim.held().file_objects != 0 {
            self.lock_volume();
        }
        self.sim.delete_closed_files();
    }

    /// A stream that is dirty, or may become so unseen, is kept by the driver beyond its last handle,
    /// and nobody tells a filter when the last view of a program goes. It lets go of the stream at
    /// the next commit.
    fn lock_volume(&self) {
        let volume = self.sim.open_volume('D').expect("a volume");
        let locked = self.sim.fsctl(volume, LOCK_VOLUME, &[], &mut []);
        self.say(|| format!("lock the volume: {locked:?}"));
        self.sim.close_handle(volume).expect("close");
    }

    fn reset_settings(&self) {
        let device = self.sim.open_device(USER_PATH).expect("the device");
        for setting in Setting::ALL.iter().filter(|setting| setting.is_live()) {
            let request = SetSettingRequest {
                setting: *setting as u32,
                value: setting.default_value(),
                ..SetSettingRequest::default()
            };
            let code = Ioctl::SetSetting.code();
            let mut answer = [0; 64];
            let (status, _) =
                self.sim
                    .device_io_control_raw(device, code, request.as_bytes(), &mut answer);
            assert!(status.is_success(), "{setting:?} is not set back: {status}");
        }
        self.sim.close_handle(device).expect("close");
    }
}
