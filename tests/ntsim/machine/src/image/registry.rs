//! All images, loaded and unloaded, for messages about addresses.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

/// What a message needs to know about an image.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub name: Arc<str>,
    /// The file that it was loaded from, with its debug information beside it.
    pub path: Option<Arc<Path>>,
    pub start: usize,
    pub end: usize,
    pub unloaded: bool,
}

impl Module {
    /// `daxflush.sys!function+0x12`, or `daxflush.sys+0x1234` without debug information.
    pub fn symbolize(&self, addr: usize) -> String {
        let unloaded = if self.unloaded { " (unloaded)" } else { "" };
        let rva = addr - self.start;
        match super::debug::function(self, rva) {
            Some((name, offset)) => format!("{}{unloaded}!{name}+0x{offset:x}", self.name),
            None => format!("{}{unloaded}+0x{rva:x}", self.name),
        }
    }
}

/// Readers never wait. Address ranges are never reused, so that they are disjoint.
static MODULES: LazyLock<ArcSwap<Vec<Module>>> = LazyLock::new(Default::default);

pub(super) fn add(module: &Module) {
    MODULES.rcu(|modules| -> Vec<Module> { modules.iter().chain([module]).cloned().collect() });
}

pub(super) fn mark_unloaded(start: usize) {
    MODULES.rcu(|modules| {
        let mut modules = Vec::clone(modules);
        modules
            .iter_mut()
            .filter(|m| m.start == start)
            .for_each(|m| m.unloaded = true);
        modules
    });
}

/// The image that holds or held `addr`.
pub(crate) fn find(addr: usize) -> Option<Module> {
    MODULES
        .load()
        .iter()
        .find(|m| (m.start..m.end).contains(&addr))
        .cloned()
}
