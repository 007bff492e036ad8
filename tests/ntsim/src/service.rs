//! The driver's service: loading its image, unloading it, and what it left behind.

use crate::{
    NtStatus, Sim, SimError, imports,
    kernel::{Driver, Kernel},
    nt::{Block, Utf16, driver_object, flt_registration as fr},
    outstanding, registry,
};
use ntsim_machine::{image::Image, oracle::Oracle};
use std::{path::Path, sync::Arc};

const FLTFL_FILTER_UNLOAD_MANDATORY: usize = 1;

impl Sim {
    /// Loads a driver as starting its service does: maps the image, plants the oracle, calls
    /// DriverEntry.
    ///
    /// # Errors
    /// The file is not a kernel image for x64, imports something unknown, or DriverEntry failed.
    pub fn load_driver(&self, path: &Path, service: &str) -> Result<(), SimError> {
        let exports = self.kernel.exports.address();
        let image = Image::load(path, &mut |dll, name| imports::resolve(exports, dll, name))?;
        let oracle = self.kernel.options.checks.then(|| self.watch_image(&image));
        let oracle = oracle.transpose()?.map(Arc::new);
        let object = Block::zeroed(driver_object::SIZE);
        let (entry, driver) = (image.entry_point(), object.address());
        *self.kernel.driver.lock().expect("driver") = Some(Driver {
            image,
            _object: object,
            oracle,
        });
        self.kernel.lock().driver_object = Some(driver);
        self.set_probe(None);
        self.kernel.create_service_key(service);
        let path = Utf16::new(&registry::service_path(service));
        // SAFETY: DriverEntry takes a driver object and a string (nc-wdm-driver_initialize).
        let status = self
            .driver_code(|| unsafe { ntsim_machine::call::call2(entry, driver, path.address()) })?;
        let status = NtStatus(status as i32);
        status.check().map_err(|status| SimError::Driver {
            routine: "DriverEntry",
            status,
        })?;
        self.kernel.devices_are_initialized();
        if let Some(driver) = &*self.kernel.driver.lock().expect("driver") {
            driver.image.discard_init()?;
        }
        Ok(())
    }

    fn watch_image(&self, image: &Image) -> Result<Oracle, SimError> {
        let oracle = Oracle::plant(image).map_err(|error| SimError::Plant(error.to_string()))?;
        if self.kernel.options.cover_blocks {
            oracle.cover_blocks()?;
        }
        Ok(oracle)
    }

    /// Unloads the driver as `fltmc unload` does, and reports what it left behind.
    ///
    /// # Errors
    /// The driver declined, or the system was shut down.
    pub fn unload_driver(&self, _service: &str) -> Result<(), SimError> {
        let unload = self.unload_routine()?;
        self.call_unload(unload, 0)?
            .check()
            .map_err(|status| SimError::Driver {
                routine: "FilterUnloadCallback",
                status,
            })?;
        self.image_goes();
        Ok(())
    }

    /// Stops the service as `sc stop` does: a mandatory unload, which the driver cannot decline
    /// (when-the-filterunloadcallback-routine-is-called).
    ///
    /// # Errors
    /// The driver registered with FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP, or the system was
    /// shut down.
    pub fn stop_driver_mandatory(&self, _service: &str) -> Result<(), SimError> {
        let unload = self.unload_routine()?;
        let flags = {
            let state = self.kernel.lock();
            state.filter.as_ref().map_or(0, |filter| filter.flags)
        };
        if flags & fr::DO_NOT_SUPPORT_SERVICE_STOP != 0 {
            return Err(SimError::Driver {
                routine: "service stop",
                status: NtStatus::INVALID_DEVICE_REQUEST,
            });
        }
        self.kernel.lock().mandatory_unload = true;
        // Its status means nothing.
        let called = self.call_unload(unload, FLTFL_FILTER_UNLOAD_MANDATORY);
        if self.kernel.lock().filter.is_some() {
            let detail = "the filter is still registered after a mandatory unload";
            self.kernel.violation("unload", detail);
            self.kernel.unregister_filter();
        }
        self.kernel.lock().mandatory_unload = false;
        called?;
        self.image_goes();
        Ok(())
    }

    fn unload_routine(&self) -> Result<usize, SimError> {
        let state = self.kernel.lock();
        if state.shut_down {
            return Err(SimError::ShutDown);
        }
        let filter = state.filter.as_ref().ok_or(SimError::NoDriver)?;
        if filter.unload == 0 {
            return Err(SimError::Driver {
                routine: "FilterUnloadCallback",
                status: NtStatus::FLT_DO_NOT_DETACH,
            });
        }
        Ok(filter.unload)
    }

    /// nc-fltkernel-pflt_filter_unload_callback, in whatever thread.
    fn call_unload(&self, unload: usize, flags: usize) -> Result<NtStatus, SimError> {
        // SAFETY: a filter's unload callback takes flags.
        let status = self.driver_code(|| unsafe { ntsim_machine::call::call1(unload, flags) })?;
        Ok(NtStatus(status as i32))
    }

    fn image_goes(&self) {
        self.kernel.check_nothing_runs();
        self.kernel.check_leaks();
        self.kernel.lock().driver_object = None;
        *self.kernel.driver.lock().expect("driver") = None;
    }

    /// Reports what a driver that is gone, or was never loaded, left behind, as violations.
    pub fn check_nothing_left(&self) {
        self.kernel.check_leaks();
    }
}

impl Kernel {
    /// A thread goes to DISPATCH_LEVEL, where it cannot wait for pages of code.
    pub fn page_out_code(&self) {
        if let Ok(driver) = self.driver.try_lock()
            && let Some(driver) = &*driver
        {
            // What cannot be paged out stays, and what touches it goes unseen.
            let _ = driver.image.page_out();
        }
    }

    /// The image's memory goes away: nothing may run in it, or be about to. What has a device or an
    /// instance is waited for.
    fn check_nothing_runs(&self) {
        let left = |keeps_image| {
            let ended = |inner: &mut outstanding::Inner| !inner.work.is_left(keeps_image);
            !self.outstanding.wait_until(ended)
        };
        let stuck = left(true);
        if self.outstanding.lock().work.is_left(false) {
            let detail = "a work routine is queued or runs while the image goes";
            self.violation("unload", detail);
        }
        if stuck || left(false) {
            ntsim_machine::fault::bugcheck("unload: a work routine does not return");
        }
    }

    /// Everything that a driver must have given back when it is gone.
    fn check_leaks(&self) {
        self.check_pool_leaks();
        self.check_push_locks();
        self.check_open_scans();
        self.check_locks();
        let state = self.lock();
        for (what, left) in [
            ("devices", state.devices.len()),
            ("symbolic links", state.links.len()),
            (
                "references to volumes and instances",
                state.flt_references.values().sum(),
            ),
            ("file names", state.names.len()),
            ("error log entries", state.error_log.allocated.len()),
            ("trace providers", state.etw.registered()),
            ("views of sections", state.views.len()),
            ("deferred work items", self.work_items()),
            ("sections", state.sections_without_views()),
            (
                "kernel handles",
                state
                    .handles
                    .values()
                    .filter(|entry| entry.is_kernel())
                    .count(),
            ),
        ] {
            if left != 0 {
                self.violation("leak", &format!("{left} {what}"));
            }
        }
        for context in state.context_leaks() {
            self.violation("context leak", &context);
        }
        let kept = state
            .file_objects
            .values()
            .filter(|file| file.is_kept())
            .count();
        if kept != 0 {
            self.violation("leak", &format!("{kept} file objects are still referenced"));
        }
    }
}
