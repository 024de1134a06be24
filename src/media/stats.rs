//! Counters of what was sent and received, cheap enough to keep for every packet.
//!
//! Each session has its own [`Counters`], written by whoever sends or receives
//! for it and read at any time. The totals are not counted a second time: they are summed
//! up from the sessions when somebody asks
//! ([`Sessions::totals`](super::sessions::Sessions::totals)).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::ending::Ending;

/// Upper bounds of the lateness buckets, in microseconds; one more bucket takes what is later.
pub const LATENESS_BOUNDS_US: [u64; 13] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000,
];

const BUCKETS: usize = LATENESS_BOUNDS_US.len() + 1;

/// What was sent to a viewer or received from a publisher; all methods may be called from any thread.
#[derive(Debug, Default)]
pub struct Counters {
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    received_packets: AtomicU64,
    received_bytes: AtomicU64,
    retransmissions: AtomicU64,
    late_ns: AtomicU64,
    late: [AtomicU64; BUCKETS],
}

impl Counters {
    /// Counts `packets` RTP packets of together `bytes` bytes (RTP headers
    /// included) that left `lateness` after they were due.
    pub fn sent(&self, packets: u64, bytes: u64, lateness: Duration) {
        self.packets.fetch_add(packets, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        let nanos = u64::try_from(lateness.as_nanos()).unwrap_or(u64::MAX);
        self.late_ns
            .fetch_add(nanos.saturating_mul(packets), Relaxed);
        if let Some(bucket) = self.late.get(bucket_of(lateness)) {
            bucket.fetch_add(packets, Relaxed);
        }
    }

    /// Counts packets that the network did not take.
    pub fn dropped(&self, packets: u64) {
        self.dropped.fetch_add(packets, Relaxed);
    }

    /// Counts packets that were sent once more because the client missed them.
    pub fn retransmitted(&self, packets: u64) {
        self.retransmissions.fetch_add(packets, Relaxed);
    }

    /// Counts `packets` RTP packets of together `bytes` bytes (RTP headers
    /// included) that a publisher sent.
    pub fn received(&self, packets: u64, bytes: u64) {
        self.received_packets.fetch_add(packets, Relaxed);
        self.received_bytes.fetch_add(bytes, Relaxed);
    }

    /// The counts at this moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            packets: self.packets.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            received_packets: self.received_packets.load(Relaxed),
            received_bytes: self.received_bytes.load(Relaxed),
            retransmissions: self.retransmissions.load(Relaxed),
            lateness: Lateness {
                sum: Duration::from_nanos(self.late_ns.load(Relaxed)),
                counts: std::array::from_fn(|i| self.late[i].load(Relaxed)),
            },
        }
    }
}

fn bucket_of(lateness: Duration) -> usize {
    let micros = lateness.as_nanos().div_ceil(1000);
    LATENESS_BOUNDS_US.partition_point(|&bound| u128::from(bound) < micros)
}

/// Counts at one moment, of one session or of several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// RTP packets that the network took.
    pub packets: u64,
    /// Their bytes, RTP headers included.
    pub bytes: u64,
    /// RTP packets that the network did not take.
    pub dropped: u64,
    /// RTP packets that a publisher sent.
    pub received_packets: u64,
    /// Their bytes, RTP headers included.
    pub received_bytes: u64,
    /// RTP packets sent once more.
    pub retransmissions: u64,
    /// How long after its due time each packet left.
    pub lateness: Lateness,
}

impl Snapshot {
    /// Adds another one's counts to these.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
        self.received_packets += other.received_packets;
        self.received_bytes += other.received_bytes;
        self.retransmissions += other.retransmissions;
        self.lateness.add(&other.lateness);
    }
}

/// A histogram of lateness with the buckets of [`LATENESS_BOUNDS_US`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    sum: Duration,
    counts: [u64; BUCKETS],
}

