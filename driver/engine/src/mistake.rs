//! Mistakes that the concurrency models (tests/models) must catch. In a driver none can be made.

/// A way to get the map or the commit wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A collector clears bits that lead to words, or to leaves, after it has taken those.
    HintAfterWords,
    /// A caller joins a commit that had begun to collect when he came.
    JoinCollected,
    /// A leaf that was taken out is given back without a look at what was marked meanwhile.
    EarlyLeafReuse,
    /// A marker does not look whether a collector has come to the leaf meanwhile.
    NoSecondLook,
    /// A collector reads a leaf in its place without another generation.
    InPlaceInGeneration,
    /// A marker sets the bit of a leaf before those of the tables above it.
    LeafBeforeTables,
    /// A log's slots are given back before their entries are taken.
    EarlySlotReuse,
}

#[cfg(not(feature = "model"))]
pub(crate) const fn made(_: Mistake) -> bool {
    false
}

#[cfg(feature = "model")]
std::thread_local! {
    // Shuttle's threads are coroutines of one thread.
    static MADE: core::cell::Cell<Option<Mistake>> = const { core::cell::Cell::new(None) };
}

#[cfg(feature = "model")]
pub(crate) fn made(mistake: Mistake) -> bool {
    MADE.get() == Some(mistake)
}

/// Makes a mistake from now on in models that this thread runs, or none.
#[cfg(feature = "model")]
pub fn make(mistake: Option<Mistake>) {
    MADE.set(mistake);
}
