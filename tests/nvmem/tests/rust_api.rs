//! Random cases through the Rust API, and the oracle itself.

use daxflush_nvmem::{Features, Method};
use daxflush_nvmem_tests::{api::FromRust, arena::Arena, oracle, run};

#[test]
fn cases_from_rust() {
    for method in Method::ALL {
        match FromRust::new(*method) {
            Some(api) => run::random_cases(&api, "rust_api"),
            None => eprintln!("this processor has no {method}"),
        }
    }
}

#[test]
fn methods_that_the_processor_lacks_are_refused() {
    for method in Method::ALL {
        let lacks = !Features::detect().supports(*method);
        assert_eq!(FromRust::new(*method).is_none(), lacks, "{method}");
        assert_eq!(Method::from_name(method.name()), Some(*method));
        let without = Features::detect().without(*method);
        assert_eq!(without.only(*method).is_err(), *method != Method::NoFlush);
    }
    assert_eq!(Method::from_name("wbinvd"), None);
}

/// The oracle sees each instruction that it should, when somebody else than nvmem executes it.
#[test]
fn canary() {
    let mut arena = Arena::new(2).expect("a place");
    arena.bytes_mut()[200] = 7;
    let place = arena.base() + 200;
    let ((), events) = oracle::observe(|| canary::execute(place));
    assert_eq!(events, canary::expected(place));
    assert!(oracle::sites() > 0);
    let ((), nothing) = oracle::observe(|| ());
    assert_eq!(nothing, []);
}

#[cfg(target_arch = "x86_64")]
mod canary {
    use daxflush_nvmem_tests::oracle::{Event, Fence, Flush, SHOWN};
    use std::arch::asm;

    #[inline(never)]
    pub fn execute(place: usize) {
        // SAFETY: mapped and writable memory.
        unsafe {
            asm!(
                "clflush byte ptr [{0}]",
                "clflushopt byte ptr [{0} + 8]",
                "clwb byte ptr [{0} + {1} * 4 - 4]",
                "movnti qword ptr [{0} + 8], {2}",
                "movnti dword ptr [{0} + 16], {2:e}",
                "movq xmm7, {2}",
                "movntdq xmmword ptr [{0} + 24], xmm7",
                "sfence",
                "mfence",
                in(reg) place,
                in(reg) 1_usize,
                in(reg) 0x0807_0605_0403_0201_u64,
                out("xmm7") _,
            );
        }
    }

    pub fn expected(place: usize) -> Vec<Event> {
        let mut shown = [0; SHOWN];
        shown[200 % SHOWN] = 7;
        let flush = |by, address| Event::Flush { by, address, shown };
        let store = |address, length| Event::NonTemporal { address, length };
        vec![
            flush(Flush::Clflush, place),
            flush(Flush::Clflushopt, place + 8),
            flush(Flush::Clwb, place),
            store(place + 8, 8),
            store(place + 16, 4),
            store(place + 24, 16),
            Event::Fence(Fence::Sfence),
            Event::Fence(Fence::Mfence),
        ]
    }

    /// Disassembly missed nothing: single steps come across no flush that was not replaced.
    #[test]
    fn audit() {
        use daxflush_nvmem::Method;
        use daxflush_nvmem_tests::{
            api::{Api, FromRust},
            arena::Arena,
            cases::{Cases, Token},
            oracle,
        };
        for method in Method::ALL {
            let Some(api) = FromRust::new(*method) else {
                continue;
            };
            let arena = Arena::new(2).expect("a place");
            let cases = Cases::new(fastrand::u64(..), &arena)
                .filter(|case| matches!(case.token, Token::Valid | Token::Default))
                .take(100);
            for case in cases {
                let region = case.region;
                let (_, valid) = api.get(region.base_address, region.length);
                let token = if case.token == Token::Valid {
                    valid
                } else {
                    usize::MAX
                };
                // SAFETY: a call that is accepted stays inside the arena.
                let (_, audit) = oracle::audit(|| unsafe { api.call(token, &case.call) });
                assert!(audit.steps > 10, "single steps do not arrive");
                assert_eq!(audit.missed, [], "{case:x?}");
                assert_eq!(api.free(valid), 0);
            }
        }
        let arena = Arena::new(2).expect("a place");
        let code = [0x0F, 0xAE, 0xF8, 0xC3];
        let missed = unknown_to_the_oracle(&arena, &code);
        assert_eq!(missed, [arena.base()]);
    }

    /// `SFENCE; RET` in memory that no symbol names.
    fn unknown_to_the_oracle(
        arena: &daxflush_nvmem_tests::arena::Arena,
        code: &[u8],
    ) -> Vec<usize> {
        let place = std::ptr::with_exposed_provenance_mut::<u8>(arena.base());
        // SAFETY: the arena is ours, and the code a function without arguments.
        unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), place, code.len());
            let all = libc::PROT_READ | libc::PROT_EXEC;
            assert_eq!(libc::mprotect(place.cast(), 4096, all), 0);
            let function: extern "C" fn() = std::mem::transmute(place);
            daxflush_nvmem_tests::oracle::audit(|| function()).1.missed
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod canary {
    use daxflush_nvmem_tests::oracle::{Event, Fence, Flush, SHOWN};
    use std::arch::asm;

    #[inline(never)]
    pub fn execute(place: usize) {
        // SAFETY: mapped and writable memory.
        unsafe {
            asm!(
                "dc cvac, {0}",
                "sys #3, c7, c12, #1, {0}",
                "sys #3, c7, c13, #1, {0}",
                "stnp {1}, xzr, [{0}, #-8]",
                "dsb ish",
                "dsb sy",
                in(reg) place,
                in(reg) 0x0807_0605_0403_0201_u64,
            );
        }
    }

    pub fn expected(place: usize) -> Vec<Event> {
        let mut shown = [0; SHOWN];
        shown[200 % SHOWN] = 7;
        let flush = |by| Event::Flush {
            by,
            address: place,
            shown,
        };
        vec![
            flush(Flush::DcCvac),
            flush(Flush::DcCvap),
            flush(Flush::DcCvadp),
            Event::NonTemporal {
                address: place - 8,
                length: 16,
            },
            Event::Fence(Fence::DsbOther),
            Event::Fence(Fence::DsbSy),
        ]
    }
}
