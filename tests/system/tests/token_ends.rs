//! Tokens that have ended and requests that make no sense: refused with nothing stored, flushed or
//! changed.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::single_range_in_vec_init,
    reason = "lists of ranges, some of one"
)]

use daxflush_protocol::{Information, Ioctl, MAX_FILL, MAX_WRITE, reply_bytes, write_flag::*};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{Handle, NtStatus};
use std::ops::Range;

const REFUSED: Result<(), NtStatus> = Err(NtStatus::INVALID_PARAMETER);
const SIZE: u64 = 16_384;
const REGION: Range<u64> = 4096..8192;

fn start() -> (World, Client, Handle, u64) {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, SIZE);
    world.flush(file);
    let token = client.get_token(file, REGION).expect("a token");
    (world, client, file, token)
}

/// Tokens of all handles.
fn tokens(client: &Client) -> u32 {
    let about: Information = client.ask(Ioctl::Information, &[]).expect("information");
    about.tokens
}

/// Something that is refused with nothing stored, flushed or changed.
fn refuses<T>(
    world: &World,
    (client, file): (&Client, Handle),
    status: NtStatus,
    what: &str,
    act: impl FnOnce() -> Result<T, NtStatus>,
) {
    let see = || {
        let seen = world.sim.observed();
        let size = world.sim.file_size(file).expect("a size");
        let mut data = vec![0; size as usize];
        world.sim.read_file(file, 0, &mut data).expect("read");
        let dirty = client.dirty_lines(file, 0, 1 << 30, 1).expect("cells");
        (seen.flushes, seen.nt_stores, dirty, data)
    };
    let before = see();
    let refused = act().map(|_| ());
    assert_eq!(refused, Err(status), "{what}");
    assert!(before == see(), "{what} has changed something");
}

