//! Settings, and which events are written.

use crate::{
    filter::views,
    nt::{device::ControlRequest, status::NtStatus, trace},
    settings::{self, SETTINGS},
};
use daxflush_protocol::{
    ReplyHeader, SetSettingRequest, Setting, SettingRecord, TraceReply, TraceRequest, set_flag,
};
use zerocopy::IntoBytes;

pub fn list(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    request.has_no_input()?;
    let count = Setting::ALL.len();
    let header = size_of::<ReplyHeader>();
    let size = count
        .saturating_mul(size_of::<SettingRecord>())
        .saturating_add(header);
    request.check_room(size)?;
    request.put(
        0,
        ReplyHeader {
            size: u32::try_from(size).unwrap_or(u32::MAX),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
        .as_bytes(),
    )?;
    let mut place = header;
    for setting in Setting::ALL {
        request.put(place, SETTINGS.record(*setting).as_bytes())?;
        place = place.saturating_add(size_of::<SettingRecord>());
    }
    Ok(())
}

pub fn set(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: SetSettingRequest = request.read()?;
    let setting = Setting::from_number(asked.setting).ok_or(NtStatus::INVALID_PARAMETER)?;
    if asked.flags & !set_flag::STORE != 0 || asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space::<SettingRecord>()?;
    settings::set(setting, asked.value, asked.flags & set_flag::STORE != 0)?;
    if matches!(setting, Setting::MaxViews | Setting::MaxViewMiB) {
        views::shrink();
    }
    request.answer(&SETTINGS.record(setting))
}

pub fn trace(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: TraceRequest = request.read()?;
    if asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space::<TraceReply>()?;
    settings::set(Setting::TraceLevel, asked.level, false)?;
    request.answer(&TraceReply {
        level: SETTINGS.trace_level(),
        listened: u32::from(trace::is_listened()),
    })
}
