//! Lists, statistics and cells: complete, exact, and a page at a time with any buffer.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::random::Random;
use daxflush_protocol::{
    FileRange, Histogram, Ioctl, ListRequest, MAX_CELLS, NEVER, Record, Statistics,
    StatisticsReply, StreamRecord, StreamsRequest, VolumeRecord, commit_flag, log_layout, scope,
    stream_flag, volume_flag,
};
use daxflush_system_tests::{Client, Page, World, whole};
use ntsim::{CreateFileOptions, Handle, NtStatus, VolumeOptions};
use std::collections::BTreeSet;
use zerocopy::IntoBytes;

const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

fn volume(client: &Client) -> u64 {
    client.volumes()[0].0.id
}

fn names(client: &Client, volume: u64) -> Vec<String> {
    let streams = client.streams(volume);
    streams.into_iter().map(|(_, name)| name).collect()
}

/// The record of the only stream.
fn stream(client: &Client) -> StreamRecord {
    let streams = client.streams(volume(client));
    assert_eq!(streams.len(), 1);
    streams[0].0
}

#[test]
fn volumes_are_those_that_the_filter_is_attached_to() {
    let world = World::new();
    let client = Client::open(&world.sim);
    let plain = VolumeOptions {
        dax: false,
        ntfs: true,
    };
    world
        .sim
        .add_volume('E', VolumeOptions::default())
        .expect("a volume");
    world.sim.add_volume('F', plain).expect("a volume");
    let volumes = client.volumes();
    let names: Vec<_> = volumes.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [r"\Device\HarddiskVolume1", r"\Device\HarddiskVolume2"]
    );
    assert_ne!(volumes[0].0.id, volumes[1].0.id);
    assert!(
        volumes
            .iter()
            .all(|(record, _)| record.flags & volume_flag::REMOVED == 0)
    );
    world.sim.detach('D').expect("detached");
    assert_eq!(client.volumes()[0].1, r"\Device\HarddiskVolume2");
    world.sim.attach('D').expect("attached again");
    let again = client.volumes();
    assert_eq!(again.len(), 2);
    let late = again
        .iter()
        .find(|(_, name)| name.ends_with('1'))
        .expect("D:");
    assert_eq!(late.0.flags, volume_flag::ATTACHED_LATE);
    client.close();
    world.end();
}

#[test]
fn a_volume_adds_up_its_streams() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let files = ["a", "b"].map(|name| world.open(name));
    for file in files {
        world.write(file, 0, 1000);
    }
    let record = client.volumes()[0].0;
    assert_eq!((record.streams, record.dirty_lines), (2, 32));
    assert!(record.tracking_bytes > 0 && record.tracking_bytes <= record.tracking_limit);
    world.flush(files[0]);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    world.sim.flush_file_buffers(files[1]).expect_err("failed");
    let record = client.volumes()[0].0;
    assert_eq!((record.commits, record.failed_commits), (1, 1));
    assert_eq!((record.lines, record.dirty_lines), (16, 16));
    files.into_iter().for_each(|file| world.close(file));
    assert_eq!(client.volumes()[0].0.streams, 0);
    client.close();
    world.end();
}

#[test]
fn streams_have_the_names_that_they_have_now() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let volume = volume(&client);
    let file = world.open("a");
    let alternate = world.open("a:more");
    let prefix = r"\Device\HarddiskVolume1";
    let expected = [format!(r"{prefix}\A"), format!(r"{prefix}\A:MORE")];
    assert_eq!(names(&client, volume), expected);
    world.sim.rename(file, r"D:\other", false).expect("renamed");
    // Until somebody comes by who can ask, nobody knows.
    let now = names(&client, volume);
    assert!(
        now[0].is_empty() || now[0] == format!(r"{prefix}\OTHER"),
        "{now:?}"
    );
    world.write(file, 0, 10);
    world.flush(file);
    assert_eq!(names(&client, volume)[0], format!(r"{prefix}\OTHER"));
    world.sim.rename(file, r"D:\third", false).expect("renamed");
    client
        .mark(
            file,
            &[FileRange {
                offset: 0,
                length: 1,
            }],
        )
        .expect("a report");
    assert_eq!(names(&client, volume)[0], format!(r"{prefix}\THIRD"));
    // The last is dirty by the report alone.
    world.commits_anyhow("the end", &[whole(file)], |sim| sim.close_handle(file));
    world.close(alternate);
    client.close();
    world.end();
}

