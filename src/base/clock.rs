//! The one place that reads the machine's clocks.
//!
//! Everything else takes an [`Instant`] as an argument or holds a [`Clock`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::media_time::NtpTime;

/// Monotonic time joined once to wall time.
///
/// Wall times derived from it never step backwards, also when somebody sets the
/// machine's clock, so the NTP times of sender reports stay in line with the
/// instants at which packets leave.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_wall: Duration,
}

impl Clock {
    /// Starts a clock at the present wall time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            started_wall: wall,
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
        match at.checked_duration_since(self.started) {
            Some(later) => self.started_wall + later,
            None => self.started_wall.saturating_sub(self.started - at),
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
}
