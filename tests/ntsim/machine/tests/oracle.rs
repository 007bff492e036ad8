//! The oracle: each flush instruction seen, with its address, and the durable image told.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{build_driver, function, load};
use ntsim_machine::call::{call0, call1, call2, call3, call4};
use ntsim_machine::image::Image;
use ntsim_machine::oracle::{
    AuditError, Event, EventKind, FenceInstruction, FlushInstruction, Observed, Oracle, PlantError,
    enter_thread, unstepped,
};
use ntsim_machine::pmem::{Extent, LINE, PAGE, Pmem, Policy};

use FlushInstruction::{Clflush, Clflushopt, Clwb};

const FUNCTIONS: &[&str] = &[
    "flush",
    "drain",
    "persist",
    "flush_clflush",
    "flush_clflushopt",
    "drain_mfence",
    "store_nt8",
    "store_nt4",
    "store_nt16",
    "persist_and_call",
    "copy_and_persist",
];

extern "win64" fn add(a: i32, b: i32) -> i32 {
    // Host code that allocates, also when it is stepped through.
    let numbers = std::hint::black_box(vec![a, b]);
    numbers.iter().sum()
}

fn flush_image() -> Image {
    let bytes = build_driver("flush.c", FUNCTIONS);
    let mut resolve =
        |_: &str, name: &str| (name == "KeTestAdd").then_some(add as *const () as usize);
    Image::from_bytes("flush.sys", &bytes, &mut resolve).unwrap()
}

struct Bench {
    oracle: Oracle,
    image: Image,
    pmem: Pmem,
}

impl Bench {
    fn new() -> Bench {
        let image = flush_image();
        Bench {
            oracle: Oracle::plant(&image).unwrap(),
            image,
            pmem: Pmem::new(16 << 20).unwrap(),
        }
    }

    fn call(&self, name: &str, a: usize, b: usize) -> usize {
        // SAFETY: the functions of the image that are called so take up to two numbers.
        unsafe { call2(function(&self.image, name), a, b) }
    }

    fn durable(&self, offset: u64) -> u8 {
        let mut byte = [0];
        self.pmem.read_durable(offset, &mut byte).unwrap();
        byte[0]
    }
}

/// A page below 4 GiB, for 32-bit addresses.
fn low_page() -> usize {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    // SAFETY: a new mapping.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    page as usize
}

/// What an event is about, without where and when.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Line(FlushInstruction, u64),
    Foreign(FlushInstruction, usize),
    Fence(FenceInstruction),
    Stored(u64, usize),
}

fn seen(event: &Event) -> Seen {
    match event.kind {
        EventKind::Flush {
            instruction,
            pmem: Some(at),
            ..
        } => Seen::Line(instruction, at.offset / LINE),
        EventKind::Flush {
            instruction,
            va,
            pmem: None,
        } => Seen::Foreign(instruction, va),
        EventKind::Fence { instruction } => Seen::Fence(instruction),
        EventKind::NtStore { pmem, len, .. } => Seen::Stored(pmem.unwrap().offset, len),
    }
}

#[test]
fn every_addressing_form() {
    let _thread = enter_thread().unwrap();
    let image = load(&build_driver("forms.s", &["forms", "address_of_variable"])).unwrap();
    let oracle = Oracle::plant(&image).unwrap();
    let pmem = Pmem::new(1 << 20).unwrap();
    let view = pmem.map(0, 1 << 20, true).unwrap();
    let low = low_page();
    oracle.start_log(100);
    // SAFETY: the function takes these four; the other takes nothing.
    let variable = unsafe {
        call4(function(&image, "forms"), view.base(), 64, low, view.base());
        call0(function(&image, "address_of_variable"))
    };
    let log = oracle.take_log();
    assert_eq!(log.dropped, 0);
    let mut seen: Vec<Seen> = log.events.iter().map(seen).collect();
    let Seen::Foreign(Clflushopt, stack) = seen.remove(8) else {
        panic!("{seen:?}")
    };
    let here = &raw const stack as usize;
    assert!(here.abs_diff(stack) < 1 << 20, "the stack");
    let mut expected = vec![
        Seen::Line(Clwb, 0),
        Seen::Line(Clwb, 1),
        Seen::Line(Clflushopt, 2),
        Seen::Line(Clflush, 3),
        Seen::Line(Clwb, 4),
        Seen::Foreign(Clwb, low),
        Seen::Foreign(Clwb, variable),
        Seen::Fence(FenceInstruction::Sfence),
    ];
    expected.extend((5..=22).map(|line| Seen::Line(Clwb, line)));
    expected.push(Seen::Fence(FenceInstruction::Mfence));
    expected.extend([(0, 8), (8, 4), (16, 4)].map(|(at, len)| Seen::Stored(23 * LINE + at, len)));
    expected.push(Seen::Fence(FenceInstruction::Sfence));
    assert_eq!(seen, expected);
    let unaligned = log.events[1].kind;
    assert!(matches!(unaligned, EventKind::Flush { va, .. } if va == view.base() + 127));
    let totals = Observed {
        flushes: 23,
        foreign_flushes: 3,
        fences: 3,
        nt_stores: 3,
    };
    assert_eq!(oracle.observed(), totals);
    let mut stored = [0; 24];
    pmem.read_durable(23 * LINE, &mut stored).unwrap();
    let (first, second) = (
        0x1122_3344_5566_7788u64.to_le_bytes(),
        0x5566_7788u64.to_le_bytes(),
    );
    assert_eq!(stored, [first, second, second].concat()[..]);
}

