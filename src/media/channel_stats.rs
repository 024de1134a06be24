//! Counters of a channel: what its publishers sent, what was mended, and what was refused.
//!
//! Written for every packet by the one publisher, so relaxed atomics suffice;
//! read at any time for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::publisher::Malformed;
use super::ring::Fill;
use super::timeline::Repair;
use crate::container::ts;

/// The largest payload of a datagram, in bytes (RFC 768, over IPv4 without options).
const DATAGRAM: usize = 65_507;

/// A ring shorter than this does not tell the channel's bit rate, in ms.
const ENOUGH_MS: u64 = 200;

/// What has happened on a channel since it began.
#[derive(Debug, Default)]
pub struct ChannelStats {
    packets: AtomicU64,
    bytes: AtomicU64,
    bit_rate: AtomicU64,
    lost: AtomicU64,
    oversize: AtomicU64,
    publishers: AtomicU64,
    missed: AtomicU64,
    repairs: [AtomicU64; Repair::ALL.len()],
    malformed: [AtomicU64; Malformed::ALL.len()],
    ts_faults: [AtomicU64; ts::Counts::FAULTS.len()],
    ring_bytes: AtomicU64,
    ring_bursts: AtomicU64,
    ring_ms: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// RTP packets accepted.
    pub packets: u64,
    /// Their bytes, RTP headers included.
    pub bytes: u64,
    /// Bits in the last whole second, RTP headers included.
    pub bit_rate: u64,
    /// RTP packets that are missing in the publisher's sequence numbers.
    pub lost: u64,
    /// RTP packets too large for a datagram, which UDP readers do not get.
    pub oversize: u64,
    /// How often somebody began to publish.
    pub publishers: u64,
    /// Packets that readers jumped over because they were too slow, all readers together.
    pub missed: u64,
    /// Bytes in the ring, frames included.
    pub ring_bytes: u64,
    /// Bursts in the ring.
    pub ring_bursts: u64,
    /// From the arrival of the oldest burst in the ring to that of the newest.
    pub ring_time: Duration,
    repairs: [u64; Repair::ALL.len()],
    malformed: [u64; Malformed::ALL.len()],
    ts_faults: [u64; ts::Counts::FAULTS.len()],
}

impl ChannelCounts {
    /// Bits a second, judged by the last second or by all that is in the ring,
    /// whichever is more; 0 before there is enough to judge by.
    pub fn typical_bit_rate(&self) -> u64 {
        let millis = u64::try_from(self.ring_time.as_millis()).unwrap_or(u64::MAX);
        let in_ring = match millis {
            0..ENOUGH_MS => 0,
            millis => self.ring_bytes.saturating_mul(8 * 1000) / millis,
        };
        self.bit_rate.max(in_ring)
    }

    /// Adds the counts of another channel to these; times are added like the rest.
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.bit_rate += other.bit_rate;
        self.lost += other.lost;
        self.oversize += other.oversize;
        self.publishers += other.publishers;
        self.missed += other.missed;
        self.ring_bytes += other.ring_bytes;
        self.ring_bursts += other.ring_bursts;
        self.ring_time += other.ring_time;
        add_all(&mut self.repairs, &other.repairs);
        add_all(&mut self.malformed, &other.malformed);
        add_all(&mut self.ts_faults, &other.ts_faults);
    }

    /// What is left of a channel that is over: what it counted, and nothing of what it was at the moment.
    pub(super) fn of_the_past(self) -> Self {
        Self {
            bit_rate: 0,
            ring_bytes: 0,
            ring_bursts: 0,
            ring_time: Duration::ZERO,
            ..self
        }
    }

    /// Leaps of the publishers' numbers that were mended, by reason.
    pub fn repairs(&self) -> impl Iterator<Item = (Repair, u64)> {
        Repair::ALL.into_iter().zip(self.repairs)
    }

    /// Packets refused, by reason.
    pub fn malformed(&self) -> impl Iterator<Item = (Malformed, u64)> {
        Malformed::ALL.into_iter().zip(self.malformed)
    }

    /// What was wrong with the transport streams that fed it, by the words for it.
    pub fn ts_faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ts::Counts::FAULTS.into_iter().zip(self.ts_faults)
    }
}

fn add_all(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

impl ChannelStats {
    /// The counts at this moment.
    pub fn snapshot(&self) -> ChannelCounts {
        ChannelCounts {
            packets: self.packets.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            bit_rate: self.bit_rate.load(Relaxed),
            lost: self.lost.load(Relaxed),
            oversize: self.oversize.load(Relaxed),
            publishers: self.publishers.load(Relaxed),
            missed: self.missed.load(Relaxed),
            ring_bytes: self.ring_bytes.load(Relaxed),
            ring_bursts: self.ring_bursts.load(Relaxed),
            ring_time: Duration::from_millis(self.ring_ms.load(Relaxed)),
            repairs: std::array::from_fn(|i| self.repairs[i].load(Relaxed)),
            malformed: std::array::from_fn(|i| self.malformed[i].load(Relaxed)),
            ts_faults: std::array::from_fn(|i| self.ts_faults[i].load(Relaxed)),
        }
    }

    /// Counts what was wrong with a transport stream between two of its counts.
    pub fn count_ts_faults(&self, before: &ts::Counts, after: &ts::Counts) {
        let both = before.faults().into_iter().zip(after.faults());
        for (sum, (before, after)) in self.ts_faults.iter().zip(both) {
            sum.fetch_add(after.saturating_sub(before), Relaxed);
        }
    }

    pub(super) fn accepted(&self, bytes: usize, lost: u16) {
        self.packets.fetch_add(1, Relaxed);
        self.lost.fetch_add(lost.into(), Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        if bytes > DATAGRAM {
            self.oversize.fetch_add(1, Relaxed);
        }
    }

    /// Takes the bit rate of a second, if one is over.
    pub(super) fn rate_over(&self, bits: Option<u64>) {
        if let Some(bits) = bits {
            self.bit_rate.store(bits, Relaxed);
        }
    }

    pub(super) fn published(&self) {
        self.publishers.fetch_add(1, Relaxed);
    }

    pub(super) fn missed(&self, packets: u64) {
        self.missed.fetch_add(packets, Relaxed);
    }

    pub(super) fn repaired(&self, repair: Repair) {
        self.repairs[repair as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, malformed: Malformed) {
        self.malformed[malformed as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn filled(&self, fill: Fill) {
        self.ring_bytes.store(fill.bytes as u64, Relaxed);
        self.ring_bursts.store(fill.bursts as u64, Relaxed);
        let millis = u64::try_from(fill.time.as_millis()).unwrap_or(u64::MAX);
        self.ring_ms.store(millis, Relaxed);
    }
}
