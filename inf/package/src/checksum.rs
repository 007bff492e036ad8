//! The checksum in an image's optional header.

/// The checksum of an image whose CheckSum field is at `field`.
///
/// The image's 16-bit little-endian words are added with the carry brought back in, the field itself
/// counting as zero, and the file's length is added to that:
/// [ImageHlp's CheckSumMappedFile](https://learn.microsoft.com/windows/win32/api/imagehlp/nf-imagehlp-checksummappedfile).
pub fn checksum(image: &[u8], field: usize) -> u32 {
    let field = field..field.saturating_add(4);
    let mut sum: u64 = 0;
    for (position, &byte) in image.iter().enumerate() {
        if !field.contains(&position) {
            sum += u64::from(byte) << (8 * (position & 1));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum as u32).wrapping_add(image.len() as u32)
}
