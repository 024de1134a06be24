//! Where the timeline that the variants of a group share lies on the clocks of their encoders.
//!
//! Sans-IO. Encoders whose clocks agree are aligned by the time of capture. The server's clock
//! stands for all that are near to it. Those that are far from it, and the times that transport
//! streams are stamped with, may still agree with each other: who is near to one that came before
//! is taken to go by the same clock. The others are aligned by their arrival.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::base::media_time::NtpTime;
use crate::hls::clocks::Alignment;
use crate::media::publisher_clock::PublisherClock;

/// Clocks that are further apart, in nanoseconds, are not the same; what media need on their way
/// from the encoder is part of it.
const APART: i64 = 10_000_000_000;

/// After so long, in nanoseconds, the times of a transport stream begin again: 2^33 ticks of 90 kHz.
const WRAP: i64 = 95_443_717_688_889;

/// The beginning of a shared timeline.
#[derive(Debug)]
pub struct Epoch {
    /// On the server's clock.
    at: NtpTime,
    known: Mutex<Vec<Origin>>,
}

/// Where the time 0 of a clock is on the server's, in nanoseconds after the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    kind: Kind,
    nanos: i64,
}

/// What a clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The time on the wall.
    Wall,
    /// The time that media are stamped with.
    Stamps,
}

/// How one variant is aligned.
#[derive(Debug, Default)]
pub struct Aligner {
    /// Where its clock was when it was looked at last, and which one it is taken for.
    taken: Option<(Origin, i64)>,
}

impl Epoch {
    /// The timeline's beginning, on the server's clock.
    pub fn new(at: NtpTime) -> Self {
        let wall = Origin {
            kind: Kind::Wall,
            nanos: 0,
        };
        Self {
            at,
            known: Mutex::new(vec![wall]),
        }
    }

    /// The beginning on the server's clock.
    pub fn at(&self) -> NtpTime {
        self.at
    }

    /// The known clock that `seen` is taken for; itself, if it is far from all.
    fn resolve(&self, seen: Origin) -> i64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let near = |one: &&Origin| one.kind == seen.kind && one.distance(seen).abs() <= APART;
        let nearest = known.iter().filter(near);
        let nearest = nearest.min_by_key(|one| one.distance(seen).abs());
        match nearest {
            // The same modulo the wrap, near to what was seen.
            Some(one) => seen.nanos.saturating_add(one.distance(seen)),
            None => {
                known.push(seen);
                seen.nanos
            }
        }
    }
}

impl Origin {
    fn of(clock: &PublisherClock, epoch: NtpTime) -> Self {
        match clock.zero {
            None => Self {
                kind: Kind::Wall,
                nanos: clock.ahead.saturating_neg(),
            },
            Some(zero) => Self {
                kind: Kind::Stamps,
                nanos: zero.nanos_since(epoch).saturating_sub(clock.ahead),
            },
        }
    }

    /// How much later it is than `other`, at most half a wrap for stamps.
    fn distance(self, other: Self) -> i64 {
        let apart = self.nanos.saturating_sub(other.nanos);
        match self.kind {
            Kind::Wall => apart,
            Kind::Stamps => (apart.saturating_add(WRAP / 2)).rem_euclid(WRAP) - WRAP / 2,
        }
    }
}

