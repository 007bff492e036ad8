//! Settings: what is stored and cannot be used is refused and told; what is set is in force at once,
//! at the next start, or both.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_protocol::{
    FileRange, Information, Ioctl, Setting, commit_flag, set_flag, setting_flag,
};
use daxflush_system_tests::{Client, World, driver, whole};
use ntsim::{Handle, NtStatus, ParameterValue, Sim, SimOptions, VolumeOptions};

const SERVICE: &str = "daxflush";
const SETTING_REFUSED: u32 = 0x8004_4001;
const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

/// A machine whose `Parameters` key is made before the driver is loaded.
fn load(prepare: impl FnOnce(&Sim)) -> (Sim, Client) {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    prepare(&sim);
    sim.load_driver(&driver(), SERVICE)
        .expect("the driver loads");
    let client = Client::open(&sim);
    (sim, client)
}

fn unload(sim: &Sim, client: Client) {
    client.close();
    sim.unload_driver(SERVICE).expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

/// Stores a value as it should be.
fn store(sim: &Sim, setting: Setting, value: u32) {
    match setting.word(value) {
        Some(word) => sim.set_parameter(SERVICE, setting.name(), word, false),
        None => sim.set_number_parameter(SERVICE, setting.name(), value),
    }
}

/// What the registry has.
fn stored(sim: &Sim, setting: Setting) -> Option<ParameterValue> {
    sim.parameter(SERVICE, setting.name())
}

fn as_stored(setting: Setting, value: u32) -> Option<ParameterValue> {
    Some(match setting.word(value) {
        Some(word) => ParameterValue::Text(word.into()),
        None => ParameterValue::Number(value),
    })
}

/// Values that this machine can take.
fn usable(setting: Setting) -> Vec<u32> {
    match setting {
        // auto, none, clflush
        Setting::FlushMethod => vec![0, 1, 2],
        _ => vec![setting.least(), setting.most()],
    }
}

/// What is listed is the default, in force for want of something better.
fn assert_refused(sim: &Sim, client: &Client, setting: Setting, what: &str) {
    let record = client.setting(setting);
    assert_eq!(record.value, setting.default_value(), "{what}");
    assert_eq!(
        record.flags & setting_flag::REFUSED,
        setting_flag::REFUSED,
        "{what}"
    );
    assert_eq!(record.flags & setting_flag::STORED, 0, "{what}");
    let about: Information = client.ask(Ioctl::Information, &[]).expect("information");
    assert_eq!(about.refused_settings, 1, "{what}");
    let log = sim.error_log();
    let told: Vec<_> = log
        .iter()
        .map(|entry| (entry.error_code, entry.strings.clone()))
        .collect();
    assert_eq!(
        told,
        [(SETTING_REFUSED, vec![setting.name().into()])],
        "{what}"
    );
    assert_ne!(log[0].final_status, 0);
}

#[test]
fn without_a_key_every_default_is_in_force() {
    let (sim, client) = load(|_| {});
    let records = client.settings();
    assert_eq!(records.len(), Setting::ALL.len());
    for (setting, record) in Setting::ALL.iter().zip(records) {
        assert_eq!(record.setting, *setting as u32);
        assert_eq!(record.value, setting.default_value());
        assert_eq!(record.default, setting.default_value());
        assert_eq!(
            (record.least, record.most),
            (setting.least(), setting.most())
        );
        let live = if setting.is_live() {
            setting_flag::LIVE
        } else {
            0
        };
        assert_eq!(record.flags, live);
    }
    assert_eq!(sim.error_log(), []);
    // Nothing can be stored where there is no key, and nothing changes then.
    for setting in Setting::ALL {
        let set = client.set(*setting, setting.least(), true).map(|_| ());
        assert_eq!(set, Err(NtStatus::OBJECT_NAME_NOT_FOUND));
        assert_eq!(client.setting(*setting).value, setting.default_value());
    }
    unload(&sim, client);
}

#[test]
fn stored_values_within_the_limits_are_taken() {
    for setting in Setting::ALL {
        for value in usable(*setting) {
            let (sim, client) = load(|sim| store(sim, *setting, value));
            let record = client.setting(*setting);
            assert_eq!(record.value, value, "{setting:?}");
            let flags = setting_flag::STORED | setting_flag::REFUSED;
            assert_eq!(record.flags & flags, setting_flag::STORED);
            let refused = |entry: &ntsim::ErrorLogEntry| entry.error_code == SETTING_REFUSED;
            assert!(!sim.error_log().iter().any(refused));
            unload(&sim, client);
        }
    }
}

#[test]
fn stored_values_that_cannot_be_used_are_refused_and_told() {
    for setting in Setting::ALL {
        let name = setting.name();
        if setting.words().is_empty() {
            let mut numbers = vec![setting.most() + 1, u32::MAX];
            numbers.extend(setting.least().checked_sub(1));
            for number in numbers {
                let (sim, client) = load(|sim| sim.set_number_parameter(SERVICE, name, number));
                assert_refused(&sim, &client, *setting, &format!("{name} = {number}"));
                unload(&sim, client);
            }
            for text in ["", "1", "on"] {
                let (sim, client) = load(|sim| sim.set_parameter(SERVICE, name, text, false));
                assert_refused(&sim, &client, *setting, &format!("{name} = {text:?}"));
                unload(&sim, client);
            }
        } else {
            let long = "x".repeat(100);
            let mut texts = vec!["", "nonsense", "1", "\u{e9}", &long];
            if *setting == Setting::FlushMethod {
                // Another architecture's.
                texts.extend(["dc-cvap", "dc-cvac", "dc-cvadp"]);
            }
            for text in texts {
                let (sim, client) = load(|sim| sim.set_parameter(SERVICE, name, text, false));
                assert_refused(&sim, &client, *setting, &format!("{name} = {text:?}"));
                unload(&sim, client);
            }
            let (sim, client) = load(|sim| sim.set_number_parameter(SERVICE, name, 1));
            assert_refused(&sim, &client, *setting, &format!("{name} is a number"));
            unload(&sim, client);
        }
    }
}

#[test]
fn a_text_without_its_null_character_is_taken() {
    let (sim, client) = load(|sim| sim.set_parameter(SERVICE, "MappedPolicy", "reported", true));
    assert_eq!(client.setting(Setting::MappedPolicy).value, 1);
    unload(&sim, client);
}

#[test]
fn a_registry_that_fails_at_load_refuses_one_setting() {
    let mut seen = 0;
    for nth in 1.. {
        let (sim, client) = load(|sim| {
            store(sim, Setting::MaxViews, 7);
            sim.fail_nth("ZwQueryValueKey", nth);
        });
        let reached = !sim.is_failure_pending("ZwQueryValueKey");
        if reached {
            let refused =
                |setting: &&Setting| client.setting(**setting).flags & setting_flag::REFUSED != 0;
            let refused: Vec<_> = Setting::ALL.iter().filter(refused).collect();
            assert_eq!(refused.len(), 1);
            assert_refused(&sim, &client, *refused[0], "a failure");
            seen += 1;
        } else {
            assert_eq!(client.setting(Setting::MaxViews).value, 7);
        }
        unload(&sim, client);
        if !reached {
            break;
        }
    }
    assert_eq!(seen, Setting::ALL.len());
}

#[test]
fn what_is_stored_is_there_at_the_next_start() {
    for setting in Setting::ALL {
        for value in usable(*setting) {
            let (sim, client) = load(|sim| store(sim, Setting::MaxViews, 9));
            let before = client.setting(*setting).value;
            let record = client.set(*setting, value, true).expect("set");
            assert_eq!(record.flags & setting_flag::STORED, setting_flag::STORED);
            let now = if setting.is_live() { value } else { before };
            assert_eq!(record.value, now, "{setting:?}");
            assert_eq!(record, client.setting(*setting));
            assert_eq!(stored(&sim, *setting), as_stored(*setting, value));
            client.close();
            sim.unload_driver(SERVICE).expect("unloads");
            sim.load_driver(&driver(), SERVICE).expect("loads");
            let client = Client::open(&sim);
            assert_eq!(client.setting(*setting).value, value, "{setting:?}");
            unload(&sim, client);
        }
    }
}

#[test]
fn what_is_not_stored_is_gone_at_the_next_start() {
    let (sim, client) = load(|sim| store(sim, Setting::MaxViews, 9));
    for setting in Setting::ALL {
        let (value, before) = (setting.most(), stored(&sim, *setting));
        let set = client
            .set(*setting, value, false)
            .map(|record| record.value);
        if setting.is_live() {
            assert_eq!(set, Ok(value));
        } else {
            assert!(set.is_err(), "only for the next start");
        }
        assert_eq!(stored(&sim, *setting), before);
    }
    client.close();
    sim.unload_driver(SERVICE).expect("unloads");
    sim.load_driver(&driver(), SERVICE).expect("loads");
    let client = Client::open(&sim);
    for setting in Setting::ALL {
        let expected = match setting {
            Setting::MaxViews => 9,
            other => other.default_value(),
        };
        assert_eq!(client.setting(*setting).value, expected);
    }
    unload(&sim, client);
}

#[test]
fn only_a_stored_value_can_be_set_of_the_flush_method() {
    let (sim, client) = load(|sim| store(sim, Setting::MaxViews, 9));
    let set = client.set(Setting::FlushMethod, 2, false).map(|_| ());
    assert_eq!(set, Err(NtStatus::NOT_SUPPORTED));
    assert_eq!(stored(&sim, Setting::FlushMethod), None);
    unload(&sim, client);
}

#[test]
fn invalid_requests_change_nothing() {
    let (sim, client) = load(|sim| store(sim, Setting::MaxViews, 9));
    let before = client.settings();
    let refuses = |setting: u32, value: u32, flags: u32, reserved: u32| {
        let words = [setting, value, flags, reserved];
        let input = words.map(u32::to_le_bytes).concat();
        let (status, answer) = client.raw(Ioctl::SetSetting.code(), &input, 64);
        assert_eq!(status, NtStatus::INVALID_PARAMETER, "{words:?}");
        assert_eq!(answer, [0; 0]);
        assert_eq!(client.settings(), before, "{words:?}");
    };
    for setting in Setting::ALL {
        for flags in [0, set_flag::STORE] {
            refuses(*setting as u32, setting.most() + 1, flags, 0);
            refuses(*setting as u32, u32::MAX, flags, 0);
            if let Some(less) = setting.least().checked_sub(1) {
                refuses(*setting as u32, less, flags, 0);
            }
        }
        refuses(*setting as u32, setting.least(), 2, 0);
        refuses(*setting as u32, setting.least(), u32::MAX, 0);
        refuses(*setting as u32, setting.least(), set_flag::STORE, 1);
        assert_eq!(
            stored(&sim, *setting).is_some(),
            *setting == Setting::MaxViews
        );
    }
    for method in 5..=7 {
        refuses(0, method, set_flag::STORE, 0);
    }
    refuses(Setting::ALL.len() as u32, 1, 0, 0);
    refuses(u32::MAX, 1, set_flag::STORE, 0);
    // Without room for the answer nothing is set.
    let input = [Setting::MaxViews as u32, 3, set_flag::STORE, 0];
    let input = input.map(u32::to_le_bytes).concat();
    for room in 0..32 {
        let (status, _) = client.raw(Ioctl::SetSetting.code(), &input, room);
        assert_ne!(status, NtStatus::SUCCESS, "{room}");
    }
    for length in [0, 15, 17, 32] {
        let (status, _) = client.raw(Ioctl::SetSetting.code(), &vec![0; length], 64);
        assert_eq!(status, NtStatus::INVALID_PARAMETER);
    }
    assert_eq!(client.trace(6), Err(NtStatus::INVALID_PARAMETER));
    let reserved = [1_u32, 1].map(u32::to_le_bytes).concat();
    let (status, _) = client.raw(Ioctl::Trace.code(), &reserved, 64);
    assert_eq!(status, NtStatus::INVALID_PARAMETER);
    assert_eq!(client.settings(), before);
    assert_eq!(
        stored(&sim, Setting::MaxViews),
        Some(ParameterValue::Number(9))
    );
    unload(&sim, client);
}

#[test]
fn a_registry_that_fails_changes_nothing() {
    for (routine, calls) in [("ZwSetValueKey", 1), ("ZwOpenKey", 2)] {
        for nth in 1..=calls {
            for setting in Setting::ALL {
                let (sim, client) = load(|sim| store(sim, *setting, setting.default_value()));
                let before = client.settings();
                sim.fail_nth(routine, nth);
                let value = *usable(*setting).last().expect("a value");
                let set = client.set(*setting, value, true).map(|_| ());
                assert_eq!(set, Err(NtStatus::INSUFFICIENT_RESOURCES), "{routine}");
                assert!(!sim.is_failure_pending(routine));
                assert_eq!(client.settings(), before);
                let kept = as_stored(*setting, setting.default_value());
                assert_eq!(stored(&sim, *setting), kept);
                // The next attempt is as if nothing had been.
                client.set(*setting, value, true).expect("set");
                assert_eq!(stored(&sim, *setting), as_stored(*setting, value));
                unload(&sim, client);
            }
        }
    }
}

#[test]
fn storing_a_good_value_ends_a_refusal() {
    let (sim, client) = load(|sim| sim.set_number_parameter(SERVICE, "MaxViews", 0));
    assert_refused(&sim, &client, Setting::MaxViews, "0");
    // Live only, what is stored is as bad as it was.
    let record = client.set(Setting::MaxViews, 5, false).expect("set");
    assert_ne!(record.flags & setting_flag::REFUSED, 0);
    let record = client.set(Setting::MaxViews, 5, true).expect("set");
    let flags = setting_flag::LIVE | setting_flag::STORED;
    assert_eq!((record.flags, record.value), (flags, 5));
    unload(&sim, client);
}

fn set(client: &Client, setting: Setting, value: u32) {
    let record = client.set(setting, value, false).expect("set");
    assert_eq!(record.value, value);
}

#[test]
fn cleanup_commits_takes_effect_at_once() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    for commits in [0, 1, 0] {
        set(&client, Setting::CleanupCommits, commits);
        let (file, again) = (world.open("a"), world.open("a"));
        world.write(file, 0, 100);
        let flushes = world.sim.observed().flushes;
        world.sim.close_handle(file).expect("close");
        let flushed = world.sim.observed().flushes - flushes;
        assert_eq!(flushed, 2 * u64::from(commits));
        world.commits_anyhow("a flush", &[whole(again)], |sim| {
            sim.flush_file_buffers(again)
        });
        world.sim.close_handle(again).expect("close");
    }
    client.close();
    world.end();
}

