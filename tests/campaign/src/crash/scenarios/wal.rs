//! A store of fixed slots with a write-ahead log, as SQLite has one: a transaction is a record with a
//! checksum, checkpoints copy the slots into the table and begin the log anew.

use super::Outcome;
use crate::crash::{
    image::{Image, Recovery},
    session::Session,
};
use daxctl::random::mix;
use xxhash_rust::xxh3::xxh3_64;

const TABLE: usize = 0;
const LOG: usize = 1;
const SLOTS: u64 = 12;
const SLOT: usize = 72;
/// Slots that a transaction changes.
const CHANGES: usize = 2;
const RECORD: usize = 8 + 8 + CHANGES * (8 + SLOT) + 8;
const HEADER: usize = 64;
const TRANSACTIONS: u64 = 10;
/// Transactions between checkpoints.
const PERIOD: u64 = 4;

type Table = Vec<u8>;

/// What a transaction stores into a slot.
fn value(seed: u64, transaction: u64, slot: u64) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    for (at, unit) in bytes.chunks_exact_mut(8).enumerate() {
        let stamp = mix(seed ^ mix(transaction << 16 | slot << 8 | at as u64));
        unit.copy_from_slice(&stamp.to_le_bytes());
    }
    bytes
}

fn place(slot: u64) -> usize {
    slot as usize * SLOT
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Bytes, and their checksum.
fn sealed(words: &[u64], more: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(more);
    let sum = xxh3_64(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn is_sealed(bytes: &[u8]) -> bool {
    let body = bytes.len() - 8;
    word(bytes, body) == Some(xxh3_64(&bytes[..body]))
}

/// The program: it commits each transaction, and relies on it from then on.
pub fn run(session: &mut Session) -> Outcome {
    run_with(session, true)
}

/// A careless program begins the log anew before the table is durable.
fn run_with(session: &mut Session, careful: bool) -> Outcome {
    let seed = session.random.next_u64();
    let (table, log) = (session.open("table"), session.open("log"));
    assert_eq!((table.number, log.number), (TABLE, LOG));
    let mut states: Vec<Table> = vec![vec![0; place(SLOTS)]];
    let mut salt = seed | 1;
    session.write_data(table, 0, &states[0]);
    session.flush(table);
    session.write_data(log, 0, &sealed(&[salt], &[]));
    session.flush(log);
    let mut end = HEADER;
    for transaction in 1..=TRANSACTIONS {
        let mut state = states[states.len() - 1].clone();
        let mut body = Vec::new();
        for _ in 0..CHANGES {
            let slot = session.random.below(SLOTS);
            let value = value(seed, transaction, slot);
            body.extend(slot.to_le_bytes());
            body.extend(value);
            state[place(slot)..][..SLOT].copy_from_slice(&value);
        }
        states.push(state);
        session.begins(transaction);
        let record = sealed(&[salt, transaction], &body);
        // In two writes, as a program with a header and a body might.
        let half = 8 * (1 + session.random.below(RECORD as u64 / 8 - 1) as usize);
        session.write_data(log, end as u64, &record[..half]);
        session.write_data(log, (end + half) as u64, &record[half..]);
        end += record.len();
        session.flush(log);
        session.relies_on(transaction);
        if transaction % PERIOD == 0 {
            let (old, new) = (
                &states[(transaction - PERIOD) as usize],
                &states[transaction as usize],
            );
            for slot in 0..SLOTS {
                let place = place(slot)..place(slot + 1);
                if old[place.clone()] != new[place.clone()] {
                    session.write_data(table, place.start as u64, &new[place]);
                }
            }
            if careful {
                session.flush(table);
            }
            salt = mix(salt);
            session.write_data(log, 0, &sealed(&[salt], &[]));
            session.flush(log);
            end = HEADER;
        }
    }
    session.close(table);
    session.close(log);
    Some(Box::new(Wal { states }))
}

struct Wal {
    /// The table after each transaction.
    states: Vec<Table>,
}

impl Recovery for Wal {
    fn recover(&self, image: &Image<'_>) -> Result<(), String> {
        let (begun, relied) = image.transactions();
        let mut table = image.file(TABLE).to_vec();
        table.resize(place(SLOTS), 0);
        let mut last = None;
        let log = image.file(LOG);
        let header = log.get(..16).filter(|header| is_sealed(header));
        if let Some(salt) = header.and_then(|header| word(header, 0)) {
            for record in log[HEADER.min(log.len())..].chunks_exact(RECORD) {
                if word(record, 0) != Some(salt) || !is_sealed(record) {
                    break;
                }
                last = word(record, 8);
                for change in record[16..RECORD - 8].chunks_exact(8 + SLOT) {
                    let slot = word(change, 0).filter(|slot| *slot < SLOTS);
                    let slot = slot.ok_or("a record with a checksum names no slot")?;
                    table[place(slot)..][..SLOT].copy_from_slice(&change[8..]);
                }
            }
        }
        let is_state = |transaction: u64| {
            let state = self.states.get(transaction as usize);
            state.is_some_and(|state| *state == table)
        };
        match last {
            Some(last) if last < relied => Err(format!(
                "the log ends at transaction {last}, and {relied} was committed"
            )),
            Some(last) if !is_state(last) => {
                Err(format!("the table is not as transaction {last} left it"))
            }
            None if !(relied..=begun).any(is_state) => Err(format!(
                "without a log the table is not as any transaction from {relied} to {begun} left it"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::scenarios::tests::found;

    /// The driver is not to blame, and no line by itself tells.
    #[test]
    fn a_log_begun_anew_too_early_is_found() {
        let failure = found(|session| run_with(session, false));
        let failure = failure.expect("a state without recovery");
        assert!(
            failure.title.contains("the program cannot recover"),
            "{failure}"
        );
        assert!(found(run).is_none());
    }
}
