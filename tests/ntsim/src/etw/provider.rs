//! The registrations of providers, and the session that may have enabled them.

use super::{
    TraceEvent, decode,
    metadata::{self, Malformed},
};
use crate::{NtStatus, Sim, kernel::Kernel, nt::Block, thread};
use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

struct Provider {
    callback: usize,
    context: usize,
}

#[derive(Default)]
pub(crate) struct Etw {
    providers: BTreeMap<u64, Provider>,
    last_handle: u64,
    /// Level and keywords.
    session: Option<(u8, u64)>,
    events: Vec<TraceEvent>,
    written_while_off: u64,
    /// Held while callbacks run, which an unregistration waits for.
    callbacks: Arc<Mutex<()>>,
}

impl Etw {
    pub fn registered(&self) -> usize {
        self.providers.len()
    }
}

/// What the driver passes to EtwWriteTransfer, copied: the descriptor's level and keyword, and each
/// block of data with its type.
pub(crate) struct WrittenEvent {
    pub level: u8,
    pub keyword: u64,
    pub data: Vec<(u8, Vec<u8>)>,
}

impl WrittenEvent {
    fn decode(&self, time_100ns: u64) -> Result<TraceEvent, Malformed> {
        const DATA: u8 = 0;
        const EVENT_METADATA: u8 = 1;
        const PROVIDER_METADATA: u8 = 2;
        /// Of an event with all that belongs to it.
        const MOST_BYTES: usize = 0x1_0000;
        let [
            (PROVIDER_METADATA, provider),
            (EVENT_METADATA, event),
            data @ ..,
        ] = &self.data[..]
        else {
            return Err("it does not begin with the metadata of its provider and its own");
        };
        if data.iter().any(|(kind, _)| *kind != DATA) {
            return Err("there is metadata behind its data");
        }
        let (name, fields) = metadata::event(event)?;
        let bytes: Vec<u8> = data.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        if provider.len() + event.len() + bytes.len() > MOST_BYTES {
            return Err("it is longer than 64 KB");
        }
        Ok(TraceEvent {
            provider: metadata::provider_name(provider)?,
            name,
            level: self.level,
            keyword: self.keyword,
            time_100ns,
            fields: decode::values(&fields, &bytes)?,
        })
    }
}

thread_local! {
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
    static ACTIVITY: Cell<[u8; 16]> = const { Cell::new([0; 16]) };
}

impl Kernel {
    /// nf-wdm-etwregister. The enable callback may come before the handle is known.
    pub fn register_provider(self: &Arc<Self>, callback: usize, context: usize) -> u64 {
        let (handle, session) = {
            let etw = &mut self.lock().etw;
            etw.last_handle += 0x10;
            let provider = Provider { callback, context };
            etw.providers.insert(etw.last_handle, provider);
            (etw.last_handle, etw.session)
        };
        if session.is_some() {
            self.without_callbacks(|| self.tell_provider(handle, session));
        }
        handle
    }

    /// nf-wdm-etwunregister
    pub fn unregister_provider(&self, handle: u64) -> NtStatus {
        let gone = self.without_callbacks(|| self.lock().etw.providers.remove(&handle));
        if gone.is_some() {
            return NtStatus::SUCCESS;
        }
        self.violation("tracing", "a provider was unregistered that is none");
        NtStatus::INVALID_HANDLE
    }

    /// Does something while no enable callback runs.
    fn without_callbacks<T>(&self, work: impl FnOnce() -> T) -> T {
        if IN_CALLBACK.get() {
            let detail = "a provider was registered or unregistered in an enable callback";
            self.violation("tracing", detail);
            return work();
        }
        let callbacks = self.lock().etw.callbacks.clone();
        let _held = callbacks.lock();
        work()
    }

    /// nc-wdm-etwenablecallback, in a system thread.
    fn tell_provider(self: &Arc<Self>, handle: u64, session: Option<(u8, u64)>) {
        type Callback = unsafe extern "win64" fn(usize, u32, u8, u64, u64, usize, usize);
        let (callback, context) = match self.lock().etw.providers.get(&handle) {
            Some(provider) if provider.callback != 0 => (provider.callback, provider.context),
            _ => return,
        };
        let source = Block::zeroed(16);
        let (level, any) = session.unwrap_or_default();
        let control = u32::from(session.is_some());
        let call = || {
            // SAFETY: the enable callback that the driver has registered.
            let callback: Callback = unsafe { std::mem::transmute(callback) };
            // SAFETY: as above: its seven arguments.
            unsafe { callback(source.address(), control, level, any, 0, 0, context) };
            0
        };
        IN_CALLBACK.set(true);
        thread::in_process(thread::SYSTEM, || {
            thread::as_program(|| self.driver_callback(thread::PASSIVE_LEVEL, call))
        });
        IN_CALLBACK.set(false);
    }

