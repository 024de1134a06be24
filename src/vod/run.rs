//! One run of play: from a PLAY request to when each packet leaves (RFC 2326, 10.5).

use std::time::{Duration, Instant};

use super::Error;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;

/// The fastest delivery, as QTSS's `max_allowed_speed`.
const MAX_SPEED: f64 = 4.0;

/// The slowest delivery.
const MIN_SPEED: f64 = 0.25;

/// The speeds of content that can be played (RFC 2326, 12.34).
const SCALES: [f64; 5] = [-1.0, 1.0, 2.0, 4.0, 8.0];

/// What PLAY asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayRequest {
    /// Start and end of normal play time; `None` to go on where play stopped.
    pub range: Option<(Option<NptTime>, Option<NptTime>)>,
    /// Speed of the content; 1 is the movie's own.
    pub scale: f64,
    /// Speed of delivery; 1 is real time. Heeded where every track goes over TCP.
    pub speed: f64,
}

/// What PLAY answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Where play begins: the sync sample at or before what was asked for.
    pub start: NptTime,
    /// Where it ends.
    pub end: NptTime,
    /// Speed of the content, the nearest one that can be played.
    pub scale: f64,
    /// Speed of delivery.
    pub speed: f64,
    /// Sequence number and RTP time of each track's first packet, for RTP-Info.
    pub tracks: Vec<(TrackId, u16, u32)>,
    /// How much earlier than asked for play begins.
    pub earlier: Duration,
}

/// A stretch of play at one speed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub bounds: Bounds,
    pub mapping: Mapping,
    /// Speed of delivery beside the scale (RFC 2326, 12.35).
    pub speed: f64,
    /// When its first packet is due.
    pub started: Instant,
    /// Where the client wanted to begin.
    pub wanted: NptTime,
}

/// Where a run begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub start: NptTime,
    pub end: NptTime,
    /// Whether everything to the last packet is played, also what is due after the movie's length.
    pub whole: bool,
}

/// How a run maps presentation time to RTP time (RFC 2326, appendix B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mapping {
    /// Where in the movie the run begins.
    pub start: NptTime,
    /// Time since the session's first packet, in nanoseconds, that `start` is sent with.
    /// It never runs backwards in a session, so neither do RTP timestamps.
    pub presented: i64,
    /// Playing speed of the content; negative backwards, never 0.
    pub scale: f64,
}

/// Where play stands when a request comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub duration: NptTime,
    pub position: NptTime,
    /// The end of the run that is held, when there is one.
    pub held_end: Option<NptTime>,
    /// Whether the movie was played to its end.
    pub ended: bool,
}

impl Bounds {
    /// Where a run that was asked for begins and ends; without a range it goes on, and begins anew after the end.
    ///
    /// # Errors
    /// [`Error::RangeOutside`] for a range that the movie does not have, or that runs the wrong way.
    pub(super) fn of(
        request: &PlayRequest,
        scale: f64,
        standing: &Standing,
    ) -> Result<Self, Error> {
        let backwards = scale < 0.0;
        let (duration, position) = (standing.duration, standing.position);
        let (first, last) = if backwards {
            (duration, NptTime(0))
        } else {
            (NptTime(0), duration)
        };
        let (start, end) = match request.range {
            Some((start, end)) => (
                start.unwrap_or(if backwards { position } else { first }),
                end.unwrap_or(last),
            ),
            None if standing.ended => (first, last),
            None => (position, standing.held_end.unwrap_or(last)),
        };
        let ordered = if backwards {
            start >= end
        } else {
            start < end || start == first
        };
        if start < NptTime(0) || start > duration || !ordered {
            return Err(Error::RangeOutside {
                start,
                end,
                duration,
            });
        }
        Ok(Self {
            start,
            end: end.clamp(NptTime(0), duration),
            whole: !backwards && end >= duration,
        })
    }
}

impl Run {
    /// Whether a packet due at `npt` belongs to this run.
    pub(super) fn contains(&self, npt: NptTime) -> bool {
        let end = self.bounds.end;
        self.bounds.whole
            || if self.backwards() {
                npt >= end
            } else {
                npt < end
            }
    }

    /// Whether time runs backwards.
    pub(super) fn backwards(&self) -> bool {
        self.mapping.scale < 0.0
    }

    /// When what is due at `npt` leaves.
    pub(super) fn instant_of(&self, npt: NptTime) -> Instant {
        let delivered = self.played(npt) as f64 / self.speed;
        self.started + Duration::from_nanos(delivered as u64)
    }

    /// The presented time that `npt` is sent with.
    pub(super) fn presented_at(&self, npt: NptTime) -> i64 {
        self.mapping.presented.saturating_add(self.played(npt))
    }

    /// How long play has presented content at `now`, in nanoseconds since the run began.
    pub(super) fn elapsed(&self, now: Instant) -> i64 {
        now.saturating_duration_since(self.started)
            .mul_f64(self.speed)
            .as_nanos() as i64
    }

