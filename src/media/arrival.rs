//! Which RTP time belongs to which instant, judged by when packets arrive.
//!
//! The network only ever adds delay, so the packet that took least is the one
//! to go by. The estimate moves slowly, for receivers play by it.

use std::time::{Duration, Instant};

use crate::base::media_time::MediaTime;

/// How long arrivals are watched before the estimate follows them.
const WINDOW: Duration = Duration::from_secs(5);

/// The most that the estimate moves after a window: 0.1 %, more than clocks drift.
const SLEW_NS: i64 = 5_000_000;

/// Beyond this the publisher has paused or hurried, and the estimate follows at once.
const JUMP_NS: i64 = 500_000_000;

/// The clock of one track.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivalClock {
    clock_hz: u32,
    /// When the track's first packet arrived, and its time.
    started: Instant,
    origin: u32,
    /// Ticks from the first packet to the latest.
    ticks: i64,
    /// The delay that is assumed, in nanoseconds against the first packet's.
    delay: i64,
    /// The least delay in the present window.
    least: Option<i64>,
    window: Instant,
    is_settled: bool,
}

impl ArrivalClock {
    /// Begins with a packet of RTP time `time` that arrived at `now`; `clock_hz` is not 0.
    pub(super) fn new(clock_hz: u32, time: u32, now: Instant) -> Self {
        Self {
            clock_hz,
            started: now,
            origin: time,
            ticks: 0,
            delay: 0,
            least: None,
            window: now,
            is_settled: false,
        }
    }

    /// The rate of the track's times.
    pub(super) fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// The ticks from the first packet to `time`, which is near the latest packet's.
    pub(super) fn ticks_to(&self, time: u32) -> i64 {
        let latest = self.origin.wrapping_add(self.ticks as u32);
        self.ticks + i64::from(time.wrapping_sub(latest).cast_signed())
    }

    /// The RTP time so many ticks after the first packet.
    pub(super) fn time_of(&self, ticks: i64) -> u32 {
        self.origin.wrapping_add(ticks as u32)
    }

    /// The ticks from the first packet to `now`, as far as arrivals tell.
    pub(super) fn ticks_at(&self, now: Instant) -> i64 {
        MediaTime::from_nanos(self.elapsed(now).saturating_sub(self.delay), self.clock_hz).ticks
    }

    /// Takes notice of a packet, `ticks` after the first, that arrived at `now`.
    pub(super) fn arrived(&mut self, ticks: i64, now: Instant) {
        self.ticks = ticks;
        let nanos = MediaTime::new(ticks, self.clock_hz).nanos();
        let delay = self.elapsed(now).saturating_sub(nanos);
        let least = self.least.map_or(delay, |least| least.min(delay));
        self.least = Some(least);
        if !self.is_settled {
            self.delay = self.delay.min(delay);
        }
        if now.saturating_duration_since(self.window) >= WINDOW {
            self.follow(least);
            self.window = now;
            self.least = None;
            self.is_settled = true;
        }
    }

    fn follow(&mut self, least: i64) {
        let off = least.saturating_sub(self.delay);
        if off.abs() > JUMP_NS {
            self.delay = least;
        } else {
            self.delay += off.clamp(-SLEW_NS, SLEW_NS);
        }
    }

    fn elapsed(&self, now: Instant) -> i64 {
        let elapsed = now.saturating_duration_since(self.started).as_nanos();
        i64::try_from(elapsed).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const MS: Duration = Duration::from_millis(1);

    /// The error in milliseconds after packets of 20 ms that came `late` after they were sent.
    fn error(late: impl Fn(u32) -> u32, count: u32) -> f64 {
        let start = Clock::start().started();
        let mut clock = ArrivalClock::new(1000, 7, start + late(0) * MS);
        for i in 1..count {
            let now = start + (i * 20 + late(i)) * MS;
            clock.arrived(clock.ticks_to(7 + i * 20), now);
        }
        let now = start + count * 20 * MS;
        clock.ticks_at(now) as f64 - f64::from(count * 20)
    }

    #[test]
    fn jitter_does_not_move_it() {
        assert_eq!(error(|i| i * 7919 % 40, 1000), 0.0);
        assert_eq!(error(|i| if i == 0 { 40 } else { 0 }, 10), 0.0);
    }

    #[test]
    fn a_pause_is_followed() {
        let off = error(|i| if i > 300 { 2000 } else { 0 }, 1200);
        assert_eq!(off, -2000.0);
    }

    #[test]
    fn drift_is_followed_slowly() {
        let off = error(|i| i / 100, 3000);
        assert!((-31.0..=-25.0).contains(&off), "{off}");
    }
}
