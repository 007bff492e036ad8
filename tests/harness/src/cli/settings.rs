//! `daxctl settings`.

use super::{
    failure::{Failure, Outcome},
    number,
    output::{WARN, json, say, table},
    site::{Site, Visit},
};
use crate::client::{Coded, Platform};
use daxflush_protocol::{Setting, SettingRecord, set_flag, setting_flag};
use serde::Serialize;
use std::process::ExitCode;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this setting
    name: Option<String>,
    /// Its new value: a word or a number
    #[arg(requires = "name")]
    value: Option<String>,
    /// Store the value, so that it holds at the next start too
    #[arg(long, requires = "value")]
    store: bool,
}

#[derive(Serialize)]
struct Answer {
    name: &'static str,
    value: String,
    default: String,
    allowed: String,
    live: bool,
    stored: bool,
    refused: bool,
}

impl Answer {
    fn of(record: &SettingRecord) -> Option<Self> {
        let setting = Setting::from_number(record.setting)?;
        let has = |flag| record.flags & flag != 0;
        Some(Self {
            name: setting.name(),
            value: shown(setting, record.value),
            default: shown(setting, record.default),
            allowed: allowed(setting),
            live: has(setting_flag::LIVE),
            stored: has(setting_flag::STORED),
            refused: has(setting_flag::REFUSED),
        })
    }
}

fn shown(setting: Setting, value: u32) -> String {
    setting
        .word(value)
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn allowed(setting: Setting) -> String {
    if setting.words().is_empty() {
        format!("{} to {}", setting.least(), setting.most())
    } else {
        setting.words().join(", ")
    }
}

fn known(name: &str) -> Result<Setting, Failure> {
    Setting::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Setting::ALL.iter().map(|setting| setting.name()).collect();
        Failure::new(format_args!(
            "{name} is no setting; there are {}",
            names.join(", ")
        ))
    })
}

fn value_of(setting: Setting, text: &str) -> Result<u32, Failure> {
    let number = || u32::try_from(number::size(text).ok()?).ok();
    let value = if setting.words().is_empty() {
        number().filter(|value| setting.allows(*value))
    } else {
        setting.value_of(text)
    };
    value.ok_or_else(|| {
        let (name, allowed) = (setting.name(), allowed(setting));
        Failure::new(format_args!("{name} cannot be {text}; it can be {allowed}"))
    })
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let setting = self.name.as_deref().map(known).transpose()?;
        let records = match (setting, &self.value) {
            (Some(setting), Some(text)) => {
                let value = value_of(setting, text)?;
                if !self.store && !setting.is_live() {
                    let name = setting.name();
                    return Err(Failure::new(format_args!(
                        "{name} cannot change while the driver runs; --store sets it for the next start"
                    )));
                }
                let flags = if self.store { set_flag::STORE } else { 0 };
                let device = site.administration()?;
                let set = device.set(setting, value, flags);
                vec![set.map_err(|error| Failure::of(setting.name(), &error))?]
            }
            _ => {
                let records = site.device()?.settings();
                let mut records = records.map_err(|error| Failure::of("the settings", &error))?;
                records.retain(|record| {
                    setting.is_none_or(|setting| setting as u32 == record.setting)
                });
                records
            }
        };
        let answers: Vec<_> = records.iter().filter_map(Answer::of).collect();
        if site.json {
            match (&answers[..], setting) {
                ([answer], Some(_)) => json(answer)?,
                _ => json(&answers)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut shown = table(&["setting", "value", "default", "allowed", "changes"], 5);
        for answer in &answers {
            let changes = if answer.live {
                "live"
            } else {
                "at the next start"
            };
            shown.add_row([
                answer.name,
                &answer.value,
                &answer.default,
                &answer.allowed,
                changes,
            ]);
        }
        say!("{shown}");
        for answer in answers.iter().filter(|answer| answer.refused) {
            say!(
                "{WARN}{}: the stored value cannot be used, the default is in force{WARN:#}",
                answer.name
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