#[test]
fn requests_beyond_the_region_are_refused() {
    let (mut world, client, file, token) = start();
    let parties = (&client, file);
    let invalid = NtStatus::INVALID_PARAMETER;
    world.write(file, 4000, 200);
    for (offset, length) in [
        (4095_u64, 1_usize),
        (4095, 2),
        (8191, 2),
        (8192, 1),
        (0, 4096),
        (4096, 4097),
        (u64::MAX, 1),
        (u64::MAX - 10, 100),
        (1 << 63, 1),
    ] {
        for flags in [0, FLUSH, FLUSH | NO_DRAIN, NON_TEMPORAL, PERSIST] {
            let data = vec![0xee; length];
            refuses(&world, parties, invalid, "a write", || {
                client.write_token(token, offset, &data, flags)
            });
            let end = offset.wrapping_add(length as u64);
            refuses(&world, parties, invalid, "a fill", || {
                client.fill_token(token, offset..end, 0xee, flags)
            });
        }
        if let Some(end) = offset.checked_add(length as u64) {
            for flags in [0, 1] {
                refuses(&world, parties, invalid, "a flush", || {
                    client.flush_token(token, &[4096..4097, offset..end], flags)
                });
            }
        }
    }
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn flags_values_and_lengths_are_checked() {
    let (mut world, client, file, token) = start();
    let parties = (&client, file);
    let invalid = NtStatus::INVALID_PARAMETER;
    world.write(file, 4000, 200);
    for flags in [NO_DRAIN, 4, 8, 0x200, 0x104, FLUSH | 0x8000_0000, u32::MAX] {
        refuses(&world, parties, invalid, "a write", || {
            client.write_token(token, 4096, &[0xee; 100], flags)
        });
        refuses(&world, parties, invalid, "a fill", || {
            client.fill_token(token, 4096..4196, 0xee, flags)
        });
    }
    for flags in [2, 0x100, u32::MAX] {
        let range = 4096..4097;
        refuses(&world, parties, invalid, "a flush", || {
            client.flush_token(token, std::slice::from_ref(&range), flags)
        });
    }
    for value in [256, 0x1ff, u32::MAX] {
        refuses(&world, parties, invalid, "a fill", || {
            client.fill_token(token, 4096..4196, value, FLUSH)
        });
    }
    for length in [0, MAX_FILL + 1, u64::MAX] {
        let range = 4096..4096_u64.wrapping_add(length);
        refuses(&world, parties, invalid, "a fill", || {
            client.fill_token(token, range, 0xee, FLUSH)
        });
    }
    refuses(&world, parties, invalid, "an empty write", || {
        client.write_token(token, 4096, &[], FLUSH)
    });
    refuses(&world, parties, invalid, "no range", || {
        client.flush_token(token, &[], 0)
    });
    refuses(&world, parties, invalid, "an empty range", || {
        client.flush_token(token, &[4096..4097, 5000..5000], 0)
    });
    // A write whose length is not that of what follows.
    let mut request = vec![0_u8; 24 + 64];
    request[..8].copy_from_slice(&token.to_le_bytes());
    request[8..16].copy_from_slice(&4096_u64.to_le_bytes());
    for length in [0, 63, 65, u32::MAX] {
        request[20..24].copy_from_slice(&length.to_le_bytes());
        refuses(&world, parties, invalid, "a write", || {
            client.tell(Ioctl::WriteToken, &request)
        });
    }
    let mut long = vec![0_u8; 24 + MAX_WRITE + 1];
    long[..8].copy_from_slice(&token.to_le_bytes());
    long[20..24].copy_from_slice(&(MAX_WRITE as u32 + 1).to_le_bytes());
    refuses(&world, parties, invalid, "a long write", || {
        client.tell(Ioctl::WriteToken, &long)
    });
    for what in [
        Ioctl::GetToken,
        Ioctl::FreeToken,
        Ioctl::FlushToken,
        Ioctl::WriteToken,
        Ioctl::FillToken,
        Ioctl::DrainToken,
    ] {
        for length in [0, 7, 9, 23, 41] {
            let input = vec![0xff; length];
            refuses(&world, parties, invalid, what.name(), || {
                client.answer(what, &input, 64)
            });
        }
    }
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn what_a_token_is_made_of_is_checked() {
    let (mut world, client, file, _) = start();
    let get = |file, region| client.get_token(file, region).map(|_| ());
    assert_eq!(get(file, 0..0), REFUSED);
    assert_eq!(get(file, 1..(1 << 63) + 1), REFUSED);
    assert_eq!(get(file, u64::MAX - 1..u64::MAX), REFUSED);
    for region in [0..SIZE + 1, SIZE..SIZE + 1, SIZE + 100..SIZE + 101] {
        assert_eq!(get(file, region), Err(NtStatus::END_OF_FILE));
    }
    let reader = world.open_to_read("a");
    assert_eq!(get(reader, 0..64), Err(NtStatus::ACCESS_DENIED));
    assert_eq!(get(client.device, 0..64).map_err(|_| ()), Err(()));
    let foreign = world.sim.in_process(0x2000, || {
        let own = Client::open(&world.sim);
        let refused = own.get_token(file, 0..64).map(|_| ());
        own.close();
        refused
    });
    assert_eq!(foreign, Err(NtStatus::INVALID_HANDLE));
    // Without room for the answer none is made.
    let request = [file.as_raw(), 0, 64].map(u64::to_le_bytes).concat();
    for room in 0..reply_bytes::<u64>() {
        let (status, _) = client.raw(Ioctl::GetToken.code(), &request, room);
        let expected = match room {
            0..8 => NtStatus::BUFFER_TOO_SMALL,
            _ => NtStatus::BUFFER_OVERFLOW,
        };
        assert_eq!(status, expected, "{room}");
    }
    assert_eq!(tokens(&client), 1);
    world.sim.close_handle(reader).expect("close");
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn when_the_file_has_become_shorter_writes_are_refused_and_flushes_stop_there() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let (long, short) = (3_u64 << 20, (1 << 20) + 5000);
    world.truncate(file, long);
    let token = client.get_token(file, 0..long).expect("a token");
    world.truncate(file, short);
    world.write(file, 100, 1);
    for flags in [0, FLUSH, NON_TEMPORAL, PERSIST, FLUSH | NO_DRAIN] {
        for range in [
            short - 1..short + 1,
            short..short + 64,
            long - 64..long,
            0..long,
        ] {
            let ended = NtStatus::END_OF_FILE;
            refuses(&world, (&client, file), ended, "a fill", || {
                client.fill_token(token, range.clone(), 0xee, flags)
            });
            if range.end - range.start <= MAX_WRITE as u64 {
                let data = vec![0xee; (range.end - range.start) as usize];
                refuses(&world, (&client, file), ended, "a write", || {
                    client.write_token(token, range.start, &data, flags)
                });
            }
        }
    }
    let flushes = world.sim.observed().flushes;
    let flushed = client.flush_token(token, &[short - 64..long, long - 64..long], 0);
    assert_eq!(flushed, Ok(2));
    assert_eq!(world.sim.observed().flushes - flushes, 2);
    // What is within the file can be written, to its last byte.
    let data = world.data(file, short - 64, 64);
    let written = client.write_token(token, short - 64, &data, 0);
    assert_eq!(written, Ok(()));
    world.model(file, |model| model.store(short - 64, &data));
    world.flush(file);
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn a_token_is_its_handles_own_and_ends_with_free_token() {
    let (mut world, client, file, token) = start();
    let other = Client::open(&world.sim);
    for client in [&other, &client] {
        for token in [token + 1, 0, u64::MAX] {
            assert_eq!(client.write_token(token, 4096, &[1], 0), REFUSED);
        }
    }
    let all = |client: &Client| {
        let flushed = client
            .flush_token(token, &[4096..4097, 5000..5001], 0)
            .map(|_| ());
        let written = client.write_token(token, 4096, &[1], FLUSH);
        let filled = client.fill_token(token, 4096..4097, 1, FLUSH);
        [flushed, written, filled, client.drain_token(token)]
    };
    refuses(
        &world,
        (&client, file),
        NtStatus::INVALID_PARAMETER,
        "others",
        || {
            assert_eq!(all(&other), [REFUSED; 4]);
            other.free_token(token)
        },
    );
    assert_eq!(tokens(&client), 1);
    assert_eq!(client.free_token(token), Ok(()));
    assert_eq!(tokens(&client), 0);
    refuses(
        &world,
        (&client, file),
        NtStatus::INVALID_PARAMETER,
        "freed",
        || {
            assert_eq!(all(&client), [REFUSED; 4]);
            client.free_token(token)
        },
    );
    let again = client.get_token(file, REGION).expect("a token");
    assert_ne!(again, token, "never used again");
    world.close(file);
    other.close();
    client.close();
    world.end();
}

#[test]
fn a_token_ends_with_its_file_handle_with_a_detach_and_with_the_device_handle() {
    let (mut world, client, file, token) = start();
    // Another handle of the same file does not keep it.
    let kept = world.open("a");
    world.close(file);
    assert_eq!(client.write_token(token, 4096, &[1], FLUSH), REFUSED);
    assert_eq!(client.drain_token(token), REFUSED);
    let token = client.get_token(kept, REGION).expect("a token");
    world.commits("a detach", &[whole(kept)], |sim| sim.detach('D'));
    assert_eq!(client.write_token(token, 4096, &[1], FLUSH), REFUSED);
    world.sim.attach('D').expect("attached again");
    assert_eq!(client.write_token(token, 4096, &[1], FLUSH), REFUSED);
    assert_eq!(client.free_token(token), Ok(()), "of what is left of it");
    let other = Client::open(&world.sim);
    let of_other = other.get_token(kept, REGION).expect("a token");
    assert!(tokens(&client) >= 1);
    assert_eq!(client.write_token(of_other, 4096, &[1], FLUSH), REFUSED);
    other.close();
    assert_eq!(client.write_token(of_other, 4096, &[1], FLUSH), REFUSED);
    client.close();
    let last = Client::open(&world.sim);
    assert_eq!(tokens(&last), 0);
    world.sim.close_handle(kept).expect("close");
    assert_eq!(world.sim.open_file_objects(), 1, "of the device");
    last.close();
    world.end();
}

#[test]
fn the_end_of_a_process_ends_its_tokens() {
    let mut world = World::new();
    let sim = world.sim.clone();
    sim.in_process(0x2000, || {
        let client = Client::open(&sim);
        let file = world.open("a");
        world.truncate(file, SIZE);
        let token = client.get_token(file, REGION).expect("a token");
        let data = world.data(file, 4096, 200);
        let written = client.write_token(token, 4096, &data, FLUSH | NO_DRAIN);
        assert_eq!(written, Ok(()));
        world.model(file, |model| model.store(4096, &data));
    });
    sim.exit_process(0x2000);
    assert_eq!(sim.open_file_objects(), 0);
    let file = world.open("a");
    world.model(file, |model| model.commit());
    world.cut("after the end of the process");
    world.close(file);
    world.end();
}

#[test]
fn tokens_are_limited() {
    let (mut world, client, file, token) = start();
    let full = Err(NtStatus::QUOTA_EXCEEDED);
    (1..64).for_each(|_| {
        client.get_token(file, REGION).expect("a token");
    });
    assert_eq!(client.get_token(file, REGION), full);
    client.free_token(token).expect("freed");
    client.get_token(file, REGION).expect("room for one");
    assert_eq!(client.get_token(file, REGION), full);
    // Those of one file, by several handles of the device.
    let others = [(); 4].map(|()| Client::open(&world.sim));
    for other in &others[..3] {
        (0..64).for_each(|_| {
            other.get_token(file, REGION).expect("a token");
        });
    }
    assert_eq!(others[3].get_token(file, REGION), full, "of the stream");
    // Those that ended with their files take no room.
    world.close(file);
    let file = world.open("a");
    client.get_token(file, REGION).expect("room again");
    world.close(file);
    others.into_iter().for_each(Client::close);
    client.close();
    world.end();
}

#[test]
fn a_write_that_fails_loses_nothing_and_stores_all_or_is_dirty() {
    for routine in [
        "FltCreateSectionForDataScan",
        "ZwMapViewOfSection",
        "FltAllocateContext",
        "ExAllocatePoolWithTag",
        "FltQueryInformationFile",
    ] {
        for flags in [0, FLUSH, FLUSH | NO_DRAIN, PERSIST] {
            for nth in 1..20 {
                let (mut world, client, file, token) = start();
                world.sim.fail_nth(routine, nth);
                let done = world.may_store(file, 5000, 1000, |_, data| {
                    client.write_token(token, 5000, data, flags)
                });
                world.cut("after a write");
                let durable = done && flags & FLUSH != 0 && flags & NO_DRAIN == 0;
                if durable {
                    world.model(file, |model| model.commit());
                    world.cut("after a durable write");
                }
                let reached = !world.sim.is_failure_pending(routine);
                world.commits_anyhow("a flush", &[whole(file)], |sim| {
                    sim.flush_file_buffers(file)
                        .or_else(|_| sim.flush_file_buffers(file))
                });
                world.sim.close_handle(file).expect("close");
                client.close();
                world.end();
                if !reached {
                    break;
                }
            }
        }
    }
}
