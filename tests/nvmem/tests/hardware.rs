//! The real instructions, without the oracle, on memory with an inaccessible page on either side: a
//! flush of a line that is not the region's would fault.

use daxflush_nvmem::{Error, Features, FlushFlags, Method, NvMemory, NvMemoryRange, NvToken};
use daxflush_nvmem_tests::arena::Arena;

fn arena(pages: usize) -> Arena {
    Arena::new(pages).expect("a place")
}

fn fill(arena: &mut Arena) {
    for (offset, byte) in arena.bytes_mut().iter_mut().enumerate() {
        *byte = pattern(offset);
    }
}

fn assert_filled(arena: &Arena) {
    for (offset, byte) in arena.bytes().iter().enumerate() {
        assert_eq!(*byte, pattern(offset), "at {offset}");
    }
}

fn pattern(offset: usize) -> u8 {
    (offset % 251) as u8
}

/// A memory for each method that this processor has, and one that flushes nothing.
fn memories() -> Vec<NvMemory<4>> {
    let present = Method::ALL
        .iter()
        .filter_map(|method| Features::detect().only(*method).ok());
    present
        .map(|features| {
            let memory = NvMemory::new();
            memory
                .init_with(features, 0x1234_5678)
                .expect("a method is left");
            memory
        })
        .collect()
}

#[test]
fn detects_this_processor() {
    let memory = NvMemory::<1>::new();
    memory.init(1);
    assert!(memory.line_size().is_power_of_two());
    assert_ne!(memory.method(), Method::NoFlush);
    #[cfg(target_arch = "x86_64")]
    {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").expect("Linux has it");
        let has = |flag| cpuinfo.split_whitespace().any(|word| word == flag);
        let expected = match (has("clwb"), has("clflushopt")) {
            (true, _) => Method::Clwb,
            (false, true) => Method::ClflushOpt,
            (false, false) => Method::Clflush,
        };
        assert_eq!(memory.method(), expected);
        let line = format!("clflush size\t: {}\n", memory.line_size());
        assert!(cpuinfo.contains(&line));
    }
}

#[test]
fn every_method_flushes_a_read_only_region_and_not_its_neighbours() {
    for memory in memories() {
        let mut pages = arena(3);
        fill(&mut pages);
        pages.protect(libc::PROT_READ);
        let (base, size) = (pages.base(), pages.size());
        // SAFETY: the pages stay mapped until after the token is freed.
        let token = unsafe { memory.get_token(base, size) }.expect("a free slot");
        assert_eq!(memory.flush(token, base, size, FlushFlags::empty()), Ok(()));
        let ranges: Vec<_> = (0..size)
            .step_by(37)
            .map(|offset| NvMemoryRange {
                base_address: base + offset,
                length: 1,
            })
            .chain([NvMemoryRange {
                base_address: base + size - 1,
                length: 1,
            }])
            .collect();
        assert_eq!(
            memory.flush_ranges(token, &ranges, FlushFlags::NO_DRAIN),
            Ok(())
        );
        assert_eq!(memory.drain(token), Ok(()));
        assert_eq!(memory.drain(NvToken::DEFAULT), Ok(()));
        assert_filled(&pages);
        assert_eq!(memory.free_token(token), Ok(()));
    }
}

#[test]
fn refused_ranges_touch_nothing() {
    for memory in memories() {
        let mut pages = arena(1);
        let (base, size) = (pages.base(), pages.size());
        // SAFETY: the pages stay mapped until after the token is freed.
        let token = unsafe { memory.get_token(base, size) }.expect("a free slot");
        // Whatever is flushed of these before the refusal faults.
        pages.protect(libc::PROT_NONE);
        for (start, length) in [
            (base, size + 1),
            (base - 1, 2),
            (base + size, 1),
            (base, !0),
        ] {
            let inside = NvMemoryRange {
                base_address: base,
                length: size,
            };
            let outside = NvMemoryRange {
                base_address: start,
                length,
            };
            let result = memory.flush_ranges(token, &[inside, outside], FlushFlags::empty());
            assert_eq!(result, Err(Error::InvalidParameter));
        }
        pages.protect(libc::PROT_READ);
        assert_eq!(memory.free_token(token), Ok(()));
        assert_eq!(
            memory.flush(token, base, 1, FlushFlags::empty()),
            Err(Error::InvalidParameter)
        );
    }
}

#[test]
fn default_token_flushes_any_mapped_memory() {
    for memory in memories() {
        let mut pages = arena(2);
        fill(&mut pages);
        let ranges = [NvMemoryRange {
            base_address: pages.base() + 7,
            length: pages.size() - 7,
        }];
        // SAFETY: the range is mapped.
        let flushed = unsafe { memory.flush_ranges_default(&ranges, FlushFlags::empty()) };
        assert_eq!(flushed, Ok(()));
        assert_filled(&pages);
    }
}
