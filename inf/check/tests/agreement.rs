//! What the INF installs is what the driver reads.

use daxflush_protocol::Setting;
use inf_check::{
    number::number,
    package::{Package, RegistryLine, Service},
    parse::{Inf, same},
    target::Architecture,
};

mod common;

/// FLG_ADDREG_NOCLOBBER, so that an upgrade keeps what an administrator has set.
const NO_CLOBBER: u32 = 0x2;
const SZ: u32 = 0;
const DWORD: u32 = 0x0001_0001;

const DRIVER_MANIFEST: &str = include_str!("../../../driver/Cargo.toml");
const FS_CONTROLS: &str = include_str!("../../../driver/src/filter/fs_control.rs");
const CALLBACKS: &str = include_str!("../../../driver/src/filter/mod.rs");

/// Does something for the service of each generation, on each architecture.
fn each(mut judge: impl FnMut(&Inf, &Service<'_>)) {
    for architecture in [Architecture::Amd64, Architecture::Arm64] {
        let inf = Inf::parse(&common::stamped(common::INX, architecture));
        let package = Package::new(&inf, architecture);
        assert_eq!(
            package.services().count(),
            2,
            "one service in each generation"
        );
        for (_, service) in package.services() {
            judge(&inf, service);
        }
    }
}

fn value<'a>(lines: &'a [RegistryLine<'a>], name: &str) -> &'a RegistryLine<'a> {
    let mut named = lines.iter().filter(|line| line.name == name);
    let line = named.next().unwrap_or_else(|| panic!("{name} is set"));
    assert!(named.next().is_none(), "{name} is set once");
    line
}

#[test]
fn every_setting_is_stored_with_its_type_and_default() {
    each(|inf, service| {
        let lines = service.registry(inf);
        for setting in Setting::ALL {
            let line = value(&lines, setting.name());
            assert_eq!((line.root, line.key), ("HKR", "Parameters"));
            let default = setting.default_value();
            match setting.word(default) {
                Some(word) => {
                    assert_eq!(line.bits(), Some(SZ | NO_CLOBBER), "{}", line.name);
                    assert_eq!(line.data(0), word, "{}", line.name);
                }
                None => {
                    assert_eq!(line.bits(), Some(DWORD | NO_CLOBBER), "{}", line.name);
                    assert_eq!(number(line.data(0)), Some(default), "{}", line.name);
                }
            }
        }
    });
}

#[test]
fn nothing_is_stored_that_nobody_reads() {
    each(|inf, service| {
        for line in service.registry(inf) {
            let is_setting = Setting::from_name(line.name).is_some();
            let is_filters =
                ["SupportedFeatures", "DefaultInstance", "Altitude", "Flags"].contains(&line.name);
            assert!(is_setting || is_filters, "{}", line.name);
        }
    });
}

/// The filter manager and the event log know the driver by its service's name, and the image has the
/// package's.
#[test]
fn names_are_the_drivers() {
    assert!(DRIVER_MANIFEST.contains("\nname = \"daxflush\"\n"));
    each(|_, service| {
        assert_eq!(service.name(), "daxflush");
        let binary = service.get("ServiceBinary").expect("an image").value(0);
        let (_, file) = binary.rsplit_once('\\').expect("a path");
        assert_eq!(file, "daxflush.sys");
        // Log and source by default: System, and the service's name.
        assert_eq!(
            (service.directive.value(4), service.directive.value(5)),
            ("", "")
        );
    });
}

#[test]
fn the_event_source_is_the_image() {
    each(|inf, service| {
        let lines = service.event_registry(inf);
        let file = value(&lines, "EventMessageFile").data(0);
        assert!(file.ends_with(r"\daxflush.sys"), "{file}");
        assert_eq!(number(value(&lines, "TypesSupported").data(0)), Some(7));
        assert_eq!(lines.len(), 2);
    });
}

/// Offloaded reads change nothing and offloaded writes are tracked; no file on a DAX volume can have
/// BypassIO (bypassio-operations). Opens by name only are not among the callbacks.
#[test]
fn supported_features_are_what_the_filter_does() {
    const OFFLOAD_READ: u32 = 0x1;
    const OFFLOAD_WRITE: u32 = 0x2;
    const BYPASS_IO: u32 = 0x8;
    assert!(FS_CONTROLS.contains("code::OFFLOAD_WRITE =>"));
    assert!(CALLBACKS.contains("operations!") && !CALLBACKS.contains("QueryOpen"));
    each(|inf, service| {
        let lines = service.registry(inf);
        let bits = number(value(&lines, "SupportedFeatures").data(0));
        assert_eq!(bits, Some(OFFLOAD_READ | OFFLOAD_WRITE | BYPASS_IO));
    });
}

#[test]
fn instances_attach_by_themselves() {
    each(|inf, service| {
        let lines = service.registry(inf);
        assert_eq!(number(value(&lines, "Flags").data(0)), Some(0));
    });
}

/// Everybody may ask about the service, and an upgrade keeps the start type that was chosen.
#[test]
fn administrators_control_the_service() {
    const KEEP_START_TYPE: u32 = 0x10;
    each(|_, service| {
        let security = service.get("Security").expect("a descriptor").value(0);
        assert!(same(security, "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;AU)"));
        assert_eq!(number(service.directive.value(1)), Some(KEEP_START_TYPE));
    });
}
