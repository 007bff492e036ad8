//! What programs do to a file that they have open.

use super::{
    place::{LONG, Place, SHARED, SHORT_BYTES},
    worker::{Done, Worker},
};
use daxflush_protocol::FileRange;
use ntsim::{FlushKind, NtStatus, WriteOptions};
use std::sync::atomic::Ordering::Relaxed;

const SET_ZERO_DATA: u32 = 0x9_80c8;
const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;
const CLUSTER: u64 = 4096;

fn input<const N: usize>(words: [u64; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

impl Worker<'_> {
    pub(super) fn choose(&mut self, number: usize, place: &Place) -> (&'static str, Done) {
        let long = number < LONG;
        match self.random.below(1000) {
            0..260 => ("write", self.write(number, place, WriteOptions::default())),
            260..360 => {
                let fast_io = true;
                let how = WriteOptions {
                    fast_io,
                    ..WriteOptions::default()
                };
                ("fast write", self.write(number, place, how))
            }
            360..410 => {
                let no_cache = true;
                let how = WriteOptions {
                    no_cache,
                    ..WriteOptions::default()
                };
                ("no-cache write", self.write(number, place, how))
            }
            410..450 => {
                let write_through = true;
                let how = WriteOptions {
                    write_through,
                    ..WriteOptions::default()
                };
                ("write-through", self.write(number, place, how))
            }
            450..500 if !long => ("append", self.append(number, place)),
            500..540 => ("MDL write", self.mdl_write(number, place)),
            540..555 => ("zero data", self.zero(number, place)),
            555..560 => ("clone", self.clone_extents(number, place)),
            560..570 if !long => ("truncate", self.truncate(number, place)),
            570..820 if !long => ("mapped store", self.mapped_store(number, place)),
            820..870 => ("flush", self.flush(number, place)),
            900..920 => ("range commit", self.commit_range(number, place)),
            930..940 => ("close", self.close(number, false)),
            945..948 => ("close with a log", self.close(number, true)),
            948..953 => ("rename", self.rename(number, place)),
            953..957 if number >= SHARED => ("make again", self.make_again(number, place)),
            _ => ("read", self.read(number, place)),
        }
    }

    fn write(&mut self, number: usize, place: &Place, how: WriteOptions) -> Done {
        let mut file = place.file.lock().expect("a file");
        let (offset, units) = self.range(&file, number, 24);
        let (sim, opened) = (&self.common.sim, &self.open[&number]);
        let (handle, through) = (opened.handle, opened.write_through || how.write_through);
        let values = file.stamps(units);
        let written = place.store(offset, &values, |data| {
            let count = sim.write_file_with(handle, offset, data, how)?;
            assert_eq!(count, data.len());
            Ok(())
        });
        if written.is_ok() {
            file.size = file.size.max(offset + 8 * units);
            if through {
                // It has completed, so its own bytes are durable.
                let range = offset..offset + 8 * units;
                place.commit(range, || Ok(()))?;
            }
        }
        written
    }

    fn append(&mut self, number: usize, place: &Place) -> Done {
        let mut file = place.file.lock().expect("a file");
        let units = 1 + self.random.below(24);
        if file.size + 8 * units > SHORT_BYTES {
            return Ok(());
        }
        let (sim, handle) = (&self.common.sim, self.open[&number].handle);
        let (offset, values) = (file.size, file.stamps(units));
        let append = |data: &[u8]| sim.append_file(handle, data).map(|_| ());
        place.store(offset, &values, append)?;
        file.size += 8 * units;
        Ok(())
    }

    fn mdl_write(&mut self, number: usize, place: &Place) -> Done {
        let mut file = place.file.lock().expect("a file");
        let (offset, units) = self.range(&file, number, 32);
        let (sim, handle) = (&self.common.sim, self.open[&number].handle);
        let (fast, values) = (self.random.below(2) == 0, file.stamps(units));
        place.store(offset, &values, |data| {
            let pages = sim.prepare_mdl_write(handle, offset, data.len(), fast)?;
            sim.store_mdl(&pages, 0, data);
            sim.complete_mdl_write(pages)
        })?;
        file.size = file.size.max(offset + 8 * units);
        Ok(())
    }

    fn zero(&mut self, number: usize, place: &Place) -> Done {
        let file = place.file.lock().expect("a file");
        let (offset, units) = self.range(&file, number, 64);
        let end = offset + 8 * units;
        if end > file.size {
            return Ok(());
        }
        let (sim, handle) = (&self.common.sim, self.open[&number].handle);
        place.store(offset, &vec![0; units as usize], |_| {
            let done = sim.fsctl(handle, SET_ZERO_DATA, &input([offset, end]), &mut []);
            done.map(|_| ())
        })
    }

    /// Clones a cluster of the file within it.
    fn clone_extents(&mut self, number: usize, place: &Place) -> Done {
        let file = place.file.lock().expect("a file");
        let clusters = file.size / CLUSTER;
        if clusters < 2 {
            return Ok(());
        }
        let from = self.random.below(clusters - 1) * CLUSTER;
        let to = (clusters - 1) * CLUSTER;
        let (sim, handle) = (&self.common.sim, self.open[&number].handle);
        let mut source = [0; CLUSTER as usize];
        sim.read_file(handle, from, &mut source)?;
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let values: Vec<u64> = source.chunks(8).map(word).collect();
        let request = input([handle.as_raw(), from, to, CLUSTER]);
        place.store(to, &values, |_| {
            let done = sim.fsctl(handle, DUPLICATE_EXTENTS_TO_FILE, &request, &mut []);
            done.map(|_| ())
        })
    }

    fn truncate(&mut self, number: usize, place: &Place) -> Done {
        let mut file = place.file.lock().expect("a file");
        let size = self.random.below(SHORT_BYTES / 64) * 64;
        let handle = self.open[&number].handle;
        self.common.sim.set_end_of_file(handle, size)?;
        if size < file.size {
            place.model().cut_off(size);
        }
        file.size = size;
        Ok(())
    }

    fn mapped_store(&mut self, number: usize, place: &Place) -> Done {
        let way = self.way(number);
        let mut file = place.file.lock().expect("a file");
        let Some(opened) = self.open.get_mut(&number).filter(|_| file.size > 0) else {
            return Ok(());
        };
        let bytes = opened.map(
            &self.common.sim,
            &self.client,
            way,
            file.size,
            number < SHARED,
        )?;
        let offset = self.random.below(bytes / 8) * 8;
        let units = (1 + self.random.below(16)).min((bytes - offset) / 8);
        let (client, values) = (&self.client, file.stamps(units));
        place.store(offset, &values, |data| {
            opened.store(client, way, offset, data)
        })
    }

    fn flush(&mut self, number: usize, place: &Place) -> Done {
        let kind = match self.random.below(8) {
            0 => FlushKind::DataOnly,
            1 => FlushKind::NoSync,
            2 => FlushKind::DataSyncOnly,
            3 => FlushKind::AndPurge,
            _ => FlushKind::Normal,
        };
        let (sim, handle) = (&self.common.sim, self.open[&number].handle);
        self.common.commits.fetch_add(1, Relaxed);
        place.commit(0..u64::MAX, || sim.flush_file(handle, kind))
    }

    fn commit_range(&mut self, number: usize, place: &Place) -> Done {
        let handle = self.open[&number].handle;
        let offset = self.random.below(SHORT_BYTES);
        let length = 1 + self.random.below(4000);
        let range = FileRange { offset, length };
        self.common.commits.fetch_add(1, Relaxed);
        place.commit(offset..offset + length, || {
            self.client.commit(handle, range).map(|_| ())
        })
    }

    /// What was stored is what is read, whatever is durable of it.
    fn read(&mut self, number: usize, place: &Place) -> Done {
        let file = place.file.lock().expect("a file");
        if file.size == 0 {
            return Ok(());
        }
        let offset = self.random.below(file.size / 8) * 8;
        let handle = self.open[&number].handle;
        let mut found = [0; 8];
        let count = self.common.sim.read_file(handle, offset, &mut found)?;
        if count != 8 {
            return Err(NtStatus::END_OF_FILE);
        }
        assert!(place.model().reads(offset, u64::from_le_bytes(found)));
        Ok(())
    }
}
