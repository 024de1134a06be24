//! Timestamps of 33 bits on a timeline that does not wrap.

const BITS: u32 = 33;

/// The timeline of a program, which all its streams share.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The last known time, in ticks of 90 kHz.
    last: Option<i64>,
}

impl Timeline {
    /// The time nearest to the last known that has `stamp` as its lower 33 bits.
    pub(super) fn place(&self, stamp: u64) -> i64 {
        let stamp = (stamp & ((1 << BITS) - 1)) as i64;
        let Some(last) = self.last else {
            return stamp;
        };
        // The shifts drop what is above 33 bits and keep the sign.
        let apart = stamp.wrapping_sub(last) << (i64::BITS - BITS) >> (i64::BITS - BITS);
        last.saturating_add(apart)
    }

    /// As [`place`](Self::place); later stamps are seen from here.
    pub(super) fn advance(&mut self, stamp: u64) -> i64 {
        let time = self.place(stamp);
        self.last = Some(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_wrap_in_both_directions() {
        let mut timeline = Timeline::default();
        let top = (1 << BITS) - 1000;
        assert_eq!(timeline.advance(top), top as i64);
        assert_eq!(timeline.place(500), top as i64 + 1500);
        assert_eq!(timeline.advance(500), top as i64 + 1500);
        assert_eq!(timeline.place(top + 1), top as i64 + 1);
        let mut early = Timeline::default();
        assert_eq!(early.advance(10), 10);
        assert_eq!(early.place((1 << BITS) - 5), -5);
    }
}
