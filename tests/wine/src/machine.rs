//! A machine that the package is installed on, by its INF.

use crate::{Package, Prefix, Ran};
use std::{ops::Deref, path::Path};

/// The service, and the filter.
pub const SERVICE: &str = "daxflush";
/// Its key.
pub const KEY: &str = r"HKLM\System\CurrentControlSet\Services\daxflush";
/// Where the package lies.
const FOLDER: &str = r"C:\package";

/// A machine of Wine's.
pub struct Machine(Prefix);

impl Deref for Machine {
    type Target = Prefix;

    fn deref(&self) -> &Prefix {
        &self.0
    }
}

impl Machine {
    /// A machine without the driver.
    #[expect(clippy::new_without_default, reason = "it is no small thing to make")]
    pub fn new() -> Self {
        Self(Prefix::new())
    }

    /// A machine with the package installed.
    ///
    /// # Panics
    /// It cannot be.
    pub fn installed() -> Self {
        let machine = Self::new();
        machine.install();
        machine
    }

    /// Installs the package as an administrator of Windows 10 before 1903 does. The answer says
    /// nothing, on Windows neither, so what it did is looked at.
    ///
    /// # Panics
    /// There is no service of ours afterwards.
    pub fn install(&self) {
        self.copy(Package::x64().folder(), FOLDER);
        self.section("DefaultInstall");
        assert_eq!(self.service_state(SERVICE).as_deref(), Some("STOPPED"));
    }

    /// Removes what the INF installed.
    ///
    /// # Panics
    /// The service is left.
    pub fn uninstall(&self) {
        if self.state() != "STOPPED" {
            self.stop_driver();
        }
        self.section("DefaultUninstall");
        assert_eq!(
            self.service_state(SERVICE),
            None,
            "there is no service any more"
        );
    }

    fn section(&self, section: &str) {
        let inf = format!("{section} 132 {FOLDER}\\daxflush.inf");
        let call = ["setupapi.dll,InstallHinfSection", &inf];
        // rundll32 takes its command line as it is, unquoted.
        let arguments: Vec<&str> = call.iter().flat_map(|part| part.split(' ')).collect();
        self.run("rundll32", &arguments).succeeded();
    }

    /// Starts the driver.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&self) {
        self.run("sc", &["start", SERVICE]).succeeded();
        assert_eq!(self.state(), "RUNNING");
    }

    /// Stops the driver: a mandatory unload.
    ///
    /// # Panics
    /// It does not stop.
    pub fn stop_driver(&self) {
        self.run("sc", &["stop", SERVICE]).succeeded();
        assert_eq!(self.state(), "STOPPED");
    }

    /// The driver's state.
    ///
    /// # Panics
    /// It is not installed.
    pub fn state(&self) -> String {
        self.service_state(SERVICE).expect("it is installed")
    }

    /// Runs the package's daxctl.exe.
    pub fn daxctl(&self, arguments: &[&str]) -> Ran {
        self.run(&format!("{FOLDER}\\daxctl.exe"), arguments)
    }

    /// Sets a value of the service's `Parameters` key.
    ///
    /// # Panics
    /// The registry refuses.
    pub fn set_parameter(&self, name: &str, kind: &str, data: &str) {
        let key = format!("{KEY}\\Parameters");
        self.run(
            "reg",
            &["add", &key, "/v", name, "/t", kind, "/d", data, "/f"],
        )
        .succeeded();
    }

    /// Copies one file to the machine.
    ///
    /// # Panics
    /// It cannot be copied.
    pub fn copy_file(&self, from: &Path, to: &str) {
        std::fs::copy(from, self.path(to)).expect("it is copied");
    }
}
