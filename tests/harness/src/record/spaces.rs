//! Address spaces and the shared views of files in them.

use super::process::Id;
use nix::unistd::Pid;
use std::{collections::HashMap, ops::Range};

/// A shared view of a watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Addresses.
    pub at: Range<u64>,
    pub file: Id,
    /// Of the first address in the file, in bytes.
    pub offset: u64,
    /// Whether it could ever be stored to.
    pub writable: bool,
}

impl View {
    /// The part of it at these addresses.
    pub fn part(&self, at: &Range<u64>) -> Option<Self> {
        let start = self.at.start.max(at.start);
        let end = self.at.end.min(at.end);
        (start < end).then(|| Self {
            at: start..end,
            offset: self.offset + (start - self.at.start),
            ..self.clone()
        })
    }
}

/// What one or more processes see.
#[derive(Clone, Debug, Default)]
pub struct Space {
    /// Threads that run in it.
    pub members: Vec<Pid>,
    views: Vec<View>,
}

impl Space {
    pub fn views(&self) -> &[View] {
        &self.views
    }

    pub fn parts<'a>(&'a self, at: &'a Range<u64>) -> impl Iterator<Item = View> + 'a {
        self.views.iter().filter_map(|view| view.part(at))
    }

    pub fn add(&mut self, view: View) {
        self.remove(&view.at);
        self.views.push(view);
    }

    pub fn remove(&mut self, at: &Range<u64>) {
        for view in std::mem::take(&mut self.views) {
            let before = view.part(&(0..at.start));
            let after = view.part(&(at.end..u64::MAX));
            self.views.extend(before.into_iter().chain(after));
        }
    }

    /// Makes the views at these addresses writable and gives those that were not.
    pub fn make_writable(&mut self, at: &Range<u64>) -> Vec<View> {
        let parts: Vec<View> = self.parts(at).filter(|view| !view.writable).collect();
        let mut changed = Vec::new();
        for part in parts {
            let part = View {
                writable: true,
                ..part
            };
            self.add(part.clone());
            changed.push(part);
        }
        changed
    }
}

/// Number of an address space.
pub type SpaceId = u64;

/// All address spaces, and who runs in them.
#[derive(Default)]
pub struct Spaces {
    next: SpaceId,
    all: HashMap<SpaceId, Space>,
    of: HashMap<Pid, SpaceId>,
}

impl Spaces {
    pub fn of(&mut self, pid: Pid) -> Option<&mut Space> {
        self.all.get_mut(self.of.get(&pid)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Space> {
        self.all.values()
    }

    /// A thread that is first heard of, in a space of its own.
    pub fn first(&mut self, pid: Pid) {
        self.place(pid, Space::default());
    }

    fn place(&mut self, pid: Pid, mut space: Space) {
        space.members = vec![pid];
        self.next += 1;
        self.all.insert(self.next, space);
        self.of.insert(pid, self.next);
    }

    /// A new thread, which shares the memory of its parent or has a copy.
    pub fn child(&mut self, parent: Pid, child: Pid, shares: bool) {
        self.leave(child);
        let Some(space) = self.of.get(&parent).copied() else {
            return self.first(child);
        };
        let Some(found) = self.all.get_mut(&space) else {
            return self.first(child);
        };
        if shares {
            found.members.push(child);
            self.of.insert(child, space);
        } else {
            let copy = found.clone();
            self.place(child, copy);
        }
    }

    /// A thread ended or runs a new program.
    pub fn leave(&mut self, pid: Pid) {
        let Some(id) = self.of.remove(&pid) else {
            return;
        };
        if let Some(space) = self.all.get_mut(&id) {
            space.members.retain(|member| *member != pid);
            if space.members.is_empty() {
                self.all.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(at: Range<u64>, offset: u64) -> View {
        View {
            at,
            file: Id {
                device: 1,
                inode: 2,
            },
            offset,
            writable: false,
        }
    }

    #[test]
    fn views_are_split_and_replaced() {
        let mut space = Space::default();
        space.add(view(1000..2000, 50));
        space.remove(&(1200..1300));
        assert_eq!(space.views(), [view(1000..1200, 50), view(1300..2000, 350)]);
        let changed = space.make_writable(&(1900..3000));
        assert_eq!((changed[0].offset, changed.len()), (950, 1));
        assert_eq!(space.make_writable(&(1900..3000)), []);
        space.add(view(0..5000, 0));
        assert_eq!(space.views(), [view(0..5000, 0)]);
    }

    #[test]
    fn copies_are_apart_and_threads_are_not() {
        let mut spaces = Spaces::default();
        let [first, thread, process] = [1, 2, 3].map(Pid::from_raw);
        spaces.first(first);
        spaces.of(first).expect("known").add(view(0..10, 0));
        spaces.child(first, thread, true);
        spaces.child(first, process, false);
        spaces.of(thread).expect("known").remove(&(0..10));
        assert_eq!(spaces.of(first).expect("known").views().len(), 0);
        assert_eq!(spaces.of(process).expect("known").views().len(), 1);
        spaces.leave(first);
        assert_eq!(spaces.iter().count(), 2);
        spaces.leave(thread);
        assert_eq!(spaces.iter().count(), 1);
    }
}
