//! How late packets are, as histograms.

use std::time::Duration;

use super::schedule::Late;

const BUCKET: Duration = Duration::from_micros(100);
const BUCKETS: usize = 20_000;

/// How late one viewer's packets are, or those of all, by each yardstick of [`Late`].
#[derive(Clone, Default)]
pub(crate) struct Arrivals {
    pub(crate) authored: Lateness,
    pub(crate) media: Lateness,
    pub(crate) hinter: Lateness,
    /// Viewers whose connection ended too early.
    pub(crate) cut_short: usize,
}

impl Arrivals {
    /// Counts one packet.
    pub(crate) fn record(&mut self, late: Late) {
        self.media.record(late.media);
        late.authored
            .into_iter()
            .for_each(|late| self.authored.record(late));
        late.hinter
            .into_iter()
            .for_each(|late| self.hinter.record(late));
    }

    /// Adds another viewer's packets.
    pub(crate) fn add(&mut self, other: &Self) {
        self.authored.add(&other.authored);
        self.media.add(&other.media);
        self.hinter.add(&other.hinter);
        self.cut_short += other.cut_short;
    }
}

/// Lateness of packets, in steps of 0.1 ms up to 2 s.
#[derive(Clone, Default)]
pub(crate) struct Lateness {
    buckets: Vec<u32>,
}

impl Lateness {
    fn record(&mut self, late: Duration) {
        let bucket = (late.as_micros() / BUCKET.as_micros()) as usize;
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, 0);
        }
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.buckets.resize(BUCKETS, 0);
        for (bucket, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += count;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|count| u64::from(*count)).sum()
    }

    /// The lateness that a share `q` of the packets did not exceed.
    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let wanted = (self.count() as f64 * q).ceil() as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        BUCKET * bucket.unwrap_or(0) as u32
    }
}