    /// How much earlier than wanted the run begins.
    pub(super) fn earlier(&self) -> Duration {
        let earlier = NptTime(self.wanted.0.saturating_sub(self.bounds.start.0));
        earlier.duration().unwrap_or_default()
    }

    /// Nanoseconds of play from the start to `npt`; 0 before the start.
    fn played(&self, npt: NptTime) -> i64 {
        let content = npt.0.saturating_sub(self.mapping.start.0);
        if self.mapping.scale == 1.0 {
            return content.max(0);
        }
        ((content as f64 / self.mapping.scale) as i64).max(0)
    }
}

/// The speed of content nearest to what is wanted.
pub(super) fn nearest_scale(wanted: f64) -> f64 {
    let distance = |scale: &f64| (scale - wanted).abs();
    SCALES
        .into_iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(1.0)
}

/// The speed of delivery nearest to what is wanted.
pub(super) fn nearest_speed(wanted: f64) -> f64 {
    if wanted.is_finite() {
        wanted.clamp(MIN_SPEED, MAX_SPEED)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const MINUTE: Standing = Standing {
        duration: NptTime(60_000_000_000),
        position: NptTime(7_000_000_000),
        held_end: None,
        ended: false,
    };

    fn at(seconds: f64) -> NptTime {
        NptTime::from_seconds(seconds)
    }

    fn bounds(
        range: Option<(Option<f64>, Option<f64>)>,
        scale: f64,
        standing: &Standing,
    ) -> Option<(f64, f64)> {
        let range = range.map(|(start, end)| (start.map(at), end.map(at)));
        let bounds = Bounds::of(
            &PlayRequest {
                range,
                scale,
                speed: 1.0,
            },
            scale,
            standing,
        )
        .ok()?;
        Some((bounds.start.seconds(), bounds.end.seconds()))
    }

    #[test]
    fn ranges_lie_inside_the_movie_and_run_with_the_scale() {
        assert_eq!(
            bounds(Some((Some(5.0), Some(9.0))), 1.0, &MINUTE),
            Some((5.0, 9.0))
        );
        assert_eq!(
            bounds(Some((Some(5.0), None)), 1.0, &MINUTE),
            Some((5.0, 60.0))
        );
        assert_eq!(
            bounds(Some((Some(5.0), Some(99.0))), 1.0, &MINUTE),
            Some((5.0, 60.0))
        );
        assert_eq!(bounds(Some((Some(61.0), None)), 1.0, &MINUTE), None);
        assert_eq!(bounds(Some((Some(9.0), Some(5.0))), 1.0, &MINUTE), None);
        assert_eq!(
            bounds(Some((Some(9.0), Some(5.0))), -1.0, &MINUTE),
            Some((9.0, 5.0))
        );
        assert_eq!(bounds(Some((None, None)), -1.0, &MINUTE), Some((7.0, 0.0)));
    }

    #[test]
    fn without_a_range_play_goes_on_and_begins_anew_after_the_end() {
        assert_eq!(bounds(None, 1.0, &MINUTE), Some((7.0, 60.0)));
        let held = Standing {
            held_end: Some(at(8.0)),
            ..MINUTE
        };
        assert_eq!(bounds(None, 1.0, &held), Some((7.0, 8.0)));
        let ended = Standing {
            position: at(60.0),
            ended: true,
            ..MINUTE
        };
        assert_eq!(bounds(None, 1.0, &ended), Some((0.0, 60.0)));
        assert_eq!(bounds(None, -1.0, &ended), Some((60.0, 0.0)));
    }

    #[test]
    fn scales_and_speeds_are_the_nearest_possible() {
        assert_eq!(
            [0.5, 2.9, 100.0, -4.0, f64::NAN].map(nearest_scale),
            [1.0, 2.0, 8.0, -1.0, -1.0]
        );
        assert_eq!(
            [9.0, 0.0, 1.5, f64::INFINITY].map(nearest_speed),
            [4.0, 0.25, 1.5, 1.0]
        );
    }

    #[test]
    fn packets_leave_at_scale_and_speed() {
        let started = Clock::start().started();
        let run = |scale: f64, speed| Run {
            bounds: Bounds {
                start: at(10.0),
                end: at(0.0),
                whole: false,
            },
            mapping: Mapping {
                start: at(10.0),
                presented: 5,
                scale,
            },
            speed,
            started,
            wanted: at(10.5),
        };
        assert_eq!(
            run(2.0, 1.0).instant_of(at(14.0)),
            started + Duration::from_secs(2)
        );
        assert_eq!(
            run(-1.0, 1.0).instant_of(at(7.0)),
            started + Duration::from_secs(3)
        );
        assert_eq!(
            run(1.0, 2.0).instant_of(at(14.0)),
            started + Duration::from_secs(2)
        );
        assert_eq!(run(1.0, 2.0).presented_at(at(14.0)), 4_000_000_005);
        assert_eq!(run(1.0, 1.0).earlier(), Duration::from_millis(500));
    }
}
