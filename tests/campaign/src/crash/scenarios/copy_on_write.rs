//! A store whose pages are never overwritten while they are needed, as LMDB is one: a transaction writes
//! new pages, commits them, and then one of two roots, which names them.

use super::Outcome;
use crate::crash::{
    image::{Image, Recovery},
    session::{File, Session, whole},
};
use daxctl::{
    client::{ClientError, DaxFile, Device, Recording, Simulated},
    random::mix,
};
use ntsim::NtStatus;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

const PAGE: usize = 256;
const PAGES: usize = 24;
/// Leaves of the tree.
const LEAVES: usize = 4;
/// The roots are in the first pages, one each.
const ROOTS: usize = 2;
const TRANSACTIONS: u64 = 8;
const BYTES: u64 = (PAGE * PAGES) as u64;
const STORE: usize = 0;

/// Words with a checksum, as far as a page or a root.
fn sealed(words: &[u64], length: usize, filler: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    while bytes.len() < length - 8 {
        let at = bytes.len() as u64;
        bytes.extend(mix(filler ^ mix(at)).to_le_bytes());
    }
    let sum = xxh3_64(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(8 * at..8 * at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn is_sealed(bytes: &[u8]) -> bool {
    let body = bytes.len() - 8;
    word(bytes, body / 8) == Some(xxh3_64(&bytes[..body]))
}

pub fn reported(session: &mut Session) -> Outcome {
    run(session, Recording::Report, true)
}

pub fn logged(session: &mut Session) -> Outcome {
    run(session, Recording::Log { entries: 64 }, true)
}

pub fn tracked(session: &mut Session) -> Outcome {
    run(session, Recording::Faults, true)
}

pub fn untold(session: &mut Session) -> Outcome {
    run(session, Recording::Conservative, true)
}

fn status(error: ClientError<NtStatus>) -> NtStatus {
    match error {
        ClientError::Platform(status) => status,
        other => panic!("{other}"),
    }
}

/// The file, through the client library.
struct Store {
    file: File,
    dax: DaxFile<Simulated>,
}

impl Store {
    fn store(&mut self, session: &mut Session, offset: usize, bytes: &[u8]) {
        let offset = offset as u64;
        let stored = session.stores_by_itself(self.file, offset, bytes, |_| {
            self.dax.store(offset, bytes).map_err(status)
        });
        stored.expect("a store");
    }

    fn commit(&mut self, session: &mut Session) {
        let committed =
            session.commits("FlushFileBuffers of the store", &[whole(self.file)], |_| {
                self.dax.commit().map_err(status)
            });
        assert!(committed);
    }
}

/// A careless program commits a root together with what it names.
fn run(session: &mut Session, recording: Recording, careful: bool) -> Outcome {
    let seed = session.random.next_u64();
    let device = Arc::new(Device::open(Simulated(session.sim.clone())).expect("the device"));
    let mut dax = DaxFile::open(&device, r"D:\store", recording).expect("a file");
    let file = session.opened("store", *dax.handle());
    assert_eq!(file.number, STORE);
    session.truncate(file, BYTES);
    dax.map(0, BYTES).expect("a view");
    let mut store = Store { file, dax };
    // What each leaf holds: the transaction that wrote it, and the page.
    let mut leaves = [(0_u64, 0_usize); LEAVES];
    let mut contents = vec![[0; LEAVES]];
    let mut root_page = 0;
    for transaction in 0..=TRANSACTIONS {
        session.begins(transaction);
        let needed: Vec<usize> = leaves
            .iter()
            .map(|leaf| leaf.1)
            .chain([root_page])
            .collect();
        let mut free: Vec<usize> = (ROOTS..PAGES)
            .filter(|page| !needed.contains(page))
            .collect();
        session.random.shuffle(&mut free);
        let first = session.random.below(LEAVES as u64) as usize;
        let changed: Vec<usize> = match transaction {
            0 => (0..LEAVES).collect(),
            _ => vec![first, (first + 1) % LEAVES],
        };
        for leaf in changed {
            let page = free.pop().expect("a free page");
            let words = [transaction, leaf as u64];
            let filler = mix(seed ^ mix(transaction << 8 | leaf as u64));
            let bytes = sealed(&words, PAGE, filler);
            store.store(session, page * PAGE, &bytes);
            leaves[leaf] = (transaction, page);
        }
        root_page = free.pop().expect("a free page");
        let mut words = vec![transaction];
        words.extend(leaves.iter().map(|leaf| leaf.1 as u64));
        let bytes = sealed(&words, PAGE, mix(seed ^ !transaction));
        store.store(session, root_page * PAGE, &bytes);
        if careful {
            store.commit(session);
        }
        contents.push(leaves.map(|leaf| leaf.0));
        let root = sealed(
            &[transaction, root_page as u64],
            48,
            mix(seed ^ mix(!transaction)),
        );
        store.store(session, (transaction % ROOTS as u64) as usize * PAGE, &root);
        store.commit(session);
        session.relies_on(transaction + 1);
    }
    let Store { file, mut dax } = store;
    dax.unmap().expect("unmapped");
    let closed = session.commits("the end of the store", &[whole(file)], |_| {
        dax.close().map_err(status)
    });
    assert!(closed);
    drop(device);
    Some(Box::new(Tree { contents }))
}

struct Tree {
    /// Which transaction wrote each leaf, after each transaction; the first is before all.
    contents: Vec<[u64; LEAVES]>,
}

impl Recovery for Tree {
    fn recover(&self, image: &Image<'_>) -> Result<(), String> {
        // The first transaction that is relied on is 1, which is number 0 in the file.
        let relied = image.transactions().1;
        let bytes = image.file(STORE);
        let roots = (0..ROOTS).filter_map(|root| bytes.get(root * PAGE..root * PAGE + 48));
        let roots = roots.filter(|root| is_sealed(root));
        let newest = roots.max_by_key(|root| word(root, 0));
        let Some(root) = newest else {
            return match relied {
                0 => Ok(()),
                _ => Err(format!(
                    "no root is left, and {relied} transactions were committed"
                )),
            };
        };
        let transaction = word(root, 0).unwrap_or(0);
        if transaction + 1 < relied {
            return Err(format!(
                "the newest root is of transaction {transaction}, and {} was committed",
                relied - 1
            ));
        }
        let page = |number: Option<u64>| {
            let start = number.filter(|number| *number < PAGES as u64)? as usize * PAGE;
            bytes
                .get(start..start + PAGE)
                .filter(|page| is_sealed(page))
        };
        let tree = page(word(root, 1)).filter(|tree| word(tree, 0) == Some(transaction));
        let tree = tree.ok_or_else(|| format!("root {transaction} names no page of its own"))?;
        let expected = &self.contents[transaction as usize + 1];
        for (leaf, wrote) in expected.iter().enumerate() {
            let found = page(word(tree, 1 + leaf));
            let is_right = found.is_some_and(|page| {
                word(page, 0) == Some(*wrote) && word(page, 1) == Some(leaf as u64)
            });
            if !is_right {
                return Err(format!(
                    "leaf {leaf} of transaction {transaction} is not as it was written"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::scenarios::tests::found;

    #[test]
    fn a_root_that_is_committed_with_its_pages_is_found() {
        let failure = found(|session| run(session, Recording::Report, false));
        let failure = failure.expect("a state without recovery");
        assert!(
            failure.title.contains("the program cannot recover"),
            "{failure}"
        );
        assert!(found(reported).is_none());
    }
}
