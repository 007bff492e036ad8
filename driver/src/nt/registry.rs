//! Keys of the registry.

use super::{
    name::{Name, ShortName, unicode},
    status::NtStatus,
};
use alloc::vec::Vec;
use core::{mem::offset_of, ptr};
use wdk_sys::{
    _KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation,
    ACCESS_MASK, HANDLE, KEY_VALUE_PARTIAL_INFORMATION, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE,
    OBJECT_ATTRIBUTES, PCUNICODE_STRING, PUNICODE_STRING,
    ntddk::{ZwClose, ZwOpenKey, ZwQueryValueKey, ZwSetValueKey},
};

const KEY_QUERY_VALUE: ACCESS_MASK = 1;
const KEY_SET_VALUE: ACCESS_MASK = 2;
const REG_SZ: u32 = 1;
const REG_DWORD: u32 = 4;

/// Characters that a value may have.
const MAX_TEXT: usize = 32;

/// Text of a value: ASCII, at most [`MAX_TEXT`] characters.
#[derive(Default)]
pub struct Text {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl Text {
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// A REG_SZ, which need not end in a null character.
    fn from_utf16(data: &[u8]) -> Result<Self, NtStatus> {
        let mut text = Self::default();
        let units = data.chunks_exact(2).map(|unit| match unit {
            [low, 0] if low.is_ascii() => Ok(*low),
            _ => Err(NtStatus::INVALID_PARAMETER),
        });
        for unit in units {
            match unit? {
                0 => break,
                byte => {
                    let place = text.bytes.get_mut(text.length);
                    *place.ok_or(NtStatus::INVALID_PARAMETER)? = byte;
                    text.length = text.length.saturating_add(1);
                }
            }
        }
        Ok(text)
    }
}

/// The service's key, as DriverEntry was told. IRQL PASSIVE_LEVEL for all of its methods.
pub struct ServiceKey {
    path: Vec<u16>,
}

/// What a value is set to.
pub enum Value {
    /// REG_SZ.
    Text(ShortName),
    /// REG_DWORD.
    Number(u32),
}

impl ServiceKey {
    /// # Safety
    /// `path` is the registry path that DriverEntry was given, during that call.
    pub(in crate::nt) unsafe fn copy(path: PCUNICODE_STRING) -> Result<Self, NtStatus> {
        // SAFETY: the caller's promise.
        let (buffer, bytes) = unsafe { ((*path).Buffer, (*path).Length) };
        let count = usize::from(bytes) / 2;
        let mut copy = Vec::new();
        copy.try_reserve_exact(count)
            .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        if !buffer.is_null() {
            // SAFETY: the string has that many characters.
            copy.extend_from_slice(unsafe { core::slice::from_raw_parts(buffer, count) });
        }
        Ok(Self { path: copy })
    }

    /// A text of the subkey `Parameters`, if both exist (nf-wdm-zwqueryvaluekey).
    ///
    /// # Errors
    /// INVALID_PARAMETER if it is no text of up to 32 ASCII characters; the registry's.
    pub fn text(&self, value: &ShortName) -> Result<Option<Text>, NtStatus> {
        self.parameter(value)?.map(|value| value.text()).transpose()
    }

    /// A number of the subkey `Parameters`, if both exist.
    ///
    /// # Errors
    /// INVALID_PARAMETER if it is no REG_DWORD; the registry's.
    pub fn number(&self, value: &ShortName) -> Result<Option<u32>, NtStatus> {
        self.parameter(value)?
            .map(|value| value.number())
            .transpose()
    }

    /// Stores a value of the subkey `Parameters` (nf-wdm-zwsetvaluekey).
    ///
    /// # Errors
    /// OBJECT_NAME_NOT_FOUND if there is no such subkey; the registry's.
    pub fn set(&self, name: &ShortName, value: &Value) -> Result<(), NtStatus> {
        let key = self.parameters(KEY_SET_VALUE)?;
        match value {
            Value::Number(number) => key.set(name, REG_DWORD, &number.to_le_bytes()),
            Value::Text(text) => {
                let mut data = [0; 2 * (MAX_TEXT + 1)];
                for (place, unit) in data.chunks_exact_mut(2).zip(text.units()) {
                    place.copy_from_slice(&unit.to_le_bytes());
                }
                // With its null character.
                let bytes = size_of_val(text.units()).saturating_add(2);
                key.set(name, REG_SZ, data.get(..bytes).unwrap_or_default())
            }
        }
    }

