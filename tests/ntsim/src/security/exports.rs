//! What SeExports points to (ns-ntifs-_se_exports).

use super::Sid;
use crate::nt::{Block, put};

/// The structure, and the SIDs that it points to.
pub(crate) struct SeExports {
    block: Block,
    _sids: Vec<Block>,
}

/// Privileges before the SIDs, each a LUID of 8 bytes, from SeCreateTokenPrivilege to
/// SeRemoteShutdownPrivilege.
const PRIVILEGES: [u64; 23] = [
    2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 14, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 24,
];
/// Twice the bytes that are filled: what follows is zero.
const ROOM: usize = 2 * 8 * (PRIVILEGES.len() + 22);

impl SeExports {
    pub fn new() -> Self {
        let block = Block::zeroed(ROOM);
        for (at, privilege) in PRIVILEGES.iter().enumerate() {
            // SAFETY: our own block, which is long enough.
            unsafe { put(block.address(), 8 * at, *privilege) };
        }
        let mut sids = Vec::new();
        for (at, sid) in in_order().iter().enumerate() {
            let copy = Block::zeroed(sid.bytes().len());
            // SAFETY: our own block of that length.
            unsafe {
                (copy.address() as *mut u8).copy_from(sid.bytes().as_ptr(), sid.bytes().len());
            }
            // SAFETY: our own block, which is long enough.
            unsafe { put(block.address(), 8 * (PRIVILEGES.len() + at), copy.address()) };
            sids.push(copy);
        }
        Self { block, _sids: sids }
    }

    pub fn address(&self) -> usize {
        self.block.address()
    }
}

/// From SeNullSid to SeAnonymousLogonSid.
fn in_order() -> [Sid; 22] {
    [
        Sid::new(0, &[0]),
        Sid::world(),
        Sid::new(2, &[0]),
        Sid::new(3, &[0]),
        Sid::new(3, &[1]),
        Sid::new(5, &[]),
        Sid::new(5, &[1]),
        Sid::new(5, &[2]),
        Sid::new(5, &[3]),
        Sid::new(5, &[4]),
        Sid::local_system(),
        Sid::administrators(),
        Sid::users(),
        Sid::alias(546),
        Sid::alias(547),
        Sid::alias(548),
        Sid::alias(549),
        Sid::alias(550),
        Sid::alias(551),
        Sid::authenticated(),
        Sid::new(5, &[12]),
        Sid::anonymous(),
    ]
}
