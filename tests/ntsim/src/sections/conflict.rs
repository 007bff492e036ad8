//! Section conflicts: operations that a section for data scan is in the way of.

use crate::{
    NtStatus,
    callback_data::{CallbackData, Parameters},
    dispatch::{Kind, SET_INFORMATION},
    kernel::Kernel,
    thread,
};
use std::sync::Arc;

impl Kernel {
    /// Gets sections out of the way of a truncation: tells the filter of the conflict, then looks
    /// what is left.
    pub fn purge_sections(self: &Arc<Self>, file: u64) -> Result<(), NtStatus> {
        self.notify_conflict(file);
        let left = self.has_section(file);
        if left || self.lock().fcb(file)?.user_views != 0 {
            return Err(NtStatus::USER_MAPPED_FILE);
        }
        Ok(())
    }

    /// Sections for data scan that are open when the driver goes.
    pub fn check_open_scans(&self) {
        let conflicts = self.conflicts.lock().expect("conflicts");
        for context in &self.lock().open_scans {
            let detail = if conflicts.contains(context) {
                "a section was not closed since its conflict was told of"
            } else {
                "a section for data scan was never closed"
            };
            self.violation("section", detail);
        }
    }

    /// nc-fltkernel-pflt_section_conflict_notification_callback, if the filter has a section of
    /// the stream that it has not closed.
    pub(super) fn notify_conflict(self: &Arc<Self>, file: u64) {
        let conflict = {
            let mut state = self.lock();
            let Ok(fcb) = state.fcb(file) else { return };
            let filter = state.filter.as_ref();
            let callback = filter.map_or(0, |filter| filter.section_notification);
            let instance = state.volumes[fcb.volume].instance_address();
            let context = fcb.data_scan.filter(|_| callback != 0);
            // Before anybody can close the section.
            if let Some(context) = context {
                state.add_reference(context);
            }
            context.map(|context| (callback, instance, context))
        };
        let Some((callback, instance, context)) = conflict else {
            return;
        };
        self.conflicts.lock().expect("conflicts").insert(context);
        let kind = Kind::of(SET_INFORMATION);
        let data = CallbackData::new(kind, SET_INFORMATION, 0, instance, &Parameters::None);
        let level = if self.options.conflict_at_apc {
            thread::APC_LEVEL
        } else {
            thread::PASSIVE_LEVEL
        };
        let address = data.address();
        // SAFETY: the callback's three arguments.
        let status = self.driver_callback(level, || unsafe {
            ntsim_machine::call::call3(callback, instance, context, address)
        });
        if status != NtStatus::SUCCESS.0 {
            self.violation(
                "section",
                "a conflict callback did not return STATUS_SUCCESS",
            );
        }
        self.release_context(context);
    }
}
