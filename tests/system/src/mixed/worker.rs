//! One thread, as a process of its own: what it does next, and to which file.

use super::{
    place::{Common, FILES, File, LONG, LONG_BYTES, Place, SHARED, SHORT_BYTES},
    program::{Opened, Way},
};
use crate::Client;
use daxctl::random::Random;
use ntsim::{Access, CreateFileOptions, CutPolicy, Disposition, NtStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering::Relaxed,
};

/// Operations of a thread between two power cuts of its own.
const BETWEEN_CUTS: u64 = 2500;

pub struct Worker<'a> {
    pub common: &'a Common,
    pub index: u64,
    pub threads: u64,
    pub random: Random,
    pub client: Client,
    pub open: BTreeMap<usize, Opened>,
    /// How often each kind of operation succeeded.
    pub done: BTreeMap<&'static str, u64>,
    /// What operations failed with, as they may.
    pub refusals: BTreeSet<String>,
}

pub type Done = Result<(), NtStatus>;

impl Worker<'_> {
    /// How the thread's stores through a view become known. A silent one costs all who commit the
    /// file a flush of all of it, so two threads are, in one file each that nobody else uses.
    pub fn way(&self, number: usize) -> Way {
        match self.index % 2 {
            _ if self.index < 2 && number >= SHARED && number.is_multiple_of(4) => Way::Silent,
            0 => Way::Reported,
            _ => Way::Logged,
        }
    }

    /// Works for so many operations.
    pub fn run(&mut self, operations: u64) {
        for number in 1..=operations {
            // Late, because what was mapped before an attachment counts as dirty all over from then on.
            if number * 10 > operations * 9 && self.random.below(2000) == 0 {
                self.detach_and_attach();
            } else {
                self.operation();
            }
            if number % BETWEEN_CUTS == self.index * BETWEEN_CUTS / self.threads {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        let policy = match self.random.below(8) {
            0 => CutPolicy::Everything,
            1 | 2 => CutPolicy::Durable,
            _ => CutPolicy::Random(self.random.next_u64()),
        };
        self.common.cut(policy);
        self.common.cuts.fetch_add(1, Relaxed);
    }

    /// The operation commits everything; then nobody is at work until the filter is attached again.
    /// Threads go on storing through views from before, which makes those files dirty all over, and
    /// into logs that nobody reads any more.
    fn detach_and_attach(&mut self) {
        let common = self.common;
        let _alone = common.attached.write().expect("the gate");
        let detached = common.commit_all(|| common.sim.detach('D'));
        detached.expect("nothing is in the way");
        common.sim.attach('D').expect("attached again");
        // Until then the filter knows of no file, and a commit of the volume of none that was mapped.
        for place in &common.places {
            let file = place.file.lock().expect("a file");
            if file.id.is_some() {
                let opened =
                    common
                        .sim
                        .create_file(&file.path, Access::Read, Disposition::OpenExisting);
                common
                    .sim
                    .close_handle(opened.expect("it exists"))
                    .expect("close");
            }
        }
        self.count("detach");
    }

    fn operation(&mut self) {
        let common = self.common;
        let _attached = common.attached.read().expect("the gate");
        let (what, done) = match self.random.below(1500) {
            0 => ("volume flush", self.flush_volume()),
            1 => ("query remove", self.query_remove()),
            _ => self.on_a_file(),
        };
        match done {
            Ok(()) => self.count(what),
            Err(status) => {
                self.refusals.insert(format!("{what}: {status}"));
            }
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    fn on_a_file(&mut self) -> (&'static str, Done) {
        let own = FILES - SHARED;
        let number = match self.random.below(10) {
            0..5 => self.random.below(SHARED as u64) as usize,
            _ => {
                let mine = own as u64 / self.threads;
                SHARED + (self.index * mine + self.random.below(mine)) as usize
            }
        };
        let place = &self.common.places[number];
        if let Err(status) = self.opened(number, place) {
            return ("open", Err(status));
        }
        self.choose(number, place)
    }

    /// Opens the file if the thread has not.
    fn opened(&mut self, number: usize, place: &Place) -> Done {
        if self.open.contains_key(&number) {
            return Ok(());
        }
        let mut file = place.file.lock().expect("a file");
        let sim = &self.common.sim;
        let options = CreateFileOptions {
            write_through: self.random.below(16) == 0,
            no_intermediate_buffering: self.random.below(8) == 0,
            ..CreateFileOptions::default()
        };
        let handle = sim.create_file_with(&file.path, options)?;
        if file.id.is_none() {
            file.id = Some(sim.file_id(handle)?);
            if number < LONG {
                sim.set_end_of_file(handle, LONG_BYTES)?;
                file.size = LONG_BYTES;
            }
        }
        self.open
            .insert(number, Opened::new(handle, options.write_through));
        Ok(())
    }

    /// Ends the thread's use of a file, which is a commit point.
    pub fn close(&mut self, number: usize, leave_log: bool) -> Done {
        let Some(mut opened) = self.open.remove(&number) else {
            return Ok(());
        };
        let common = self.common;
        let left = opened.unmap(&common.sim, &self.client, leave_log);
        let close = || common.sim.close_handle(opened.handle);
        common.places[number].commit(0..u64::MAX, close)?;
        // It has ended, and its place among the client's is free from now on.
        left.map_or(Ok(()), |log| self.client.close_log(log))
    }

    /// Deletes a file of the thread's own, and makes it again under the same name.
    pub fn make_again(&mut self, number: usize, place: &Place) -> Done {
        let mut file = place.file.lock().expect("a file");
        let sim = &self.common.sim;
        let Some(mut opened) = self.open.remove(&number) else {
            return Ok(());
        };
        opened.unmap(sim, &self.client, false);
        let options = Disposition::OpenAlways;
        place.model().anew();
        sim.set_disposition(opened.handle, true)?;
        sim.close_handle(opened.handle)?;
        let handle = sim.create_file(&file.path, Access::ReadWrite, options)?;
        let id = sim.file_id(handle)?;
        assert_ne!(file.id.replace(id), Some(id), "it was deleted");
        file.size = 0;
        self.open.insert(number, Opened::new(handle, false));
        Ok(())
    }

    pub fn rename(&mut self, number: usize, place: &Place) -> Done {
        let mut file = place.file.lock().expect("a file");
        let to = file.another_name(number);
        let handle = self.open[&number].handle;
        self.common.sim.rename(handle, &to, false)?;
        file.path = to;
        Ok(())
    }

    fn flush_volume(&mut self) -> Done {
        let sim = &self.common.sim;
        let volume = sim.open_volume('D')?;
        let flushed = self.common.commit_all(|| sim.flush_file_buffers(volume));
        sim.close_handle(volume)?;
        self.common.commits.fetch_add(1, Relaxed);
        flushed
    }

    /// The device is asked to go, and stays. It is refused by open files, after the filter has agreed
    /// or not, so that success alone says that all was committed.
    fn query_remove(&mut self) -> Done {
        let sim = &self.common.sim;
        self.common.commit_all(|| sim.query_remove('D'))?;
        sim.cancel_remove('D')
    }

    /// A range of a file: where it begins and how many units it has.
    pub fn range(&mut self, file: &File, number: usize, most: u64) -> (u64, u64) {
        let limit = if number < LONG {
            file.size
        } else {
            // Up to a piece beyond its end.
            (file.size + 512).min(SHORT_BYTES)
        };
        let units = 1 + self.random.below(most);
        let offset = self.random.below(limit / 8) * 8;
        (offset, units.min((limit - offset) / 8).max(1))
    }
}
