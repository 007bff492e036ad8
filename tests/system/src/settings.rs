//! A program's requests for settings.

use crate::Client;
use daxflush_protocol::{
    Ioctl, ReplyHeader, SetSettingRequest, Setting, SettingRecord, TraceReply, TraceRequest,
    set_flag,
};
use ntsim::NtStatus;
use zerocopy::{FromBytes, IntoBytes};

impl Client {
    /// All settings, in the order of their numbers.
    ///
    /// # Panics
    /// The answer is not what its header says.
    pub fn settings(&self) -> Vec<SettingRecord> {
        let size = size_of::<ReplyHeader>() + Setting::ALL.len() * size_of::<SettingRecord>();
        let answer = self.answer(Ioctl::Settings, &[], size).expect("settings");
        let (header, body) = ReplyHeader::read_from_prefix(&answer).expect("a header");
        assert_eq!(header.size as usize, answer.len());
        let records = body.chunks_exact(size_of::<SettingRecord>());
        let records: Vec<_> = records
            .map(|record| SettingRecord::read_from_bytes(record).expect("a record"))
            .collect();
        assert_eq!(header.count as usize, records.len());
        records
    }

    /// One setting.
    ///
    /// # Panics
    /// It is not listed.
    pub fn setting(&self, setting: Setting) -> SettingRecord {
        let records = self.settings();
        let found = records
            .iter()
            .find(|record| record.setting == setting as u32);
        *found.expect("a setting")
    }

    /// Changes a setting, for this run or for good.
    ///
    /// # Errors
    /// The driver's.
    pub fn set(
        &self,
        setting: Setting,
        value: u32,
        store: bool,
    ) -> Result<SettingRecord, NtStatus> {
        let request = SetSettingRequest {
            setting: setting as u32,
            value,
            flags: if store { set_flag::STORE } else { 0 },
            reserved: 0,
        };
        self.ask(Ioctl::SetSetting, request.as_bytes())
    }

    /// Sets which events are written.
    ///
    /// # Errors
    /// The driver's.
    pub fn trace(&self, level: u32) -> Result<TraceReply, NtStatus> {
        let request = TraceRequest { level, reserved: 0 };
        self.ask(Ioctl::Trace, request.as_bytes())
    }
}
