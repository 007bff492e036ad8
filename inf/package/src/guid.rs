//! GUIDs as they are in images and PDB files.

use std::fmt;

/// A GUID: its first three fields in little-endian order, as Windows stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The GUID that the first 16 bytes of a hash make: a UUID of version 8, the one for hashes other
    /// than MD5 and SHA-1 ([RFC 9562, 5.8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8)).
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        // The version is in the third field's high bits, which are in its second byte here.
        bytes[7] = bytes[7] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (position, index) in ORDER.into_iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02X}", self.0[index])?;
        }
        Ok(())
    }
}
