//! A real-time ETW session with the driver's events.

use super::tdh::decode;
use crate::{
    events::{Event, Events},
    from_events::PROVIDER_GUID,
};
use std::{
    io,
    ptr::null,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use windows_sys::{
    Win32::{
        Foundation::{ERROR_SUCCESS, ERROR_WMI_INSTANCE_NOT_FOUND},
        System::Diagnostics::Etw::{
            CONTROLTRACE_HANDLE, CloseTrace, ControlTraceW, EVENT_CONTROL_CODE_ENABLE_PROVIDER,
            EVENT_RECORD, EVENT_TRACE_CONTROL, EVENT_TRACE_CONTROL_FLUSH,
            EVENT_TRACE_CONTROL_QUERY, EVENT_TRACE_CONTROL_STOP, EVENT_TRACE_LOGFILEW,
            EVENT_TRACE_PROPERTIES, EVENT_TRACE_REAL_TIME_MODE, EnableTraceEx2, OpenTraceW,
            PROCESS_TRACE_MODE_EVENT_RECORD, PROCESS_TRACE_MODE_REAL_TIME, PROCESSTRACE_HANDLE,
            ProcessTrace, StartTraceW, TRACE_LEVEL_VERBOSE, WNODE_FLAG_TRACED_GUID,
        },
    },
    core::GUID,
};

/// The session's name. There is one at a time: who begins to listen ends the one before.
const NAME: &str = "Daxflush-daxctl";
const PROVIDER: GUID = GUID::from_u128(PROVIDER_GUID);
/// Events that wait to be taken.
const QUEUE: usize = 1 << 16;
/// Events in one answer.
const ANSWER: usize = 1024;
/// Size of the session's buffers in KiB, and how many it may have.
const BUFFER_KIB: u32 = 256;
const BUFFERS: u32 = 64;
/// Wnode.ClientContext: times from the performance counter, which the system makes dates of.
const PERFORMANCE_COUNTER: u32 = 1;
/// What OpenTraceW returns if it fails.
const INVALID: u64 = u64::MAX;

/// A session that listens; it ends when it is dropped.
pub struct Session {
    handle: CONTROLTRACE_HANDLE,
    queue: Receiver<Event>,
    /// Events that did not fit into the queue, or could not be decoded.
    dropped: Arc<AtomicU64>,
    worker: Option<JoinHandle<()>>,
}

/// What the callback needs.
struct Context {
    queue: SyncSender<Event>,
    dropped: Arc<AtomicU64>,
}

/// A session's properties, with room for its name.
#[repr(C)]
struct Properties {
    session: EVENT_TRACE_PROPERTIES,
    name: [u16; 64],
}

impl Properties {
    fn new() -> Self {
        let mut session = EVENT_TRACE_PROPERTIES::default();
        session.Wnode.BufferSize = size_of::<Self>() as u32;
        session.Wnode.Flags = WNODE_FLAG_TRACED_GUID;
        session.Wnode.ClientContext = PERFORMANCE_COUNTER;
        session.BufferSize = BUFFER_KIB;
        session.MaximumBuffers = BUFFERS;
        session.LogFileMode = EVENT_TRACE_REAL_TIME_MODE;
        session.FlushTimer = 1;
        session.LoggerNameOffset = size_of::<EVENT_TRACE_PROPERTIES>() as u32;
        Self {
            session,
            name: [0; 64],
        }
    }
}

fn name() -> Vec<u16> {
    NAME.encode_utf16().chain([0]).collect()
}

fn done(error: u32) -> io::Result<()> {
    match error {
        ERROR_SUCCESS => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.cast_signed())),
    }
}

/// Asks for something of the session with the handle, or of that with our name if the handle is 0.
fn control(handle: CONTROLTRACE_HANDLE, code: EVENT_TRACE_CONTROL) -> io::Result<Properties> {
    let mut properties = Properties::new();
    let name = name();
    let by_name = if handle.Value == 0 {
        name.as_ptr()
    } else {
        null()
    };
    let room = (&raw mut properties).cast();
    // SAFETY: properties of the size that they name, and a text that ends with 0 or none.
    done(unsafe { ControlTraceW(handle, by_name, room, code) })?;
    Ok(properties)
}

