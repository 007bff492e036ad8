//! A lock or an event, and who has it.

use std::{collections::HashMap, thread::ThreadId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Spin,
    Resource,
    FastMutex,
    Mutex,
    Event,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Spin => "a spin lock",
            Self::Resource => "a resource",
            Self::FastMutex => "a fast mutex",
            Self::Mutex => "a mutex",
            Self::Event => "an event",
        }
    }
}

pub(crate) struct Object {
    pub kind: Kind,
    owner: Option<ThreadId>,
    /// How often the owner holds it.
    depth: u32,
    readers: HashMap<ThreadId, u32>,
    /// The level to go back to at the release.
    pub irql: u8,
    /// Of an event.
    pub signaled: bool,
    /// A notification event stays signaled when a wait has ended.
    pub notification: bool,
}

fn me() -> ThreadId {
    std::thread::current().id()
}

impl Object {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            owner: None,
            depth: 0,
            readers: HashMap::new(),
            irql: 0,
            signaled: false,
            notification: false,
        }
    }

    pub fn event(notification: bool, signaled: bool) -> Self {
        Self {
            signaled,
            notification,
            ..Self::new(Kind::Event)
        }
    }

    pub fn is_held(&self) -> bool {
        self.owner.is_some() || !self.readers.is_empty()
    }

    pub fn is_mine(&self) -> bool {
        self.owner == Some(me()) || self.readers.contains_key(&me())
    }

    /// Whether the thread, which holds the lock, may acquire it again: a mutex always, a resource
    /// unless it has it shared and wants it exclusive (nf-wdm-exacquireresourceexclusivelite).
    pub fn is_recursive(&self, exclusive: bool) -> bool {
        match self.kind {
            Kind::Mutex | Kind::Event => true,
            Kind::Resource => !exclusive || self.owner == Some(me()),
            Kind::Spin | Kind::FastMutex => false,
        }
    }

    /// Has the thread hold the lock, if nobody is in the way.
    pub fn take(&mut self, exclusive: bool) -> bool {
        if self.owner == Some(me()) {
            self.depth += 1;
            return true;
        }
        if self.owner.is_some() || (exclusive && !self.readers.is_empty()) {
            return false;
        }
        if exclusive {
            self.owner = Some(me());
            self.depth = 1;
        } else {
            *self.readers.entry(me()).or_default() += 1;
        }
        true
    }

    /// Ends a wait for an event.
    pub fn take_signal(&mut self) -> bool {
        let signaled = self.signaled;
        self.signaled &= self.notification;
        signaled
    }

    /// Gives the lock up once. None if the thread does not hold it, else whether that was the last
    /// time.
    pub fn give_up(&mut self) -> Option<bool> {
        if self.owner == Some(me()) {
            self.depth -= 1;
            if self.depth == 0 {
                self.owner = None;
            }
            return Some(self.depth == 0);
        }
        let depth = self.readers.get_mut(&me())?;
        *depth -= 1;
        let last = *depth == 0;
        if last {
            self.readers.remove(&me());
        }
        Some(last)
    }
}