#[test]
fn addresses_come_back_through_extents() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let extents = [7, 3, 50].map(|page| Extent {
        offset: page * PAGE,
        len: PAGE,
    });
    let view = bench.pmem.map_extents(&extents, false).unwrap();
    bench.oracle.start_log(10);
    bench.call("flush", view.base() + 4096 - 64, 128);
    let lines: Vec<_> = bench
        .oracle
        .take_log()
        .events
        .iter()
        .map(|e| e.pmem_line())
        .collect();
    assert_eq!(lines, [Some(8 * PAGE - 64), Some(3 * PAGE)]);
}

#[test]
fn a_line_is_durable_only_after_the_drain() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, PAGE, true).unwrap();
    for (flush, drain) in [("flush", "drain"), ("flush_clflushopt", "drain_mfence")] {
        bench.pmem.zero_durable(0, PAGE).unwrap();
        bench.pmem.write(0, &[9; 64]).unwrap();
        bench.call(flush, view.base(), 1);
        assert_eq!(bench.durable(0), 0);
        let cut = (0..50).map(|seed| {
            let mut byte = [0];
            bench
                .pmem
                .survivors(Policy::Random(seed))
                .read(0, &mut byte)
                .unwrap();
            byte[0]
        });
        assert_eq!(
            cut.collect::<std::collections::HashSet<_>>().len(),
            2,
            "lost or kept"
        );
        bench.call(drain, 0, 0);
        assert_eq!(bench.durable(0), 9, "{flush} and {drain}");
    }
}

#[test]
fn clflush_needs_no_drain() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, PAGE, false).unwrap();
    bench.pmem.write(0, &[9; 64]).unwrap();
    bench.call("flush_clflush", view.base() + 3, 0);
    assert_eq!(bench.durable(0), 9);
}

#[test]
fn a_fence_of_another_thread_does_not_drain() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, PAGE, false).unwrap();
    bench.pmem.write(0, &[9; 64]).unwrap();
    bench.call("flush", view.base(), 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _thread = enter_thread().unwrap();
            bench.call("drain", 0, 0);
        });
    });
    assert_eq!(bench.durable(0), 0);
    drop(view);
    bench.call("drain", 0, 0);
    assert_eq!(bench.durable(0), 9, "also when the view is gone by then");
}

#[test]
fn non_temporal_stores_store_and_wait_for_a_fence() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, 2 * PAGE, true).unwrap();
    bench.pmem.write(0, &[1; 200]).unwrap();
    bench.call("store_nt8", view.base() + 60, 0x0202_0202_0202_0202);
    bench.call("store_nt4", view.base() + 128, 0x0303_0303);
    let mut now = [0; 136];
    bench.pmem.read(0, &mut now).unwrap();
    assert_eq!(
        (now[59], now[60], now[67], now[68], now[131], now[132]),
        (1, 2, 2, 1, 3, 1)
    );
    assert_eq!(bench.durable(60), 0);
    bench.call("drain", 0, 0);
    let durable = [59, 60, 67, 68, 131, 132].map(|at| bench.durable(at));
    assert_eq!(
        durable,
        [0, 2, 2, 0, 3, 0],
        "the stored bytes and no others"
    );
}

#[test]
fn wide_non_temporal_stores_too() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, 2 * PAGE, true).unwrap();
    bench.pmem.write(0, &[1; 200]).unwrap();
    bench.call("store_nt16", view.base() + 112, 0x0202_0202_0303_0303);
    let stored = [3, 3, 3, 3, 2, 2, 2, 2, 3, 3, 3, 3, 2, 2, 2, 2, 1];
    let mut now = [0; 17];
    bench.pmem.read(112, &mut now).unwrap();
    assert_eq!(now, stored);
    assert_eq!(bench.durable(112), 0);
    bench.call("drain", 0, 0);
    let durable: Vec<u8> = (112..128).map(|at| bench.durable(at)).collect();
    assert_eq!(durable, stored[..16]);
    assert_eq!((bench.durable(111), bench.durable(128)), (0, 0));
}