    fn parameters(&self, access: ACCESS_MASK) -> Result<Key, NtStatus> {
        const PARAMETERS: Name<10> = Name::ascii("Parameters");
        let mut path = unicode(&self.path);
        let service = Key::open(ptr::null_mut(), &raw mut path, KEY_QUERY_VALUE)?;
        let mut name = PARAMETERS.as_unicode();
        Key::open(service.0, &raw mut name, access)
    }

    fn parameter(&self, value: &ShortName) -> Result<Option<Information>, NtStatus> {
        let read = || self.parameters(KEY_QUERY_VALUE)?.value(value);
        match read() {
            Ok(value) => Ok(Some(value)),
            Err(NtStatus::OBJECT_NAME_NOT_FOUND) => Ok(None),
            Err(status) => Err(status),
        }
    }
}

/// An open key.
struct Key(HANDLE);

impl Key {
    /// nf-wdm-zwopenkey
    fn open(root: HANDLE, name: PUNICODE_STRING, access: ACCESS_MASK) -> Result<Self, NtStatus> {
        let mut attributes = OBJECT_ATTRIBUTES {
            Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
            RootDirectory: root,
            ObjectName: name,
            Attributes: OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
            ..OBJECT_ATTRIBUTES::default()
        };
        let mut key: HANDLE = ptr::null_mut();
        // SAFETY: a valid name, no or an open key as root, and a place for the handle.
        let status = unsafe { ZwOpenKey(&raw mut key, access, &raw mut attributes) };
        NtStatus::check(status)?;
        Ok(Self(key))
    }

    fn set(&self, name: &ShortName, kind: u32, data: &[u8]) -> Result<(), NtStatus> {
        let mut name = name.as_unicode();
        let size = u32::try_from(data.len()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        // SAFETY: a key opened to set values; the data has that size and is only read.
        let status = unsafe {
            ZwSetValueKey(
                self.0,
                &raw mut name,
                0,
                kind,
                data.as_ptr().cast_mut().cast(),
                size,
            )
        };
        NtStatus::check(status)
    }

    fn value(&self, value: &ShortName) -> Result<Information, NtStatus> {
        let mut name = value.as_unicode();
        let mut information = Information {
            title_index: 0,
            kind: 0,
            length: 0,
            data: [0; 2 * (MAX_TEXT + 1)],
        };
        let mut length = 0_u32;
        // SAFETY: an open key; the buffer is as long as it says.
        let status = unsafe {
            ZwQueryValueKey(
                self.0,
                &raw mut name,
                KeyValuePartialInformation,
                (&raw mut information).cast(),
                size_of::<Information>() as u32,
                &raw mut length,
            )
        };
        match NtStatus::check(status) {
            Err(NtStatus::BUFFER_OVERFLOW | NtStatus::BUFFER_TOO_SMALL) => {
                return Err(NtStatus::INVALID_PARAMETER);
            }
            checked => checked?,
        }
        Ok(information)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: our own handle.
        let _ = unsafe { ZwClose(self.0) };
    }
}

/// KEY_VALUE_PARTIAL_INFORMATION with room for the text and its null character.
#[repr(C)]
struct Information {
    title_index: u32,
    kind: u32,
    length: u32,
    data: [u8; 2 * (MAX_TEXT + 1)],
}

impl Information {
    fn data(&self, kind: u32) -> Result<&[u8], NtStatus> {
        let data = self.data.get(..self.length as usize);
        data.filter(|_| self.kind == kind)
            .ok_or(NtStatus::INVALID_PARAMETER)
    }

    fn text(&self) -> Result<Text, NtStatus> {
        Text::from_utf16(self.data(REG_SZ)?)
    }

    fn number(&self) -> Result<u32, NtStatus> {
        let bytes = self.data(REG_DWORD)?.try_into();
        bytes
            .map(u32::from_le_bytes)
            .map_err(|_| NtStatus::INVALID_PARAMETER)
    }
}

const _: () = {
    type Declared = KEY_VALUE_PARTIAL_INFORMATION;
    assert!(offset_of!(Information, kind) == 4 && offset_of!(Declared, Type) == 4);
    assert!(offset_of!(Information, length) == 8 && offset_of!(Declared, DataLength) == 8);
    assert!(offset_of!(Information, data) == 12 && offset_of!(Declared, Data) == 12);
};
