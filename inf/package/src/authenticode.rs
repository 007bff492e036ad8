//! The hash by which Windows knows an image, whether it is signed or not.

use crate::error::Result;
use crate::pe::Pe;
use sha2::Digest;

/// The Authenticode hash: of all the file but its checksum, the directory entry of its certificate
/// table and that table
/// ([Windows Authenticode Portable Executable Signature Format](https://learn.microsoft.com/windows/win32/debug/pe-format#process-for-generating-the-authenticode-pe-image-hash)).
/// An unsigned image counts as filled up with zeros to a multiple of 8 bytes, as signing does it.
pub fn hash<D: Digest>(pe: &Pe<'_>) -> Result<Vec<u8>> {
    let data = pe.data();
    let (checksum, entry) = (pe.checksum_field(), pe.certificates_entry());
    let mut hash = D::new();
    hash.update(&data[..checksum.start]);
    hash.update(&data[checksum.end..entry.start]);
    match pe.certificates()? {
        Some(table) => {
            hash.update(&data[entry.end..table.start]);
            hash.update(&data[table.end..]);
        }
        None => {
            hash.update(&data[entry.end..]);
            hash.update(&[0; 8][..data.len().wrapping_neg() % 8]);
        }
    }
    Ok(hash.finalize().to_vec())
}