#[test]
fn the_probe_sees_the_state_after_each_event() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, PAGE, false).unwrap();
    bench.pmem.write(0, &[9; 192]).unwrap();
    let states = Arc::new(Mutex::new(Vec::new()));
    let (pmem, log) = (bench.pmem.clone(), Arc::clone(&states));
    bench.oracle.set_probe(Some(Box::new(move |event| {
        let mut line = [0; 1];
        pmem.survivors(Policy::None).read(128, &mut line).unwrap();
        log.lock().unwrap().push((event.pmem_line(), line[0]));
    })));
    bench.call("persist", view.base(), 192);
    bench.oracle.set_probe(None);
    bench.call("persist", view.base(), 192);
    let expected = [(Some(0), 0), (Some(64), 0), (Some(128), 0), (None, 9)];
    assert_eq!(*states.lock().unwrap(), expected);
}

fn without_time(events: &[Event]) -> Vec<(usize, EventKind)> {
    events.iter().map(|event| (event.rip, event.kind)).collect()
}

#[test]
fn the_audit_sees_what_the_breakpoints_see() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, 64 << 10, true).unwrap();
    let from = [7u8; 1000];
    let work = || {
        let sum = bench.call("persist_and_call", view.base(), 640);
        bench.call("store_nt8", view.base() + 4096, 5);
        bench.call("drain", 0, 0);
        // SAFETY: the function takes target, source and length.
        unsafe {
            let copy = function(&bench.image, "copy_and_persist");
            call3(copy, view.base() + 8192, from.as_ptr() as usize, from.len());
        }
        sum
    };
    bench.oracle.start_log(1000);
    let sum = work();
    let planted = bench.oracle.take_log();
    let before = bench.oracle.observed();
    let (audited_sum, report) = bench.oracle.audit(work).unwrap();
    assert_eq!(sum, audited_sum);
    assert_eq!(without_time(&report.events), without_time(&planted.events));
    assert_eq!(planted.events.len(), 10 + 1 + 1 + 1 + 16 + 1);
    assert_eq!((report.unplanted, report.misplaced), (vec![], vec![]));
    assert!(report.steps > 1000, "{} with rep movsb", report.steps);
    let counted = bench.oracle.observed() - before;
    assert_eq!(
        (counted.flushes, counted.fences, counted.nt_stores),
        (26, 3, 1)
    );
    assert_eq!(bench.durable(8192), 7);
    work();
}

#[test]
fn audits_need_a_signal_stack_and_do_not_nest() {
    let bench = Bench::new();
    assert!(matches!(
        bench.oracle.audit(|| ()),
        Err(AuditError::ThreadNotEntered)
    ));
    let _thread = enter_thread().unwrap();
    let (inner, _) = bench
        .oracle
        .audit(|| bench.oracle.audit(|| ()).err())
        .unwrap();
    assert!(matches!(inner, Some(AuditError::Nested)));
    let start = || unstepped(|| std::thread::spawn(|| 5)).join().unwrap();
    let (answer, report) = bench
        .oracle
        .audit(|| (start(), bench.call("drain", 0, 0)).0)
        .unwrap();
    assert_eq!(
        (answer, report.events.len()),
        (5, 1),
        "audited again after the thread started"
    );
    assert_eq!(unstepped(|| 6), 6, "without an audit too");
}

#[test]
fn data_among_code_does_not_mislead_the_sweep() {
    let _thread = enter_thread().unwrap();
    let image = load(&build_driver("misleading.s", &["flush_one"])).unwrap();
    let oracle = Oracle::plant(&image).unwrap();
    let pmem = Pmem::new(PAGE).unwrap();
    let view = pmem.map(0, PAGE, false).unwrap();
    // SAFETY: the function takes an address.
    let flush = || unsafe { call1(function(&image, "flush_one"), view.base()) };
    let (_, report) = oracle.audit(flush).unwrap();
    assert_eq!((report.unplanted, report.misplaced), (vec![], vec![]));
    assert_eq!(
        (oracle.observed().flushes, oracle.observed().fences),
        (1, 1)
    );
    flush();
    assert_eq!(
        (oracle.observed().flushes, oracle.observed().fences),
        (2, 2)
    );
}

