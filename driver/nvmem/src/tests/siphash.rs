//! Ours against a well-kept implementation.

use crate::siphash;
use core::hash::Hasher;
use proptest::prelude::*;
use siphasher::sip::SipHasher24;

proptest! {
    #[test]
    fn is_siphash_2_4(key: [u64; 2], words: [u64; 2]) {
        let mut reference = SipHasher24::new_with_keys(key[0], key[1]);
        reference.write(&words[0].to_le_bytes());
        reference.write(&words[1].to_le_bytes());
        prop_assert_eq!(siphash::hash(key, words), reference.finish());
    }
}
