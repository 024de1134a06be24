//! The one place that reads the machine's clocks.
//!
//! Everything else takes an [`Instant`] as an argument or holds a [`Clock`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::media_time::NtpTime;

/// Monotonic time joined once to wall time, for one timeline.
///
/// Wall times derived from it never step backwards, also when somebody sets the
/// machine's clock, so the NTP times of sender reports stay in line with the
/// instants at which packets leave.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    /// An instant, and how long after 1970 it was.
    joined: (Instant, Duration),
}

impl Clock {
    /// Starts a clock at the present wall time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self::joined(Instant::now(), SystemTime::now())
    }

    /// Starts a clock at `started`, when the wall time is `wall`.
    pub fn joined(started: Instant, wall: SystemTime) -> Self {
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started,
            joined: (started, wall),
        }
    }

    /// The same joined to the present wall time, for a timeline that begins now: since the start
    /// somebody may have set the machine's clock, or the machine may have slept.
    pub fn anew(&self) -> Self {
        Self {
            joined: Self::start().joined,
            ..*self
        }
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// When this clock was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The wall time at `at`.
    pub fn wall(&self, at: Instant) -> SystemTime {
        UNIX_EPOCH + self.since_unix(at)
    }

    /// The present wall time as the machine's clock shows it, also if that was set: for what nobody compares
    /// with instants.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn present_wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// The present wall time for what ends at a time of day: the later one of this clock's and the
    /// machine's, so that whoever sets the machine's clock back prolongs nothing.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn latest_wall(&self) -> SystemTime {
        self.wall(self.now()).max(SystemTime::now())
    }

    /// The NTP time at `at` (RFC 5905, 6).
    pub fn ntp(&self, at: Instant) -> NtpTime {
        NtpTime::from_unix(self.since_unix(at))
    }

    fn since_unix(&self, at: Instant) -> Duration {
        let (joined, wall) = self.joined;
        match at.checked_duration_since(joined) {
            Some(later) => wall + later,
            None => wall.saturating_sub(joined - at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_and_ntp_time_advance_with_the_instants() {
        let clock = Clock::start();
        let later = clock.started() + Duration::from_millis(1500);
        let apart = clock
            .wall(later)
            .duration_since(clock.wall(clock.started()));
        assert_eq!(apart.ok(), Some(Duration::from_millis(1500)));
        let ntp = clock.ntp(later).0 - clock.ntp(clock.started()).0;
        assert!(ntp.abs_diff(3 << 31) < 16, "{ntp}");
    }

    #[test]
    fn what_begins_later_goes_by_the_clock_that_was_set_meanwhile() {
        let machine = Clock::start();
        let before = Clock::joined(machine.started(), UNIX_EPOCH + Duration::from_secs(5));
        assert_eq!(
            before.wall(before.started()),
            UNIX_EPOCH + Duration::from_secs(5)
        );
        let anew = before.anew();
        assert_eq!(anew.started(), before.started());
        // The machine may be slow, but not by hours.
        let apart = anew
            .wall(machine.started())
            .duration_since(machine.wall(machine.started()));
        let apart = apart.unwrap_or_else(|error| error.duration());
        assert!(apart < Duration::from_secs(3600), "{apart:?}");
        assert!(before.present_wall() > UNIX_EPOCH + Duration::from_secs(3600));
    }
}
