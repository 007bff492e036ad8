//! The state behind the routines: the chosen method and the tokens. `RtlGetNonVolatileToken` and
//! `RtlFreeNonVolatileToken`.

use crate::{
    Error, Features, Method, NvToken, TokenGuard, method::Dispatch, range::Region,
    table::TokenTable,
};
use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// `NvMemory::dispatch` before a method is chosen.
const UNCHOSEN: u64 = 0;

/// The non-volatile memory routines with room for `SLOTS` tokens (1 to 65,535; 64 bytes each).
///
/// Every routine is lock-free and allocates nothing. IRQL <= DISPATCH_LEVEL, except where a
/// routine says otherwise, and as far as the memory itself can be touched at that IRQL.
#[derive(Debug)]
pub struct NvMemory<const SLOTS: usize> {
    dispatch: AtomicU64,
    table: TokenTable<SLOTS>,
}

impl<const SLOTS: usize> NvMemory<SLOTS> {
    /// An empty table with no method chosen; for a `static`.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a default would be built on a kernel stack"
    )]
    pub const fn new() -> Self {
        Self {
            dispatch: AtomicU64::new(UNCHOSEN),
            table: TokenTable::new(),
        }
    }

    /// Chooses the method by what the processor reports, and seeds the tokens' check values, for
    /// which `seed` should be hard to guess. Only the first call counts. Where the processor
    /// has no flush instruction, everything stays [`Error::NotReady`].
    pub fn init(&self, seed: u64) {
        let _ = self.init_with(Features::detect(), seed);
    }

    /// [`NvMemory::init`] with fewer features, or on a platform that is known to need no flush.
    ///
    /// # Errors
    /// `NotSupported` if no method is left, or the line size is not a power of two up to 4096.
    pub fn init_with(&self, features: Features, seed: u64) -> Result<(), Error> {
        let chosen = Dispatch::choose(&features)?;
        if self.dispatch.load(Relaxed) == UNCHOSEN {
            self.table.seed(seed);
            // Whoever comes second finds the method chosen: his failure is none.
            let _ = self
                .dispatch
                .compare_exchange(UNCHOSEN, chosen.to_bits(), Release, Relaxed);
        }
        Ok(())
    }

    /// The chosen method; `NoFlush` before one is chosen.
    #[must_use]
    pub fn method(&self) -> Method {
        self.dispatch().map_or(Method::NoFlush, Dispatch::method)
    }

    /// Bytes in a cache line; 0 before a method is chosen.
    #[must_use]
    pub fn line_size(&self) -> usize {
        self.dispatch().map_or(0, Dispatch::line_size)
    }

    /// How many tokens there are, for leak checks. Looks at every slot.
    #[must_use]
    pub fn live_tokens(&self) -> usize {
        self.table.live()
    }

    /// Makes a token for `size` bytes at `base` (nf-ntddk-rtlgetnonvolatiletoken). Regions of
    /// different tokens may overlap.
    ///
    /// # Errors
    /// `InvalidParameter` if `base` or `size` is 0 or the end is not an address,
    /// `InsufficientResources` if all slots are taken, `NotReady` before a method is chosen.
    ///
    /// # Safety
    /// Every page of the region stays mapped and readable, wherever the token may be used, until
    /// [`NvMemory::free_token`] has returned.
    pub unsafe fn get_token(&self, base: usize, size: usize) -> Result<NvToken, Error> {
        self.table
            .insert(Region::new(base, size)?, self.dispatch()?)
    }

    /// [`NvMemory::get_token`] for a region whose stores are durable without a flush (eADR):
    /// flushes of it execute nothing, and a drain is the store fence.
    ///
    /// # Errors
    /// As [`NvMemory::get_token`].
    ///
    /// # Safety
    /// As [`NvMemory::get_token`].
    pub unsafe fn get_token_no_flush(&self, base: usize, size: usize) -> Result<NvToken, Error> {
        self.table
            .insert(Region::new(base, size)?, self.dispatch()?.without_flush())
    }

    /// Makes the token invalid and returns when nobody flushes by it any more
    /// (nf-ntddk-rtlfreenonvolatiletoken). Waits by spinning, hence IRQL <= APC_LEVEL: above it the
    /// flush it waits for may never get the processor. Never ends if the caller itself holds
    /// the token by a [`TokenGuard`].
    ///
    /// # Errors
    /// `InvalidParameter` if the token is not valid, or somebody else is freeing it already.
    pub fn free_token(&self, token: NvToken) -> Result<(), Error> {
        self.free_token_with(token, core::hint::spin_loop)
    }

    /// [`NvMemory::free_token`], calling `wait` again and again until the last user has left.
    ///
    /// # Errors
    /// As [`NvMemory::free_token`].
    pub fn free_token_with(&self, token: NvToken, wait: impl FnMut()) -> Result<(), Error> {
        self.table.remove(token, wait)
    }

    /// Keeps the token from being freed while the guard lives. This is the way to flush more than
    /// once: validating a token is a locked instruction, and such an instruction waits for flushes
    /// under way just as a drain does.
    ///
    /// # Errors
    /// `InvalidParameter` if the token is not valid, `InsufficientResources` if it has 65,551
    /// users.
    pub fn acquire(&self, token: NvToken) -> Result<TokenGuard<'_>, Error> {
        Ok(TokenGuard::new(self.table.enter(token)?))
    }

    pub(crate) fn dispatch(&self) -> Result<Dispatch, Error> {
        match self.dispatch.load(Acquire) {
            UNCHOSEN => Err(Error::NotReady),
            bits => Ok(Dispatch::from_bits(bits)),
        }
    }
}
