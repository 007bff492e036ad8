//! A thread's part of a file: nobody else stores to it, so what is in it is known.

use super::{Disagreement, SHARE};
use crate::{
    client::{ClientError, DaxFile, Device, Platform, Recording},
    random::{Random, mix},
};
use daxflush_protocol::{FileRange, MIN_LOG_ENTRIES};
use std::sync::Arc;

/// The longest store.
const LONGEST: u64 = 1024;

/// A share that is open.
pub struct Share<P: Platform> {
    path: String,
    file: usize,
    first: u64,
    contents: Vec<u8>,
    opened: Option<Opened<P>>,
}

/// What is open of it.
pub struct Opened<P: Platform> {
    /// The file.
    pub file: DaxFile<P>,
    /// How stores through its view are recorded, if it is mapped.
    pub mapped: Option<Recording>,
    /// A token of the share.
    pub token: Option<u64>,
}

/// What should be in a share in the end.
pub struct Ended {
    /// Number of the file.
    pub file: usize,
    /// First byte.
    pub first: u64,
    /// The bytes.
    pub contents: Vec<u8>,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> Share<P> {
    /// A thread's share of a new file.
    pub fn new(path: &str, file: usize, thread: u64) -> Self {
        Self {
            path: path.to_owned(),
            file,
            first: thread * SHARE,
            contents: vec![0; SHARE as usize],
            opened: None,
        }
    }

    /// The file's path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All of it.
    pub fn range(&self) -> FileRange {
        FileRange {
            offset: self.first,
            length: SHARE,
        }
    }

    /// What is open.
    ///
    /// # Errors
    /// Nothing is: the driver has failed before.
    pub fn opened(&mut self) -> std::result::Result<&mut Opened<P>, Disagreement> {
        let opened = self.opened.as_mut();
        opened.ok_or_else(|| Disagreement::new("the file is not open"))
    }

    /// Opens it, in one of the ways that the platform has.
    pub fn open(&mut self, device: &Arc<Device<P>>, random: &mut Random) -> Result<(), P> {
        let entries = MIN_LOG_ENTRIES;
        let mapped = match random.below(4) {
            0 if P::SHARES_MEMORY => Some(Recording::Report),
            1 if P::SHARES_MEMORY => Some(Recording::Log { entries }),
            _ => None,
        };
        let recording = mapped.unwrap_or(Recording::Report);
        let mut file = DaxFile::open(device, &self.path, recording)?;
        if mapped.is_some() {
            file.map(self.first, SHARE)?;
        }
        self.opened = Some(Opened {
            file,
            mapped,
            token: None,
        });
        Ok(())
    }

    /// Closes what is open, the token first.
    pub fn close(&mut self, device: &Device<P>) -> Result<(), P> {
        let Some(opened) = self.opened.take() else {
            return Ok(());
        };
        let freed = opened
            .token
            .map_or(Ok(()), |token| device.free_token(token));
        opened.file.close().and(freed)
    }

    /// The token, made if there is none.
    pub fn token(&mut self, device: &Device<P>) -> std::result::Result<u64, Disagreement> {
        let FileRange { offset, length } = self.range();
        let opened = self.opened()?;
        if let Some(token) = opened.token {
            return Ok(token);
        }
        let token = device.get_token(opened.file.handle(), offset, length)?;
        opened.token = Some(token);
        Ok(token)
    }

    /// A range within the share, no longer than a store may be.
    pub fn some_range(&self, random: &mut Random) -> FileRange {
        let length = 1 + random.below(LONGEST);
        FileRange {
            offset: self.first + random.below(SHARE - length + 1),
            length,
        }
    }

    /// What a range is going to hold.
    pub fn put(&mut self, range: FileRange, byte: impl Fn(u64) -> u8) -> Vec<u8> {
        let data: Vec<u8> = (0..range.length).map(byte).collect();
        let place = (range.offset - self.first) as usize;
        self.contents[place..place + data.len()].copy_from_slice(&data);
        data
    }

    /// As [`put`](Self::put), with bytes of which no two ranges have the same.
    pub fn put_some(&mut self, range: FileRange, random: &mut Random) -> Vec<u8> {
        let seed = random.next_u64();
        self.put(range, |at| mix(seed ^ at) as u8)
    }

    /// Whether a range holds what it should.
    pub fn verify(
        &mut self,
        platform: &P,
        range: FileRange,
    ) -> std::result::Result<(), Disagreement> {
        let place = (range.offset - self.first) as usize;
        let mut found = vec![0; range.length as usize];
        let read = platform.read(self.opened()?.file.handle(), range.offset, &mut found);
        read.map_err(ClientError::Platform)?;
        compare(
            &self.contents[place..place + found.len()],
            &found,
            range.offset,
        )
    }

    /// Ends it, when it is closed.
    pub fn end(self) -> Ended {
        Ended {
            file: self.file,
            first: self.first,
            contents: self.contents,
        }
    }
}

/// Whether bytes from an offset in a file on are those that should be there.
pub fn compare(
    expected: &[u8],
    found: &[u8],
    offset: u64,
) -> std::result::Result<(), Disagreement> {
    let differ = expected.iter().zip(found).filter(|(a, b)| a != b).count();
    let first = expected.iter().zip(found).position(|(a, b)| a != b);
    let Some(first) = first else {
        return Ok(());
    };
    Err(Disagreement::new(format_args!(
        "{differ} bytes are not what was stored; the first is at {}, {:#04x} and not {:#04x}",
        offset + first as u64,
        found[first],
        expected[first]
    )))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn the_first_wrong_byte_is_named() {
        assert!(compare(&[1, 2, 3], &[1, 2, 3], 64).is_ok());
        let wrong = compare(&[1, 2, 3], &[1, 5, 4], 64).expect_err("two differ");
        let text = wrong.to_string();
        assert!(
            text.starts_with("2 bytes") && text.contains("at 65, 0x05 and not 0x02"),
            "{text}"
        );
    }
}
