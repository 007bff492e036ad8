//! The journal of a device: all that happens to it, in order and with its data.

use ntsim_machine::{
    current_thread,
    pmem::{Extent, JournalEntry, LINE, PAGE, Pmem},
};

fn store(offset: u64, data: &[u8]) -> JournalEntry {
    let data = data.into();
    JournalEntry::Store { offset, data }
}

fn entries(pmem: &Pmem) -> Vec<JournalEntry> {
    let journal = pmem.take_journal().into_iter();
    journal.map(|journaled| journaled.entry).collect()
}

#[test]
fn everything_is_told_in_order() {
    let pmem = Pmem::new(1 << 20).unwrap();
    pmem.write(0, b"before the journal").unwrap();
    pmem.start_journal();
    pmem.write(60, b"12345678").unwrap();
    pmem.mark(7);
    pmem.flush(60, 8).unwrap();
    pmem.drain();
    pmem.format_durable(130, 1).unwrap();
    pmem.zero_durable(LINE, LINE).unwrap();
    pmem.tell_store(9, b"told");
    assert_eq!(pmem.journaled(), 8);
    let processor = current_thread();
    let mut lines = [[0; LINE as usize]; 2];
    lines[0][..18].copy_from_slice(b"before the journal");
    lines[0][60..].copy_from_slice(b"1234");
    lines[1][..4].copy_from_slice(b"5678");
    let flush = |number: u64| JournalEntry::Flush {
        processor,
        line: number * LINE,
        bytes: lines[number as usize],
    };
    let expected = [
        store(60, b"12345678"),
        JournalEntry::Mark(7),
        flush(0),
        flush(1),
        JournalEntry::Fence { processor },
        JournalEntry::Declared {
            start: 128,
            end: 192,
        },
        JournalEntry::Zeroed {
            start: 64,
            end: 128,
        },
        store(9, b"told"),
    ];
    assert_eq!(entries(&pmem), expected);
    pmem.write(0, b"after it").unwrap();
    assert_eq!(entries(&pmem), []);
}

#[test]
fn stores_through_a_view_are_told_by_their_place_on_the_device() {
    let pmem = Pmem::new(1 << 20).unwrap();
    let extent = |offset| Extent { offset, len: PAGE };
    let extents = [extent(4 * PAGE), extent(PAGE)];
    let view = pmem.map_extents(&extents, true).unwrap();
    pmem.start_journal();
    view.store(PAGE as usize - 2, b"abcd");
    view.store(5, b"e");
    let expected = [
        store(5 * PAGE - 2, b"ab"),
        store(PAGE, b"cd"),
        store(4 * PAGE + 5, b"e"),
    ];
    assert_eq!(entries(&pmem), expected);
    let mut found = [0; 2];
    pmem.read(PAGE, &mut found).unwrap();
    assert_eq!(&found, b"cd");
}

#[test]
#[should_panic(expected = "beyond the view")]
fn a_store_beyond_a_view_is_refused() {
    let pmem = Pmem::new(1 << 20).unwrap();
    let view = pmem.map(0, PAGE, true).unwrap();
    view.store(PAGE as usize - 1, b"ab");
}

#[test]
fn a_fence_is_told_only_where_something_is_in_flight() {
    let (pmem, other) = (Pmem::new(1 << 20).unwrap(), Pmem::new(1 << 20).unwrap());
    pmem.start_journal();
    other.start_journal();
    pmem.write(0, b"x").unwrap();
    pmem.drain();
    pmem.annotate(0x1000);
    pmem.flush(0, 1).unwrap();
    pmem.annotate(0x2000);
    std::thread::scope(|scope| scope.spawn(|| pmem.drain()).join().unwrap());
    pmem.annotate(0x3000);
    pmem.drain();
    pmem.annotate(0x4000);
    let journal = pmem.take_journal();
    let instructions: Vec<_> = journal.iter().map(|entry| entry.instruction).collect();
    assert_eq!(instructions, [None, Some(0x2000), Some(0x4000)]);
    assert_eq!(entries(&other), []);
}
