//! Stores through a view.

use super::Outcome;
use crate::crash::session::Session;
use daxflush_protocol::FileRange;

const BYTES: u64 = 8192;

/// Each is reported some time after it was made; until then nothing is promised.
pub fn reported(session: &mut Session) -> Outcome {
    let file = session.open("mapped");
    session.truncate(file, BYTES);
    let client = session.client();
    let view = session.sim.map_view(file.handle, 0, BYTES, true);
    let view = view.expect("a view");
    let mut late: Vec<(usize, FileRange)> = Vec::new();
    for _ in 0..10 {
        for _ in 0..3 {
            let length = 1 + session.random.below(180);
            let offset = session.random.below(BYTES - length);
            let data = session.marker.stamps(offset, length as usize);
            let store = session.marker.storing(file.number, offset, &data);
            view.store(offset, &data);
            late.push((store, FileRange { offset, length }));
        }
        let count = session.random.below(late.len() as u64 + 1) as usize;
        let told: Vec<_> = late.drain(..count).collect();
        let ranges: Vec<_> = told.iter().map(|(_, range)| *range).collect();
        if !ranges.is_empty() {
            client.mark(file.handle, &ranges).expect("reported");
        }
        for (store, _) in told {
            session.marker.stored(store);
        }
        session.flush(file);
    }
    session.sim.unmap_view(view);
    client.close();
    session.close(file);
    None
}
