//! `Range`: from where to where to play.

use std::fmt;

use super::{Invalid, decimal_nanos, digits};
use crate::base::media_time::NptTime;

/// A range of time (RFC 2326, 12.29). A `time` parameter, and ranges after the first, are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// Normal play time (RFC 2326, 3.6).
    Npt {
        /// Where to start; `None` for where the presentation is, or is now.
        start: Option<NptTime>,
        /// Where to stop; `None` for the end.
        end: Option<NptTime>,
        /// Whether the start is `now`, the live point.
        now: bool,
    },
    /// SMPTE time codes (RFC 2326, 3.5), already converted to time.
    Smpte {
        /// Where to start.
        start: NptTime,
        /// Where to stop; `None` for the end.
        end: Option<NptTime>,
        /// How the codes count frames.
        format: SmpteFormat,
    },
    /// Absolute time (RFC 2326, 3.7), as it was sent: `19961108T142300Z`.
    Clock {
        /// Where to start.
        start: String,
        /// Where to stop; `None` for the end.
        end: Option<String>,
    },
}

/// How a SMPTE time code counts frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmpteFormat {
    /// `smpte-25`: 25 frames a second.
    Smpte25,
    /// `smpte-30-drop`, also named `smpte`: 30000/1001 frames a second, of
    /// whose numbers two are left out each minute but every tenth.
    Smpte30Drop,
}

impl Range {
    /// The range of normal play time from `start` to `end`.
    pub fn npt(start: Option<NptTime>, end: Option<NptTime>) -> Self {
        Self::Npt {
            start,
            end,
            now: false,
        }
    }

    /// Reads the header's value.
    ///
    /// # Errors
    /// [`Invalid`] for another unit, for a malformed time and for a range without any.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let first = text.split([';', ',']).next().unwrap_or_default();
        let (unit, range) = first.split_once('=').ok_or_else(|| invalid("no unit"))?;
        let range = range.trim();
        match unit.trim().to_ascii_lowercase().as_str() {
            "npt" => read_npt(range),
            "smpte" | "smpte-30-drop" => read_smpte(range, SmpteFormat::Smpte30Drop),
            "smpte-25" => read_smpte(range, SmpteFormat::Smpte25),
            "clock" => read_clock(range),
            _ => Err(invalid("unknown unit")),
        }
    }
}

fn invalid(reason: &'static str) -> Invalid {
    Invalid {
        header: "Range",
        reason,
    }
}

/// Both sides of the dash; a time without one is a start.
fn sides(range: &str) -> (Option<&str>, Option<&str>) {
    let (start, end) = range.split_once('-').unwrap_or((range, ""));
    (present(start), present(end))
}

fn present(side: &str) -> Option<&str> {
    Some(side.trim()).filter(|side| !side.is_empty())
}

fn read_npt(range: &str) -> Result<Range, Invalid> {
    let (start, end) = sides(range);
    if start.is_none() && end.is_none() {
        return Err(invalid("neither start nor end"));
    }
    let now = start.is_some_and(|start| start.eq_ignore_ascii_case("now"));
    Ok(Range::Npt {
        start: start.filter(|_| !now).map(npt_time).transpose()?,
        end: end.map(npt_time).transpose()?,
        now,
    })
}

/// Seconds, or hours, minutes and seconds, with a fraction.
fn npt_time(text: &str) -> Result<NptTime, Invalid> {
    let mut parts = text.rsplitn(3, ':');
    let nanos = parts.next().and_then(decimal_nanos);
    let minutes: Option<i64> = parts.next().map_or(Some(0), digits);
    let hours: Option<i64> = parts.next().map_or(Some(0), digits);
    let total = || {
        let minutes = hours?.checked_mul(60)?.checked_add(minutes?)?;
        let nanos_before = minutes.checked_mul(60)?.checked_mul(1_000_000_000)?;
        nanos?.checked_add(nanos_before)
    };
    total()
        .map(NptTime)
        .ok_or_else(|| invalid("malformed npt time"))
}

fn read_smpte(range: &str, format: SmpteFormat) -> Result<Range, Invalid> {
    let (start, end) = sides(range);
    let time = |code| {
        format
            .time(code)
            .ok_or_else(|| invalid("malformed smpte time code"))
    };
    Ok(Range::Smpte {
        start: time(start.ok_or_else(|| invalid("no start"))?)?,
        end: end.map(time).transpose()?,
        format,
    })
}

