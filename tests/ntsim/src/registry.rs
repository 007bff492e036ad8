//! The registry: keys of services, as far as drivers read them.

use crate::{NtStatus, Sim, kernel::Kernel, objects::Target};
use std::{collections::HashMap, sync::Arc};

const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services";

/// REG_SZ.
const REG_SZ: u32 = 1;
/// REG_DWORD.
const REG_DWORD: u32 = 4;

/// KEY_QUERY_VALUE, which ZwQueryValueKey needs.
const KEY_QUERY_VALUE: u32 = 1;

/// KEY_SET_VALUE, which ZwSetValueKey needs.
const KEY_SET_VALUE: u32 = 2;

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterValue {
    /// REG_SZ, without the null character at its end.
    Text(String),
    /// REG_DWORD.
    Number(u32),
    /// Of another type, or not what its type says.
    Bytes(Vec<u8>),
}

/// A value's type and data.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub kind: u32,
    pub data: Vec<u8>,
}

impl Value {
    /// What the data is not that its type says (nf-wdm-zwsetvaluekey).
    fn wrong(&self) -> Option<&'static str> {
        let whole = self.data.len().is_multiple_of(2);
        match self.kind {
            REG_SZ if !whole || !self.data.ends_with(&[0, 0]) => {
                Some("text was written without a zero at its end")
            }
            REG_DWORD if self.data.len() != 4 => {
                Some("a REG_DWORD was written that has not 4 bytes")
            }
            _ => None,
        }
    }

    fn read(&self) -> ParameterValue {
        if let (REG_DWORD, Ok(bytes)) = (self.kind, self.data.clone().try_into()) {
            return ParameterValue::Number(u32::from_le_bytes(bytes));
        }
        if self.kind != REG_SZ {
            return ParameterValue::Bytes(self.data.clone());
        }
        let units = self.data.chunks_exact(2);
        let units: Vec<u16> = units
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .collect();
        let text = units.strip_suffix(&[0]).unwrap_or(&units);
        ParameterValue::Text(String::from_utf16_lossy(text))
    }
}

/// Keys by their path, and values by their name; both in lower case, as neither is case-sensitive.
#[derive(Default)]
pub(crate) struct Registry {
    keys: HashMap<String, HashMap<String, Value>>,
}

/// The path of a service's key, as DriverEntry gets it.
pub(crate) fn service_path(service: &str) -> String {
    format!(r"{SERVICES}\{service}")
}

impl Sim {
    /// Sets a REG_SZ in a service's `Parameters` key, without a null character at its end if `raw`.
    pub fn set_parameter(&self, service: &str, name: &str, text: &str, raw: bool) {
        let end = (!raw).then_some(0);
        let units = text.encode_utf16().chain(end);
        let data = units.flat_map(u16::to_le_bytes).collect();
        self.set_value(service, name, Value { kind: REG_SZ, data });
    }

    /// Sets a REG_DWORD in a service's `Parameters` key.
    pub fn set_number_parameter(&self, service: &str, name: &str, value: u32) {
        let data = value.to_le_bytes().to_vec();
        let kind = REG_DWORD;
        self.set_value(service, name, Value { kind, data });
    }

    /// A value of a service's `Parameters` key.
    pub fn parameter(&self, service: &str, name: &str) -> Option<ParameterValue> {
        let path = format!(r"{}\Parameters", service_path(service)).to_lowercase();
        let state = self.kernel.lock();
        let value = state.registry.keys.get(&path)?.get(&name.to_lowercase())?;
        Some(value.read())
    }

    fn set_value(&self, service: &str, name: &str, value: Value) {
        let path = format!(r"{}\Parameters", service_path(service)).to_lowercase();
        let mut state = self.kernel.lock();
        let keys = &mut state.registry.keys;
        keys.entry(service_path(service).to_lowercase())
            .or_default();
        keys.entry(path)
            .or_default()
            .insert(name.to_lowercase(), value);
    }
}

impl Kernel {
    /// Creates the key of a service that is being started.
    pub fn create_service_key(&self, service: &str) {
        let path = service_path(service).to_lowercase();
        self.lock().registry.keys.entry(path).or_default();
    }

    /// ZwOpenKey (nf-wdm-zwopenkey) with OBJ_KERNEL_HANDLE.
    pub fn open_key(self: &Arc<Self>, root: u64, name: &str, access: u32) -> Result<u64, NtStatus> {
        let mut state = self.lock();
        let path = match state.handles.get(&root).map(|entry| entry.target.clone()) {
            Some(Target::Key(parent)) => format!(r"{parent}\{name}"),
            None if root == 0 => name.to_owned(),
            _ => return Err(NtStatus::INVALID_HANDLE),
        };
        let path = path.to_lowercase();
        if !state.registry.keys.contains_key(&path) {
            return Err(NtStatus::OBJECT_NAME_NOT_FOUND);
        }
        Ok(state.insert_handle(Target::Key(path), access, true))
    }

    /// ZwSetValueKey (nf-wdm-zwsetvaluekey).
    pub fn set_key_value(&self, key: u64, name: &str, value: Value) -> Result<(), NtStatus> {
        let mut state = self.lock();
        let entry = state.handles.get(&key).ok_or(NtStatus::INVALID_HANDLE)?;
        let Target::Key(path) = entry.target.clone() else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        if entry.access & KEY_SET_VALUE == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let wrong = value.wrong();
        let values = state.registry.keys.entry(path).or_default();
        values.insert(name.to_lowercase(), value);
        drop(state);
        if let Some(wrong) = wrong {
            self.violation("registry", wrong);
        }
        Ok(())
    }

    /// The value that ZwQueryValueKey (nf-wdm-zwqueryvaluekey) looks up, as
    /// KEY_VALUE_PARTIAL_INFORMATION: three 32-bit numbers (an index to ignore, the type, the
    /// data's length), then the data (ns-wdm-_key_value_partial_information).
    pub fn partial_information(&self, key: u64, name: &str) -> Result<Vec<u8>, NtStatus> {
        let state = self.lock();
        let entry = state.handles.get(&key).ok_or(NtStatus::INVALID_HANDLE)?;
        let Target::Key(path) = &entry.target else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        if entry.access & KEY_QUERY_VALUE == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let values = state.registry.keys.get(path);
        let value = values
            .and_then(|values| values.get(&name.to_lowercase()))
            .ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        let mut information = Vec::new();
        for number in [0, value.kind, value.data.len() as u32] {
            information.extend(number.to_le_bytes());
        }
        information.extend(&value.data);
        Ok(information)
    }
}
