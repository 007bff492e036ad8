//! Tests against a recorder in place of the processor: exactly these lines, exactly these fences.

mod race;
mod ranges_model;
mod recorder;
mod rules;
mod siphash;
mod token_model;

use crate::{Features, Method, NvMemory, NvToken, arch::on_paper::get_token};

/// A memory that was told to use this method.
fn memory<const SLOTS: usize>(method: Method, line_size: usize) -> NvMemory<SLOTS> {
    let memory = NvMemory::new();
    let features = Features::new(Method::ALL, line_size);
    let features = match method {
        Method::NoFlush => features.flush_not_required(),
        method => features.only(method).expect("it has all methods"),
    };
    memory
        .init_with(features, 0x5EED)
        .expect("a method is left");
    assert_eq!(memory.method(), method);
    memory
}

/// A token for made-up addresses.
fn token<const SLOTS: usize>(memory: &NvMemory<SLOTS>, base: usize, size: usize) -> NvToken {
    get_token(memory, base, size).expect("a free slot")
}

fn methods() -> impl Iterator<Item = Method> {
    Method::ALL.iter().copied()
}