    /// nf-wdm-etwsetinformation
    pub fn set_provider_information(
        &self,
        handle: u64,
        class: u32,
        information: &[u8],
    ) -> Result<(), NtStatus> {
        /// EVENT_INFO_CLASS
        const EVENT_PROVIDER_SET_TRAITS: u32 = 2;
        const EVENT_PROVIDER_USE_DESCRIPTOR_TYPE: u32 = 3;
        if !self.lock().etw.providers.contains_key(&handle) {
            self.violation("tracing", "information was set of a provider that is none");
            return Err(NtStatus::INVALID_HANDLE);
        }
        match class {
            EVENT_PROVIDER_SET_TRAITS => {
                metadata::provider_name(information)
                    .map(|_| ())
                    .map_err(|wrong| {
                        self.violation("tracing", &format!("a provider's traits: {wrong}"));
                        NtStatus::INVALID_PARAMETER
                    })
            }
            EVENT_PROVIDER_USE_DESCRIPTOR_TYPE if information.len() == 1 => Ok(()),
            _ => Err(NtStatus::INVALID_PARAMETER),
        }
    }

    /// nf-wdm-etwwritetransfer. What is written although nobody wants it is looked at no further.
    pub fn write_event(&self, handle: u64, event: impl FnOnce() -> WrittenEvent) -> NtStatus {
        let now = self.interrupt_time();
        let mut state = self.lock();
        let etw = &mut state.etw;
        if !etw.providers.contains_key(&handle) {
            etw.written_while_off += 1;
            drop(state);
            // A provider that could not be registered may have a handle of 0.
            if handle != 0 {
                self.violation("tracing", "an event of a provider that is not registered");
            }
            return NtStatus::INVALID_HANDLE;
        }
        let session = etw.session;
        drop(state);
        let event = event();
        let wanted = session.is_some_and(|(level, any)| {
            event.level <= level && (event.keyword == 0 || event.keyword & any != 0)
        });
        if !wanted {
            self.lock().etw.written_while_off += 1;
            return NtStatus::SUCCESS;
        }
        match event.decode(now) {
            Ok(event) => {
                self.lock().etw.events.push(event);
                NtStatus::SUCCESS
            }
            Err(wrong) => {
                self.violation("tracing", &format!("an event is malformed: {wrong}"));
                NtStatus::INVALID_PARAMETER
            }
        }
    }
}

const CREATE_ID: u32 = 3;

/// Whether a call of EtwActivityIdControl is allowed at any IRQL.
pub(crate) fn control_may_be_high(code: u32) -> bool {
    code == CREATE_ID
}

/// nf-wdm-etwactivityidcontrol: what `id` is afterwards.
pub(crate) fn activity_id_control(code: u32, id: [u8; 16]) -> Result<[u8; 16], NtStatus> {
    const GET_ID: u32 = 1;
    const SET_ID: u32 = 2;
    const GET_SET_ID: u32 = 4;
    const CREATE_SET_ID: u32 = 5;
    match code {
        GET_ID => Ok(ACTIVITY.get()),
        SET_ID => {
            ACTIVITY.set(id);
            Ok(id)
        }
        CREATE_ID => Ok(new_id()),
        GET_SET_ID => Ok(ACTIVITY.replace(id)),
        CREATE_SET_ID => Ok(ACTIVITY.replace(new_id())),
        _ => Err(NtStatus::INVALID_PARAMETER),
    }
}

fn new_id() -> [u8; 16] {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    u128::from(number).to_le_bytes()
}

impl Sim {
    /// Enables all providers for events up to this level that have one of these keywords (0 means
    /// any), also those that are registered later; or disables them. Their enable callbacks have
    /// returned when this does.
    pub fn set_tracing(&self, session: Option<(u8, u64)>) {
        let any = |keyword| if keyword == 0 { u64::MAX } else { keyword };
        let session = session.map(|(level, keyword)| (level, any(keyword)));
        self.kernel.without_callbacks(|| {
            let handles: Vec<u64> = {
                let etw = &mut self.kernel.lock().etw;
                etw.session = session;
                etw.providers.keys().copied().collect()
            };
            for handle in handles {
                self.kernel.tell_provider(handle, session);
            }
        });
    }

    /// The events that were written since this was last called.
    pub fn trace_events(&self) -> Vec<TraceEvent> {
        std::mem::take(&mut self.kernel.lock().etw.events)
    }

    /// How many events were written that nobody had enabled: calls that a driver could have saved.
    pub fn events_written_while_off(&self) -> u64 {
        self.kernel.lock().etw.written_while_off
    }
}
