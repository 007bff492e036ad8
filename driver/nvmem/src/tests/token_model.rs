//! Random sequences of get, free, forge and flush against a list of what should be valid.

use super::{
    memory,
    recorder::{Recorder, expected},
};
use crate::{
    Error, FlushFlags, Method, NvMemory, NvMemoryRange, NvToken, arch::on_paper::get_token,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::vec::Vec;

const SLOTS: usize = 5;
const METHOD: Method = Method::BY_PREFERENCE[0];

#[derive(Clone, Debug)]
enum Step {
    Get {
        base: usize,
        size: usize,
    },
    Free(Index),
    FreeAgain(Index),
    Forge(Index, u64),
    Flush {
        token: Index,
        offset: isize,
        length: usize,
    },
    FlushFreed(Index),
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..1_usize << 40, 1..10_000_usize).prop_map(|(base, size)| Step::Get { base, size }),
        3 => any::<Index>().prop_map(Step::Free),
        1 => any::<Index>().prop_map(Step::FreeAgain),
        2 => (any::<Index>(), 1..=u64::MAX).prop_map(|(token, mask)| Step::Forge(token, mask)),
        3 => (any::<Index>(), -200..10_200_isize, 0..300_usize)
            .prop_map(|(token, offset, length)| Step::Flush { token, offset, length }),
        1 => any::<Index>().prop_map(Step::FlushFreed),
    ]
}

#[derive(Default)]
struct Model {
    live: Vec<(NvToken, usize, usize)>,
    freed: Vec<NvToken>,
}

impl Model {
    fn run(&mut self, memory: &NvMemory<SLOTS>, step: Step) {
        match step {
            Step::Get { base, size } => self.get(memory, base, size),
            Step::Free(index) if !self.live.is_empty() => {
                let (token, ..) = self.live.swap_remove(index.index(self.live.len()));
                assert_eq!(memory.free_token(token), Ok(()));
                self.freed.push(token);
            }
            Step::FreeAgain(index) if !self.freed.is_empty() => {
                let token = *index.get(&self.freed);
                assert_eq!(memory.free_token(token), Err(Error::InvalidParameter));
            }
            Step::Forge(index, mask) if !self.live.is_empty() => {
                let (token, ..) = *index.get(&self.live);
                self.refuses(memory, NvToken::from_raw(token.as_raw() ^ mask as usize));
            }
            Step::Flush {
                token,
                offset,
                length,
            } if !self.live.is_empty() => {
                self.flush(memory, token, offset, length);
            }
            Step::FlushFreed(index) if !self.freed.is_empty() => {
                self.refuses(memory, *index.get(&self.freed));
            }
            _ => {}
        }
        assert_eq!(memory.live_tokens(), self.live.len());
    }

    fn get(&mut self, memory: &NvMemory<SLOTS>, base: usize, size: usize) {
        match get_token(memory, base, size) {
            Ok(token) => {
                assert!(self.live.iter().all(|(other, ..)| *other != token));
                assert!(!self.freed.contains(&token));
                self.live.push((token, base, size));
            }
            Err(error) => {
                assert_eq!(error, Error::InsufficientResources);
                assert_eq!(self.live.len(), SLOTS);
            }
        }
        assert!(self.live.len() <= SLOTS);
    }

    fn refuses(&self, memory: &NvMemory<SLOTS>, token: NvToken) {
        let recorder = Recorder::default();
        let result = memory.flush_ranges_on(&recorder, token, &[], FlushFlags::empty());
        assert_eq!(result, Err(Error::InvalidParameter));
        assert_eq!(recorder.take(), []);
    }

    fn flush(&self, memory: &NvMemory<SLOTS>, token: Index, offset: isize, length: usize) {
        let (token, base, size) = *token.get(&self.live);
        let range = NvMemoryRange {
            base_address: base.saturating_add_signed(offset),
            length,
        };
        let recorder = Recorder::default();
        let result = memory.flush_ranges_on(&recorder, token, &[range], FlushFlags::empty());
        let start = range.base_address;
        if length == 0 || start >= base && start + length <= base + size {
            assert_eq!(result, Ok(()));
            assert_eq!(recorder.take(), expected(METHOD, 64, &[range], true));
        } else {
            assert_eq!(result, Err(Error::InvalidParameter));
            assert_eq!(recorder.take(), []);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_live_tokens_are_valid(steps in vec(a_step(), 0..120)) {
        let memory = memory::<SLOTS>(METHOD, 64);
        let mut model = Model::default();
        for step in steps {
            model.run(&memory, step);
        }
    }
}

/// Far more reuse of one slot than the generation field of a token can count.
#[test]
fn recent_tokens_of_a_slot_stay_invalid() {
    let memory = memory::<1>(METHOD, 64);
    let mut freed = Vec::new();
    for _ in 0..200_000 {
        let token = get_token(&memory, 0x1000, 64).expect("the slot is free");
        freed.push(token);
        memory.free_token(token).expect("a valid token");
    }
    let last = get_token(&memory, 0x1000, 64).expect("the slot is free");
    assert!(freed.iter().rev().take(0xFFFF).all(|token| *token != last));
    assert!(
        freed
            .iter()
            .rev()
            .take(0xFFFF)
            .all(|token| memory.acquire(*token).is_err())
    );
}
