//! Threads under controlled interleaving, without a driver.

use crate::{
    Policy, Preemptions, Program, ScheduleOptions, ScheduleReport, Sim, SimOptions,
    scheduling_point,
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

fn machine() -> Sim {
    Sim::boot(SimOptions::default()).expect("a machine")
}

/// Two threads that read a number, pass a point, and write one more.
fn increments(sim: &Sim, options: &ScheduleOptions) -> (ScheduleReport, u32) {
    let number = Arc::new(Mutex::new(0));
    let program = |name: &str| -> Program {
        let number = number.clone();
        let work = move || {
            scheduling_point("before");
            let read = *number.lock().expect("a number");
            scheduling_point("between");
            *number.lock().expect("a number") = read + 1;
        };
        (name.to_owned(), Box::new(work))
    };
    let report = sim.schedule(options, vec![program("one"), program("two")]);
    let number = *number.lock().expect("a number");
    (report, number)
}

fn options(seed: u64, policy: Policy) -> ScheduleOptions {
    ScheduleOptions {
        seed,
        policy,
        ..ScheduleOptions::default()
    }
}

#[test]
fn a_lost_update_needs_a_preemption() {
    let sim = machine();
    let preempt = |first, at: &[(u64, usize)]| {
        let at = BTreeMap::from_iter(at.iter().copied());
        options(0, Policy::Preempt(Preemptions { first, at }))
    };
    for first in [0, 1] {
        let (report, number) = increments(&sim, &preempt(first, &[]));
        assert_eq!((report.switches.0.len(), number), (2, 2));
    }
    assert_eq!(increments(&sim, &preempt(0, &[(1, 0)])).1, 2);
    assert_eq!(increments(&sim, &preempt(0, &[(2, 0)])).1, 1);
}

#[test]
fn a_seed_gives_the_same_schedule_and_so_does_its_record() {
    let sim = machine();
    let mut schedules = HashSet::new();
    let mut lost = 0;
    for seed in 0..100 {
        for policy in [
            Policy::Random { percent: 50 },
            Policy::Priorities {
                changes: 2,
                points: 4,
            },
        ] {
            let (first, number) = increments(&sim, &options(seed, policy.clone()));
            let (second, again) = increments(&sim, &options(seed, policy));
            assert_eq!((&first.points, number), (&second.points, again));
            let replay = Policy::Replay(first.switches.clone());
            let (third, again) = increments(&sim, &options(99, replay));
            assert_eq!((&first.points, number), (&third.points, again));
            assert_eq!(first.switches, third.switches);
            schedules.insert(first.switches);
            lost += u32::from(number == 1);
        }
    }
    assert!(schedules.len() > 4, "{}", schedules.len());
    assert!(lost > 10, "{lost}");
}

#[test]
fn two_orders_of_locks_are_a_deadlock_that_says_who_waits() {
    let sim = machine();
    let program = |name: &str, locks: [usize; 2]| -> Program {
        let sim = sim.clone();
        let work = move || {
            for lock in locks {
                sim.kernel.acquire_push_lock(lock, true);
                scheduling_point("acquired");
            }
            for lock in locks {
                sim.kernel.release_push_lock(lock);
            }
        };
        (name.to_owned(), Box::new(work))
    };
    for lock in [0x10, 0x20] {
        sim.kernel.initialize_push_lock(lock);
    }
    let programs = || vec![program("one", [0x10, 0x20]), program("two", [0x20, 0x10])];
    let calm = sim.schedule(
        &options(0, Policy::Preempt(Preemptions::default())),
        programs(),
    );
    assert_eq!(calm.stuck, None);
    let report = sim.schedule(&options(0, Policy::RoundRobin), programs());
    let stuck = report.stuck.expect("a deadlock");
    for part in [
        "(one) waits for push lock 0x20",
        "(two) waits for push lock 0x10",
    ] {
        assert!(stuck.contains(part), "{stuck}");
    }
    let found = sim.violations();
    let deadlocks = found.iter().filter(|found| found.rule == "deadlock");
    assert_eq!(deadlocks.count(), 1, "{found:?}");
}

#[test]
fn a_panic_is_told_and_the_others_go_on() {
    let sim = machine();
    let programs: Vec<Program> = vec![
        ("fails".into(), Box::new(|| panic!("on purpose"))),
        ("goes on".into(), Box::new(|| scheduling_point("here"))),
    ];
    let report = sim.schedule(&ScheduleOptions::default(), programs);
    assert_eq!(report.panics, ["thread 0 (fails): on purpose"]);
    assert!(report.points.iter().any(|point| point.what == "here"));
}

#[test]
fn threads_that_never_end_are_stopped() {
    let sim = machine();
    let programs: Vec<Program> = vec![(
        "endless".into(),
        Box::new(|| {
            loop {
                scheduling_point("again");
            }
        }),
    )];
    let options = ScheduleOptions {
        most_points: 100,
        ..ScheduleOptions::default()
    };
    let report = sim.schedule(&options, programs);
    assert!(
        report
            .stuck
            .is_some_and(|stuck| stuck.starts_with("endless"))
    );
}
