//! Writes, fills and flushes through tokens: what they store, what of it is durable when, and what is
//! dirty afterwards.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::single_range_in_vec_init,
    reason = "lists of ranges, some of one"
)]

use daxflush_protocol::{MAX_WRITE, flush_flag, stream_flag, write_flag::*};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{Handle, SimOptions};
use std::ops::Range;

const SIZE: u64 = 64 << 10;
const LINE: u64 = 64;
const MIB: u64 = 1 << 20;

fn lines(range: &Range<u64>) -> u64 {
    range.end.div_ceil(LINE) - range.start / LINE
}

/// A file of so many bytes, and a token for all of it.
fn start(size: u64) -> (World, Client, Handle, u64) {
    let world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.truncate(file, size);
    let token = client.get_token(file, 0..size).expect("a token");
    (world, client, file, token)
}

fn end(mut world: World, client: Client, file: Handle) {
    world.close(file);
    client.close();
    world.end();
}

/// Stores through a token, and in the model.
fn write(
    world: &mut World,
    (client, file, token): (&Client, Handle, u64),
    bytes: Range<u64>,
    flags: u32,
) {
    let data = world.data(file, bytes.start, bytes.end - bytes.start);
    let written = client.write_token(token, bytes.start, &data, flags);
    assert_eq!(written, Ok(()), "{bytes:?} {flags:#x}");
    world.model(file, |model| model.store(bytes.start, &data));
}

fn dirty(client: &Client, file: Handle) -> u64 {
    let cells = client.dirty_lines(file, 0, SIZE, 1).expect("cells");
    u64::from(cells[0])
}

/// Places around which something might be cut in two.
fn ranges(region: &Range<u64>) -> Vec<Range<u64>> {
    let borders = [
        region.start,
        4 * LINE,
        2 * 4096,
        64 << 10,
        MIB,
        2 * MIB,
        region.end,
    ];
    let mut found = Vec::new();
    for border in borders {
        for before in [0, 1, 8, 63, 64, 65, 4096] {
            for length in [1, 8, 63, 64, 65, 200, 300, 5000] {
                let start = border.saturating_sub(before);
                found.push(start..start + length);
            }
        }
        // Ends just there.
        found.extend([1, 64, 100, 5000].map(|length| border.saturating_sub(length)..border));
    }
    found.push(MIB / 2..MIB / 2 + MAX_WRITE as u64);
    found.retain(|range| {
        region.start <= range.start && range.start < range.end && range.end <= region.end
    });
    found
}

#[test]
fn bytes_land_where_they_should_and_nowhere_else() {
    let size = 3 * MIB + 77;
    for (settings, region) in [
        (&[("ViewWindowMiB", 1)][..], 0..size),
        (&[("ViewWindowMiB", 1)], 133..size - 13),
        (&[], 133..size - 13),
    ] {
        let world = World::with(SimOptions::default(), settings);
        let client = Client::open(&world.sim);
        let file = world.open("a");
        world.truncate(file, size);
        let token = client.get_token(file, region.clone()).expect("a token");
        let mut expected = vec![0_u8; size as usize];
        let kinds = [0, FLUSH, NON_TEMPORAL, PERSIST, FLUSH | NO_DRAIN];
        for (n, range) in ranges(&region).into_iter().enumerate() {
            let flags = kinds[n % kinds.len()];
            let place = range.start as usize..range.end as usize;
            if n % 3 == 0 {
                let value = n as u8 | 1;
                let filled = client.fill_token(token, range.clone(), u32::from(value), flags);
                assert_eq!(filled, Ok(()), "{range:?}");
                expected[place].fill(value);
            } else {
                let byte = |at: u64| (at ^ (at >> 8)) as u8 ^ n as u8;
                let data: Vec<u8> = range.clone().map(byte).collect();
                let written = client.write_token(token, range.start, &data, flags);
                assert_eq!(written, Ok(()), "{range:?}");
                expected[place].copy_from_slice(&data);
            }
            let around = range.start.saturating_sub(5000)..(range.end + 5000).min(size);
            let mut found = vec![0; (around.end - around.start) as usize];
            world
                .sim
                .read_file(file, around.start, &mut found)
                .expect("read");
            let expected = &expected[around.start as usize..around.end as usize];
            assert!(found == expected, "{range:?} {flags:#x}");
        }
        // All of it, through slices and windows.
        let filled = client.fill_token(token, region.clone(), 0x5a, PERSIST);
        assert_eq!(filled, Ok(()));
        expected[region.start as usize..region.end as usize].fill(0x5a);
        let mut found = vec![0; size as usize];
        world.sim.read_file(file, 0, &mut found).expect("read");
        assert!(found == expected);
        world.sim.close_handle(file).expect("close");
        client.close();
        world.end();
    }
}

