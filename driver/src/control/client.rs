//! What belongs to one handle of the control device.

use super::quota::{self, Share};
use crate::{
    filter::{
        self, Registry, Stream,
        logs::{self, Ending},
        tokens,
    },
    nt::{push_lock::PushLock, shared::Shared, status::NtStatus},
};

/// Dirty logs that one handle may have.
pub const MAX_LOGS: usize = 64;
/// Tokens that one handle may have.
pub const MAX_TOKENS: usize = 64;
/// Streams with commits without a drain that one handle may have under way.
const MAX_UNDRAINED: usize = 256;

/// A handle's dirty logs, tokens, and commits that are not drained.
pub struct Client {
    logs: PushLock<Registry<Owned>>,
    tokens: PushLock<Registry<Owned>>,
    undrained: PushLock<Registry<Shared<Stream>>>,
}

/// A log or token of this handle.
struct Owned {
    id: u64,
    stream: Shared<Stream>,
    _share: Share,
}

impl Client {
    pub fn try_new() -> Result<Shared<Self>, NtStatus> {
        let client = Shared::try_new(Self {
            logs: PushLock::new(Registry::new()),
            tokens: PushLock::new(Registry::new()),
            undrained: PushLock::new(Registry::new()),
        })?;
        client.logs.initialize();
        client.tokens.initialize();
        client.undrained.initialize();
        Ok(client)
    }

    /// Whether another log may be made. Those that ended with their files take no room.
    pub fn has_room_for_log(&self) -> bool {
        has_room(&self.logs, MAX_LOGS, |log| {
            logs::is_open(&log.stream, log.id)
        })
    }

    /// Whether another token may be made. Those that ended with their files take no room.
    pub fn has_room_for_token(&self) -> bool {
        has_room(&self.tokens, MAX_TOKENS, |token| {
            tokens::is_open(&token.stream, token.id)
        })
    }

    pub fn add_log(&self, id: u64, stream: &Shared<Stream>) -> Result<(), NtStatus> {
        add(&self.logs, MAX_LOGS, id, stream, quota::log()?)
    }

    pub fn add_token(&self, id: u64, stream: &Shared<Stream>) -> Result<(), NtStatus> {
        add(&self.tokens, MAX_TOKENS, id, stream, quota::token()?)
    }

    /// The stream of a log of this handle.
    pub fn stream_of_log(&self, id: u64) -> Result<Shared<Stream>, NtStatus> {
        stream_of(&self.logs, id)
    }

    /// The stream of a token of this handle.
    pub fn stream_of_token(&self, id: u64) -> Result<Shared<Stream>, NtStatus> {
        stream_of(&self.tokens, id)
    }

    /// Ends a log of this handle.
    ///
    /// # Errors
    /// INVALID_PARAMETER if this handle has no such log.
    pub fn close_log(&self, id: u64) -> Result<(), NtStatus> {
        let log = take(&self.logs, id)?;
        logs::close(&log.stream, id, Ending::Asked);
        Ok(())
    }

    /// Ends a token of this handle.
    ///
    /// # Errors
    /// INVALID_PARAMETER if this handle has no such token.
    pub fn close_token(&self, id: u64) -> Result<(), NtStatus> {
        let token = take(&self.tokens, id)?;
        tokens::close(&token.stream, id);
        Ok(())
    }

    /// Does what leaves flushes of a stream undrained, and sees to it that this handle's next drain ends
    /// them.
    pub fn undrained<T>(
        &self,
        stream: &Shared<Stream>,
        work: impl FnOnce() -> Result<T, NtStatus>,
    ) -> Result<T, NtStatus> {
        // First, so that there is room.
        self.remember(stream)?;
        let done = work();
        // Another thread's drain may have taken it from the list before there was anything to drain. What
        // has failed may have begun a part.
        if self.remember(stream).is_err() {
            filter::drain(stream)?;
        }
        done
    }

    fn remember(&self, stream: &Shared<Stream>) -> Result<(), NtStatus> {
        let same = |other: &Shared<Stream>| other.id() == stream.id();
        let mut undrained = self.undrained.exclusive();
        if undrained.any(same) {
            return Ok(());
        }
        if undrained.count() >= MAX_UNDRAINED {
            return Err(NtStatus::QUOTA_EXCEEDED);
        }
        undrained.insert(stream.clone()).map(|_| ())
    }

    /// Ends the commits without a drain; returns of how many streams. The first failure is returned
    /// when all were tried.
    ///
    /// With the list's lock held, so that nobody finds the list empty before the drains have ended.
    pub fn drain(&self) -> Result<u64, NtStatus> {
        let (mut streams, mut failure) = (0_u64, None);
        let mut undrained = self.undrained.exclusive();
        while let Some(stream) = undrained.take_first(|_| true) {
            match filter::drain(&stream) {
                Ok(_) => streams = streams.saturating_add(1),
                Err(status) => failure = failure.or(Some(status)),
            }
        }
        failure.map_or(Ok(streams), Err)
    }

    /// Ends what the program has left open.
    pub fn abandon(&self) {
        loop {
            let log = self.logs.exclusive().take_first(|_| true);
            let Some(log) = log else { break };
            logs::close(&log.stream, log.id, Ending::Abandoned);
        }
        loop {
            let token = self.tokens.exclusive().take_first(|_| true);
            let Some(token) = token else { break };
            tokens::close(&token.stream, token.id);
        }
        // What is dirty again after a failure stays so for others' commits.
        let _ = self.drain();
    }
}

fn has_room(
    list: &PushLock<Registry<Owned>>,
    limit: usize,
    is_open: impl Fn(&Owned) -> bool,
) -> bool {
    while list.shared().count() >= limit {
        let forgotten = list.exclusive().take_first(|owned| !is_open(owned));
        if forgotten.is_none() {
            return false;
        }
    }
    true
}

fn add(
    list: &PushLock<Registry<Owned>>,
    limit: usize,
    id: u64,
    stream: &Shared<Stream>,
    share: Share,
) -> Result<(), NtStatus> {
    let mut list = list.exclusive();
    if list.count() >= limit {
        return Err(NtStatus::QUOTA_EXCEEDED);
    }
    let owned = Owned {
        id,
        stream: stream.clone(),
        _share: share,
    };
    list.insert(owned).map(|_| ())
}

fn stream_of(list: &PushLock<Registry<Owned>>, id: u64) -> Result<Shared<Stream>, NtStatus> {
    let list = list.shared();
    let owned = list.find(|owned| owned.id == id);
    owned
        .map(|owned| owned.stream.clone())
        .ok_or(NtStatus::INVALID_PARAMETER)
}

fn take(list: &PushLock<Registry<Owned>>, id: u64) -> Result<Owned, NtStatus> {
    let owned = list.exclusive().take_first(|owned| owned.id == id);
    owned.ok_or(NtStatus::INVALID_PARAMETER)
}