#[test]
fn a_name_that_cannot_be_had_is_empty() {
    for routine in [
        "FltGetFileNameInformation",
        "FltGetFileNameInformationUnsafe",
    ] {
        let mut world = World::new();
        let client = Client::open(&world.sim);
        world.sim.fail_nth(routine, 1);
        let file = world.open("a");
        let failed = !world.sim.is_failure_pending(routine);
        let found = names(&client, volume(&client));
        assert_eq!(found[0].is_empty(), failed, "{found:?}");
        world.write(file, 0, 1);
        world.flush(file);
        let found = names(&client, volume(&client));
        assert_eq!(found, [r"\Device\HarddiskVolume1\A"]);
        world.close(file);
        client.close();
        world.end();
    }
}

/// With every buffer from none to enough for all.
fn pages<R: Record + PartialEq + std::fmt::Debug>(
    client: &Client,
    what: Ioctl,
    ask: impl Fn(u64) -> Vec<u8>,
    id: impl Fn(&R) -> u64,
) {
    let all: Page<R> = client.page(what, &ask(0), 1 << 16);
    assert_eq!(all.status, NtStatus::SUCCESS);
    assert_eq!(all.header.size as usize, all.bytes);
    let sizes: Vec<_> = all
        .records
        .iter()
        .map(|(record, _)| record.sizes().0 as usize)
        .collect();
    let ids: Vec<_> = all.records.iter().map(|(record, _)| id(record)).collect();
    assert!(ids.len() > 2);
    for room in 0..=all.bytes + 8 {
        let page: Page<R> = client.page(what, &ask(0), room);
        if room < 8 {
            assert_eq!((page.status, page.bytes), (NtStatus::BUFFER_TOO_SMALL, 0));
            continue;
        }
        let mut end = 8;
        let fitting = sizes.iter().take_while(|size| {
            end += **size;
            end <= room
        });
        let fitting = fitting.count();
        let found: Vec<_> = page.records.iter().map(|(record, _)| id(record)).collect();
        assert_eq!(found, ids[..fitting], "{room}");
        if fitting == ids.len() {
            assert_eq!(page.status, NtStatus::SUCCESS);
            assert_eq!(page.header.size as usize, page.bytes);
        } else {
            assert_eq!(page.status, NtStatus::BUFFER_OVERFLOW);
            assert_eq!(page.header.size as usize, 8 + sizes[fitting], "{room}");
        }
    }
    // Whoever believes the header comes to the end with small steps.
    let (mut after, mut room, mut found, mut steps) = (0, 8, Vec::new(), 0);
    loop {
        let page: Page<R> = client.page(what, &ask(after), room);
        found.extend(
            page.records
                .iter()
                .map(|(record, name)| (id(record), name.clone())),
        );
        after = found.last().map_or(0, |(id, _)| *id);
        if page.status == NtStatus::SUCCESS {
            break;
        }
        room = page.header.size as usize;
        steps += 1;
        assert!(steps <= 2 * ids.len() + 1, "no progress");
    }
    let expected = all
        .records
        .iter()
        .map(|(record, name)| (id(record), name.clone()));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn lists_come_in_pages_of_any_size() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    for letter in ['E', 'G'] {
        world
            .sim
            .add_volume(letter, VolumeOptions::default())
            .expect("a volume");
    }
    let files = [
        "a",
        "a-longer-name",
        "b",
        "b:s",
        "a-name-that-is-very-much-longer",
    ];
    let files = files.map(|name| world.open(name));
    // A hole in the list.
    world.close(files[2]);
    pages(
        &client,
        Ioctl::Volumes,
        |after| ListRequest { after }.as_bytes().to_vec(),
        |record: &VolumeRecord| record.id,
    );
    let volume = volume(&client);
    pages(
        &client,
        Ioctl::Streams,
        |after| StreamsRequest { volume, after }.as_bytes().to_vec(),
        |record: &StreamRecord| record.id,
    );
    // Whoever stopped at a stream that has gone meanwhile goes on behind it.
    let before = client.streams(volume);
    let gone = before[1].0.id;
    world.close(files[1]);
    let request = StreamsRequest {
        volume,
        after: gone,
    };
    let rest: Page<StreamRecord> = client.page(Ioctl::Streams, request.as_bytes(), 1 << 16);
    let rest: Vec<_> = rest.records.iter().map(|(record, _)| record.id).collect();
    let expected: Vec<_> = before[2..].iter().map(|(record, _)| record.id).collect();
    assert_eq!(rest, expected);
    for (n, file) in files.into_iter().enumerate() {
        if n != 1 && n != 2 {
            world.close(file);
        }
    }
    client.close();
    world.end();
}

