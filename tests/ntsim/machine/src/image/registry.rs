//! All images, loaded and unloaded, for messages about addresses.

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

/// What a message needs to know about an image.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub name: Arc<str>,
    pub start: usize,
    pub end: usize,
    pub unloaded: bool,
}

impl Module {
    pub fn symbolize(&self, addr: usize) -> String {
        let unloaded = if self.unloaded { " (unloaded)" } else { "" };
        format!("{}{unloaded}+0x{:x}", self.name, addr - self.start)
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
