//! Calls into image code with the Windows x64 convention (stack alignment and home space come with
//! `extern "win64"`).

use std::cell::Cell;

thread_local!(static RETURNED: Cell<usize> = const { Cell::new(0) });

/// The function of an image that the calling thread called last, of those that have returned.
pub fn last_returned() -> Option<usize> {
    Some(RETURNED.get()).filter(|function| *function != 0)
}

/// A function of an image without parameters.
pub type Fn0 = unsafe extern "win64" fn() -> usize;
/// A function of an image with one parameter.
pub type Fn1 = unsafe extern "win64" fn(usize) -> usize;
/// A function of an image with two parameters.
pub type Fn2 = unsafe extern "win64" fn(usize, usize) -> usize;
/// A function of an image with three parameters.
pub type Fn3 = unsafe extern "win64" fn(usize, usize, usize) -> usize;
/// A function of an image with four parameters.
pub type Fn4 = unsafe extern "win64" fn(usize, usize, usize, usize) -> usize;

macro_rules! call {
    ($name:ident, $ty:ty, $text:literal $(, $arg:ident)*) => {
        #[doc = $text]
        ///
        /// # Safety
        /// `function` must be the address of a function of a loaded image that takes these
        /// parameters.
        pub unsafe fn $name(function: usize $(, $arg: usize)*) -> usize {
            // SAFETY: the caller vouches for the address and the signature.
            let code: $ty = unsafe { std::mem::transmute(function) };
            // SAFETY: as above.
            let result = unsafe { code($($arg),*) };
            RETURNED.set(function);
            result
        }
    };
}

call!(call0, Fn0, "Calls a function without parameters.");
call!(call1, Fn1, "Calls a function with one parameter.", a);
call!(call2, Fn2, "Calls a function with two parameters.", a, b);
call!(
    call3,
    Fn3,
    "Calls a function with three parameters.",
    a,
    b,
    c
);
call!(
    call4,
    Fn4,
    "Calls a function with four parameters.",
    a,
    b,
    c,
    d
);
