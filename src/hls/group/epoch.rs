//! Where the timeline that the variants of a group share lies on the clocks of their encoders.
//!
//! Sans-IO. Encoders whose clocks agree are aligned by the time of capture. The server's clock
//! stands for all that are near to it. Those that are far from it, and the times that transport
//! streams are stamped with, may still agree with each other: who is near to one that came before
//! is taken to go by the same clock. The others are aligned by their arrival.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::base::clock::Clock;
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
    /// The server's clock, the same for all variants.
    clock: Clock,
    /// The clocks of all variants that are there.
    known: Mutex<Vec<Known>>,
}

/// The clock of a variant.
#[derive(Debug)]
struct Known {
    /// Where it was when it was looked at last.
    seen: Origin,
    place: i64,
    /// Whose clock it is.
    variant: Weak<()>,
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
    variant: Arc<()>,
}

impl Epoch {
    /// The timeline's beginning, on the server's clock.
    pub fn new(at: NtpTime, clock: Clock) -> Self {
        Self {
            at,
            clock,
            known: Mutex::default(),
        }
    }

    /// The beginning on the server's clock.
    pub fn at(&self) -> NtpTime {
        self.at
    }

    /// The server's clock, by which all that is packaged on the timeline goes.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Where the time 0 of a variant's clock is on the timeline, in nanoseconds: where it was, if it went on or
    /// drifted; otherwise where it is for those who go by the same clock, or the server; and where it
    /// was seen, if it is far from all.
    fn place(&self, seen: Origin, variant: &Arc<()>) -> i64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|one| one.variant.strong_count() > 0);
        let is_own = |one: &Known| one.variant.as_ptr() == Arc::as_ptr(variant);
        let own = known.iter().position(is_own);
        let own = own.map(|index| known.swap_remove(index));
        let same = own.and_then(|own| own.place_of(seen)).or_else(|| {
            let server = Known::server();
            let all = known.iter().chain([&server]);
            let nearest = all.min_by_key(|one| one.distance(seen).unwrap_or(u64::MAX));
            nearest.and_then(|one| one.place_of(seen))
        });
        let place = same.unwrap_or(seen.nanos);
        known.push(Known {
            seen,
            place,
            variant: Arc::downgrade(variant),
        });
        place
    }
}

impl Known {
    /// The server's own clock on the wall.
    fn server() -> Self {
        let seen = Origin {
            kind: Kind::Wall,
            nanos: 0,
        };
        Self {
            seen,
            place: 0,
            variant: Weak::new(),
        }
    }

    /// How far a clock is from it, in nanoseconds; `None` if that counts something else.
    fn distance(&self, seen: Origin) -> Option<u64> {
        let is_like = self.seen.kind == seen.kind;
        is_like.then(|| self.seen.distance(seen).unsigned_abs())
    }

    /// The place of a clock that is near enough to be the same.
    fn place_of(&self, seen: Origin) -> Option<i64> {
        let is_same = self.distance(seen)? <= APART.unsigned_abs();
        // Stamps may have begun again in between.
        let near = seen.nanos.saturating_add(self.seen.distance(seen));
        let wraps = near.saturating_sub(self.seen.nanos);
        is_same.then(|| self.place.saturating_add(wraps))
    }
}

