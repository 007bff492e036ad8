//! The GUID in a PDB file.

use crate::error::{Error, Result};
use crate::image::Symbols;

/// What a PDB file begins with
/// ([The MSF File Format](https://llvm.org/docs/PDB/MsfFile.html)).
const MAGIC: &[u8; 32] = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0";

/// Gives a PDB file another GUID and signature, so that it stays the one of an image that got them.
/// `before` is what the image named before.
pub fn rename(pdb: &mut [u8], before: Symbols, after: Symbols, signature: u32) -> Result<()> {
    let at = information(pdb).ok_or_else(|| Error::new("not a PDB file, or a damaged one"))?;
    // Version, signature, age, GUID (https://llvm.org/docs/PDB/PdbStream.html).
    let header = &mut pdb[at..at + 28];
    let (age, guid) = (&header[8..12], &header[12..28]);
    if guid != before.guid.0 || age != before.age.to_le_bytes() {
        return Err(Error::new(format!(
            "the PDB file is not the image's: the image names {}, age {}; give the one of the same link",
            before.guid, before.age
        )));
    }
    header[4..8].copy_from_slice(&signature.to_le_bytes());
    header[8..12].copy_from_slice(&after.age.to_le_bytes());
    header[12..28].copy_from_slice(&after.guid.0);
    Ok(())
}

/// Where stream 1, the PDB's information, begins. Its header is shorter than any block.
fn information(pdb: &[u8]) -> Option<usize> {
    if pdb.get(..32)? != MAGIC {
        return None;
    }
    let block_size = number(pdb, 32)?;
    if !matches!(block_size, 512 | 1024 | 2048 | 4096 | 8192 | 16384 | 32768) {
        return None;
    }
    // The directory's blocks are listed in a block of their own, or in more that follow it.
    let length = number(pdb, 44)?;
    let list = number(pdb, 52)?.checked_mul(block_size)?;
    let word = |index: usize| {
        let at = index.checked_mul(4)?;
        if at >= length {
            return None;
        }
        let block = number(pdb, list.checked_add(4 * (at / block_size))?)?;
        number(
            pdb,
            block
                .checked_mul(block_size)?
                .checked_add(at % block_size)?,
        )
    };
    // The number of streams, their sizes, then each one's blocks.
    let streams = word(0)?;
    let first = match word(1)? {
        0xffff_ffff => 0,
        size => size.div_ceil(block_size),
    };
    if streams < 2 || word(2)? < 28 {
        return None;
    }
    let block = word(streams.checked_add(1)?.checked_add(first)?)?;
    let at = block.checked_mul(block_size)?;
    (at.checked_add(28)? <= pdb.len()).then_some(at)
}

fn number(data: &[u8], at: usize) -> Option<usize> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}
