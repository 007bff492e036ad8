//! The replay itself.

use super::{
    Commit, Observer, Options, ReplayError,
    cuts::{Plan, Shared},
};
use crate::{
    client::{ClientError, DaxFile, Device, Recording, Scope, Simulated},
    mapped::Mapped,
    model::LINE,
    report::Report,
    trace::{Op, Step, Trace},
};
use ntsim::{NtStatus, Sim, SimOptions, VolumeOptions};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

const SERVICE: &str = "daxflush";

/// Replays a trace; `progress` is called with the number of operations done.
///
/// # Errors
/// There is no usable driver, or an operation failed that succeeded when the trace was made.
pub fn replay(
    trace: &Trace,
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Report, ReplayError> {
    replay_observed(trace, options, progress, &mut ())
}

/// Replays a trace, and tells an observer of each commit.
///
/// # Errors
/// As [`replay`]'s.
pub fn replay_observed(
    trace: &Trace,
    options: &Options,
    progress: &mut dyn FnMut(usize),
    observer: &mut dyn Observer,
) -> Result<Report, ReplayError> {
    if !options.driver.exists() {
        return Err(ReplayError::NoDriver(options.driver.clone()));
    }
    let failed = |source| ReplayError::Driver {
        driver: options.driver.clone(),
        source,
    };
    let sim = Sim::boot(SimOptions::default()).map_err(failed)?;
    sim.add_volume('D', VolumeOptions::default())
        .map_err(failed)?;
    sim.load_driver(&options.driver, SERVICE).map_err(failed)?;
    let mut program =
        Program::start(&sim, options, observer).map_err(|error| at(0, "open", error))?;
    let mut plan = Plan::new(&trace.steps, options.power_cuts, options.seed);
    for (index, step) in trace.steps.iter().enumerate() {
        program.step(step, &mut plan, index)?;
        progress(index + 1);
    }
    let mut report = program.end()?;
    sim.unload_driver(SERVICE).map_err(failed)?;
    report.violations = sim.violations().iter().map(ToString::to_string).collect();
    report.trace = trace_name(trace);
    report.seed = options.seed;
    report.mapped = options.mapped;
    Ok(report)
}

type Error = ClientError<NtStatus>;

fn at(line: usize, what: &'static str, error: Error) -> ReplayError {
    ReplayError::Operation { line, what, error }
}

fn trace_name(trace: &Trace) -> String {
    let name = trace
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    name.trim_end_matches(".gz")
        .trim_end_matches(".tsv")
        .to_owned()
}

/// The program of the trace, and its open files.
struct Program<'a> {
    sim: Sim,
    device: Arc<Device<Simulated>>,
    files: HashMap<u32, DaxFile<Simulated>>,
    mapped: Mapped,
    recording: Recording,
    shared: Arc<Mutex<Shared>>,
    report: Report,
    sequence: u64,
    interleave: u64,
    observer: &'a mut dyn Observer,
}

fn recording(options: &Options) -> Recording {
    match options.mapped {
        Mapped::Report => Recording::Report,
        Mapped::Log => Recording::Log {
            entries: options.log_entries,
        },
        Mapped::Faults => Recording::Faults,
        Mapped::Conservative => Recording::Conservative,
    }
}

