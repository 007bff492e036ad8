//! The replay itself.

use super::{
    Options, ReplayError,
    cuts::{Plan, Shared},
    device::Device,
};
use crate::{
    model::LINE,
    report::Report,
    trace::{Op, Step, Trace},
};
use daxflush_protocol::FileRange;
use ntsim::{Access, Disposition, Handle, MappedView, NtStatus, Sim, SimOptions, VolumeOptions};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Stores that wait to be reported together.
const REPORT_BATCH: usize = 1024;
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
    let mut program = Program::start(&sim, options).map_err(|status| at(0, "open", status))?;
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
    Ok(report)
}

fn at(line: usize, what: &'static str, status: NtStatus) -> ReplayError {
    ReplayError::Operation { line, what, status }
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

/// The program of the trace: its open files, and what it has not reported yet.
struct Program {
    sim: Sim,
    device: Device,
    files: HashMap<u32, File>,
    shared: Arc<Mutex<Shared>>,
    report: Report,
    sequence: u64,
    interleave: u64,
}

struct File {
    handle: Handle,
    view: Option<(MappedView, u64)>,
    stores: Vec<FileRange>,
}

impl Program {
    fn start(sim: &Sim, options: &Options) -> Result<Self, NtStatus> {
        let device = Device::open(sim)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (probed, machine) = (shared.clone(), sim.clone());
        sim.set_probe(Some(Box::new(move |_| {
            probed.lock().expect("one thread").instruction(&machine);
        })));
        Ok(Self {
            sim: sim.clone(),
            device,
            files: HashMap::new(),
            shared,
            report: Report::default(),
            sequence: 0,
            interleave: options.interleave,
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
            .map_err(|(what, status)| at(step.line, what, status))?;
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
            Op::Open { file, ref name } => self.open(file, name).map_err(|s| ("open", s)),
            Op::Write {
                file,
                offset,
                length,
            } => self.write(file, offset, length).map_err(|s| ("write", s)),
            Op::Store {
                file,
                offset,
                length,
            } => self.store(file, offset, length).map_err(|s| ("store", s)),
            Op::Map {
                file,
                offset,
                length,
            } => {
                let view = self
                    .sim
                    .map_view(self.files[&file].handle, offset, length, true);
                let view = view.map_err(|status| ("map", status))?;
                self.open_file(file).view = Some((view, offset));
                Ok(())
            }
            Op::Flush { file } => {
                let asked = self.shared().model.file(file).lines();
                self.commit(file, asked, armed, |program| {
                    program.sim.flush_file_buffers(program.files[&file].handle)
                })
                .map_err(|status| ("flush", status))
            }
            Op::FlushView {
                file,
                offset,
                length,
            } => {
                let asked = (offset + length).div_ceil(LINE) - offset / LINE;
                self.commit(file, asked, armed, |program| {
                    match &program.files[&file].view {
                        Some((view, base)) => {
                            program.sim.flush_view_of_file(view, offset - base, length)
                        }
                        None => Err(NtStatus::INVALID_PARAMETER),
                    }
                })
                .map_err(|status| ("flushview", status))
            }
            Op::Truncate { file, size } => {
                let set = self.sim.set_end_of_file(self.files[&file].handle, size);
                set.map_err(|status| ("truncate", status))?;
                self.shared().model.file(file).truncate(size);
                Ok(())
            }
            Op::Delete { file } => self.delete(file).map_err(|status| ("delete", status)),
        }
    }

    /// An open file; the trace was checked to open it first.
    fn open_file(&mut self, number: u32) -> &mut File {
        self.files.get_mut(&number).expect("the trace was checked")
    }

    fn open(&mut self, number: u32, name: &str) -> Result<(), NtStatus> {
        let path = format!(r"D:\{name}");
        let handle = self
            .sim
            .create_file(&path, Access::ReadWrite, Disposition::OpenAlways)?;
        let id = self.sim.file_id(handle)?;
        self.files.insert(
            number,
            File {
                handle,
                view: None,
                stores: Vec::new(),
            },
        );
        self.shared().ids.insert(number, id);
        self.shared().model.file(number);
        Ok(())
    }

    fn write(&mut self, number: u32, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.sequence += 1;
        let data = self
            .shared()
            .model
            .file(number)
            .fresh_data(offset, length, self.sequence);
        let handle = self.files[&number].handle;
        if self.interleave != 0 && self.sequence.is_multiple_of(self.interleave) {
            self.flush_before_the_next_write(number, handle);
        }
        self.sim.write_file(handle, offset, &data)?;
        self.sim.set_file_system_hook(None);
        self.shared().model.file(number).store(offset, &data);
        self.report.writes += 1;
        Ok(())
    }

    /// Another processor flushes the file when the next write has passed the filter and its data
    /// is not stored yet.
    fn flush_before_the_next_write(&mut self, number: u32, handle: Handle) {
        self.report.interleaved_commits += 1;
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
    }

    fn store(&mut self, number: u32, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.sequence += 1;
        let data = self
            .shared()
            .model
            .file(number)
            .fresh_data(offset, length, self.sequence);
        let file = self.open_file(number);
        let (view, base) = file.view.as_ref().ok_or(NtStatus::INVALID_PARAMETER)?;
        view.store(offset - base, &data);
        file.stores.push(FileRange { offset, length });
        let full = file.stores.len() >= REPORT_BATCH;
        self.shared().model.file(number).store(offset, &data);
        self.report.stores += 1;
        if full {
            self.report_stores(number)
        } else {
            Ok(())
        }
    }

    fn report_stores(&mut self, number: u32) -> Result<(), NtStatus> {
        let file = self.open_file(number);
        let (handle, stores) = (file.handle, std::mem::take(&mut file.stores));
        self.device.mark_dirty(handle, &stores)
    }

    /// A flush operation of the trace, with the driver's and the processor's counts around it.
    fn commit(
        &mut self,
        number: u32,
        asked: u64,
        armed: Armed,
        flush: impl FnOnce(&Self) -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        self.report_stores(number)?;
        let expected = self.shared().model.file(number).dirty_lines();
        {
            let mut shared = self.shared();
            shared.instructions = 0;
            // Any of the flushes, or the fence after them.
            let places = armed
                .into_iter()
                .map(|(choice, policy)| (choice % (expected + 1) + 1, policy));
            shared.armed = places.collect();
        }
        let (counted, observed) = (self.device.statistics()?, self.sim.observed());
        flush(self)?;
        let observed = self.sim.observed() - observed;
        let now = self.device.statistics()?;
        self.shared().model.file(number).commit();
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

    fn delete(&mut self, number: u32) -> Result<(), NtStatus> {
        let Some(file) = self.files.remove(&number) else {
            return Ok(());
        };
        if let Some((view, _)) = file.view {
            self.sim.unmap_view(view);
        }
        self.sim.set_disposition(file.handle, true)?;
        self.sim.close_handle(file.handle)?;
        let mut shared = self.shared();
        shared.model.delete(number);
        shared.ids.remove(&number);
        Ok(())
    }

    fn end(mut self) -> Result<Report, ReplayError> {
        let numbers: Vec<u32> = self.files.keys().copied().collect();
        for number in numbers {
            self.report_stores(number)
                .map_err(|status| at(0, "mark-dirty", status))?;
        }
        let last = self
            .device
            .statistics()
            .map_err(|status| at(0, "statistics", status))?;
        self.report.left_dirty = last.dirty_lines;
        for (_, file) in self.files.drain() {
            if let Some((view, _)) = file.view {
                self.sim.unmap_view(view);
            }
            let closed = self.sim.close_handle(file.handle);
            closed.map_err(|status| at(0, "close", status))?;
        }
        self.device
            .close()
            .map_err(|status| at(0, "close", status))?;
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
type Failure = (&'static str, NtStatus);