impl Lateness {
    /// How many packets were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The lateness of all packets together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Each bucket's upper bound (`None` for the last, which has none) and its own count.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = LATENESS_BOUNDS_US.iter();
        let bounds = bounds.map(|&us| Some(Duration::from_micros(us)));
        bounds.chain([None]).zip(self.counts)
    }

    /// The lateness that a share of `q` (0 to 1) of the packets did not exceed.
    ///
    /// Interpolated inside its bucket; in the last bucket it is that bucket's
    /// lower bound, so it reads 1 s for anything later. Zero without packets.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = q.clamp(0.0, 1.0) * self.count() as f64;
        let (mut below, mut lower) = (0.0, Duration::ZERO);
        for (bound, count) in self.buckets() {
            let Some(upper) = bound else { break };
            if count > 0 && below + count as f64 >= rank {
                let share = ((rank - below) / count as f64).clamp(0.0, 1.0);
                return lower + (upper - lower).mul_f64(share);
            }
            below += count as f64;
            lower = upper;
        }
        if below < rank { lower } else { Duration::ZERO }
    }

    fn add(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

/// What happens to the server as a whole, outside any session; counted since its start.
#[derive(Debug, Default)]
pub struct Totals {
    connections: AtomicU64,
    requests: AtomicU64,
    refusals: AtomicU64,
    throttled: AtomicU64,
    refused_tunnels: AtomicU64,
    endings: [AtomicU64; Ending::ALL.len()],
}

impl Totals {
    /// Counts an accepted connection.
    pub fn connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// Counts an RTSP request and its answer's status code.
    pub fn answered(&self, status: u16) {
        self.requests.fetch_add(1, Relaxed);
        if status >= 400 {
            self.refusals.fetch_add(1, Relaxed);
        }
    }

    /// Counts an RTSP request that had to wait because its connection sends too many.
    pub fn throttled(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    /// Counts a POST of a tunnel that was refused because too many wait for their GETs.
    pub fn tunnel_refused(&self) {
        self.refused_tunnels.fetch_add(1, Relaxed);
    }

    /// Counts an RTSP session that is over.
    pub fn ended(&self, ending: Ending) {
        if let Some(count) = self.endings.get(ending as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Why RTSP sessions ended so far, each reason with its count.
    pub fn endings(&self) -> impl Iterator<Item = (Ending, u64)> {
        let counts = self.endings.iter().map(|count| count.load(Relaxed));
        Ending::ALL.into_iter().zip(counts)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// RTSP requests answered so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// RTSP requests answered with a status of 400 or above so far.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Relaxed)
    }

    /// RTSP requests that had to wait so far because their connections sent too many.
    pub fn throttled_requests(&self) -> u64 {
        self.throttled.load(Relaxed)
    }

    /// POSTs of tunnels that were refused because too many wait for their GETs.
    pub fn refused_tunnels(&self) -> u64 {
        self.refused_tunnels.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_lands_in_the_bucket_whose_bound_it_does_not_exceed() {
        assert_eq!(bucket_of(Duration::ZERO), 0);
        assert_eq!(bucket_of(Duration::from_micros(100)), 0);
        assert_eq!(bucket_of(Duration::from_nanos(100_001)), 1);
        assert_eq!(bucket_of(1000 * MS), BUCKETS - 2);
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_interpolated() {
        let counters = Counters::default();
        counters.sent(98, 98, 15 * MS);
        counters.sent(2, 2, 40 * MS);
        let lateness = counters.snapshot().lateness;
        let p49 = lateness.quantile(0.49);
        assert_eq!(p49, 15 * MS);
        let p99 = lateness.quantile(0.99);
        assert_eq!(p99, 35 * MS);
        assert_eq!(lateness.count(), 100);
        assert_eq!(lateness.sum(), 1550 * MS);
    }

    #[test]
    fn extremes_have_quantiles() {
        assert_eq!(Lateness::default().quantile(0.5), Duration::ZERO);
        let counters = Counters::default();
        counters.sent(1, 1, Duration::MAX);
        assert_eq!(counters.snapshot().lateness.quantile(0.5), 1000 * MS);
    }

    #[test]
    fn snapshots_add_up() {
        let (one, two) = (Counters::default(), Counters::default());
        one.sent(1, 100, MS);
        two.sent(2, 200, 2 * MS);
        two.dropped(3);
        two.retransmitted(4);
        let mut sum = one.snapshot();
        sum.add(&two.snapshot());
        let counts = (sum.packets, sum.bytes, sum.dropped, sum.retransmissions);
        assert_eq!(counts, (3, 300, 3, 4));
        assert_eq!(sum.lateness.count(), 3);
    }

    #[test]
    fn counters_stay_small() {
        assert!(size_of::<Counters>() < 400);
    }
}