#[test]
fn volumes_that_are_gone_are_refused() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let old = volume(&client);
    world.sim.detach('D').expect("detached");
    world.sim.attach('D').expect("attached again");
    world.write(file, 0, 1);
    assert_ne!(volume(&client), old, "never used again");
    for id in [old, 0, old + 1, u64::MAX, volume(&client) ^ 1 << 40] {
        let request = StreamsRequest {
            volume: id,
            after: 0,
        };
        let (status, answer) = client.raw(Ioctl::Streams.code(), request.as_bytes(), 4096);
        assert_eq!((status, answer.len()), (NtStatus::INVALID_PARAMETER, 0));
        let statistics = client.statistics_of(scope::VOLUME, id).map(|_| ());
        assert_eq!(statistics, Err(NtStatus::INVALID_PARAMETER));
    }
    for (scope, id) in [(scope::ALL, 1), (3, 0), (u32::MAX, 0)] {
        let statistics = client.statistics_of(scope, id).map(|_| ());
        assert_eq!(statistics, Err(NtStatus::INVALID_PARAMETER));
    }
    for id in [0, u64::MAX, client.device.as_raw()] {
        client.statistics_of(scope::FILE, id).expect_err("no file");
    }
    let reader = world.open_to_read("a");
    let statistics = client
        .statistics_of(scope::FILE, reader.as_raw())
        .map(|_| ());
    assert_eq!(statistics, Err(NtStatus::ACCESS_DENIED));
    world.close(reader);
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn flags_tell_what_a_stream_is() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let flags = |client: &Client| stream(client).flags;
    assert_eq!(flags(&client), 0);
    world.write(file, 0, 8192);
    assert_eq!(flags(&client), 0);
    world.flush(file);
    assert_eq!(flags(&client), stream_flag::VIEW);
    assert_eq!(stream(&client).view_bytes, 8192);
    let view = world.sim.map_view(file, 0, 8192, true).expect("a view");
    let mapped = stream_flag::MAPPED | stream_flag::VIEW;
    assert_eq!(flags(&client), mapped | stream_flag::UNREPORTED);
    let range = FileRange {
        offset: 0,
        length: 64,
    };
    client.mark(file, &[range]).expect("a report");
    assert_eq!(flags(&client), mapped);
    world.sim.flush_file_buffers(file).expect("a flush");
    let log = client.create_log(file, 64).expect("a log");
    let again = world.open("a");
    assert_eq!((stream(&client).logs, stream(&client).handles), (1, 2));
    // The log is full.
    let memory = world.sim.shared_view(log.address, log.bytes as usize);
    memory.expect("the log").store(log_layout::OVERFLOW / 8, 1);
    client.close_log(log.log).expect("closed");
    assert_eq!(stream(&client).logs, 0);
    assert_eq!(
        flags(&client) & stream_flag::ALL_DIRTY,
        stream_flag::ALL_DIRTY
    );
    assert_eq!(stream(&client).dirty_lines, 8192 / 64);
    world.sim.flush_file_buffers(file).expect("a flush");
    assert_eq!(flags(&client) & stream_flag::ALL_DIRTY, 0);
    world.sim.unmap_shared(log.address).expect("unmapped");
    world.sim.unmap_view(view);
    world.sim.close_handle(again).expect("close");
    for delete in [true, false, true] {
        world
            .sim
            .set_disposition(file, delete)
            .expect("a disposition");
        let pending = flags(&client) & stream_flag::DELETE_PENDING != 0;
        assert_eq!(pending, delete);
    }
    let id = world.sim.file_id(file).expect("open");
    world.sim.close_handle(file).expect("close");
    world.forget(id);
    assert_eq!(client.streams(volume(&client)).len(), 0);
    client.close();
    world.end();
}

