//! One timeline for tracks whose RTP times have nothing to do with each other.
//!
//! Sender reports say what a track's time is on the sender's clock. A line through the recent
//! ones gives that clock at any time, and how fast the track's own clock runs beside it. One
//! track leads: its times go to the timeline as they are. The others follow it, and are moved by
//! so little at a time that nobody sees or hears it; only what was joined before the sender has told
//! anything may be set once. Where other channels share the timeline, all
//! tracks follow, for then the sender's clock says where they are.

mod line;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::anchors::Anchors;
use crate::base::media_time::{MediaTime, NtpTime};
use line::Line;

/// When the first unit of all is presented, in nanoseconds.
const START: i64 = super::units::START * 1_000_000_000;

/// An offset moves by at most one nanosecond in so many.
const SLEW: i64 = 200;

/// Where a timeline is shared, a track that is off by more, in nanoseconds, is not moved but set.
const LEAP: i64 = 1_000_000_000;

/// A track that was joined by times of arrival, and is off by more, in nanoseconds, when the sender tells where it
/// belongs, is not moved but set: it would be seen and heard for long.
const NOTICED: i64 = 20_000_000;

/// So long it takes to make up most of a small difference, in nanoseconds.
const SETTLING: i64 = 2_000_000_000;

/// The clocks of all tracks.
#[derive(Debug)]
pub(super) struct Clocks {
    tracks: Vec<Clock>,
    /// Whose times go to the timeline as they are.
    lead: usize,
    /// What times of the wall are counted from: the first report.
    wall: Option<NtpTime>,
    /// What times of arrival are counted from.
    arrival: Option<Instant>,
    /// Where the timeline is, if other channels share it.
    alignment: Option<Alignment>,
    /// Where the tracks are on it, if all that package the channel share it, and no other channels.
    own: Option<Own>,
    /// Whether reports are the sender's own, and not those of arrivals.
    is_told: bool,
    /// From the sender's clock to the one that dates are told by, in nanoseconds.
    dates: i64,
}

/// Where a timeline that several channels share begins, at the time [`START`](super::units::START).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// What the sender's clock shows then.
    pub sender: NtpTime,
    /// What the server's clock shows then.
    pub server: NtpTime,
    /// An instant, and what the server's clock shows at it.
    pub now: (Instant, NtpTime),
}

/// A timeline that all share who package a channel.
#[derive(Debug)]
pub(super) struct Own {
    /// Where its tracks are.
    pub(super) anchors: Arc<Anchors>,
    /// What the server's clock shows at the time [`START`](super::units::START).
    pub(super) server: NtpTime,
    /// An instant, and what the server's clock shows at it.
    pub(super) now: (Instant, NtpTime),
}

/// A place on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In ticks of the track's clock.
    pub(super) pts: i64,
    pub(super) wall: Option<NtpTime>,
    /// Whether it does not go on from the one before, because the track was set.
    pub(super) is_elsewhere: bool,
}

impl Clocks {
    /// For tracks with clocks of these rates, in Hz.
    pub(super) fn new(rates: impl IntoIterator<Item = u32>, lead: usize) -> Self {
        Self {
            tracks: rates.into_iter().map(Clock::new).collect(),
            lead,
            wall: None,
            arrival: None,
            alignment: None,
            own: None,
            is_told: false,
            dates: 0,
        }
    }

    /// Says where the timeline is that other channels share, from the next unit on.
    pub(super) fn align(&mut self, alignment: Alignment) {
        self.alignment = Some(alignment);
    }

    /// Says on which timeline all are that package the channel, before the first unit. The track `lead` goes there as it
    /// is, from where it arrived.
    pub(super) fn begin_on(&mut self, own: Own, lead: usize) {
        self.own = Some(own);
        self.lead = lead;
    }

    /// Says whether the reports that come next are the sender's own. Where those before were not, all
    /// tracks are joined anew by them.
    pub(super) fn tell(&mut self, is_told: bool) {
        let is_news = is_told && !std::mem::replace(&mut self.is_told, is_told);
        for clock in self.tracks.iter_mut().filter(|_| is_news) {
            clock.wall = Line::default();
            clock.is_joined = false;
        }
    }

    /// Says how far the clock that dates are told by is ahead of the sender's, in nanoseconds, from the next
    /// unit on.
    pub(super) fn date(&mut self, ahead: i64) {
        self.dates = ahead;
    }