impl Aligner {
    /// Where the timeline of `epoch` is on a publisher's clock.
    ///
    /// A clock that drifts is followed; one that was set, or that is another, is looked up anew.
    /// `now` is an instant, and what the server's clock shows at it.
    pub fn align(
        &mut self,
        epoch: &Epoch,
        clock: &PublisherClock,
        now: (Instant, NtpTime),
    ) -> Alignment {
        let seen = Origin::of(clock, epoch.at);
        let went_on = |(before, _): &(Origin, i64)| {
            let moved = before.nanos.saturating_sub(seen.nanos).unsigned_abs();
            before.kind == seen.kind && moved <= APART.unsigned_abs()
        };
        let nanos = match self.taken.filter(went_on) {
            Some((_, nanos)) => nanos,
            None => epoch.resolve(seen),
        };
        self.taken = Some((seen, nanos));
        Alignment {
            sender: match clock.zero {
                None => epoch.at.later(nanos.saturating_neg()),
                Some(zero) => zero.later(nanos.saturating_neg()),
            },
            server: epoch.at,
            now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const SECOND: i64 = 1_000_000_000;
    const AT: NtpTime = NtpTime(0xe000_0000 << 32);

    fn wall(ahead: i64) -> PublisherClock {
        PublisherClock {
            is_told: true,
            ahead,
            zero: None,
        }
    }

    /// Media that were stamped with 0 so long after the epoch, and arrived after `delay`.
    fn stamped(zero: i64, delay: i64) -> PublisherClock {
        PublisherClock {
            is_told: true,
            ahead: 0,
            zero: Some(AT.later(zero + delay)),
        }
    }

    fn align(aligner: &mut Aligner, epoch: &Epoch, clock: &PublisherClock) -> Alignment {
        aligner.align(epoch, clock, (Clock::start().now(), AT))
    }

    /// Where the epoch is on the sender's clock.
    fn aligned(epoch: &Epoch, clock: PublisherClock) -> i64 {
        let alignment = align(&mut Aligner::default(), epoch, &clock);
        assert_eq!(alignment.server, AT);
        alignment.sender.nanos_since(AT)
    }

    #[test]
    fn clocks_near_the_servers_are_believed() {
        let epoch = Epoch::new(AT);
        for delay in [0, SECOND / 10, 4 * SECOND] {
            assert_eq!(aligned(&epoch, wall(-delay)), 0);
        }
    }

    #[test]
    fn wrong_clocks_that_agree_are_one_clock() {
        let epoch = Epoch::new(AT);
        let hour = 3600 * SECOND;
        assert_eq!(aligned(&epoch, wall(hour - SECOND)), hour - SECOND);
        assert_eq!(aligned(&epoch, wall(hour - 4 * SECOND)), hour - SECOND);
        assert_eq!(
            aligned(&epoch, wall(hour + 60 * SECOND)),
            hour + 60 * SECOND
        );
        assert_eq!(aligned(&epoch, wall(-SECOND)), 0);
    }

    #[test]
    fn equal_stamps_are_at_the_same_place_however_late_they_come() {
        let epoch = Epoch::new(AT);
        let place = |clock: PublisherClock, stamp: i64| {
            let alignment = align(&mut Aligner::default(), &epoch, &clock);
            let on_sender = clock.zero.unwrap().later(stamp);
            on_sender.nanos_since(alignment.sender)
        };
        let stamp = 500 * SECOND;
        let first = place(stamped(-400 * SECOND, 2 * SECOND), stamp);
        assert_eq!(first, 102 * SECOND);
        let late = place(stamped(-400 * SECOND, 5 * SECOND), stamp);
        assert!(late.abs_diff(first) < 10, "{late}");
        let wrapped = place(stamped(-400 * SECOND + WRAP, SECOND), stamp - WRAP);
        assert!(wrapped.abs_diff(first) < 10, "{wrapped}");
        let other = place(stamped(-300 * SECOND, 0), stamp);
        assert!(other.abs_diff(200 * SECOND) < 10, "{other}");
    }

    #[test]
    fn a_clock_that_drifts_stays_the_same() {
        let epoch = Epoch::new(AT);
        let mut aligner = Aligner::default();
        for step in 0..40 {
            let alignment = align(&mut aligner, &epoch, &wall(-step * SECOND));
            assert_eq!(alignment.sender, AT);
        }
        let set = align(&mut aligner, &epoch, &wall(3600 * SECOND));
        assert_eq!(set.sender, AT.later(3600 * SECOND));
    }
}