#[test]
fn the_audit_finds_what_disassembly_got_wrong() {
    let _thread = enter_thread().unwrap();
    let image = load(&build_driver("missed.s", &["missed", "misplaced"])).unwrap();
    let oracle = Oracle::plant(&image).unwrap();
    let line = [0u64; 16];
    let (missed, misplaced) = (function(&image, "missed"), function(&image, "misplaced"));
    // SAFETY: the functions take an address at most.
    let (_, report) = oracle
        .audit(|| unsafe { call1(missed, line.as_ptr() as usize) })
        .unwrap();
    assert_eq!(
        report.unplanted,
        [format!("clwb at {}", image.symbolize(missed))]
    );
    assert_eq!((report.events.len(), report.misplaced), (1, vec![]));
    // SAFETY: as above.
    let (_, report) = oracle.audit(|| unsafe { call0(misplaced) }).unwrap();
    assert_eq!(
        report.misplaced,
        [format!("mov at {}", image.symbolize(misplaced))]
    );
    assert_eq!((report.events.len(), report.unplanted), (0, vec![]));
}

#[test]
fn what_is_not_emulated_is_refused_by_name() {
    let image = load(&build_driver("unsupported.s", &[])).unwrap();
    let error = Oracle::plant(&image).expect_err("unsupported");
    let text = error.to_string();
    assert!(matches!(error, PlantError::Unsupported { .. }));
    assert!(
        text.contains("movntps at test.sys+0x1000, clwb at test.sys+0x1003"),
        "{text}"
    );
}

#[test]
fn one_oracle_an_image_and_none_after_the_drop() {
    let _thread = enter_thread().unwrap();
    let Bench {
        oracle,
        image,
        pmem,
    } = Bench::new();
    assert!(matches!(
        Oracle::plant(&image),
        Err(PlantError::AlreadyPlanted { .. })
    ));
    assert!(oracle.sites().len() >= 8);
    let view = pmem.map(0, PAGE, false).unwrap();
    pmem.write(0, &[9; 64]).unwrap();
    drop(oracle);
    // SAFETY: the function takes address and length.
    unsafe { call2(function(&image, "persist"), view.base(), 64) };
    let mut byte = [0];
    pmem.read_durable(0, &mut byte).unwrap();
    assert_eq!(byte, [0], "nobody looked");
    let oracle = Oracle::plant(&image).unwrap();
    // SAFETY: as above.
    unsafe { call2(function(&image, "persist"), view.base(), 64) };
    assert_eq!(oracle.observed().flushes, 1);
}

#[test]
fn a_full_log_counts_what_it_drops() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let view = bench.pmem.map(0, PAGE, false).unwrap();
    bench.oracle.start_log(3);
    bench.call("persist", view.base(), 640);
    let log = bench.oracle.take_log();
    assert_eq!((log.events.len(), log.dropped), (3, 8));
}

#[test]
fn threads_flush_while_others_map_and_unmap() {
    let bench = Bench::new();
    let (threads, rounds) = (4, 100);
    let work = &|thread: u64| {
        let _thread = enter_thread().unwrap();
        for round in 0..rounds {
            let offset = (thread * rounds + round) * PAGE;
            let view = bench.pmem.map(offset, PAGE, true).unwrap();
            bench
                .pmem
                .write(offset, &[thread as u8 + 1; PAGE as usize])
                .unwrap();
            bench.call("persist", view.base(), PAGE as usize);
            assert_eq!(bench.durable(offset + PAGE - 1), thread as u8 + 1);
        }
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|thread| drop(scope.spawn(move || work(thread))))
    });
    let expected = Observed {
        flushes: 64 * threads * rounds,
        fences: threads * rounds,
        ..Observed::default()
    };
    assert_eq!(bench.oracle.observed(), expected);
    assert!(
        bench
            .pmem
            .unsafe_lines(0, bench.pmem.size())
            .unwrap()
            .is_empty()
    );
}

/// Processor time of this thread: what other tests do at the same time does not count.
fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn three_hundred_thousand_flushes_take_less_than_three_seconds() {
    let _thread = enter_thread().unwrap();
    let bench = Bench::new();
    let len = 150_000 * LINE as usize;
    let view = bench.pmem.map(0, len as u64, false).unwrap();
    bench.pmem.write(0, &vec![3; len]).unwrap();
    bench.oracle.start_log(300_002);
    let start = thread_time();
    bench.call("persist", view.base(), len);
    bench.call("persist", view.base(), len);
    let took = thread_time() - start;
    assert_eq!(bench.oracle.observed().flushes, 300_000);
    assert!(bench.pmem.unsafe_lines(0, len as u64).unwrap().is_empty());
    println!("{took:?}, {:?} each", took / 300_000);
    assert!(took < Duration::from_secs(3), "{took:?}");
}