fn read_clock(range: &str) -> Result<Range, Invalid> {
    let (start, end) = sides(range);
    Ok(Range::Clock {
        start: start.ok_or_else(|| invalid("no start"))?.to_owned(),
        end: end.map(str::to_owned),
    })
}

const SUBFRAMES: i64 = 100;

impl SmpteFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Smpte25 => "smpte-25",
            Self::Smpte30Drop => "smpte-30-drop",
        }
    }

    /// Frame numbers in a second.
    fn numbers(self) -> i64 {
        match self {
            Self::Smpte25 => 25,
            Self::Smpte30Drop => 30,
        }
    }

    /// Nanoseconds of a hundredth of a frame, as a fraction.
    fn hundredth(self) -> (i128, i128) {
        match self {
            Self::Smpte25 => (400_000, 1),
            Self::Smpte30Drop => (1_001_000, 3),
        }
    }

    /// The time of `hours:minutes:seconds[:frames[.hundredths]]`.
    fn time(self, code: &str) -> Option<NptTime> {
        let mut parts = code.split(':');
        let hours: i64 = digits(parts.next()?)?;
        let minutes: i64 = digits(parts.next()?)?;
        let seconds: i64 = digits(parts.next()?)?;
        let (frames, hundredths) = parts.next().map_or(Some((0, 0)), frames)?;
        let valid = hours < 1000
            && minutes < 60
            && seconds < 60
            && frames < self.numbers()
            && parts.next().is_none();
        if !valid {
            return None;
        }
        let minutes = hours * 60 + minutes;
        let number = (minutes * 60 + seconds) * self.numbers() + frames;
        Some(self.to_time((number - self.dropped(minutes)) * SUBFRAMES + hundredths))
    }

    /// Numbers left out in the first `minutes`.
    fn dropped(self, minutes: i64) -> i64 {
        match self {
            Self::Smpte25 => 0,
            Self::Smpte30Drop => 2 * (minutes - minutes / 10),
        }
    }

    fn to_time(self, hundredths: i64) -> NptTime {
        let (numerator, denominator) = self.hundredth();
        let nanos = (i128::from(hundredths) * numerator + denominator / 2) / denominator;
        NptTime(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The time code nearest to `time`; times before the start are the start.
    fn code(self, time: NptTime) -> String {
        let (numerator, denominator) = self.hundredth();
        let nanos = i128::from(time.0.max(0));
        let hundredths = (nanos * denominator + numerator / 2) / numerator;
        let frames = i64::try_from(hundredths).unwrap_or(i64::MAX) / SUBFRAMES;
        let number = frames + self.dropped_before(frames);
        let (seconds, frame) = (number / self.numbers(), number % self.numbers());
        let (minutes, second) = (seconds / 60, seconds % 60);
        let (hour, minute) = (minutes / 60, minutes % 60);
        let hundredth = hundredths % i128::from(SUBFRAMES);
        format!("{hour}:{minute:02}:{second:02}:{frame:02}.{hundredth:02}")
    }

    /// Numbers left out before the frame that is the `frames`th in fact.
    fn dropped_before(self, frames: i64) -> i64 {
        const TEN_MINUTES: i64 = 17_982;
        const MINUTE: i64 = 1798;
        match self {
            Self::Smpte25 => 0,
            Self::Smpte30Drop => {
                // The first minute of ten has all its 1800 numbers.
                let minutes = (frames % TEN_MINUTES - 2).max(0) / MINUTE;
                2 * (frames / TEN_MINUTES * 9 + minutes)
            }
        }
    }
}

/// `15` or `15.03`: frames and hundredths of one.
fn frames(text: &str) -> Option<(i64, i64)> {
    let (frames, hundredths) = text.split_once('.').unwrap_or((text, "0"));
    let hundredths = digits(hundredths).filter(|hundredths| *hundredths < SUBFRAMES)?;
    Some((digits(frames)?, hundredths))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npt { start, end, now } => {
                f.write_str(if *now { "npt=now" } else { "npt=" })?;
                write_some(f, start.as_ref())?;
                f.write_str("-")?;
                write_some(f, end.as_ref())
            }
            Self::Smpte { start, end, format } => {
                write!(f, "{}={}-", format.name(), format.code(*start))?;
                write_some(f, end.map(|end| format.code(end)).as_ref())
            }
            Self::Clock { start, end } => {
                write!(f, "clock={start}-")?;
                write_some(f, end.as_ref())
            }
        }
    }
}

fn write_some(f: &mut fmt::Formatter<'_>, value: Option<&impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| value.fmt(f))
}

#[cfg(test)]
mod tests;
