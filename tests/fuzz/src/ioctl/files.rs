//! What programs do to files beside requests.

use super::session::{File, PROCESSES, Session, View};
use ntsim::{Access, CreateFileOptions, CutPolicy, Disposition, FlushKind, NtStatus, WriteOptions};

const NAMES: [&str; 5] = [r"D:\A", r"D:\B", r"D:\A:S", r"D:\B", r"E:\X"];
/// Files are short, because each line of them may be flushed.
pub(super) const LONGEST: u64 = 8192 + 64;
const USUAL: u64 = 1024;

impl Session<'_> {
    pub fn open_file(&mut self) {
        let process = PROCESSES[self.below(2)];
        let name = NAMES[self.below(NAMES.len())];
        let bits: u8 = self.any();
        let access = if bits & 1 == 0 {
            Access::ReadWrite
        } else {
            Access::Read
        };
        let disposition = match bits >> 1 & 7 {
            0 => Disposition::CreateNew,
            1 => Disposition::CreateAlways,
            2 => Disposition::TruncateExisting,
            3 => Disposition::Supersede,
            4 => Disposition::OpenExisting,
            _ => Disposition::OpenAlways,
        };
        let options = CreateFileOptions {
            access,
            disposition,
            write_through: bits & 0x10 != 0,
            no_intermediate_buffering: bits & 0x20 != 0,
            asynchronous: bits & 0x40 != 0,
            delete_on_close: bits & 0x80 != 0,
        };
        self.add_file(process, name, options);
    }

    pub fn add_file(&mut self, process: u64, name: &str, options: CreateFileOptions) {
        if !self.has_room_for_file() {
            return;
        }
        let opened = self.sim.in_process(process, || {
            let handle = self.sim.create_file_with(name, options)?;
            let id = self.sim.file_id(handle)?;
            Ok::<_, NtStatus>(File {
                handle,
                process,
                id,
                is_dax: name.starts_with('D'),
            })
        });
        self.say(|| {
            format!(
                "open {name} in {process:#x}, {options:?}: {:x?}",
                opened.map(|it| (it.handle, it.id))
            )
        });
        self.files.extend(opened);
    }

    pub fn close_file(&mut self) {
        if self.files.is_empty() {
            return;
        }
        let index = self.below(self.files.len());
        let file = self.files.swap_remove(index);
        self.say(|| format!("close {:x?}", file.handle));
        let close = || self.sim.close_handle(file.handle);
        self.sim.in_process(file.process, close).expect("close");
    }

    /// Mostly near the beginning.
    pub fn place(&mut self) -> u64 {
        let place = u64::from(self.any::<u16>());
        match self.below(8) {
            0 => place % LONGEST,
            _ => place % USUAL,
        }
    }

    pub fn file(&mut self) -> Option<File> {
        self.pick(|session| &session.files)
    }

    pub fn write(&mut self) {
        let Some(file) = self.file() else { return };
        let bits: u8 = self.any();
        let offset = self.place();
        let length = 1 + usize::from(self.any::<u8>());
        let data = vec![self.any::<u8>(); length];
        let how = WriteOptions {
            fast_io: bits & 1 != 0,
            no_cache: bits & 2 != 0,
            write_through: bits & 4 != 0,
            short: (bits & 0x30 == 0x10).then_some(length / 2),
            fail: (bits & 0x30 == 0x20).then_some((length / 2, NtStatus::DISK_FULL)),
            ..WriteOptions::default()
        };
        let append = bits & 0x80 != 0;
        let written = self.sim.in_process(file.process, || {
            if append {
                self.sim
                    .append_file_with(file.handle, &data, how)
                    .map(|_| 0)
            } else {
                self.sim.write_file_with(file.handle, offset, &data, how)
            }
        });
        self.say(|| {
            let to = file.handle;
            format!("write {length} at {offset} to {to:x?}, append {append}, {how:?}: {written:?}")
        });
        if how.write_through
            && !append
            && let Ok(count) = written
        {
            self.is_durable(file, offset..offset + count as u64, "a write-through write");
        }
    }

    pub fn flush(&mut self) {
        let Some(file) = self.file() else { return };
        let kind = match self.below(8) {
            0 => FlushKind::DataOnly,
            1 => FlushKind::NoSync,
            2 => FlushKind::DataSyncOnly,
            3 => FlushKind::AndPurge,
            4 => {
                let view = self.views.iter().find(|view| view.id == file.id);
                if let Some(View { view, process, .. }) = view {
                    let flush = || self.sim.flush_view_of_file(view, 0, 1);
                    let flushed = self.sim.in_process(*process, flush);
                    self.say(|| format!("flush a view of {:x?}: {flushed:?}", file.id));
                }
                return;
            }
            _ => FlushKind::Normal,
        };
        let flush = || self.sim.flush_file(file.handle, kind);
        let flushed = self.sim.in_process(file.process, flush);
        self.say(|| format!("flush {:x?}, {kind:?}: {flushed:x?}", file.handle));
        if flushed.is_ok() {
            self.is_durable(file, 0..u64::MAX, "a flush");
        }
    }

    pub fn flush_volume(&mut self) {
        let letter = if self.below(4) == 0 { 'E' } else { 'D' };
        let volume = self.sim.open_volume(letter).expect("a volume");
        let flushed = self.sim.flush_file_buffers(volume);
        self.sim.close_handle(volume).expect("close");
        self.say(|| format!("flush the volume {letter}: {flushed:?}"));
        if flushed.is_ok() && letter == 'D' {
            for file in self.files.clone() {
                self.is_durable(file, 0..u64::MAX, "a volume's flush");
            }
        }
    }

    pub fn map(&mut self) {
        let Some(file) = self.file() else { return };
        let writable = self.below(4) != 0;
        let mapped = self.sim.in_process(file.process, || {
            let size = self.sim.file_size(file.handle)?;
            self.sim.map_view(file.handle, 0, size, writable)
        });
        self.say(|| {
            format!(
                "map {:x?}, writable {writable}: {:?}",
                file.handle,
                mapped.as_ref().map(|it| it.len())
            )
        });
        if let Ok(view) = mapped {
            let (id, process) = (file.id, file.process);
            if writable {
                self.views.push(View { view, id, process });
            } else {
                self.sim.in_process(process, || self.sim.unmap_view(view));
            }
        }
    }

    /// CPU stores, of which the program may report nothing.
    pub fn store(&mut self) {
        if self.views.is_empty() {
            return;
        }
        let index = self.below(self.views.len());
        let (length, value) = (self.below(200) + 1, self.any::<u8>());
        let (id, room) = (self.views[index].id, self.views[index].view.len());
        let offset = usize::from(self.any::<u16>()) % room;
        let length = length.min(room - offset);
        self.views[index]
            .view
            .store(offset as u64, &vec![value; length]);
        let range = offset as u64..(offset + length) as u64;
        let reports = self.any::<bool>();
        self.say(|| format!("store {length} at {offset} of {id:x?}, reported {reports}"));
        let size = self.sim.power_cut(CutPolicy::Durable).file_size(id);
        let end = size.unwrap_or_default().clamp(range.start, range.end);
        let reported = reports && self.report(id, range.clone());
        let loose = self.loose.entry(id).or_default();
        if !reported {
            loose.add(range.start..end);
        }
        // What lies beyond the end belongs to no file, even if the file reaches there later.
        loose.add(end..range.end);
    }

    pub fn unmap(&mut self) {
        if self.views.is_empty() {
            return;
        }
        let index = self.below(self.views.len());
        let view = self.views.swap_remove(index);
        self.say(|| format!("unmap a view of {:x?}", view.id));
        let unmap = || self.sim.unmap_view(view.view);
        self.sim.in_process(view.process, unmap);
    }
}
