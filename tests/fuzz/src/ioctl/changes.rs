//! What programs do to files other than storing data: sizes, clones, names.

use super::{files::LONGEST, session::Session};

const SET_ZERO_DATA: u32 = 0x9_80c8;
const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;

impl Session<'_> {
    pub fn resize(&mut self) {
        let Some(file) = self.file() else { return };
        let size = self.place();
        let how = self.below(3);
        let done = self.sim.in_process(file.process, || match how {
            0 => self.sim.set_allocation_size(file.handle, size),
            _ => self.sim.set_end_of_file(file.handle, size),
        });
        if done.is_ok() {
            // What the file system zeroes by itself is nobody's to commit.
            self.loose.entry(file.id).or_default().add(size..size + 1);
        }
        self.say(|| format!("size {size} of {:x?}, way {how}: {done:?}", file.handle));
    }

    pub fn control_file(&mut self) {
        let Some(file) = self.file() else { return };
        let Some(source) = self.file() else { return };
        let (clones, from, to) = (self.any::<bool>(), self.any::<u16>(), self.any::<u16>());
        let (from, to) = (u64::from(from) % LONGEST, u64::from(to) % LONGEST);
        let words = if clones {
            vec![source.handle.as_raw(), from & 4096, to & 4096, 4096]
        } else {
            vec![from.min(to), from.max(to)]
        };
        let input: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let code = if clones {
            DUPLICATE_EXTENTS_TO_FILE
        } else {
            SET_ZERO_DATA
        };
        // A program that may not is told so.
        let _ = self.sim.in_process(file.process, || {
            self.sim.fsctl(file.handle, code, &input, &mut [])
        });
    }

    pub fn delete(&mut self) {
        let Some(file) = self.file() else { return };
        let (deletes, renames) = (self.any::<bool>(), self.any::<bool>());
        let done = self.sim.in_process(file.process, || {
            if renames {
                self.sim.rename(file.handle, r"D:\C", true)
            } else {
                self.sim.set_disposition(file.handle, deletes)
            }
        });
        self.say(|| {
            format!(
                "rename {renames} or delete {deletes} {:x?}: {done:?}",
                file.handle
            )
        });
    }
}
