//! How much room there is for viewers: how many they are and what they take, all together and of each address.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What viewers take of what the server may give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many there are.
    pub viewers: usize,
    /// What they are sent, in bit/s.
    pub bit_rate: u64,
}

/// The most that may be; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// How many viewers.
    pub viewers: u32,
    /// What they may be sent, in bit/s.
    pub bit_rate: u64,
}

/// How much there is for viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For all together.
    pub all: Bound,
    /// For those at one address.
    pub of_address: Bound,
}

/// Which limit keeps one more viewer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// There are too many viewers.
    #[error("the limit of connections is reached")]
    Connections,
    /// Too much is sent to them.
    #[error("the limit of throughput is reached")]
    Throughput,
    /// There are too many at that address.
    #[error("the limit of connections of one address is reached")]
    ConnectionsOfAddress,
    /// Too much is sent to that address.
    #[error("the limit of throughput of one address is reached")]
    ThroughputOfAddress,
}

impl Limits {
    /// Whether a viewer who takes `more` bit/s fits, where `all` is what all take and `own` what
    /// those at its address take.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(super) fn admit(&self, all: Load, own: Load, more: u64) -> Result<(), Full> {
        if self.all.has_viewers(all) {
            return Err(Full::Connections);
        }
        if self.of_address.has_viewers(own) {
            return Err(Full::ConnectionsOfAddress);
        }
        if self.all.is_below(all.bit_rate.saturating_add(more)) {
            return Err(Full::Throughput);
        }
        if self.of_address.is_below(own.bit_rate.saturating_add(more)) {
            return Err(Full::ThroughputOfAddress);
        }
        Ok(())
    }
}

impl Bound {
    /// Whether `load` has all viewers that there may be.
    fn has_viewers(self, load: Load) -> bool {
        self.viewers > 0 && load.viewers >= self.viewers as usize
    }

    fn is_below(self, bit_rate: u64) -> bool {
        self.bit_rate > 0 && bit_rate > self.bit_rate
    }
}

/// A [`Load`] that is kept up to date, so that nobody has to add it up.
#[derive(Debug, Default)]
pub(super) struct RunningLoad {
    viewers: AtomicUsize,
    bit_rate: AtomicU64,
}

impl RunningLoad {
    pub(super) fn load(&self) -> Load {
        Load {
            viewers: self.viewers.load(Relaxed),
            bit_rate: self.bit_rate.load(Relaxed),
        }
    }

    pub(super) fn enter(&self) {
        self.viewers.fetch_add(1, Relaxed);
    }

    pub(super) fn leave(&self) {
        self.viewers.fetch_sub(1, Relaxed);
    }

    /// A viewer takes `to` bit/s now, and took `from` before.
    pub(super) fn change(&self, from: u64, to: u64) {
        self.bit_rate.fetch_add(to.wrapping_sub(from), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fits_is_admitted() {
        let limits = |connections, throughput, of_address, rate_of_address| Limits {
            all: Bound {
                viewers: connections,
                bit_rate: throughput,
            },
            of_address: Bound {
                viewers: of_address,
                bit_rate: rate_of_address,
            },
        };
        let load = |viewers, bit_rate| Load { viewers, bit_rate };
        for (limits, expected) in [
            (limits(0, 0, 0, 0), Ok(())),
            (limits(11, 1100, 3, 300), Ok(())),
            (limits(10, 0, 0, 0), Err(Full::Connections)),
            (limits(0, 1099, 0, 0), Err(Full::Throughput)),
            (limits(0, 0, 2, 0), Err(Full::ConnectionsOfAddress)),
            (limits(0, 0, 0, 299), Err(Full::ThroughputOfAddress)),
            (limits(10, 1, 1, 1), Err(Full::Connections)),
        ] {
            let found = limits.admit(load(10, 1000), load(2, 200), 100);
            assert_eq!(found, expected, "{limits:?}");
        }
    }
}
