//! The memory of a dirty log.

use super::Platform;
use crate::client::{BadRing, ClientError, Device, Ring};
use daxflush_protocol::{CreateLogRequest, Ioctl, LogReply};
use std::{ptr::with_exposed_provenance, sync::Arc, sync::atomic::AtomicU64};
use zerocopy::IntoBytes;

/// A dirty log of a file, closed and unmapped when dropped.
pub struct SharedLog<P: Platform> {
    ring: Option<Ring<Words>>,
    device: Arc<Device<P>>,
    reply: LogReply,
}

/// The log's memory; used within a [`SharedLog`] only.
struct Words(&'static [AtomicU64]);

impl AsRef<[AtomicU64]> for Words {
    fn as_ref(&self) -> &[AtomicU64] {
        self.0
    }
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> SharedLog<P> {
    /// Asks the driver for a log of `entries` slots.
    pub fn create(device: &Arc<Device<P>>, file: &P::Handle, entries: u32) -> Result<Self, P> {
        let request = CreateLogRequest {
            file: P::raw(file),
            entries,
            reserved: 0,
        };
        let reply: LogReply = device.ask(Ioctl::CreateLog, request.as_bytes())?;
        // From here on it is closed whatever happens.
        let mut log = Self {
            ring: None,
            device: device.clone(),
            reply,
        };
        log.ring = Some(Ring::new(words(&reply).ok_or(BadRing)?)?);
        Ok(log)
    }

    /// Where ranges are appended.
    pub fn ring(&mut self) -> Option<&mut Ring<impl AsRef<[AtomicU64]> + use<P>>> {
        self.ring.as_mut()
    }

    /// Closes the log; the driver takes what it holds first.
    pub fn close(mut self) -> Result<(), P> {
        self.release()
    }

    fn release(&mut self) -> Result<(), P> {
        if self.reply.address == 0 {
            return Ok(());
        }
        let closed = self.device.close_log(self.reply.log);
        self.ring = None;
        // SAFETY: from the driver's answer; the ring that used it is gone.
        let unmapped = unsafe { self.device.platform.unmap_log(self.reply.address) };
        self.reply.address = 0;
        closed.and(unmapped.map_err(ClientError::Platform))
    }
}

fn words(reply: &LogReply) -> Option<Words> {
    let address = usize::try_from(reply.address).ok()?;
    let count = usize::try_from(reply.bytes).ok()? / size_of::<AtomicU64>();
    if address == 0 || !address.is_multiple_of(align_of::<AtomicU64>()) {
        return None;
    }
    let memory = with_exposed_provenance(address);
    // SAFETY: mapped by the driver, as Platform promises, and unmapped by SharedLog::release after the
    // last use; every bit pattern is an atomic, and the driver writes it by words too.
    Some(Words(unsafe { std::slice::from_raw_parts(memory, count) }))
}

impl<P: Platform> Drop for SharedLog<P> {
    fn drop(&mut self) {
        // Who wants to know calls close.
        let _ = self.release();
    }
}
