//! The routines: `RtlGetNonVolatileToken`, `RtlFreeNonVolatileToken`,
//! `RtlFlushNonVolatileMemory`, `RtlFlushNonVolatileMemoryRanges`, `RtlDrainNonVolatileFlush`.

use crate::{
    Error, Features, FlushFlags, Method, NvMemoryRange, NvToken,
    arch::{self, Arch, Native},
    method::Dispatch,
    range::Region,
    table::TokenTable,
    token::Slot,
};
use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// `NvMemory::dispatch` before a method is chosen, and while one is.
const UNCHOSEN: u64 = 0;
const CHOOSING: u64 = 1;

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
        if self
            .dispatch
            .compare_exchange(UNCHOSEN, CHOOSING, Relaxed, Relaxed)
            .is_ok()
        {
            self.table.seed(seed);
            self.dispatch.store(chosen.to_bits(), Release);
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
    /// `InvalidParameter` if the token is not valid, `InsufficientResources` if it has 65,535
    /// users.
    pub fn acquire(&self, token: NvToken) -> Result<TokenGuard<'_>, Error> {
        let slot = self.table.enter(token)?;
        let (region, dispatch) = slot.contents();
        Ok(TokenGuard {
            slot,
            region,
            dispatch,
        })
    }

    /// Flushes one range (nf-ntddk-rtlflushnonvolatilememory); see [`NvMemory::flush_ranges`].
    ///
    /// # Errors
    /// As [`NvMemory::flush_ranges`].
    pub fn flush(
        &self,
        token: NvToken,
        base: usize,
        size: usize,
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.flush_ranges(
            token,
            &[NvMemoryRange {
                base_address: base,
                length: size,
            }],
            flags,
        )
    }

    /// Flushes every cache line that overlaps a range, then drains once unless told not to
    /// (nf-ntddk-rtlflushnonvolatilememoryranges). Ranges may be in any order and may overlap.
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed, if the token is not valid or is the default
    /// token, a flag is unknown, or a range does not lie wholly inside the token's region;
    /// `InsufficientResources` as for [`NvMemory::acquire`].
    pub fn flush_ranges(
        &self,
        token: NvToken,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.flush_ranges_on(&Native, token, ranges, flags)
    }

    /// Waits for the flushes that this processor began without a drain
    /// (nf-ntddk-rtldrainnonvolatileflush). The default token is allowed.
    ///
    /// # Errors
    /// `InvalidParameter` if the token is not valid; for the default token, `NotReady` before a
    /// method is chosen.
    pub fn drain(&self, token: NvToken) -> Result<(), Error> {
        self.drain_on(&Native, token)
    }

    pub(crate) fn dispatch(&self) -> Result<Dispatch, Error> {
        match self.dispatch.load(Acquire) {
            UNCHOSEN | CHOOSING => Err(Error::NotReady),
            bits => Ok(Dispatch::from_bits(bits)),
        }
    }

    pub(crate) fn flush_ranges_on<A: Arch>(
        &self,
        arch: &A,
        token: NvToken,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.acquire(token)?.flush_ranges_on(arch, ranges, flags)
    }

    pub(crate) fn drain_on<A: Arch>(&self, arch: &A, token: NvToken) -> Result<(), Error> {
        if token == NvToken::DEFAULT {
            arch::drain(arch, self.dispatch()?);
        } else {
            self.acquire(token)?.drain_on(arch);
        }
        Ok(())
    }
}

/// A token that cannot be freed as long as this lives; see [`NvMemory::acquire`].
#[derive(Debug)]
#[must_use = "the token can be freed again as soon as the guard is dropped"]
pub struct TokenGuard<'a> {
    slot: &'a Slot,
    region: Region,
    dispatch: Dispatch,
}

impl TokenGuard<'_> {
    /// As [`NvMemory::flush`].
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed.
    #[inline]
    pub fn flush(&self, base: usize, size: usize, flags: FlushFlags) -> Result<(), Error> {
        self.flush_ranges(
            &[NvMemoryRange {
                base_address: base,
                length: size,
            }],
            flags,
        )
    }

    /// As [`NvMemory::flush_ranges`].
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed.
    #[inline]
    pub fn flush_ranges(&self, ranges: &[NvMemoryRange], flags: FlushFlags) -> Result<(), Error> {
        self.flush_ranges_on(&Native, ranges, flags)
    }

    /// As [`NvMemory::drain`].
    #[inline]
    pub fn drain(&self) {
        self.drain_on(&Native);
    }

    #[inline]
    pub(crate) fn flush_ranges_on<A: Arch>(
        &self,
        arch: &A,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        let drains = flags.drains()?;
        arch::flush_token(arch, self, ranges)?;
        if drains {
            self.drain_on(arch);
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn drain_on<A: Arch>(&self, arch: &A) {
        arch::drain(arch, self.dispatch);
    }

    pub(crate) const fn region(&self) -> &Region {
        &self.region
    }

    pub(crate) const fn dispatch(&self) -> Dispatch {
        self.dispatch
    }
}

impl Drop for TokenGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.slot.leave();
    }
}