impl Origin {
    fn of(publisher: &PublisherClock, epoch: &Epoch) -> Self {
        let ahead = publisher.ahead_of(epoch.clock);
        match publisher.zero {
            None => Self {
                kind: Kind::Wall,
                nanos: ahead.saturating_neg(),
            },
            Some(zero) => Self {
                kind: Kind::Stamps,
                nanos: zero.nanos_since(epoch.at).saturating_sub(ahead),
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
    pub fn align(&mut self, epoch: &Epoch, publisher: &PublisherClock) -> Alignment {
        let place = epoch.place(Origin::of(publisher, epoch), &self.variant);
        let at = epoch.clock.started();
        Alignment {
            sender: match publisher.zero {
                None => epoch.at.later(place.saturating_neg()),
                Some(zero) => zero.later(place.saturating_neg()),
            },
            server: epoch.at,
            now: (at, epoch.clock.ntp(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const AT: NtpTime = NtpTime(0xe000_0000 << 32);

    fn epoch() -> Epoch {
        Epoch::new(AT, Clock::start())
    }

    /// A clock that is so far ahead of the server's.
    fn wall(epoch: &Epoch, ahead: i64) -> PublisherClock {
        let at = epoch.clock.started();
        PublisherClock {
            is_told: true,
            shown: (at, epoch.clock.ntp(at).later(ahead)),
            zero: None,
        }
    }

    /// Media that were stamped with 0 so long after the epoch, and arrived after `delay`.
    fn stamped(epoch: &Epoch, zero: i64, delay: i64) -> PublisherClock {
        PublisherClock {
            zero: Some(AT.later(zero + delay)),
            ..wall(epoch, 0)
        }
    }

    fn align(aligner: &mut Aligner, epoch: &Epoch, clock: &PublisherClock) -> Alignment {
        aligner.align(epoch, clock)
    }

    /// Where the epoch is on the sender's clock.
    fn aligned(aligner: &mut Aligner, epoch: &Epoch, clock: PublisherClock) -> i64 {
        let alignment = align(aligner, epoch, &clock);
        assert_eq!(alignment.server, AT);
        alignment.sender.nanos_since(AT)
    }

    /// Where a stamp is on the timeline.
    fn stamp_at(aligner: &mut Aligner, epoch: &Epoch, clock: PublisherClock, stamp: i64) -> i64 {
        let alignment = align(aligner, epoch, &clock);
        let on_sender = clock.zero.unwrap().later(stamp);
        on_sender.nanos_since(alignment.sender)
    }

    #[test]
    fn clocks_near_the_servers_are_believed() {
        let epoch = epoch();
        for delay in [0, SECOND / 10, 4 * SECOND] {
            assert_eq!(
                aligned(&mut Aligner::default(), &epoch, wall(&epoch, -delay)),
                0
            );
        }
    }

    #[test]
    fn wrong_clocks_that_agree_are_one_clock() {
        let epoch = epoch();
        let hour = 3600 * SECOND;
        let mut aligners: [Aligner; 4] = Default::default();
        let aheads = [
            hour - SECOND,
            hour - 4 * SECOND,
            hour + 60 * SECOND,
            -SECOND,
        ];
        let places = [hour - SECOND, hour - SECOND, hour + 60 * SECOND, 0];
        for (aligner, (ahead, place)) in aligners.iter_mut().zip(aheads.into_iter().zip(places)) {
            assert_eq!(aligned(aligner, &epoch, wall(&epoch, ahead)), place);
        }
    }

    #[test]
    fn equal_stamps_are_at_the_same_place_however_late_they_come() {
        let epoch = epoch();
        let mut aligners = Vec::new();
        let mut place = |clock: PublisherClock, stamp: i64| {
            aligners.push(Aligner::default());
            stamp_at(aligners.last_mut().unwrap(), &epoch, clock, stamp)
        };
        let stamp = 500 * SECOND;
        let first = place(stamped(&epoch, -400 * SECOND, 2 * SECOND), stamp);
        assert_eq!(first, 102 * SECOND);
        let late = place(stamped(&epoch, -400 * SECOND, 5 * SECOND), stamp);
        assert!(late.abs_diff(first) < 10, "{late}");
        let wrapped = place(stamped(&epoch, -400 * SECOND + WRAP, SECOND), stamp - WRAP);
        assert!(wrapped.abs_diff(first) < 10, "{wrapped}");
        let other = place(stamped(&epoch, -300 * SECOND, 0), stamp);
        assert!(other.abs_diff(200 * SECOND) < 10, "{other}");
    }

    #[test]
    fn a_clock_that_drifts_stays_the_same() {
        let epoch = epoch();
        let mut aligner = Aligner::default();
        for step in 0..40 {
            let alignment = align(&mut aligner, &epoch, &wall(&epoch, -step * SECOND));
            assert_eq!(alignment.sender, AT);
        }
        let set = align(&mut aligner, &epoch, &wall(&epoch, 3600 * SECOND));
        assert_eq!(set.sender, AT.later(3600 * SECOND));
    }

    #[test]
    fn who_comes_after_days_of_drift_is_beside_its_sisters() {
        let epoch = epoch();
        let [mut sister, mut next] = <[Aligner; 2]>::default();
        let stamp = 500 * SECOND;
        let mut place = 0;
        for drift in 0..40 {
            let clock = stamped(&epoch, (drift - 400) * SECOND, 0);
            place = stamp_at(&mut sister, &epoch, clock, stamp);
            assert!(place.abs_diff(100 * SECOND) < 10, "{place}");
        }
        let late = stamped(&epoch, -361 * SECOND, 3 * SECOND);
        let late = stamp_at(&mut next, &epoch, late, stamp);
        assert!(late.abs_diff(place) < 10, "{late}");
        let wrapped = stamped(&epoch, -361 * SECOND - WRAP, 0);
        let wrapped = stamp_at(&mut sister, &epoch, wrapped, stamp + WRAP);
        assert!(wrapped.abs_diff(place) < 10, "{wrapped}");
    }

    #[test]
    fn a_clock_by_which_nobody_goes_any_more_is_forgotten() {
        let epoch = epoch();
        for ahead in [3600, 3604] {
            let ahead = ahead * SECOND;
            assert_eq!(
                aligned(&mut Aligner::default(), &epoch, wall(&epoch, ahead)),
                ahead
            );
        }
        assert_eq!(epoch.known.lock().unwrap().len(), 1);
    }
}