#[test]
fn a_durable_write_is_durable_when_it_returns_and_leaves_nothing_dirty() {
    let (mut world, client, file, token) = start(SIZE);
    let places = [
        0..8,
        60..70,
        64..128,
        100..1000,
        4090..4100,
        8192..12_288,
        130..131,
    ];
    for flags in [
        FLUSH,
        NON_TEMPORAL,
        PERSIST,
        NON_TEMPORAL | NO_DRAIN,
        PERSIST | NO_DRAIN,
    ] {
        for fill in [false, true] {
            for bytes in &places {
                // What else is dirty stays so.
                world.write(file, 40_000, 300);
                let others = world.dirty(&[whole(file)]);
                let before = world.sim.observed();
                let data = if fill {
                    let value = world.data(file, bytes.start, 1)[0];
                    vec![value; (bytes.end - bytes.start) as usize]
                } else {
                    world.data(file, bytes.start, bytes.end - bytes.start)
                };
                world.model(file, |model| model.store(bytes.start, &data));
                let scope = [(file, Some(bytes.clone()))];
                let flushed = world.commits_anyhow("a durable write", &scope, |_| {
                    if fill {
                        let value = u32::from(data[0]);
                        return client.fill_token(token, bytes.clone(), value, flags);
                    }
                    client.write_token(token, bytes.start, &data, flags)
                });
                let past = world.sim.observed().nt_stores - before.nt_stores;
                if flags == FLUSH {
                    assert_eq!((flushed, past), (lines(bytes), 0), "{bytes:?}");
                } else if flags & PERSIST == NON_TEMPORAL {
                    // The ends of it, and the lines between past the caches.
                    assert!(flushed <= 2 && (past > 0 || lines(bytes) <= 2), "{bytes:?}");
                }
                assert!(!world.would_lose(file) || others != 0);
                assert_eq!(dirty(&client, file), others);
                world.flush(file);
            }
        }
    }
    end(world, client, file);
}

#[test]
fn a_plain_write_is_dirty_until_a_commit() {
    let (mut world, client, file, token) = start(SIZE);
    for bytes in [0..8, 60..70, 64..128, 100..1000, 8192..12_288] {
        let before = world.sim.observed();
        write(&mut world, (&client, file, token), bytes.clone(), 0);
        assert_eq!(world.sim.observed().flushes, before.flushes);
        assert_eq!(dirty(&client, file), lines(&bytes));
        assert!(world.would_lose(file));
        world.cut("after a plain write");
        world.flush(file);
    }
    let value = u32::from(world.data(file, 5000, 1)[0]);
    let filled = client.fill_token(token, 5000..5700, value, 0);
    assert_eq!(filled, Ok(()));
    world.model(file, |model| model.store(5000, &[value as u8; 700]));
    assert_eq!(dirty(&client, file), lines(&(5000..5700)));
    world.flush(file);
    end(world, client, file);
}

#[test]
fn a_write_without_a_drain_is_durable_after_any_drain() {
    let (mut world, client, file, token) = start(SIZE);
    for how in 0..5 {
        let bytes = 4000..4200;
        let data = world.data(file, bytes.start, 200);
        world.model(file, |model| model.store(bytes.start, &data));
        let fences = world.sim.observed().fences;
        let flushed = world.begins("a write without a drain", |_| {
            let flags = FLUSH | NO_DRAIN;
            client.write_token(token, bytes.start, &data, flags)
        });
        assert_eq!(flushed, lines(&bytes));
        assert_eq!(world.sim.observed().fences, fences);
        assert_eq!(dirty(&client, file), 0);
        assert!(world.would_lose(file), "so there is something to drain");
        let flushed = world.commits_anyhow("a drain", &[whole(file)], |sim| match how {
            0 => client.drain_token(token),
            1 => client.drain().map(|_| ()),
            2 => sim.flush_file_buffers(file),
            3 => std::thread::scope(|scope| {
                let drain = scope.spawn(|| client.drain_token(token));
                drain.join().expect("another thread")
            }),
            _ => client
                .free_token(token)
                .and_then(|()| client.drain().map(|_| ())),
        });
        assert_eq!(flushed, 0);
        assert!(world.sim.observed().fences > fences);
    }
    end(world, client, file);
}

