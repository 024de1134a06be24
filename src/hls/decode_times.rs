//! When pictures are decoded that RTP gives only the time of presentation for.
//!
//! If at most N pictures are decoded before one that is shown earlier, the picture that is
//! decoded n-th can be decoded when the (n - N)-th is shown: all that are shown by then have come.

/// The decoding times of one track, in its ticks.
#[derive(Debug, Default)]
pub(super) struct DecodeTimes {
    /// When pictures are shown whose turn to give a decoding time has not come, in order.
    shown: Vec<i64>,
    last: Option<i64>,
}

/// The order of a stream's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// How many pictures may be decoded before one that is shown earlier.
    pub(super) depth: usize,
    /// Ticks from one picture to the next, about.
    pub(super) step: i64,
}

impl DecodeTimes {
    /// The stream goes on somewhere else: the next picture is the first.
    pub(super) fn begin_anew(&mut self) {
        self.shown.clear();
    }

    /// When the next picture, which is presented at `pts`, is decoded: later than the one before.
    ///
    /// Not later than `pts`, unless the stream does not keep to the order that it told.
    pub(super) fn next(&mut self, pts: i64, order: Order) -> i64 {
        if self.shown.is_empty() {
            // As if as many had gone before.
            let before = (1..=order.depth as i64).rev();
            self.shown = before
                .map(|count| pts.saturating_sub(count.saturating_mul(order.step)))
                .collect();
        }
        let at = self.shown.partition_point(|shown| *shown <= pts);
        self.shown.insert(at, pts);
        let due = self.shown.len().saturating_sub(order.depth);
        // None is due where the depth has grown: then time stands still for a moment.
        let told = self.shown.drain(..due).next_back().unwrap_or(i64::MIN);
        let least = self.last.map_or(i64::MIN, |last| last.saturating_add(1));
        let dts = told.max(least);
        self.last = Some(dts);
        dts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pictures: &[i64], depth: usize) -> Vec<i64> {
        let mut times = DecodeTimes::default();
        let order = Order { depth, step: 10 };
        pictures.iter().map(|pts| times.next(*pts, order)).collect()
    }

    #[test]
    fn pictures_in_order_are_decoded_when_they_are_shown() {
        assert_eq!(times(&[0, 10, 20, 35], 0), [0, 10, 20, 35]);
        assert_eq!(times(&[0, 10, 20, 35], 1), [-10, 0, 10, 20]);
    }

    #[test]
    fn pictures_that_wait_are_decoded_before_they_are_shown() {
        // I P B B P B B, then with a pyramid: I P B b b.
        assert_eq!(
            times(&[0, 30, 10, 20, 60, 40, 50], 1),
            [-10, 0, 10, 20, 30, 40, 50]
        );
        assert_eq!(
            times(&[0, 40, 20, 10, 30, 80, 60], 2),
            [-20, -10, 0, 10, 20, 30, 40]
        );
    }

    #[test]
    fn time_goes_on_whatever_the_stream_does() {
        assert_eq!(
            times(&[0, 30, 10, 20], 0),
            [0, 30, 31, 32],
            "an order that was not told"
        );
        let mut times = DecodeTimes::default();
        let order = |depth| Order { depth, step: 10 };
        assert_eq!(times.next(0, order(0)), 0);
        assert_eq!(times.next(10, order(2)), 1);
        assert_eq!(times.next(20, order(2)), 2);
        assert_eq!(times.next(30, order(2)), 10);
        times.begin_anew();
        assert_eq!(times.next(500, order(1)), 490);
    }

    proptest::proptest! {
        #[test]
        fn decoding_never_goes_back_nor_waits_for_what_is_shown(
            depth in 0_usize..5,
            keys in proptest::collection::vec(0_usize..5, 1..30),
        ) {
            // Groups whose pictures are shown in any order within `depth`.
            let (mut at, mut pictures) = (0, Vec::new());
            for key in keys {
                let group: Vec<i64> = (0..=depth as i64).map(|index| at + 10 * index).collect();
                let first = key.min(depth);
                pictures.push(group[first]);
                pictures.extend(group.iter().enumerate().filter(|(index, _)| *index != first).map(|(_, pts)| *pts));
                at += 10 * (depth as i64 + 1);
            }
            let decoded = times(&pictures, depth);
            assert!(decoded.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(decoded.iter().zip(&pictures).skip(depth + 1).all(|(dts, pts)| dts <= pts));
        }
    }
}
