//! Values that a driver writes to its service's key.

use super::{details, driver::status, fake::bare};
use crate::{
    NtStatus, ParameterValue, Sim,
    nt::{Block, Utf16, get, object_attributes as oa, put},
    registry::service_path,
};

const OK: NtStatus = NtStatus::SUCCESS;
const REG_SZ: usize = 1;
const REG_DWORD: usize = 4;

fn open(sim: &Sim, access: usize) -> usize {
    let path = Utf16::new(&format!(r"{}\Parameters", service_path("test")));
    let (attributes, out) = (Block::zeroed(48), Block::zeroed(8));
    // SAFETY: our own block.
    unsafe { put(attributes.address(), oa::OBJECT_NAME, path.address()) };
    // SAFETY: as above.
    unsafe { put(attributes.address(), oa::ATTRIBUTES, oa::OBJ_KERNEL_HANDLE) };
    let arguments = [out.address(), access, attributes.address()];
    assert_eq!(status(sim, "ZwOpenKey", &arguments), OK);
    // SAFETY: as above.
    unsafe { get(out.address(), 0) }
}

fn set(sim: &Sim, key: usize, name: &str, kind: usize, data: &[u8]) -> NtStatus {
    let name = Utf16::new(name);
    let data = (data.as_ptr() as usize, data.len());
    let arguments = [key, name.address(), 0, kind, data.0, data.1];
    status(sim, "ZwSetValueKey", &arguments)
}

#[test]
fn a_value_is_set_through_a_key_that_may() {
    let sim = bare();
    sim.set_number_parameter("test", "Number", 7);
    let (reader, writer) = (open(&sim, 1), open(&sim, 2));
    let four = 4_u32.to_le_bytes();
    assert_eq!(
        set(&sim, reader, "Number", REG_DWORD, &four),
        NtStatus::ACCESS_DENIED
    );
    assert_eq!(
        sim.parameter("test", "number"),
        Some(ParameterValue::Number(7))
    );
    assert_eq!(set(&sim, writer, "number", REG_DWORD, &four), OK);
    assert_eq!(
        sim.parameter("TEST", "Number"),
        Some(ParameterValue::Number(4))
    );
    assert_eq!(set(&sim, writer, "Text", REG_SZ, b"a\0b\0\0\0"), OK);
    let text = ParameterValue::Text("ab".to_owned());
    assert_eq!(sim.parameter("test", "Text"), Some(text));
    assert_eq!(set(&sim, writer, "Bytes", 3, b"xyz"), OK);
    let bytes = ParameterValue::Bytes(b"xyz".to_vec());
    assert_eq!(sim.parameter("test", "Bytes"), Some(bytes));
    assert_eq!(sim.parameter("test", "Other"), None);
    assert_eq!(details(&sim), [""; 0]);
    sim.fail_nth("ZwSetValueKey", 1);
    let failed = set(&sim, writer, "Text", REG_SZ, b"a\0\0\0");
    assert_eq!(failed, NtStatus::INSUFFICIENT_RESOURCES);
}

#[test]
fn data_must_be_what_its_type_says() {
    let sim = bare();
    sim.set_parameter("test", "Text", "a", false);
    let writer = open(&sim, 2);
    set(&sim, writer, "Text", REG_SZ, b"a\0");
    set(&sim, writer, "Number", REG_DWORD, &[0; 8]);
    let expected = [
        "text was written without a zero at its end",
        "a REG_DWORD was written that has not 4 bytes",
    ];
    assert_eq!(details(&sim), expected);
}
