//! A list whose members know their place, so that leaving it costs nothing.

use crate::nt::status::NtStatus;
use alloc::vec::Vec;

/// Members by index; indices of those that left are used again.
pub struct Registry<T> {
    members: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Registry<T> {
    pub const fn new() -> Self {
        Self {
            members: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds a member and returns its index.
    pub fn insert(&mut self, member: T) -> Result<usize, NtStatus> {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.members.get_mut(index)
        {
            *place = Some(member);
            return Ok(index);
        }
        let index = self.members.len();
        // Room for every index to become free is made now, so that leaving cannot fail.
        let more = index.saturating_add(1).saturating_sub(self.free.len());
        self.free
            .try_reserve(more)
            .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        self.members
            .try_reserve(1)
            .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        self.members.push(Some(member));
        Ok(index)
    }

    pub fn remove(&mut self, index: usize) -> Option<T> {
        let member = self.members.get_mut(index)?.take()?;
        self.free.push(index);
        Some(member)
    }

    /// Takes out the first member that is chosen.
    pub fn take_first(&mut self, chosen: impl Fn(&T) -> bool) -> Option<T> {
        let here = |member: &Option<T>| member.as_ref().is_some_and(&chosen);
        let index = self.members.iter().position(here)?;
        self.remove(index)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.members.iter_mut().flatten()
    }

    /// The first such member.
    pub fn find(&self, is: impl Fn(&T) -> bool) -> Option<&T> {
        self.members.iter().flatten().find(|member| is(member))
    }

    /// Whether there is such a member.
    pub fn any(&self, is: impl Fn(&T) -> bool) -> bool {
        self.members.iter().flatten().any(is)
    }

    pub fn count(&self) -> usize {
        self.members.len().saturating_sub(self.free.len())
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        self.members.get(index)?.as_ref()
    }

    /// One more than the largest index in use.
    pub fn limit(&self) -> usize {
        self.members.len()
    }
}
