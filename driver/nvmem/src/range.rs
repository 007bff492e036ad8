//! Ranges of memory, the cache lines they cover, and the region they must lie in.

use crate::Error;

/// `NV_MEMORY_RANGE`: a range of bytes to flush.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NvMemoryRange {
    /// Virtual address of the first byte; any alignment.
    pub base_address: usize,
    /// Length in bytes; 0 flushes nothing.
    pub length: usize,
}

const _: () = assert!(size_of::<NvMemoryRange>() == 16);
const _: () = assert!(align_of::<NvMemoryRange>() == 8);
const _: () = assert!(core::mem::offset_of!(NvMemoryRange, length) == 8);

impl NvMemoryRange {
    /// The range of `length` bytes at `base_address`.
    #[inline]
    #[must_use]
    pub const fn new(base_address: usize, length: usize) -> Self {
        Self {
            base_address,
            length,
        }
    }

    /// Address after the last byte, if it is an address.
    #[inline]
    pub(crate) const fn end(&self) -> Option<usize> {
        self.base_address.checked_add(self.length)
    }

    /// The cache lines that overlap the range, if it has any byte. The range's end is an address,
    /// and `line_size` is a power of two.
    #[inline]
    pub(crate) const fn lines(&self, line_size: usize) -> Option<Lines> {
        if self.length == 0 {
            return None;
        }
        let in_line = line_size.wrapping_sub(1);
        let last_byte = self.base_address.wrapping_add(self.length).wrapping_sub(1);
        let first = self.base_address & !in_line;
        Some(Lines {
            first,
            last: last_byte & !in_line,
            step: line_size,
        })
    }
}

/// Cache lines, at least one: `first`, then every `step` bytes up to `last` inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) step: usize,
}

/// The memory that a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    base: usize,
    end: usize,
}

impl Region {
    /// Every address but the null pointer: what the default token stands for.
    pub(crate) const EVERYWHERE: Self = Self {
        base: 1,
        end: usize::MAX,
    };

    pub(crate) fn new(base: usize, size: usize) -> Result<Self, Error> {
        if base == 0 || size == 0 {
            return Err(Error::InvalidParameter);
        }
        let end = base.checked_add(size).ok_or(Error::InvalidParameter)?;
        Ok(Self { base, end })
    }

    /// The region between two addresses that [`Region::base`] and [`Region::end`] gave.
    pub(crate) const fn from_parts(base: usize, end: usize) -> Self {
        Self { base, end }
    }

    pub(crate) const fn base(&self) -> usize {
        self.base
    }

    pub(crate) const fn end(&self) -> usize {
        self.end
    }

    /// Whether nothing of the range lies outside; an empty range has nothing that could.
    #[inline]
    pub(crate) fn contains(&self, range: &NvMemoryRange) -> bool {
        let ends_inside = range.end().is_some_and(|end| end <= self.end);
        range.length == 0 || (range.base_address >= self.base && ends_inside)
    }

    /// Admits ranges to flushing: all of them, or none.
    #[inline]
    pub(crate) fn admit<'a>(&'a self, ranges: &'a [NvMemoryRange]) -> Result<Admitted<'a>, Error> {
        if self.surely_contains(ranges) || ranges.iter().all(|range| self.contains(range)) {
            Ok(Admitted { ranges })
        } else {
            Err(Error::InvalidParameter)
        }
    }

    /// Whether all ranges lie inside and none of the empty ones lies outside: two comparisons for a
    /// range. No range is flushed before all are checked, so that nothing hides this pass.
    #[inline]
    fn surely_contains(&self, ranges: &[NvMemoryRange]) -> bool {
        let size = self.end.wrapping_sub(self.base);
        let contains = |range: &NvMemoryRange| {
            let room = self.end.wrapping_sub(range.base_address);
            room <= size && range.length <= room
        };
        // Eight at a time: to count them one by one would cost a quarter more.
        let (eights, rest) = ranges.as_chunks::<8>();
        eights.iter().all(|[a, b, c, d, e, f, g, h]| {
            contains(a)
                && contains(b)
                && contains(c)
                && contains(d)
                && contains(e)
                && contains(f)
                && contains(g)
                && contains(h)
        }) && rest.iter().all(contains)
    }
}

/// Ranges that were all found to lie inside a region. Only [`Region::admit`] makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted<'a> {
    ranges: &'a [NvMemoryRange],
}

impl Admitted<'_> {
    /// The cache lines of each range that has any.
    #[inline]
    pub(crate) fn lines(&self, line_size: usize) -> impl Iterator<Item = Lines> {
        self.ranges
            .iter()
            .filter_map(move |range| range.lines(line_size))
    }
}
