//! What belongs to one handle of the control device.

use crate::{
    filter::{
        Registry, Stream,
        logs::{self, Ending},
    },
    nt::{push_lock::PushLock, shared::Shared, status::NtStatus},
};

/// Dirty logs that one handle may have.
const MAX_LOGS: usize = 64;

/// A handle's dirty logs.
pub struct Client {
    logs: PushLock<Registry<OwnedLog>>,
}

struct OwnedLog {
    id: u64,
    stream: Shared<Stream>,
}

impl Client {
    pub fn try_new() -> Result<Shared<Self>, NtStatus> {
        let client = Shared::try_new(Self {
            logs: PushLock::new(Registry::new()),
        })?;
        client.logs.initialize();
        Ok(client)
    }

    /// Whether another log may be made. Those that ended with their files take no room.
    pub fn has_room(&self) -> bool {
        while self.logs.shared().count() >= MAX_LOGS {
            let ended = |log: &OwnedLog| !logs::is_open(&log.stream, log.id);
            let forgotten = self.logs.exclusive().take_first(ended);
            if forgotten.is_none() {
                return false;
            }
        }
        true
    }

    pub fn add_log(&self, id: u64, stream: &Shared<Stream>) -> Result<(), NtStatus> {
        let mut logs = self.logs.exclusive();
        if logs.count() >= MAX_LOGS {
            return Err(NtStatus::QUOTA_EXCEEDED);
        }
        let stream = stream.clone();
        logs.insert(OwnedLog { id, stream }).map(|_| ())
    }

    /// Ends a log of this handle.
    ///
    /// # Errors
    /// INVALID_PARAMETER if this handle has no such log.
    pub fn close_log(&self, id: u64) -> Result<(), NtStatus> {
        let log = self.logs.exclusive().take_first(|log| log.id == id);
        let log = log.ok_or(NtStatus::INVALID_PARAMETER)?;
        logs::close(&log.stream, id, Ending::Asked);
        Ok(())
    }

    /// Ends what the program has left open.
    pub fn abandon_logs(&self) {
        loop {
            let log = self.logs.exclusive().take_first(|_| true);
            let Some(log) = log else { return };
            logs::close(&log.stream, log.id, Ending::Abandoned);
        }
    }
}