    /// Takes a report: `time`, in ticks, is `ntp` on the sender's clock.
    pub(super) fn report(&mut self, track: usize, time: u32, ntp: NtpTime) {
        let wall = ntp.nanos_since(*self.wall.get_or_insert(ntp));
        let Some(clock) = self.tracks.get_mut(track) else {
            return;
        };
        let ticks = clock.unwrapped(time);
        let media = clock.nanos(ticks);
        if clock.wall.is_off(media, wall) {
            // What the others have reported is of no use beside it.
            for clock in &mut self.tracks {
                clock.wall = Line::default();
            }
        }
        if let Some(clock) = self.tracks.get_mut(track) {
            clock.wall.add(media, wall);
        }
    }

    /// A packet of a track has arrived whose unit comes later.
    pub(super) fn came(&mut self, track: usize, time: u32, arrived: Instant) {
        let since = *self.arrival.get_or_insert(arrived);
        if let Some(clock) = self.tracks.get_mut(track) {
            let ticks = clock.unwrapped(time);
            let media = clock.nanos(ticks);
            clock.came(media, arrived.saturating_duration_since(since));
        }
    }

    /// Where a unit of a track belongs whose time is `time`, and whose last packet has just arrived; with one
    /// that `begins` the track may go on elsewhere without loss.
    pub(super) fn place(
        &mut self,
        track: usize,
        time: u32,
        arrived: Instant,
        begins: bool,
    ) -> Place {
        let since = *self.arrival.get_or_insert(arrived);
        let Some(clock) = self.tracks.get_mut(track) else {
            return Place {
                pts: 0,
                wall: None,
                is_elsewhere: false,
            };
        };
        let ticks = clock.follow(time);
        let media = clock.nanos(ticks);
        clock.came(media, arrived.saturating_duration_since(since));
        let wall = clock.wall.at(media);
        let (offset, is_elsewhere) = self.offset(track, (time, media), begins);
        if let Some(own) = &self.own {
            own.anchors.learn(track, time, media.saturating_add(offset));
        }
        let clock = self.tracks.get(track);
        let shift = clock.map_or(0, |clock| MediaTime::from_nanos(offset, clock.hz).ticks);
        let wall = match self.alignment {
            Some(Alignment { server, .. }) => {
                let placed = media.saturating_add(offset);
                Some(server.later(placed.saturating_sub(START)))
            }
            None => {
                let sent = self.wall.zip(wall);
                sent.map(|(since, nanos)| since.later(nanos).later(self.dates))
            }
        };
        Place {
            pts: ticks.saturating_add(shift).max(0),
            wall,
            is_elsewhere,
        }
    }

    /// By how much a track's clock runs faster than the sender's, in parts per million.
    pub(super) fn drift_ppm(&self, track: usize) -> Option<f64> {
        let (_, slope) = self.tracks.get(track)?.wall.fit()?;
        slope.map(|slope| (1.0 / slope - 1.0) * 1e6)
    }

    /// From a track's own time `media` to the timeline, in nanoseconds; moves it a little if it is wrong. And
    /// whether it was set, so that it does not go on from before.
    fn offset(&mut self, track: usize, (time, media): (u32, i64), begins: bool) -> (i64, bool) {
        let target = self.target(track, media);
        let guessed = self.anchored(track, time, media).or(target);
        let guessed = guessed.or_else(|| self.guessed(track, media));
        let (is_shared, is_told) = (self.alignment.is_some(), self.is_told);
        let Some(clock) = self.tracks.get_mut(track) else {
            return (0, false);
        };
        let before = clock.slewed.replace(media);
        let passed = before.map_or(0, |before| media.saturating_sub(before).max(0));
        let is_joining = is_told && !clock.is_joined && begins;
        let is_off = |offset: i64, target| {
            is_shared && is_apart(offset, target, LEAP)
                || is_joining && is_apart(offset, target, NOTICED)
        };
        let (offset, is_set) = match (clock.offset, target) {
            (None, _) => (
                guessed.unwrap_or_else(|| START.saturating_sub(media)),
                false,
            ),
            (Some(offset), None) => (offset, false),
            (Some(offset), Some(target)) if is_off(offset, target) => (target, true),
            (Some(offset), Some(target)) => (slewed(offset, target, passed), false),
        };
        clock.offset = Some(offset);
        clock.is_joined |= is_told && target.is_some_and(|it| !is_apart(offset, it, NOTICED));
        (offset, is_set)
    }

    /// The offset that agrees by reports with the shared timeline, or else with the track that is followed;
    /// `None` for that track itself, and while nothing is known.
    fn target(&self, track: usize, media: i64) -> Option<i64> {
        if let Some(target) = self.shared(track, media) {
            return Some(target);
        }
        let reference = self.reference(track)?;
        let wall = self.tracks.get(track)?.wall.at(media)?;
        let counterpart = reference.wall.media_at(wall)?;
        counterpart
            .checked_add(reference.offset?)?
            .checked_sub(media)
    }

