//! What an administrator sets in the service's `Parameters` key, read when the driver starts, and what
//! of it changes later.

use crate::nt::{
    event_log::{self, Event},
    name::ShortName,
    push_lock::PushLock,
    registry::{ServiceKey, Value},
    status::NtStatus,
};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use daxflush_nvmem::Method;
use daxflush_protocol::{Setting, SettingRecord, setting_flag};

const COUNT: usize = Setting::ALL.len();

/// The settings in force.
pub static SETTINGS: Settings = Settings {
    values: defaults(),
    flags: [const { AtomicU32::new(0) }; COUNT],
};

/// Where they are stored. Lock order: before nothing but the registry.
static SERVICE: PushLock<Option<ServiceKey>> = PushLock::new(None);

/// See the README's table for what each is for.
pub struct Settings {
    values: [AtomicU32; COUNT],
    flags: [AtomicU32; COUNT],
}

const MIB: u64 = 1 << 20;

const fn defaults() -> [AtomicU32; COUNT] {
    let mut values = [const { AtomicU32::new(0) }; COUNT];
    let mut at = 0;
    while at < COUNT {
        assert!(Setting::ALL[at] as usize == at);
        values[at] = AtomicU32::new(Setting::ALL[at].default_value());
        at += 1;
    }
    values
}

/// Takes what is stored. A value that cannot be used is told to the administrator, and its default is
/// in force. IRQL PASSIVE_LEVEL.
pub fn read(service: ServiceKey) {
    SERVICE.initialize();
    for setting in Setting::ALL {
        match stored(&service, *setting) {
            Ok(Some(value)) => {
                SETTINGS.put(*setting, value);
                SETTINGS.flag(*setting, setting_flag::STORED);
            }
            Ok(None) => {}
            Err(status) => SETTINGS.refuse(*setting, status),
        }
    }
    *SERVICE.exclusive() = Some(service);
}

/// A static is never dropped, so what it has allocated is given back by hand.
pub fn discard() {
    let service = SERVICE.exclusive().take();
    drop(service);
    SERVICE.delete();
}

/// The stored value of a setting, if there is one and it can be used.
fn stored(service: &ServiceKey, setting: Setting) -> Result<Option<u32>, NtStatus> {
    let name = ShortName::ascii(setting.name());
    let value = if setting.words().is_empty() {
        service.number(&name)?
    } else {
        let text = service.text(&name)?;
        let value = text.map(|text| setting.value_of(text.as_str()));
        value
            .map(|value| value.ok_or(NtStatus::INVALID_PARAMETER))
            .transpose()?
    };
    match value {
        Some(value) if !is_usable(setting, value) => Err(NtStatus::INVALID_PARAMETER),
        value => Ok(value),
    }
}

fn is_usable(setting: Setting, value: u32) -> bool {
    let here = setting != Setting::FlushMethod || value == 0 || method(value).is_some();
    setting.allows(value) && here
}

/// The method of a value of `FlushMethod`; nothing for `auto` and for another architecture's.
fn method(value: u32) -> Option<Method> {
    Method::from_name(Setting::FlushMethod.word(value)?)
}

/// Changes a setting while the driver runs, for the next start, or both. IRQL PASSIVE_LEVEL.
///
/// # Errors
/// INVALID_PARAMETER beyond the limits; NOT_SUPPORTED if it can only be stored and is not to be; the
/// registry's. Nothing has changed then.
pub fn set(setting: Setting, value: u32, store: bool) -> Result<(), NtStatus> {
    if !is_usable(setting, value) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if !store && !setting.is_live() {
        return Err(NtStatus::NOT_SUPPORTED);
    }
    let service = SERVICE.exclusive();
    if store {
        let value = match setting.word(value) {
            Some(word) => Value::Text(ShortName::ascii(word)),
            None => Value::Number(value),
        };
        let name = ShortName::ascii(setting.name());
        service
            .as_ref()
            .ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?
            .set(&name, &value)?;
        SETTINGS.unflag(setting, setting_flag::REFUSED);
        SETTINGS.flag(setting, setting_flag::STORED);
    }
    if setting.is_live() {
        SETTINGS.put(setting, value);
    }
    drop(service);
    Ok(())
}

impl Settings {
    /// The value in force. Any IRQL.
    fn get(&self, setting: Setting) -> u32 {
        let place = self.values.get(setting as usize);
        place.map_or(setting.default_value(), |value| value.load(Relaxed))
    }

    fn put(&self, setting: Setting, value: u32) {
        if let Some(place) = self.values.get(setting as usize) {
            place.store(value, Relaxed);
        }
    }

    fn flag(&self, setting: Setting, flag: u32) {
        if let Some(place) = self.flags.get(setting as usize) {
            place.fetch_or(flag, Relaxed);
        }
    }

    fn unflag(&self, setting: Setting, flag: u32) {
        if let Some(place) = self.flags.get(setting as usize) {
            place.fetch_and(!flag, Relaxed);
        }
    }

    /// A stored value cannot be used: the default is in force, and the administrator is told.
    pub fn refuse(&self, setting: Setting, status: NtStatus) {
        self.put(setting, setting.default_value());
        self.flag(setting, setting_flag::REFUSED);
        event_log::write(Event::SettingRefused, status, setting.name());
    }

    /// All about a setting.
    pub fn record(&self, setting: Setting) -> SettingRecord {
        let stored = self.flags.get(setting as usize);
        let live = if setting.is_live() {
            setting_flag::LIVE
        } else {
            0
        };
        SettingRecord {
            setting: setting as u32,
            flags: stored.map_or(0, |flags| flags.load(Relaxed)) | live,
            value: self.get(setting),
            default: setting.default_value(),
            least: setting.least(),
            most: setting.most(),
        }
    }

    /// The forced method; nothing leaves the choice to the processor.
    pub fn flush_method(&self) -> Option<Method> {
        method(self.get(Setting::FlushMethod))
    }

    /// Whether the last use of a handle is a commit point.
    pub fn cleanup_commits(&self) -> bool {
        self.get(Setting::CleanupCommits) != 0
    }

    /// Whether a program that maps a file is believed to report its stores.
    pub fn trusts_reports(&self) -> bool {
        self.get(Setting::MappedPolicy) != 0
    }

    /// Bytes of memory for each volume's dirty maps.
    pub fn tracking_bytes(&self) -> u64 {
        u64::from(self.get(Setting::TrackingKiB)) << 10
    }

    /// Views that may be open at once.
    pub fn max_views(&self) -> usize {
        self.get(Setting::MaxViews) as usize
    }

    /// Bytes of files that may be mapped at once.
    pub fn max_view_bytes(&self) -> u64 {
        u64::from(self.get(Setting::MaxViewMiB)).saturating_mul(MIB)
    }

    /// Bytes of one file that are mapped at once.
    pub fn window_bytes(&self) -> u64 {
        u64::from(self.get(Setting::ViewWindowMiB)).saturating_mul(MIB)
    }

    /// Ranges that are passed to the flush routine at once.
    pub fn batch_ranges(&self) -> usize {
        self.get(Setting::BatchRanges) as usize
    }

    /// Events that are written when somebody listens.
    pub fn trace_level(&self) -> u32 {
        self.get(Setting::TraceLevel)
    }
}
