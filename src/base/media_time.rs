//! Media time with its unit, and the forms that protocols write it in.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NANOS: i64 = 1_000_000_000;

/// A point or a length on a media timeline: `ticks` of `1/rate` seconds.
///
/// Ticks may be negative: edit lists, composition offsets and hint packets
/// reach before the start of a movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTime {
    /// Ticks since the start of the timeline.
    pub ticks: i64,
    /// Ticks per second, in Hz; never 0.
    pub rate: u32,
}

impl MediaTime {
    /// `ticks` at `rate` Hz; a rate of 0, which only a broken file can name, counts as 1.
    pub fn new(ticks: i64, rate: u32) -> Self {
        Self {
            ticks,
            rate: rate.max(1),
        }
    }

    /// The same time in nanoseconds, rounded to the nearest, clamped to what an `i64` holds.
    pub fn nanos(self) -> i64 {
        scale(self.ticks, NANOS, i64::from(self.rate))
    }

    /// `nanos` expressed at `rate` Hz, rounded to the nearest tick.
    pub fn from_nanos(nanos: i64, rate: u32) -> Self {
        Self::new(scale(nanos, i64::from(rate.max(1)), NANOS), rate)
    }

    /// The same time at another rate, rounded to the nearest tick.
    pub fn at_rate(self, rate: u32) -> Self {
        let ticks = scale(self.ticks, i64::from(rate.max(1)), i64::from(self.rate));
        Self::new(ticks, rate)
    }

    /// Seconds, for people and for SDP.
    pub fn seconds(self) -> f64 {
        self.ticks as f64 / f64::from(self.rate)
    }
}

/// `value * numerator / denominator`, rounded half away from zero and clamped. Both factors are positive.
fn scale(value: i64, numerator: i64, denominator: i64) -> i64 {
    if numerator == denominator {
        return value;
    }
    let half = denominator / 2;
    // Every packet comes through here, and 128 bit divisions cost ten times as much.
    let narrow = value.checked_mul(numerator);
    if let Some(sum) = narrow.and_then(|product| product.checked_add(half * product.signum())) {
        return sum / denominator;
    }
    let product = i128::from(value) * i128::from(numerator);
    let rounded = (product + i128::from(half) * product.signum()) / i128::from(denominator);
    rounded.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Normal play time (RFC 2326, 3.6): nanoseconds from the start of a presentation.
///
/// Displays as seconds with the five decimals that QTSS wrote (`12.50000`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NptTime(pub i64);

impl NptTime {
    /// From seconds; NaN is 0, and what lies beyond an `i64` of nanoseconds is clamped.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The length of time from the start, `None` before it.
    pub fn duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

impl From<MediaTime> for NptTime {
    fn from(time: MediaTime) -> Self {
        Self(time.nanos())
    }
}

impl fmt::Display for NptTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.5}", self.seconds())
    }
}

/// An NTP timestamp (RFC 5905, 6): seconds since 1900 in the upper 32 bits, their fraction in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from the NTP epoch (1900) to the Unix epoch (1970).
    pub const UNIX_OFFSET: u64 = 2_208_988_800;

    /// From the time since 1970; the seconds wrap at the end of the NTP era, in 2036.
    pub fn from_unix(since: Duration) -> Self {
        let seconds = since.as_secs().wrapping_add(Self::UNIX_OFFSET) & 0xffff_ffff;
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// The time on the wall; in the NTP era that ends in 2036.
    pub fn wall(self) -> SystemTime {
        let seconds = Duration::from_secs((self.0 >> 32).saturating_sub(Self::UNIX_OFFSET));
        let nanos = ((self.0 & 0xffff_ffff) * 1_000_000_000) >> 32;
        UNIX_EPOCH + seconds + Duration::from_nanos(nanos)
    }

    /// The time so many nanoseconds later.
    pub fn later(self, nanos: i64) -> Self {
        let parts = (i128::from(nanos) << 32) / i128::from(NANOS);
        Self(self.0.wrapping_add(parts as u64))
    }

    /// How many nanoseconds it is later than `earlier`, at most 68 years; negative when it is not.
    pub fn nanos_since(self, earlier: Self) -> i64 {
        let parts = i128::from(self.0.wrapping_sub(earlier.0).cast_signed());
        // A fraction of 2^32 in nanoseconds fits wherever its seconds fit in 32 bits.
        ((parts * i128::from(NANOS)) >> 32) as i64
    }

    /// The middle 32 bits, as reception reports quote them (RFC 3550, 6.4.1).
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_convert_to_the_nearest_tick() {
        assert_eq!(MediaTime::new(1, 3).nanos(), 333_333_333);
        assert_eq!(MediaTime::new(-1, 3).nanos(), -333_333_333);
        assert_eq!(MediaTime::new(600, 600).at_rate(90_000).ticks, 90_000);
        assert_eq!(MediaTime::new(-15, 30).at_rate(90_000).ticks, -45_000);
        assert_eq!(MediaTime::from_nanos(1_500_000_000, 8000).ticks, 12_000);
        assert_eq!(MediaTime::new(5, 0).rate, 1);
    }

    #[test]
    fn extreme_ticks_are_clamped() {
        assert_eq!(MediaTime::new(i64::MAX, 1).nanos(), i64::MAX);
        assert_eq!(MediaTime::new(i64::MIN, 1).nanos(), i64::MIN);
    }

    #[test]
    fn npt_is_written_as_qtss_wrote_it() {
        assert_eq!(NptTime::from_seconds(29.312).to_string(), "29.31200");
        assert_eq!(NptTime::from_seconds(f64::NAN), NptTime(0));
        assert_eq!(NptTime(-1).duration(), None);
    }

    #[test]
    fn ntp_counts_from_1900() {
        let ntp = NtpTime::from_unix(Duration::new(1, 500_000_000));
        assert_eq!(ntp.0, (2_208_988_801 << 32) | 0x8000_0000);
        assert_eq!(ntp.middle(), 0x7e81_8000);
    }

    #[test]
    fn ntp_goes_on_in_nanoseconds() {
        let ntp = NtpTime(5 << 32);
        assert_eq!(ntp.later(1_500_000_000), NtpTime(13 << 31));
        assert_eq!(ntp.nanos_since(ntp.later(1_500_000_000)), -1_500_000_000);
    }

    #[test]
    fn ntp_is_a_time_of_the_wall() {
        let ntp = NtpTime((2_208_988_801 << 32) | (1 << 31));
        assert_eq!(ntp.wall(), UNIX_EPOCH + Duration::new(1, 500_000_000));
        assert_eq!(NtpTime(0).wall(), UNIX_EPOCH);
    }
}