impl<'a> Program<'a> {
    fn start(sim: &Sim, options: &Options, observer: &'a mut dyn Observer) -> Result<Self, Error> {
        let device = Arc::new(Device::open(Simulated(sim.clone()))?);
        observer.driver(device.version());
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (probed, machine) = (shared.clone(), sim.clone());
        sim.set_probe(Some(Box::new(move |_| {
            probed.lock().expect("one thread").instruction(&machine);
        })));
        Ok(Self {
            sim: sim.clone(),
            device,
            files: HashMap::new(),
            mapped: options.mapped,
            recording: recording(options),
            shared,
            report: Report::default(),
            sequence: 0,
            interleave: options.interleave,
            observer,
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("one thread")
    }

    fn step(&mut self, step: &Step, plan: &mut Plan, index: usize) -> Result<(), ReplayError> {
        self.shared().line = step.line;
        let (within, after): (Vec<_>, Vec<_>) = plan
            .take(index)
            .into_iter()
            .partition(|cut| cut.within.is_some());
        let armed = within
            .into_iter()
            .map(|cut| (cut.within.unwrap_or(0), cut.policy))
            .collect();
        self.apply(&step.op, armed)
            .map_err(|(what, error)| at(step.line, what, error))?;
        let mut shared = self.shared();
        // Cuts meant for an instruction of a commit that executed none are made after it.
        let left = std::mem::take(&mut shared.armed);
        let policies = left.into_iter().map(|(_, policy)| policy);
        for policy in policies.chain(after.into_iter().map(|cut| cut.policy)) {
            shared.cut(&self.sim, policy, "after");
        }
        Ok(())
    }

    fn apply(&mut self, op: &Op, armed: Armed) -> Result<(), Failure> {
        match *op {
            Op::Open { file, ref name } => self.open(file, name).map_err(|e| ("open", e)),
            Op::Write {
                file,
                offset,
                length,
            } => self.write(file, offset, length).map_err(|e| ("write", e)),
            Op::Store {
                file,
                offset,
                length,
            } => self.store(file, offset, length).map_err(|e| ("store", e)),
            Op::Map {
                file,
                offset,
                length,
            } => {
                let mapped = self.open_file(file).map(offset, length);
                mapped.map_err(|error| ("map", error))?;
                self.shared().model.file(file).map(self.mapped);
                Ok(())
            }
            Op::Flush { file } => {
                let asked = self.shared().model.file(file).lines();
                self.commit(file, asked, armed, DaxFile::commit)
                    .map_err(|error| ("flush", error))
            }
            Op::FlushView {
                file,
                offset,
                length,
            } => {
                let asked = (offset + length).div_ceil(LINE) - offset / LINE;
                self.commit(file, asked, armed, |file| file.commit_view(offset, length))
                    .map_err(|error| ("flushview", error))
            }
            Op::Truncate { file, size } => {
                let set = self.open_file(file).set_size(size);
                set.map_err(|error| ("truncate", error))?;
                self.shared().model.file(file).truncate(size);
                Ok(())
            }
            Op::Delete { file } => self.delete(file).map_err(|error| ("delete", error)),
        }
    }

    /// An open file; the trace was checked to open it first.
    fn open_file(&mut self, number: u32) -> &mut DaxFile<Simulated> {
        self.files.get_mut(&number).expect("the trace was checked")
    }

    fn open(&mut self, number: u32, name: &str) -> Result<(), Error> {
        let path = format!(r"D:\{name}");
        let file = DaxFile::open(&self.device, &path, self.recording)?;
        let id = self.sim.file_id(*file.handle());
        let id = id.map_err(ClientError::Platform)?;
        self.files.insert(number, file);
        self.shared().ids.insert(number, id);
        self.shared().model.file(number);
        Ok(())
    }

    fn fresh_data(&mut self, number: u32, offset: u64, length: u64) -> Vec<u8> {
        self.sequence += 1;
        let mut shared = self.shared();
        let file = shared.model.file(number);
        file.fresh_data(offset, length, self.sequence)
    }

    fn write(&mut self, number: u32, offset: u64, length: u64) -> Result<(), Error> {
        let data = self.fresh_data(number, offset, length);
        if self.interleave != 0 && self.sequence.is_multiple_of(self.interleave) {
            self.flush_before_the_next_write(number)?;
        }
        self.open_file(number).write(offset, &data)?;
        self.sim.set_file_system_hook(None);
        self.shared().model.file(number).store(offset, &data);
        self.report.writes += 1;
        Ok(())
    }

    /// Another processor flushes the file when the next write has passed the filter and its data
    /// is not stored yet.
    fn flush_before_the_next_write(&mut self, number: u32) -> Result<(), Error> {
        self.report.interleaved_commits += 1;
        // That processor's program is to make durable what this one has stored, so it must be told.
        let file = self.open_file(number);
        file.publish()?;
        let handle = *file.handle();
        let (sim, shared) = (self.sim.clone(), self.shared.clone());
        self.sim.set_file_system_hook(Some(Box::new(move |event| {
            if event.is_before_write() && sim.flush_file_buffers(handle).is_ok() {
                shared
                    .lock()
                    .expect("one thread")
                    .model
                    .file(number)
                    .commit();
            }
        })));
        Ok(())
    }

    fn store(&mut self, number: u32, offset: u64, length: u64) -> Result<(), Error> {
        let data = self.fresh_data(number, offset, length);
        let file = self.open_file(number);
        let overflows = file.log_overflows();
        file.store(offset, &data)?;
        let overflows = file.log_overflows() - overflows;
        let mut shared = self.shared();
        let model = shared.model.file(number);
        model.store_through_view(offset, &data);
        if overflows != 0 {
            model.overflow();
        }
        drop(shared);
        self.report.stores += 1;
        self.report.log_overflows += overflows;
        Ok(())
    }

    /// A flush operation of the trace, with the driver's and the processor's counts around it.
    fn commit(
        &mut self,
        number: u32,
        asked: u64,
        armed: Armed,
        flush: impl FnOnce(&mut DaxFile<Simulated>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let expected = self.shared().model.file(number).lines_to_flush();
        {
            let mut shared = self.shared();
            shared.instructions = 0;
            // Any of the flushes, or the fence after them.
            let places = armed
                .into_iter()
                .map(|(choice, policy)| (choice % (expected + 1) + 1, policy));
            shared.armed = places.collect();
        }
        let before = self.device.statistics_of(Scope::All)?;
        let observed = self.sim.observed();
        flush(self.open_file(number))?;
        let observed = self.sim.observed() - observed;
        let after = self.device.statistics_of(Scope::All)?;
        {
            let mut shared = self.shared.lock().expect("one thread");
            let line = shared.line;
            let found = shared.model.file(number);
            self.observer.commit(&Commit {
                line,
                file: number,
                asked,
                flushed: observed.flushes,
                time: after.commit_time.since(&before.commit_time).sum,
                found,
            });
            found.commit();
        }
        let (counted, now) = (before.counters, after.counters);
        let report = &mut self.report;
        report.commits += 1;
        report.asked_lines += asked;
        report.lines_expected += expected;
        report.ranges += now.ranges - counted.ranges;
        report.batches += now.batches - counted.batches;
        report.lines_flushed += now.lines - counted.lines;
        report.lines_flushed_observed += observed.flushes;
        report.drains_observed += observed.fences;
        Ok(())
    }

    fn delete(&mut self, number: u32) -> Result<(), Error> {
        let Some(file) = self.files.remove(&number) else {
            return Ok(());
        };
        file.delete()?;
        let mut shared = self.shared();
        shared.model.delete(number);
        shared.ids.remove(&number);
        Ok(())
    }

    fn end(mut self) -> Result<Report, ReplayError> {
        for file in self.files.values_mut() {
            file.unmap().map_err(|error| at(0, "unmap", error))?;
        }
        let last = self.device.statistics();
        let last = last.map_err(|error| at(0, "statistics", error))?;
        self.report.left_dirty = last.dirty_lines;
        for (_, file) in self.files.drain() {
            file.close().map_err(|error| at(0, "close", error))?;
        }
        // The probe holds the machine, which holds the probe.
        self.sim.set_probe(None);
        let shared = self.shared.lock().expect("one thread");
        self.report.power_cuts = shared.cuts;
        self.report.bytes_lost = shared.bytes_lost;
        self.report.losses = shared.losses.clone();
        Ok(self.report)
    }
}

/// Cuts within the operation: a number that chooses the instruction, and what survives.
type Armed = Vec<(u64, ntsim::CutPolicy)>;
type Failure = (&'static str, Error);