    /// The same by times of arrival: good enough to begin with.
    fn guessed(&self, track: usize, media: i64) -> Option<i64> {
        let followed = || {
            let reference = self.reference(track)?;
            let arrived = self.tracks.get(track)?.arrival?.checked_add(media)?;
            let counterpart = arrived.checked_sub(reference.arrival?)?;
            counterpart
                .checked_add(reference.offset?)?
                .checked_sub(media)
        };
        followed().or_else(|| self.shared_by_arrival(track))
    }

    /// The offset of somebody else who packages the channel.
    fn anchored(&self, track: usize, time: u32, media: i64) -> Option<i64> {
        let (own, clock) = (self.own.as_ref()?, self.tracks.get(track)?);
        let at = own.anchors.place(track, time, clock.hz)?;
        clock.offset.is_none().then(|| at.saturating_sub(media))
    }

    /// The offset that agrees with the shared timeline, if there is one.
    fn shared(&self, track: usize, media: i64) -> Option<i64> {
        let Alignment { sender, .. } = self.alignment?;
        let wall = self.tracks.get(track)?.wall.at(media)?;
        let since = self.wall?.later(wall).nanos_since(sender);
        START.checked_add(since)?.checked_sub(media)
    }

    /// The offset that puts the first unit of a track where the shared timeline was when it arrived, if there
    /// is one: good enough until the sender's clock is known.
    fn shared_by_arrival(&self, track: usize) -> Option<i64> {
        let shared = self.alignment.map(|shared| (shared.server, shared.now));
        let own = || self.own.as_ref().map(|own| (own.server, own.now));
        let (server, (at, shown)) = shared.or_else(own)?;
        let since_first = self.tracks.get(track)?.arrival?;
        let first = self.arrival?;
        let ago = match first.checked_duration_since(at) {
            Some(later) => nanos(later),
            None => nanos(at.saturating_duration_since(first)).saturating_neg(),
        };
        let first = START.checked_add(shown.nanos_since(server))?;
        first.checked_add(ago)?.checked_add(since_first)
    }

    /// The leading track, or as long as it has not begun the first that has.
    fn reference(&self, track: usize) -> Option<&Clock> {
        let has_begun = |index: &usize| {
            let clock = self.tracks.get(*index);
            clock.is_some_and(|clock| clock.offset.is_some())
        };
        let lead = Some(self.lead).filter(has_begun);
        let reference = lead.or_else(|| (0..self.tracks.len()).find(has_begun))?;
        self.tracks.get(reference).filter(|_| reference != track)
    }
}

/// Whether a track is off by more than `most`.
fn is_apart(offset: i64, target: i64, most: i64) -> bool {
    offset.abs_diff(target) > most.unsigned_abs()
}

/// `offset`, moved towards `target` by what `passed` nanoseconds allow.
fn slewed(offset: i64, target: i64, passed: i64) -> i64 {
    let error = i128::from(target) - i128::from(offset);
    let share = error * i128::from(passed.min(SETTLING)) / i128::from(SETTLING);
    let most = i128::from(passed / SLEW);
    offset.saturating_add(share.clamp(-most, most) as i64)
}

/// The clock of one track.
#[derive(Debug)]
struct Clock {
    hz: u32,
    /// The last time and what it is unwrapped, in ticks.
    last: Option<(u32, i64)>,
    wall: Line,
    /// The sender's own reports have said where it belongs.
    is_joined: bool,
    /// From the track's own time to that of arrivals, in nanoseconds, at the first unit.
    arrival: Option<i64>,
    /// From the track's own time to the timeline, in nanoseconds.
    offset: Option<i64>,
    /// The track's own time when the offset was looked at.
    slewed: Option<i64>,
}

impl Clock {
    fn new(hz: u32) -> Self {
        Self {
            hz,
            last: None,
            wall: Line::default(),
            is_joined: false,
            arrival: None,
            offset: None,
            slewed: None,
        }
    }

    /// The ticks of a time near the last one.
    fn unwrapped(&mut self, time: u32) -> i64 {
        let (last, ticks) = *self.last.get_or_insert_with(|| (time, time.into()));
        let step = time.wrapping_sub(last).cast_signed();
        ticks.saturating_add(step.into())
    }

    /// The same, of a unit: the next time is near to it.
    fn follow(&mut self, time: u32) -> i64 {
        let ticks = self.unwrapped(time);
        self.last = Some((time, ticks));
        ticks
    }

    fn nanos(&self, ticks: i64) -> i64 {
        MediaTime::new(ticks, self.hz).nanos()
    }

    /// What is due at its own time `media` arrived then; the first of all counts.
    fn came(&mut self, media: i64, arrived: Duration) {
        self.arrival
            .get_or_insert_with(|| nanos(arrived).saturating_sub(media));
    }
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