#[test]
fn a_durable_write_of_a_part_of_a_dirty_line_leaves_it_dirty() {
    for flags in [NON_TEMPORAL, PERSIST, FLUSH] {
        let (mut world, client, file, token) = start(SIZE);
        world.write(file, 0, 8);
        let data = world.data(file, 8, 8);
        client.write_token(token, 8, &data, flags).expect("written");
        world.model(file, |model| model.store(8, &data));
        world.cut("after the write");
        assert_eq!(dirty(&client, file), 1);
        world.flush(file);
        assert_eq!(dirty(&client, file), 0);
        end(world, client, file);
    }
}

#[test]
fn a_flush_of_ranges_flushes_the_lines_that_they_overlap() {
    let (mut world, client, file, token) = start(SIZE);
    let sets: [&[Range<u64>]; 5] = [
        &[0..1, 128..129],
        &[63..65, 300..301],
        &[5000..9000, 0..64, 4096..4097],
        &[100..200, 150..300, 64..65],
        &[SIZE - 1..SIZE, 0..SIZE],
    ];
    for ranges in sets {
        for (n, range) in ranges.iter().enumerate() {
            write(
                &mut world,
                (&client, file, token),
                range.start..range.start + 1,
                0,
            );
            // Dirty or not, all of them are asked for.
            world.write(file, 40_000 + 64 * n as u64, 1);
        }
        let expected: u64 = ranges.iter().map(lines).sum();
        let before = dirty(&client, file);
        let scopes: Vec<_> = ranges
            .iter()
            .map(|range| (file, Some(range.clone())))
            .collect();
        let flushed = world.commits_anyhow("a flush of ranges", &scopes, |_| {
            assert_eq!(client.flush_token(token, ranges, 0), Ok(expected));
            Ok(())
        });
        assert_eq!(flushed, expected);
        assert_eq!(dirty(&client, file), before, "marks are left alone");
        let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        });
        assert_eq!(flushed, before);
    }
    end(world, client, file);
}

#[test]
fn a_flush_of_ranges_without_a_drain_needs_one() {
    let (mut world, client, file, token) = start(SIZE);
    for by_token in [true, false] {
        write(&mut world, (&client, file, token), 500..700, 0);
        let ranges = [600..700, 500..650];
        let expected: u64 = ranges.iter().map(lines).sum();
        let flushed = world.begins("a flush of ranges", |_| {
            let flushed = client.flush_token(token, &ranges, flush_flag::NO_DRAIN);
            assert_eq!(flushed, Ok(expected));
            Ok(())
        });
        assert_eq!(flushed, expected);
        assert!(world.would_lose(file));
        world.commits_anyhow("a drain", &[(file, Some(500..700))], |_| {
            if by_token {
                return client.drain_token(token);
            }
            client.drain().map(|streams| assert_eq!(streams, 1))
        });
        assert!(!world.would_lose(file));
        world.sim.flush_file_buffers(file).expect("a flush");
    }
    end(world, client, file);
}

/// The section that a write needs is the driver's own, and nobody's mapping.
#[test]
fn a_write_does_not_make_the_file_count_as_mapped() {
    let (mut world, client, file, token) = start(SIZE);
    let flags = |client: &Client| {
        let volume = client.volumes()[0].0.id;
        client.streams(volume)[0].0.flags
    };
    for kind in [0, FLUSH, PERSIST] {
        write(&mut world, (&client, file, token), 100..300, kind);
        let unseen = stream_flag::MAPPED | stream_flag::UNREPORTED | stream_flag::ALL_DIRTY;
        assert_eq!(flags(&client) & unseen, 0);
        world.sim.flush_file_buffers(file).expect("a flush");
        world.model(file, |model| model.commit());
        world.write(file, 9000, 1);
        world.flush(file);
    }
    // A program's is noticed.
    let view = world.sim.map_view(file, 0, SIZE, true).expect("a view");
    assert_ne!(flags(&client) & stream_flag::UNREPORTED, 0);
    world.sim.unmap_view(view);
    world.commits_anyhow("the end", &[whole(file)], |sim| sim.close_handle(file));
    client.close();
    world.end();
}
