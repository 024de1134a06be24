//! Sizes of samples, as `stsz` and `stz2` hold them (ISO/IEC 14496-12, 8.7.3).

use bytes::Bytes;

use crate::container::big_endian::{u16_at, u32_at};

/// The size of each sample, in bytes.
#[derive(Clone, Debug)]
pub(in crate::container) enum Sizes {
    /// All samples have this one.
    Uniform(u32),
    /// Each has its own.
    Listed(Listed),
}

/// A size for each sample, with the sum before every [`STRIDE`]th.
#[derive(Clone, Debug)]
pub(in crate::container) struct Listed {
    entries: Bytes,
    width: Width,
    sums: Vec<u64>,
}

/// How wide an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::container) enum Width {
    /// Two in a byte, the upper one first.
    Nibble,
    /// One byte.
    Byte,
    /// Two bytes.
    Short,
    /// Four bytes.
    Long,
}

impl Sizes {
    /// Sizes of `width` each from `entries`, as many as fit, but at most `count`.
    pub(in crate::container) fn listed(entries: &Bytes, width: Width, count: u32) -> (Self, u32) {
        let fitting = match width {
            Width::Nibble => entries.len().saturating_mul(2),
            Width::Byte => entries.len(),
            Width::Short => entries.len() / 2,
            Width::Long => entries.len() / 4,
        };
        let count = count.min(u32::try_from(fitting).unwrap_or(u32::MAX));
        let mut listed = Listed {
            entries: entries.clone(),
            width,
            sums: Vec::with_capacity(count as usize / STRIDE + 1),
        };
        let mut sum = 0;
        for index in 0..count {
            if (index as usize).is_multiple_of(STRIDE) {
                listed.sums.push(sum);
            }
            sum += u64::from(listed.size(index));
        }
        (Self::Listed(listed), count)
    }

    /// The size of sample `index`; 0 beyond the end.
    pub(super) fn size(&self, index: u32) -> u32 {
        match self {
            Self::Uniform(size) => *size,
            Self::Listed(listed) => listed.size(index),
        }
    }

    /// The sum of the sizes of the samples `from..to`.
    pub(super) fn between(&self, from: u32, to: u32) -> u64 {
        match self {
            Self::Uniform(size) => u64::from(to.saturating_sub(from)) * u64::from(*size),
            Self::Listed(listed) => listed.between(from, to),
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Uniform(_) => 0,
            Self::Listed(listed) => listed.entries.len() + listed.sums.len() * size_of::<u64>(),
        }
    }
}

impl Listed {
    fn size(&self, index: u32) -> u32 {
        let at = index as usize;
        let byte = |at: usize| self.entries.get(at).copied().map(u32::from);
        let size = match self.width {
            Width::Nibble if at.is_multiple_of(2) => byte(at / 2).map(|pair| pair >> 4),
            Width::Nibble => byte(at / 2).map(|pair| pair & 15),
            Width::Byte => byte(at),
            Width::Short => u16_at(&self.entries, at.saturating_mul(2)).map(u32::from),
            Width::Long => u32_at(&self.entries, at.saturating_mul(4)),
        };
        size.unwrap_or(0)
    }

    fn between(&self, from: u32, to: u32) -> u64 {
        if to.saturating_sub(from) as usize <= STRIDE {
            return self.add_up(from, to);
        }
        self.before(to) - self.before(from)
    }

    /// The sum of all sizes before `index`.
    fn before(&self, index: u32) -> u64 {
        let mark = (index as usize / STRIDE).min(self.sums.len().saturating_sub(1));
        let sum = self.sums.get(mark).copied().unwrap_or(0);
        sum + self.add_up((mark * STRIDE) as u32, index)
    }

    fn add_up(&self, from: u32, to: u32) -> u64 {
        (from..to).map(|index| u64::from(self.size(index))).sum()
    }
}

/// Entries from one sum to the next.
const STRIDE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_the_sizes_at_every_width() {
        let bytes: Bytes = (0..=255).chain(0..=255).collect();
        for width in [Width::Nibble, Width::Byte, Width::Short, Width::Long] {
            let (sizes, count) = Sizes::listed(&bytes, width, u32::MAX);
            let mut sum = 0;
            for index in 0..count {
                assert_eq!(sizes.between(0, index), sum, "{width:?} {index}");
                sum += u64::from(sizes.size(index));
            }
            assert_eq!(sizes.between(3, count), sum - sizes.between(0, 3));
        }
    }

    #[test]
    fn counts_end_with_the_table() {
        let bytes = Bytes::from_static(&[0x12, 0x34]);
        assert_eq!(Sizes::listed(&bytes, Width::Nibble, u32::MAX).1, 4);
        assert_eq!(Sizes::listed(&bytes, Width::Nibble, 3).1, 3);
        let (sizes, count) = Sizes::listed(&bytes, Width::Long, 9);
        assert_eq!((count, sizes.size(0), sizes.between(0, 9)), (0, 0, 0));
    }
}