#[test]
fn the_mapped_policy_takes_effect_at_once() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.truncate(file, 1 << 16);
    let view = world.sim.map_view(file, 0, 1 << 16, true).expect("a view");
    let flushed = |world: &mut World, file: Handle| {
        world.commits_anyhow("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        })
    };
    for _ in 0..2 {
        set(&client, Setting::MappedPolicy, 0);
        assert_eq!(flushed(&mut world, file), 1024);
        set(&client, Setting::MappedPolicy, 1);
        assert_eq!(flushed(&mut world, file), 0);
    }
    world.sim.unmap_view(view);
    world.sim.close_handle(file).expect("close");
    client.close();
    world.end();
}

#[test]
fn view_limits_take_effect_at_once() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let files = ["a", "b", "c", "d"].map(|name| world.open(name));
    for limit in [4, 1, 3] {
        set(&client, Setting::MaxViews, limit);
        for file in files.into_iter().chain(files) {
            world.write(file, 0, 64);
            world.flush(file);
        }
        assert_eq!(client.statistics().views, u64::from(limit));
        assert_eq!(world.sim.system_views(), limit as usize);
    }
    // At once, and not when the next view is needed.
    for limit in [2, 1] {
        set(&client, Setting::MaxViews, limit);
        assert_eq!(client.statistics().views, u64::from(limit));
    }
    set(&client, Setting::MaxViews, 1024);
    for file in files {
        world.truncate(file, 4 << 20);
    }
    for (window, most, bytes) in [(1, 100, 4_u64), (2, 100, 8), (1, 2, 2)] {
        set(&client, Setting::ViewWindowMiB, window);
        set(&client, Setting::MaxViewMiB, most);
        for file in files {
            // A larger file needs a new view.
            let size = world.sim.file_size(file).expect("a size");
            world.write(file, size, 64);
            world.flush(file);
        }
        assert_eq!(client.statistics().view_bytes, bytes << 20);
        assert!(world.sim.system_view_bytes() <= bytes << 20);
    }
    files.into_iter().for_each(|file| world.close(file));
    client.close();
    world.end();
}

