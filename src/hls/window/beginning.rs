//! What the rates of a channel are expected to be before there is enough of it to play.

use std::time::Duration;

use super::Window;
use crate::base::media_time::MediaTime;
use crate::hls::object::Flavour;
use crate::hls::part::{Part, Segment};
use crate::hls::rates::Rates;
use crate::hls::transport::Transport;

/// So many times the rate of what is there is told: a player may read it once, what follows may be richer than how it
/// begins, and the rate of a segment is not to be above (RFC 8216, 4.3.4.2). Nobody chooses by it.
const MARGIN: u64 = 2;

impl Window {
    /// A bound of the rates in this flavour, by those of what is there as if the segment under way ended now. All of it
    /// counts, however brief.
    pub(in crate::hls) fn rates_of_beginning(&self, flavour: Flavour) -> Rates {
        let mut rates = Rates::default();
        let mut transport = Transport::default();
        let listed = self.listed.iter().map(|kept| kept.segment.clone());
        for segment in listed.chain(self.under_way()) {
            let packed = (flavour == Flavour::Ts).then(|| transport.segment(&segment));
            let packed = packed.map(|packed| packed.unwrap_or_default());
            let size = packed.map(|packed| packed.len().max(segment.size()));
            rates.add(&segment, size, Duration::ZERO, Duration::ZERO);
        }
        rates.raise(MARGIN);
        rates
    }

    /// What came of the segment under way, as if it were all of it.
    fn under_way(&self) -> Option<Segment> {
        let came = self.open.iter().filter(|part| !part.gap);
        let parts: Vec<_> = came.cloned().collect();
        let Part { head, .. } = parts.first()?;
        let nanos = parts.iter().map(|part| part.duration.nanos()).sum();
        Some(Segment {
            head: head.clone(),
            duration: MediaTime::from_nanos(nanos, head.start.rate),
            independent: true,
            gap: false,
            parts,
            sealed: None,
        })
    }
}