impl Session {
    /// Begins to listen; for administrators.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Self> {
        let nobody = CONTROLTRACE_HANDLE::default();
        // Left behind by a program that was killed: sessions outlive who began them.
        match control(nobody, EVENT_TRACE_CONTROL_STOP) {
            Err(error) if error.raw_os_error() != Some(ERROR_WMI_INSTANCE_NOT_FOUND as i32) => {
                return Err(error);
            }
            _ => {}
        }
        let mut properties = Properties::new();
        let mut handle = nobody;
        let room = (&raw mut properties).cast();
        // SAFETY: a text that ends with 0, and properties of the size that they name.
        done(unsafe { StartTraceW(&mut handle, name().as_ptr(), room) })?;
        let (sender, queue) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        // From here on it is ended whatever happens.
        let mut session = Self {
            handle,
            queue,
            dropped: dropped.clone(),
            worker: None,
        };
        let context = Context {
            queue: sender,
            dropped,
        };
        session.worker = Some(consume(Arc::new(context))?);
        let (enable, level) = (
            EVENT_CONTROL_CODE_ENABLE_PROVIDER as u32,
            TRACE_LEVEL_VERBOSE as u8,
        );
        // SAFETY: a session's handle, and a GUID that is ours; no parameters.
        done(unsafe { EnableTraceEx2(handle, &PROVIDER, enable, level, u64::MAX, 0, 0, null()) })?;
        Ok(session)
    }
}

/// Takes the session's events on a thread, until the session ends.
fn consume(context: Arc<Context>) -> io::Result<JoinHandle<()>> {
    let mut name = name();
    let mut source = EVENT_TRACE_LOGFILEW {
        LoggerName: name.as_mut_ptr(),
        Context: Arc::as_ptr(&context).cast_mut().cast(),
        ..Default::default()
    };
    source.Anonymous1.ProcessTraceMode =
        PROCESS_TRACE_MODE_REAL_TIME | PROCESS_TRACE_MODE_EVENT_RECORD;
    source.Anonymous2.EventRecordCallback = Some(on_event);
    // SAFETY: a structure as is asked for; the context lives for as long as ProcessTrace runs.
    let trace = unsafe { OpenTraceW(&mut source) };
    if trace.Value == INVALID {
        return Err(io::Error::last_os_error());
    }
    let worker = thread::Builder::new().name("etw".into());
    let spawned = worker.spawn(move || {
        // SAFETY: an open trace; all of its time.
        unsafe { ProcessTrace(&trace, 1, null(), null()) };
        close(trace);
        drop(context);
    });
    spawned.inspect_err(|_| close(trace))
}

fn close(trace: PROCESSTRACE_HANDLE) {
    // SAFETY: open, and not used any more. What it answers changes nothing.
    unsafe { CloseTrace(trace) };
}

unsafe extern "system" fn on_event(record: *mut EVENT_RECORD) {
    // SAFETY: the system passes a valid record.
    let record = unsafe { &*record };
    // SAFETY: what was given to OpenTraceW, which the thread that calls this keeps.
    let context = unsafe { &*record.UserContext.cast::<Context>() };
    let provider = &record.EventHeader.ProviderId;
    let of = (
        provider.data1,
        provider.data2,
        provider.data3,
        provider.data4,
    );
    if of
        != (
            PROVIDER.data1,
            PROVIDER.data2,
            PROVIDER.data3,
            PROVIDER.data4,
        )
    {
        // The system's own, which begins every session.
        return;
    }
    let taken = decode(record).is_some_and(|event| context.queue.try_send(event).is_ok());
    if !taken {
        context.dropped.fetch_add(1, Relaxed);
    }
}

impl Events for Session {
    fn next(&mut self, wait: Duration) -> io::Result<Vec<Event>> {
        let mut events: Vec<Event> = self.queue.try_iter().take(ANSWER).collect();
        if !events.is_empty() {
            return Ok(events);
        }
        // Else buffers that are not full come once a second. If it fails, they do so still.
        let _ = control(self.handle, EVENT_TRACE_CONTROL_FLUSH);
        match self.queue.recv_timeout(wait) {
            Ok(event) => events.push(event),
            Err(RecvTimeoutError::Timeout) => return Ok(events),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("somebody has ended the session"));
            }
        }
        events.extend(self.queue.try_iter().take(ANSWER - 1));
        Ok(events)
    }

    fn lost(&self) -> u64 {
        // Of a buffer that is lost it is known only that there was something in it.
        let by_system = control(self.handle, EVENT_TRACE_CONTROL_QUERY).map_or(0, |properties| {
            let session = &properties.session;
            u64::from(session.EventsLost) + u64::from(session.RealTimeBuffersLost)
        });
        by_system + self.dropped.load(Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // If it is gone already there is nothing to end.
        let _ = control(self.handle, EVENT_TRACE_CONTROL_STOP);
        if let Some(worker) = self.worker.take() {
            // ProcessTrace returns when the session has ended.
            let _ = worker.join();
        }
    }
}