#[test]
fn the_last_commit_is_told() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, 1000);
    let record = stream(&client);
    assert_eq!((record.last_commit_age, record.last_status), (NEVER, 0));
    assert_eq!((record.writes, record.dirty_lines), (1, 16));
    world.flush(file);
    let record = stream(&client);
    assert_eq!((record.last_status, record.last_commit_lines), (0, 16));
    assert!(record.last_commit_age < 600_000_000);
    assert_eq!(
        (record.commits, record.failed_commits, record.lines),
        (1, 0, 16)
    );
    // A file that grows needs a new section.
    world.write(file, 5000, 10);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    world.sim.flush_file_buffers(file).expect_err("failed");
    let record = stream(&client);
    assert_eq!(record.last_status, NtStatus::INSUFFICIENT_RESOURCES.0);
    assert_eq!((record.last_commit_lines, record.failed_commits), (0, 1));
    assert_eq!(client.begin(file, ALL), Ok(1));
    assert_eq!(client.drain(), Ok(1));
    world.model(file, |model| model.commit());
    let record = stream(&client);
    assert_eq!((record.last_status, record.last_commit_lines), (0, 1));
    world.close(file);
    client.close();
    world.end();
}

/// Counters that every scope has.
fn common(counters: &Statistics) -> [u64; 15] {
    [
        counters.writes,
        counters.reports,
        counters.commits,
        counters.failed_commits,
        counters.ranges,
        counters.batches,
        counters.lines,
        counters.coarse_lines,
        counters.drains,
        counters.dirty_lines,
        counters.streams,
        counters.views,
        counters.joined_commits,
        counters.log_entries,
        counters.log_overflows,
    ]
}

fn add(sum: &mut StatisticsReply, more: &StatisticsReply) {
    for (sum, more) in [
        (&mut sum.commit_time, &more.commit_time),
        (&mut sum.commit_lines, &more.commit_lines),
    ] {
        sum.sum += more.sum;
        let buckets = sum.buckets.iter_mut().zip(more.buckets);
        buckets.for_each(|(sum, more)| *sum += more);
    }
}

/// What the parts have makes what the whole has.
fn adds_up(whole: &StatisticsReply, parts: &[StatisticsReply]) {
    let mut sum = StatisticsReply::default();
    let mut counters = [0; 15];
    for part in parts {
        add(&mut sum, part);
        let more = common(&part.counters);
        counters
            .iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum += more);
    }
    assert_eq!(counters, common(&whole.counters));
    assert_eq!(sum.commit_time, whole.commit_time);
    assert_eq!(sum.commit_lines, whole.commit_lines);
}

fn is_consistent(reply: &StatisticsReply) {
    assert_eq!(reply.commit_time.count(), reply.counters.commits);
    assert_eq!(reply.commit_lines.count(), reply.counters.commits);
    assert_eq!(reply.commit_lines.sum, reply.counters.lines);
}

