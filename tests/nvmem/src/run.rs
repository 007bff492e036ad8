//! Plays random cases.

use crate::{
    api::Api,
    arena::Arena,
    cases::{Case, Cases, Token},
    model::{Machine, Outcome, Verdict},
    oracle,
};
use std::env;

/// Pages in the arena.
const PAGES: usize = 16;
/// Cases in a run, unless `NVMEM_CASES` says otherwise.
const CASES: usize = 3000;

/// Plays cases against the model. `NVMEM_SEED` and `NVMEM_CASES` choose others.
///
/// # Panics
/// If a call did anything else than the model says. The message has the command to replay it.
pub fn random_cases(api: &dyn Api, test: &str) {
    let number = |name: &str| env::var(name).ok()?.parse().ok();
    let seed = number("NVMEM_SEED").unwrap_or_else(|| fastrand::u64(..));
    let count = number("NVMEM_CASES").map_or(CASES, |count| count as usize);
    let mut arena = Arena::new(PAGES).expect("a place for the arena");
    let cases = Cases::new(seed, &arena).take(count).collect::<Vec<_>>();
    let mut refused = 0;
    for (index, case) in cases.iter().enumerate() {
        match play(api, &mut arena, case, index as u8) {
            Ok(status) => refused += usize::from(status != 0),
            Err(complaint) => panic!(
                "{} case {index}: {complaint}\n{case:x?}\nreplay: NVMEM_SEED={seed} NVMEM_CASES={} \
                 cargo test --release -p daxflush-nvmem-tests --test {test}",
                api.method(),
                index + 1,
            ),
        }
    }
    println!(
        "{}: {count} cases, {refused} refused, seed {seed}",
        api.method()
    );
    assert!(
        count < 1000 || (refused > count / 20 && refused < count / 2),
        "the cases are lopsided"
    );
}

fn play(api: &dyn Api, arena: &mut Arena, case: &Case, tint: u8) -> Result<i32, String> {
    for (index, byte) in arena.bytes_mut().iter_mut().enumerate() {
        *byte = (index % 253) as u8 ^ tint;
    }
    let (status, valid) = api.get(case.region.base_address, case.region.length);
    accept(status)?;
    let token = match case.token {
        Token::Valid => valid,
        Token::Default => usize::MAX,
        Token::Forged(bits) => valid ^ bits,
        Token::Truncated => valid as u32 as usize,
        Token::Any(token) => token,
        Token::Freed => {
            let (status, other) = api.get(case.region.base_address, case.region.length);
            accept(status)?;
            accept(api.free(other))?;
            other
        }
    };
    let before = arena.bytes().to_vec();
    // SAFETY: a call that is accepted stays inside the arena, which nobody else uses.
    let (status, events) = oracle::observe(|| unsafe { api.call(token, &case.call) });
    let machine = Machine {
        method: api.method(),
        line_size: api.line_size(),
    };
    machine.judge(
        case,
        &Outcome {
            status,
            events: &events,
            base: arena.base(),
            before: &before,
            after: arena.bytes(),
        },
    )?;
    accept(api.free(valid))?;
    if api.free(valid) == 0 {
        return Err("a token was freed twice".to_owned());
    }
    Ok(status)
}

fn accept(status: i32) -> Verdict {
    if status == 0 {
        Ok(())
    } else {
        Err(format!("refused with {status:#x}"))
    }
}
