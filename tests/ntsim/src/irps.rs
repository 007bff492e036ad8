//! IRPs from when they are sent until they are completed. Then their memory is gone, as a driver must
//! not touch it any more (nf-wdm-iocompleterequest).

use crate::{
    NtStatus,
    kernel::Kernel,
    nt::{get, guarded, io_stack_location as sl, irp, put},
};
use ntsim_machine::{
    guarded::{self, Guarded},
    special_pool,
};
use std::{
    collections::HashMap,
    sync::{Condvar, Mutex},
    time::Instant,
};

/// What an IRP's status is before the driver sets it.
const STATUS_UNSET: i32 = 0x7fff_0001;
pub(crate) const STATUS_PENDING: NtStatus = NtStatus(0x103);

#[derive(Default)]
pub(crate) struct Irps {
    stages: Mutex<HashMap<usize, Stage>>,
    changed: Condvar,
}

enum Stage {
    Sent(Box<Irp>),
    Completed(Completion),
}

/// What the sender of an IRP gets.
pub(crate) struct Completion {
    pub status: NtStatus,
    pub information: usize,
    /// Of METHOD_BUFFERED: what goes into the output buffer.
    pub output: Vec<u8>,
    marked: bool,
}

impl Completion {
    /// Of what no driver has completed.
    pub fn of(status: NtStatus) -> Self {
        Self {
            status,
            information: 0,
            output: Vec::new(),
            marked: false,
        }
    }
}

/// What is sent.
#[derive(Default)]
pub(crate) struct Sent<'a> {
    pub major: u8,
    pub device: usize,
    pub file: usize,
    pub code: u32,
    /// The input, and bytes of the output.
    pub input: &'a [u8],
    pub output: usize,
    /// The caller's own buffers, of METHOD_NEITHER.
    pub user_buffers: [usize; 2],
    /// Bytes of the system buffer.
    pub buffered: usize,
}

struct Irp {
    request: Guarded,
    location: Guarded,
    system: Option<SystemBuffer>,
    output: usize,
    is_buffered_control: bool,
}

/// The one buffer of input and output. Behind the input it has a pattern, which is not the same in
/// two of them: what the driver has not written is not the caller's to see.
struct SystemBuffer {
    memory: Guarded,
    seed: u64,
    input: usize,
    length: usize,
}

impl SystemBuffer {
    fn new(input: &[u8], length: usize, seed: u64) -> Self {
        // As pool is aligned.
        let memory = guarded(
            length.next_multiple_of(16),
            "IRP",
            "the IRP's system buffer",
        );
        for at in 0..memory.size() {
            let byte = input.get(at).copied().unwrap_or(pattern(seed, at));
            // SAFETY: our own memory of that size.
            unsafe { put(memory.address(), at, byte) };
        }
        Self {
            memory,
            seed,
            input: input.len(),
            length,
        }
    }

    fn bytes(&self, count: usize) -> Vec<u8> {
        // SAFETY: our own memory, which has at least that many bytes.
        let read = |at| unsafe { get(self.memory.address(), at) };
        (0..count.min(self.memory.size())).map(read).collect()
    }

    /// What is wrong with an answer of `count` bytes.
    fn wrong(&self, count: usize) -> Option<String> {
        /// So many bytes are not the pattern's by chance.
        const RUN: usize = 4;
        let bytes = self.bytes(self.memory.size());
        let differs = |at: &usize| bytes[*at] != pattern(self.seed, *at);
        if let Some(at) = (self.length..bytes.len()).find(differs) {
            let length = self.length;
            return Some(format!(
                "byte {at} of a system buffer of {length} was written"
            ));
        }
        let answer = self.input.min(count)..count.min(self.length);
        let answer: Vec<usize> = answer.collect();
        let mut runs = answer.windows(RUN);
        if let Some(run) = runs.find(|run| !run.iter().any(differs)) {
            let at = run[0];
            return Some(format!(
                "{count} bytes were returned, and byte {at} was never written"
            ));
        }
        let mut runs = answer.windows(2 * RUN);
        let run = runs.find(|run| run.iter().all(|at| bytes[*at] == special_pool::FRESH_BYTE))?;
        let at = run[0];
        Some(format!(
            "byte {at} of what was returned is of pool that was never written"
        ))
    }
}

fn pattern(seed: u64, at: usize) -> u8 {
    let mixed = (seed ^ at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 56) as u8
}

