//! Stores through views, and tokens.

use crate::{
    crash::{
        marks::Mark,
        session::{File, whole},
    },
    failures::program::{Program, TRIES},
};
use daxflush_protocol::{FileRange, log_bytes, log_layout, write_flag};
use ntsim::{FlushKind, Sim, WriteOptions};

const BYTES: u64 = 16_384;
const ENTRIES: u32 = 64;

fn filled(program: &mut Program, name: &str) -> Option<File> {
    let file = program.is_filtered('D').then(|| program.open(name))??;
    let mut tries = 0..TRIES;
    let plain = WriteOptions::default();
    tries.find(|_| program.write(file, 0, BYTES as usize, plain))?;
    program.flush_surely(file, None);
    Some(file)
}

/// Places of stores, some in the same lines.
const STORES: [(u64, usize); 4] = [(0, 8), (4000, 200), (8192, 64), (4032, 40)];

pub fn reports(program: &mut Program) -> Vec<File> {
    let Some(file) = filled(program, "reports") else {
        return Vec::new();
    };
    let (sim, client) = (program.sim(), program.client());
    let Some(client) = client else {
        return vec![file];
    };
    let Ok(view) = sim.map_view(file.handle, 0, BYTES, true) else {
        return vec![file];
    };
    for (offset, length) in STORES {
        let data = program.session.marker.stamps(offset, length);
        let range = FileRange {
            offset,
            length: length as u64,
        };
        // The report is what makes it known: until one is taken the store has not completed.
        let stored = program.stores(file, offset, &data, |_| {
            view.store(offset, &data);
            let mut tries = (0..TRIES).map(|_| client.mark(file.handle, &[range]));
            tries
                .find(Result::is_ok)
                .unwrap_or(Err(ntsim::NtStatus::NO_MEMORY))
        });
        assert!(stored.is_some(), "a report is refused again and again");
        program.flush(file, Some(&client));
        program.commits("a range", &[(file, Some(0..8192))], Some(&client), |_| {
            let (offset, length) = (0, 8192);
            client
                .commit(file.handle, FileRange { offset, length })
                .map(|_| ())
        });
    }
    sim.unmap_view(view);
    program.flush_surely(file, Some(&client));
    client.close();
    vec![file]
}

fn append(sim: &Sim, address: u64, tail: u64, offset: u64, length: u64) {
    let log = sim
        .shared_view(address, log_bytes(ENTRIES))
        .expect("the log");
    let slot = log_layout::ENTRIES / 8 + 2 * tail as usize;
    log.store(slot, offset);
    log.store(slot + 1, length);
    log.store(log_layout::TAIL / 8, tail + 1);
}

pub fn logs(program: &mut Program) -> Vec<File> {
    let Some(file) = filled(program, "logs") else {
        return Vec::new();
    };
    let (sim, client) = (program.sim(), program.client());
    let Some(client) = client else {
        return vec![file];
    };
    let mut tries = 0..TRIES;
    let log = tries.find_map(|_| client.create_log(file.handle, ENTRIES).ok());
    let log = log.expect("a log, when nothing fails any more");
    let Ok(view) = sim.map_view(file.handle, 0, BYTES, true) else {
        let _ = client.close_log(log.log);
        sim.unmap_shared(log.address).expect("unmapped");
        client.close();
        return vec![file];
    };
    for (tail, (offset, length)) in STORES.into_iter().enumerate() {
        let data = program.session.marker.stamps(offset, length);
        program.stores(file, offset, &data, |sim| {
            view.store(offset, &data);
            append(sim, log.address, tail as u64, offset, length as u64);
            Ok(())
        });
        program.flush_as(file, FlushKind::DataOnly, Some(&client));
    }
    sim.unmap_view(view);
    let _ = client.close_log(log.log);
    sim.unmap_shared(log.address).expect("unmapped");
    program.flush_surely(file, Some(&client));
    client.close();
    vec![file]
}

pub fn untold(program: &mut Program) -> Vec<File> {
    let Some(file) = filled(program, "untold") else {
        return Vec::new();
    };
    let sim = program.sim();
    let Ok(view) = sim.map_view(file.handle, 0, BYTES, true) else {
        return vec![file];
    };
    program.lines(file).untold = true;
    for (offset, length) in STORES {
        let data = program.session.marker.stamps(offset, length);
        program.stores(file, offset, &data, |_| {
            view.store(offset, &data);
            Ok(())
        });
        program.flush(file, None);
        program.commits("FlushViewOfFile", &[whole(file)], None, |sim| {
            sim.flush_view_of_file(&view, 0, BYTES)
        });
    }
    program.flush_surely(file, None);
    // The handle first: the stream outlives it.
    program.close(file);
    sim.unmap_view(view);
    Vec::new()
}

pub fn conflicts(program: &mut Program) -> Vec<File> {
    let Some(file) = filled(program, "conflicts") else {
        return Vec::new();
    };
    let plain = WriteOptions::default();
    for round in 0..3_u64 {
        program.write(file, 64 * round, 2000, plain);
        program.flush(file, None);
        program.truncate(file, BYTES - 4096 * (round + 1));
        program.write(file, 128 * round, 200, plain);
        program.flush_as(file, FlushKind::AndPurge, None);
    }
    program.flush_surely(file, None);
    vec![file]
}

pub fn tokens(program: &mut Program) -> Vec<File> {
    let Some(file) = filled(program, "tokens") else {
        return Vec::new();
    };
    let Some(client) = program.client() else {
        return vec![file];
    };
    let mut tries = 0..TRIES;
    let token = tries.find_map(|_| client.get_token(file.handle, 4096..12_288).ok());
    let token = token.expect("a token, when nothing fails any more");
    let kinds = [
        0,
        write_flag::FLUSH,
        write_flag::NON_TEMPORAL,
        write_flag::PERSIST,
        write_flag::FLUSH | write_flag::NO_DRAIN,
    ];
    for (round, flags) in kinds.into_iter().enumerate() {
        let offset = 4096 + 300 * round as u64;
        let data = program.session.marker.stamps(offset, 200);
        let stored = program.stores(file, offset, &data, |_| {
            client.write_token(token, offset, &data, flags)
        });
        // Some of it is durable already.
        program.lines(file).unknown = true;
        let durable = [
            write_flag::FLUSH,
            write_flag::NON_TEMPORAL,
            write_flag::PERSIST,
        ];
        if let Some(store) = stored.filter(|_| durable.contains(&flags)) {
            program.session.marker.mark(Mark::Through { store });
        }
        let fill = [7; 64];
        let offset = offset + 4096;
        program.stores(file, offset, &fill, |_| {
            client.fill_token(token, offset..offset + 64, 7, flags)
        });
        let _ = client.drain_token(token);
        let range = 4096..8192_u64;
        let _ = client.flush_token(token, std::slice::from_ref(&range), 0);
        program.flush(file, None);
    }
    program.flush_surely(file, None);
    let _ = client.free_token(token);
    client.close();
    vec![file]
}
