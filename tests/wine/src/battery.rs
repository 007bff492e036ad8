//! Requests of every kind, and what came of each, in terms that any system gives alike.

use daxctl::client::{Code, Coded, DeviceAccess, Platform};
use daxflush_protocol::Ioctl;

/// Inputs go up to this many bytes: longer than any fixed structure of the protocol.
const LONGEST: usize = 80;
/// Room for an answer: none, less than a header, a header, one byte more, and plenty.
const ROOMS: [usize; 5] = [0, 7, 8, 9, 4096];

/// Makes them all, and says what came of each: how many bytes, or which Win32 error. `ordinary` is a
/// file to be made on a volume without persistent memory.
///
/// # Panics
/// The device cannot be opened, or the file cannot be made.
pub fn run<P: Platform>(platform: &P, ordinary: &str) -> Vec<String>
where
    P::Error: Coded,
{
    let file = platform.open_file(ordinary).expect("a file");
    platform.write(&file, 0, &[1; 4096]).expect("it is written");
    let mut lines = Vec::new();
    for access in [DeviceAccess::Read, DeviceAccess::ReadWrite] {
        let device = platform.open_device(access).expect("the device");
        for ioctl in Ioctl::ALL {
            for length in 0..=LONGEST {
                for (name, input) in inputs(P::raw(&file), P::raw(&device), length) {
                    for room in ROOMS {
                        let mut output = vec![0; room];
                        let came = match platform.control(&device, *ioctl, &input, &mut output) {
                            Ok(count) => format!("{count} bytes"),
                            Err(error) => format!("error {}", win32(&error)),
                        };
                        lines.push(format!(
                            "{} {access:?}, {length} bytes of {name}, room for {room}: {came}",
                            ioctl.name()
                        ));
                    }
                }
            }
        }
        platform.close(device).expect("the device was open");
    }
    platform.close(file).expect("the file was open");
    lines
}

/// Nothing but zeros, a pattern that is no handle and no number in range, and the file's handle with
/// small numbers behind it, or the device's own.
fn inputs(file: u64, device: u64, length: usize) -> [(&'static str, Vec<u8>); 4] {
    let named = |handle: u64| {
        let words = [handle, 1, 64];
        let mut input: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        input.resize(LONGEST, 0);
        input.truncate(length);
        input
    };
    [
        ("zeros", vec![0; length]),
        ("0x41", vec![0x41; length]),
        ("a file's handle", named(file)),
        ("its own handle", named(device)),
    ]
}

/// As RtlNtStatusToDosError translates it (learn.microsoft.com, "Mapping NT Status Error Codes to
/// Win32 Error Codes").
fn win32(error: &impl Coded) -> u32 {
    match error.code().expect("a code") {
        Code::Win32(code) => code,
        Code::Nt(status) => match status.cast_unsigned() {
            0x8000_0005 => 234,
            0xC000_0008 | 0xC000_0024 => 6,
            0xC000_000D => 87,
            0xC000_0010 => 1,
            0xC000_0022 => 5,
            0xC000_0023 => 122,
            0xC000_0059 => 1306,
            0xC000_00BB => 50,
            0xC000_0225 => 1168,
            other => panic!("no Win32 error is known for {other:#010x}"),
        },
    }
}
