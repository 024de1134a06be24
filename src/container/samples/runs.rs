//! Run-length coded values of samples, as `stts` and `ctts` hold them (ISO/IEC 14496-12, 8.6.1).

use bytes::Bytes;

use crate::container::big_endian::u32_at;

/// Entries of `count u32 | value u32`, big endian, with the sums before every [`STRIDE`]th.
///
/// Samples after the last entry have the value `tail`.
#[derive(Clone, Debug, Default)]
pub(in crate::container) struct Runs {
    entries: Bytes,
    marks: Vec<Mark>,
    tail: u32,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Sample with which the entry starts.
    first: u32,
    /// Sum of the values of all samples before it.
    sum: i64,
}

/// A place in [`Runs`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    run: u32,
    /// Samples left in the run, this one included.
    pub(super) left: u32,
    /// The value of this sample.
    pub(super) value: u32,
    /// The sum of the values of all samples before this one.
    pub(super) sum: i64,
}

/// The sum up to a run's start, while runs are added up.
#[derive(Clone, Copy)]
struct Start {
    run: usize,
    first: u64,
    sum: i64,
}

impl Runs {
    /// Sample durations (`stts`): what comes after the last entry lasts as long as that.
    pub(in crate::container) fn durations(entries: Bytes) -> Self {
        let last = (entries.len() / ENTRY).checked_sub(1);
        let tail = last.and_then(|run| entry(&entries, run));
        Self::new(entries, tail.map_or(0, |(_, value)| value))
    }

    /// Composition offsets (`ctts`): 0 after the last entry.
    pub(in crate::container) fn offsets(entries: Bytes) -> Self {
        Self::new(entries, 0)
    }

    fn new(entries: Bytes, tail: u32) -> Self {
        let mut marks = Vec::with_capacity(entries.len() / ENTRY / STRIDE + 1);
        let mut at = Start {
            run: 0,
            first: 0,
            sum: 0,
        };
        while let Some((count, value)) = entry(&entries, at.run) {
            if at.run.is_multiple_of(STRIDE) {
                marks.push(Mark {
                    first: u32::try_from(at.first).unwrap_or(u32::MAX),
                    sum: at.sum,
                });
            }
            at.pass(count, value);
        }
        Self {
            entries,
            marks,
            tail,
        }
    }

    /// The place of sample `index`.
    pub(super) fn find(&self, index: u32) -> Position {
        let after = self.marks.partition_point(|mark| mark.first <= index);
        let mut at = self.start(after);
        while let Some((count, value)) = entry(&self.entries, at.run) {
            let into = u64::from(index) - at.first;
            if into < u64::from(count) {
                return at.position(into as u32, count, value);
            }
            at.pass(count, value);
        }
        let into = u64::from(index).saturating_sub(at.first);
        at.position(into as u32, u32::MAX, self.tail)
    }

    /// The last sample at whose start the sum is at most `sum`; not bounded by the number of samples.
    pub(super) fn index_at(&self, sum: i64) -> u64 {
        let after = self.marks.partition_point(|mark| mark.sum <= sum);
        let mut at = self.start(after);
        while let Some((count, value)) = entry(&self.entries, at.run) {
            let start = at;
            at.pass(count, value);
            if at.sum > sum {
                return start.first + start.samples_until(sum, value);
            }
        }
        at.first.saturating_add(at.samples_until(sum, self.tail))
    }

    /// Moves `position` from sample `index - count` on to `index`; `count` must be at most what is left.
    pub(super) fn advance(&self, position: &mut Position, count: u32, index: u32) {
        let passed = i64::from(position.value).saturating_mul(i64::from(count));
        position.sum = position.sum.saturating_add(passed);
        position.left -= count.min(position.left);
        if position.left > 0 {
            return;
        }
        position.run = position.run.saturating_add(1);
        match entry(&self.entries, position.run as usize) {
            Some((left @ 1.., value)) => (position.left, position.value) = (left, value),
            _ => *position = self.find(index),
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.entries.len() + self.marks.len() * size_of::<Mark>()
    }

    /// The start of the run at the mark before number `after`.
    fn start(&self, after: usize) -> Start {
        let mark = after.saturating_sub(1);
        self.marks.get(mark).map_or(
            Start {
                run: 0,
                first: 0,
                sum: 0,
            },
            |found| Start {
                run: mark * STRIDE,
                first: found.first.into(),
                sum: found.sum,
            },
        )
    }
}

impl Start {
    fn pass(&mut self, count: u32, value: u32) {
        self.run += 1;
        self.first += u64::from(count);
        let length = i64::from(count).saturating_mul(i64::from(value));
        self.sum = self.sum.saturating_add(length);
    }

    fn position(self, into: u32, count: u32, value: u32) -> Position {
        let passed = i64::from(into).saturating_mul(i64::from(value));
        Position {
            run: self.run as u32,
            left: (count - into.min(count)).max(1),
            value,
            sum: self.sum.saturating_add(passed),
        }
    }

    /// How many samples of `value` each fit between the run's start and `sum`.
    fn samples_until(self, sum: i64, value: u32) -> u64 {
        let distance = u64::try_from(sum.saturating_sub(self.sum)).unwrap_or(0);
        distance.checked_div(value.into()).unwrap_or(0)
    }
}

fn entry(entries: &[u8], run: usize) -> Option<(u32, u32)> {
    let at = run.checked_mul(ENTRY)?;
    Some((u32_at(entries, at)?, u32_at(entries, at + 4)?))
}

/// Bytes of an entry.
const ENTRY: usize = 8;
/// Entries from one mark to the next.
const STRIDE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(entries: &[(u32, u32)]) -> Runs {
        let bytes = entries
            .iter()
            .flat_map(|(count, value)| [count.to_be_bytes(), value.to_be_bytes()].concat());
        Runs::durations(bytes.collect())
    }

    #[test]
    fn positions_found_and_walked_to_agree_with_the_expanded_table() {
        let entries: Vec<(u32, u32)> = (0..100).map(|i| (i % 4, i * 7 % 13)).collect();
        let table = runs(&entries);
        let mut walked = table.find(0);
        let (mut index, mut sum) = (0u32, 0i64);
        for &(count, value) in &entries {
            for _ in 0..count {
                let found = table.find(index);
                assert_eq!((found.value, found.sum), (value, sum), "sample {index}");
                assert_eq!((walked.value, walked.sum), (value, sum), "sample {index}");
                assert_eq!(walked.left, found.left);
                index += 1;
                sum += i64::from(value);
                table.advance(&mut walked, 1, index);
            }
        }
        assert_eq!(walked.value, 4, "the last value goes on");
    }

    #[test]
    fn times_are_looked_up() {
        let table = runs(&[(3, 10), (1, 0), (2, 5)]);
        let found: Vec<u64> = [-5, 0, 9, 10, 29, 30, 34, 35, 40, 44]
            .into_iter()
            .map(|time| table.index_at(time))
            .collect();
        assert_eq!(found, [0, 0, 0, 1, 2, 4, 4, 5, 6, 6]);
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        let table = runs(&[(u32::MAX, u32::MAX); 40]);
        assert_eq!(table.find(u32::MAX).value, u32::MAX);
        assert!(table.index_at(i64::MAX) > 0);
        assert_eq!(runs(&[]).find(7).sum, 0);
    }
}