#[test]
fn the_size_of_batches_takes_effect_at_once() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.truncate(file, 1 << 20);
    for batch in [1_u32, 7, 64, 2] {
        set(&client, Setting::BatchRanges, batch);
        (0..130).for_each(|n| world.write(file, n * 256, 8));
        let before = client.statistics();
        world.commits("the IOCTL", &[whole(file)], |_| {
            let reply = client.commit_as(file, ALL, 0)?;
            assert_eq!((reply.ranges, reply.lines), (130, 130));
            Ok(())
        });
        let after = client.statistics();
        let expected = 130_u64.div_ceil(u64::from(batch));
        assert_eq!(after.batches - before.batches, expected, "{batch}");
        assert_eq!(after.ranges - before.ranges, 130);
        // One drain, however many batches.
        assert_eq!(after.drains - before.drains, 1);
        world.write(file, 0, 8);
        assert_eq!(
            client
                .commit_as(file, ALL, commit_flag::NO_DRAIN)
                .map(|_| ()),
            Ok(())
        );
        assert_eq!(client.drain(), Ok(1));
        world.model(file, |model| model.commit());
    }
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn the_tracking_memory_is_that_of_volumes_attached_to_from_then_on() {
    let world = World::new();
    let client = Client::open(&world.sim);
    let limit = |client: &Client| client.volumes()[0].0.tracking_limit;
    let before = limit(&client);
    assert!(before <= 1 << 20 && before > 1 << 19);
    set(&client, Setting::TrackingKiB, 64);
    assert_eq!(limit(&client), before);
    world.sim.detach('D').expect("detached");
    world.sim.attach('D').expect("attached again");
    assert!(limit(&client) <= 64 << 10);
    client.close();
    world.end();
}

