//! Kernel images with damage.

use ntsim_machine::image::Image;

/// Where the PE signature's offset stands.
const E_LFANEW: usize = 0x3c;
/// OptionalHeader.CheckSum, from the signature.
const CHECKSUM: usize = 0x58;

/// Loads an image, whose checksum is taken for right.
pub fn run(data: &[u8]) {
    let mut file = data.to_vec();
    if let Some(at) = signature(&file)
        && let Some(checksum) = file.get_mut(at + CHECKSUM..at + CHECKSUM + 4)
    {
        checksum.fill(0);
    }
    // Every other import is there.
    let mut resolve = |_: &str, name: &str| name.len().is_multiple_of(2).then_some(0x1000);
    let loaded = Image::check(&file, &mut resolve);
    if crate::failure::is_verbose() {
        eprintln!("  {loaded:?}");
    }
}

fn signature(file: &[u8]) -> Option<usize> {
    let bytes = file.get(E_LFANEW..E_LFANEW + 4)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Gives one field of the headers, or of what they lead to, another value; `random` chooses.
pub fn mutate(data: &mut [u8], random: u32) {
    const VALUES: [u32; 12] = [
        0,
        1,
        8,
        0x0fff,
        0x1000,
        0x2000,
        0x10000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_ffff,
        0x0fff_f000,
    ];
    let mut random = random;
    let mut below = |count: usize| {
        random = random.wrapping_mul(0x9e37_79b1).rotate_left(13) ^ 0x5bd1_e995;
        random as usize % count
    };
    let headers = signature(data).unwrap_or(0);
    let at = match below(4) {
        // File header and optional header.
        0 => headers + 4 + below(128),
        // Data directory.
        1 => headers + 24 + 112 + 4 * below(32),
        // Section table.
        2 => headers + 24 + 240 + 4 * below(60),
        _ => 4 * below(data.len() / 4 + 1),
    };
    let old = data.get(at..at.saturating_add(4)).map_or(0, |bytes| {
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    });
    let value = match below(4) {
        0 => VALUES[below(VALUES.len())],
        1 => old.wrapping_add(below(64) as u32).wrapping_sub(32),
        2 => old ^ 1 << below(32),
        _ => below(0x8000) as u32,
    };
    let size = [1, 2, 4, 4][below(4)];
    if let Some(field) = data.get_mut(at..at.saturating_add(size)) {
        field.copy_from_slice(&value.to_le_bytes()[..size]);
    }
}
