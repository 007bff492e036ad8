//! Names in UTF-16.

use wdk_sys::UNICODE_STRING;

/// A constant name in UTF-16, without allocation.
pub struct Name<const N: usize>([u16; N]);

impl<const N: usize> Name<N> {
    /// `text` is ASCII and has N characters.
    pub const fn ascii(text: &str) -> Self {
        let (text, mut name, mut at) = (text.as_bytes(), [0; N], 0);
        assert!(text.len() == N, "the name's length");
        while at < N {
            name[at] = text[at] as u16;
            at += 1;
        }
        Self(name)
    }

    pub(in crate::nt) fn as_unicode(&self) -> UNICODE_STRING {
        let bytes = size_of_val(&self.0) as u16;
        let buffer = self.0.as_ptr().cast_mut();
        UNICODE_STRING {
            Length: bytes,
            MaximumLength: bytes,
            Buffer: buffer,
        }
    }
}