#[test]
fn the_trace_level_is_a_setting() {
    let (sim, client) = load(|_| {});
    for level in 0..=5 {
        let reply = client.trace(level).expect("a level");
        assert_eq!((reply.level, reply.listened), (level, 0));
        assert_eq!(client.setting(Setting::TraceLevel).value, level);
        let about: Information = client.ask(Ioctl::Information, &[]).expect("information");
        assert_eq!(about.trace_level, level);
    }
    sim.set_tracing(Some((5, 0)));
    assert_eq!(client.trace(5).expect("a level").listened, 1);
    sim.set_tracing(None);
    set(&client, Setting::TraceLevel, 2);
    let reply = client.trace(3).expect("a level");
    assert_eq!((reply.level, reply.listened), (3, 0));
    unload(&sim, client);
}

#[test]
fn the_list_needs_room() {
    let (sim, client) = load(|_| {});
    let whole = 8 + 24 * Setting::ALL.len();
    for room in 0..whole {
        let (status, answer) = client.raw(Ioctl::Settings.code(), &[], room);
        if room < 8 {
            assert_eq!((status, answer.len()), (NtStatus::BUFFER_TOO_SMALL, 0));
        } else {
            assert_eq!((status, answer.len()), (NtStatus::BUFFER_OVERFLOW, 8));
            assert_eq!(answer[..4], (whole as u32).to_le_bytes());
        }
    }
    assert_eq!(
        client.raw(Ioctl::Settings.code(), &[0], whole).0,
        NtStatus::INVALID_PARAMETER
    );
    unload(&sim, client);
}