#[test]
fn statistics_of_files_add_up_to_volumes_and_those_to_all() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    world
        .sim
        .add_volume('E', VolumeOptions::default())
        .expect("a volume");
    let on_e = world
        .sim
        .create_file_with(r"E:\x", CreateFileOptions::default());
    let files = [world.open("a"), world.open("b"), on_e.expect("a file")];
    let logs = files.map(|file| {
        world.truncate(file, 1 << 20);
        client.create_log(file, 64).expect("a log")
    });
    let seed = 0x57a7;
    println!("seed {seed:#x}");
    let mut random = Random::new(seed, 0);
    let mut tails = [0_u64; 3];
    for step in 0..400 {
        let which = random.below(3) as usize;
        let (file, log) = (files[which], logs[which]);
        let offset = random.below(1 << 19);
        match random.below(7) {
            0 => world.sim.flush_file_buffers(file).expect("a flush"),
            1 => {
                client.begin(file, ALL).expect("begun");
            }
            2 => {
                client.drain().expect("drained");
            }
            3 => {
                let range = FileRange { offset, length: 99 };
                client.mark(file, &[range, range]).expect("a report");
            }
            4 if step % 5 == 0 => {
                let size = world.sim.file_size(file).expect("a size");
                world.write(file, size.next_multiple_of(64), 1);
                world.sim.fail_nth("FltCreateSectionForDataScan", 1);
                world.sim.flush_file_buffers(file).expect_err("failed");
            }
            5 => {
                let memory = world.sim.shared_view(log.address, log.bytes as usize);
                let memory = memory.expect("the log");
                let slot = log_layout::ENTRIES / 8 + 2 * (tails[which] % 64) as usize;
                memory.store(slot, offset);
                memory.store(slot + 1, 70);
                tails[which] += 1;
                memory.store(log_layout::TAIL / 8, tails[which]);
                if random.below(8) == 0 {
                    memory.store(log_layout::OVERFLOW / 8, 1);
                }
                client.commit(file, ALL).expect("a commit");
            }
            _ => world.write(file, offset, 1 + random.below(300)),
        }
    }
    let of_file = files.map(|file| {
        let reply = client.statistics_of(scope::FILE, file.as_raw());
        reply.expect("statistics of a file")
    });
    let volumes: Vec<_> = client
        .volumes()
        .iter()
        .map(|(record, _)| {
            client
                .statistics_of(scope::VOLUME, record.id)
                .expect("statistics")
        })
        .collect();
    let all = client.statistics_of(scope::ALL, 0).expect("statistics");
    adds_up(&volumes[0], &of_file[..2]);
    adds_up(&volumes[1], &of_file[2..]);
    adds_up(&all, &volumes);
    for reply in of_file.iter().chain(&volumes).chain([&all]) {
        is_consistent(reply);
        let counters = reply.counters;
        assert!(counters.writes > 0 && counters.reports > 0 && counters.log_entries > 0);
        assert!(counters.drains > 0 && counters.commits > 0);
    }
    assert!(all.counters.failed_commits > 0);
    for log in logs {
        client.close_log(log.log).expect("closed");
        world.sim.unmap_shared(log.address).expect("unmapped");
    }
    // What a stream has counted stays with its volume when it goes.
    let before = client.statistics_of(scope::VOLUME, client.volumes()[0].0.id);
    for file in files {
        world.model(file, |model| model.commit());
        world.sim.close_handle(file).expect("close");
    }
    let after = client.statistics_of(scope::VOLUME, client.volumes()[0].0.id);
    let (before, after) = (
        before.expect("before").counters,
        after.expect("after").counters,
    );
    assert_eq!((after.writes, after.streams), (before.writes, 0));
    assert!(after.commits >= before.commits + 2);
    client.close();
    world.end();
}

#[test]
fn histograms_tell_how_many_lines_commits_flush() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    for lines in [0_u64, 1, 2, 3, 100] {
        if lines > 0 {
            world.write(file, 0, lines * 64);
        }
        let before = client
            .statistics_of(scope::FILE, file.as_raw())
            .expect("before");
        world.flush(file);
        let after = client
            .statistics_of(scope::FILE, file.as_raw())
            .expect("after");
        let difference = after.commit_lines.since(&before.commit_lines);
        let mut expected = Histogram::default();
        expected.buckets[Histogram::bucket(lines)] = 1;
        expected.sum = lines;
        assert_eq!(difference, expected);
    }
    world.close(file);
    client.close();
    world.end();
}

