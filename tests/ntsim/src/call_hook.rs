//! What a test does at each call of a kernel routine by the driver.

use crate::{Sim, thread};
use std::sync::{Arc, PoisonError, RwLock};

type Hook = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
pub(crate) struct CallHook(RwLock<Option<Arc<Hook>>>);

impl CallHook {
    /// The driver has called a routine, which has not acted yet.
    pub fn call(&self, routine: &str) {
        // Not held while the hook runs, which may set another one.
        let hook = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(hook) = hook {
            thread::in_call_hook(|| hook(routine));
        }
    }
}

impl Sim {
    /// Sets what is called, with its name, at each call of a kernel routine by the driver, before
    /// the routine acts. It stands for what another processor does then: it may call what a program
    /// may. What the driver calls on its account calls no hook.
    pub fn set_call_hook(&self, hook: Option<Hook>) {
        let mut current = self
            .kernel
            .call_hook
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = hook.map(Arc::new);
    }
}