impl Irp {
    fn new(sent: &Sent<'_>, seed: u64) -> Self {
        const METHOD_BUFFERED: u32 = 0;
        let request = guarded(irp::SIZE, "IRP", "the IRP");
        let location = guarded(sl::SIZE, "IRP", "the IRP's stack location");
        let buffered = (sent.buffered != 0).then_some(sent.buffered);
        let system = buffered.map(|length| SystemBuffer::new(sent.input, length, seed));
        let buffer = system.as_ref().map_or(0, |system| system.memory.address());
        let (at, s) = (request.address(), location.address());
        let [user_input, user_output] = sent.user_buffers;
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, irp::SYSTEM_BUFFER, buffer) };
        // SAFETY: as above.
        unsafe { put(at, irp::USER_BUFFER, user_output) };
        // SAFETY: as above.
        unsafe { put(at, irp::STATUS, STATUS_UNSET) };
        // SAFETY: as above. UserMode.
        unsafe { put(at, irp::REQUESTOR_MODE, 1_u8) };
        // SAFETY: as above.
        unsafe { put(at, irp::CURRENT_STACK_LOCATION, s) };
        // SAFETY: as above.
        unsafe { put(s, sl::MAJOR_FUNCTION, sent.major) };
        // SAFETY: as above.
        unsafe { put(s, sl::OUTPUT_BUFFER_LENGTH, sent.output as u32) };
        // SAFETY: as above.
        unsafe { put(s, sl::INPUT_BUFFER_LENGTH, sent.input.len() as u32) };
        // SAFETY: as above.
        unsafe { put(s, sl::IO_CONTROL_CODE, sent.code) };
        // SAFETY: as above.
        unsafe { put(s, sl::TYPE_3_INPUT_BUFFER, user_input) };
        // SAFETY: as above.
        unsafe { put(s, sl::DEVICE_OBJECT, sent.device) };
        // SAFETY: as above.
        unsafe { put(s, sl::FILE_OBJECT, sent.file) };
        Self {
            request,
            location,
            is_buffered_control: system.is_some() && sent.code & 3 == METHOD_BUFFERED,
            system,
            output: sent.output,
        }
    }

    fn status(&self) -> i32 {
        // SAFETY: our own block.
        unsafe { get(self.request.address(), irp::STATUS) }
    }

    fn information(&self) -> usize {
        // SAFETY: as above.
        unsafe { get(self.request.address(), irp::INFORMATION) }
    }

    /// Whether IoMarkIrpPending was called (nf-wdm-iomarkirppending).
    fn is_marked(&self) -> bool {
        // SAFETY: as above.
        let control: u8 = unsafe { get(self.location.address(), sl::CONTROL) };
        control & sl::SL_PENDING_RETURNED != 0
    }

    /// What must not be so when it is completed.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (status, count) = (NtStatus(self.status()), self.information());
        if status.0 == STATUS_UNSET {
            wrong.push("completed without a status".into());
        }
        if status == STATUS_PENDING {
            wrong.push("completed with STATUS_PENDING".into());
        }
        if self.is_buffered_control && !status.is_error() {
            if count > self.output {
                wrong.push("more bytes returned than the output has".into());
            }
            let system = self.system.as_ref();
            wrong.extend(system.and_then(|system| system.wrong(count.min(self.output))));
        }
        wrong
    }

    fn completion(&self) -> Completion {
        let (status, information) = (NtStatus(self.status()), self.information());
        let system = self.system.as_ref().filter(|_| !status.is_error());
        Completion {
            status,
            information,
            output: system.map_or(Vec::new(), |system| {
                system.bytes(information.min(self.output))
            }),
            marked: self.is_marked(),
        }
    }

    fn take_away(self, when: &str) {
        self.request.take_away(when);
        self.location.take_away(when);
        if let Some(system) = self.system {
            system.memory.take_away(when);
        }
    }
}

impl Kernel {
    /// Makes an IRP, whose sender calls [`Kernel::irp_returned`] in the end.
    pub fn new_irp(&self, sent: &Sent<'_>) -> usize {
        let mut stages = self.irps.stages.lock().expect("IRPs");
        let seed = self.booted.elapsed().as_nanos() as u64;
        let irp = Irp::new(sent, seed);
        let address = irp.request.address();
        stages.insert(address, Stage::Sent(Box::new(irp)));
        address
    }

    /// nf-wdm-iofcompleterequest
    pub fn complete_request(&self, request: usize) {
        let mut stages = self.irps.stages.lock().expect("IRPs");
        let (wrong, completed) = match stages.get(&request) {
            Some(Stage::Sent(irp)) => (irp.wrong(), Some(irp.completion())),
            Some(Stage::Completed(_)) => (vec!["completed twice".into()], None),
            None => {
                let was = guarded::meaning(request);
                let known = was.is_some_and(|was| was.what.starts_with("the IRP after"));
                let wrong = if known {
                    "completed twice".to_owned()
                } else {
                    format!("{request:#x} was completed and is no IRP")
                };
                (vec![wrong], None)
            }
        };
        if let Some(completed) = completed
            && let Some(Stage::Sent(irp)) = stages.insert(request, Stage::Completed(completed))
        {
            irp.take_away("after it was completed");
        }
        drop(stages);
        self.irps.changed.notify_all();
        for wrong in wrong {
            self.violation("IRP", &wrong);
        }
    }

    /// The dispatch routine has returned: the end of the IRP, for which STATUS_PENDING lets its sender
    /// wait.
    pub fn irp_returned(&self, request: usize, returned: NtStatus) -> Completion {
        let marked = match &self.irps.stages.lock().expect("IRPs")[&request] {
            Stage::Sent(irp) => irp.is_marked(),
            Stage::Completed(completion) => completion.marked,
        };
        let pending = returned == STATUS_PENDING;
        if pending && !marked {
            let detail = "STATUS_PENDING was returned without IoMarkIrpPending";
            self.violation("IRP", detail);
        }
        if marked && !pending {
            let detail = format!("marked pending, and {returned} was returned");
            self.violation("IRP", &detail);
        }
        match self.wait_for_irp(request, pending || marked) {
            Stage::Completed(completion) => {
                if !pending && !marked && completion.status != returned {
                    let status = completion.status;
                    let detail = format!("completed with {status}, and {returned} was returned");
                    self.violation("IRP", &detail);
                }
                completion
            }
            Stage::Sent(irp) => {
                irp.take_away("after its sender gave it up");
                let detail = format!("never completed; {returned} was returned");
                self.violation("IRP", &detail);
                Completion::of(returned)
            }
        }
    }

    fn wait_for_irp(&self, request: usize, wait: bool) -> Stage {
        let deadline = Instant::now() + self.options.patience;
        let mut stages = self.irps.stages.lock().expect("IRPs");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let sent = matches!(stages[&request], Stage::Sent(_));
            if !sent || !wait || left.is_zero() {
                return stages.remove(&request).expect("an IRP that was sent");
            }
            let waited = self.irps.changed.wait_timeout(stages, left);
            stages = waited.expect("IRPs").0;
        }
    }
}