/// The lines of a cell.
fn cell(lines: &BTreeSet<u64>, start: u64, bytes: u64) -> u32 {
    lines.range(start / 64..(start + bytes) / 64).count() as u32
}

#[test]
fn cells_tell_which_lines_are_dirty() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let size = 8_u64 << 20;
    world.truncate(file, size);
    let seed = 0xce11;
    println!("seed {seed:#x}");
    let mut random = Random::new(seed, 0);
    let mut dirty = BTreeSet::new();
    for round in 0..30 {
        for _ in 0..20 {
            let offset = random.below(size - 5000);
            let length = 1 + random.below(5000);
            world.write(file, offset, length);
            dirty.extend(offset / 64..(offset + length).div_ceil(64));
        }
        for _ in 0..20 {
            let offset = random.below(size / 64) * 64;
            let bytes = 64 * (1 + random.below(3000));
            let cells = 1 + random.below(200) as u32;
            let found = client
                .dirty_lines(file, offset, bytes, cells)
                .expect("cells");
            let starts = (0..u64::from(cells)).map(|n| offset + n * bytes);
            let expected: Vec<_> = starts.map(|start| cell(&dirty, start, bytes)).collect();
            assert_eq!(found, expected, "{offset} {bytes} {cells}");
        }
        let found = client
            .dirty_lines(file, 0, 2048, MAX_CELLS as u32)
            .expect("cells");
        assert_eq!(
            found.iter().map(|n| *n as usize).sum::<usize>(),
            dirty.len()
        );
        if round % 5 == 4 {
            let range = FileRange {
                offset: size / 4,
                length: size / 2,
            };
            client
                .commit_as(file, range, commit_flag::NO_DRAIN)
                .expect("begun");
            dirty.retain(|line| !(size / 256..size * 3 / 256).contains(line));
        }
    }
    world.sim.flush_file_buffers(file).expect("a flush");
    world.model(file, |model| model.commit());
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn requests_for_cells_are_checked() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file: Handle = world.open("a");
    world.write(file, 0, 100);
    for (offset, bytes, cells) in [
        (1, 64, 1),
        (63, 64, 1),
        (0, 0, 1),
        (0, 1, 1),
        (0, 65, 1),
        (0, 64, 0),
        (0, 64, MAX_CELLS as u32 + 1),
        (0, 64, u32::MAX),
        (u64::MAX - 63, 64, 1),
        (0, 1 << 63, 2),
    ] {
        let refused = client.dirty_lines(file, offset, bytes, cells);
        assert_eq!(
            refused,
            Err(NtStatus::INVALID_PARAMETER),
            "{offset} {bytes} {cells}"
        );
    }
    // Far beyond what a file can be there is nothing.
    assert_eq!(client.dirty_lines(file, 1 << 62, 64, 2), Ok(vec![0, 0]));
    let reader = world.open_to_read("a");
    assert_eq!(
        client.dirty_lines(reader, 0, 64, 1),
        Err(NtStatus::ACCESS_DENIED)
    );
    world.close(reader);
    let mut request = [0_u8; 32];
    request[..8].copy_from_slice(&file.as_raw().to_le_bytes());
    request[16..24].copy_from_slice(&64_u64.to_le_bytes());
    request[24..28].copy_from_slice(&10_u32.to_le_bytes());
    for room in 0..48 {
        let (status, answer) = client.raw(Ioctl::DirtyLines.code(), &request, room);
        if room < 8 {
            assert_eq!(status, NtStatus::BUFFER_TOO_SMALL);
        } else {
            assert_eq!((status, answer.len()), (NtStatus::BUFFER_OVERFLOW, 8));
            assert_eq!(answer[..4], 48_u32.to_le_bytes());
        }
    }
    request[28] = 1;
    let (status, _) = client.raw(Ioctl::DirtyLines.code(), &request, 48);
    assert_eq!(status, NtStatus::INVALID_PARAMETER);
    world.close(file);
    client.close();
    world.end();
}
