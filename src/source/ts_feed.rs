//! From the bytes of a transport stream to a channel. Sans-IO: bytes and time come in, a publisher is fed.
//!
//! Where the bytes come from stands in the files of the sources.

use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use super::Failure;
use super::byte_feed::{ByteFeed, Settings};
use super::pace::Pace;
use super::packetiser::{Packetiser, Refused};
use super::ts_tracks::{Described, Tracks};
use crate::base::media_time::MediaTime;
use crate::codec::elementary::{Frame, Piece};
use crate::container::ts::{CLOCK_HZ, Counts, Demux, Event, Unit};
use crate::media::description::{Description, Unfit};
use crate::media::publisher::Publisher;

/// How long streams that are ready wait for those that are not.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes of samples that wait for the channel to begin.
const MAX_HELD: usize = 16 << 20;

/// Feeds a channel from a transport stream.
///
/// The channel begins when the format of every stream of the program is known, or when those
/// that are known have waited for two seconds; a stream that says nothing by then is left out.
/// It begins anew when the program changes.
pub struct TsFeed {
    settings: Settings,
    demux: Demux,
    tracks: Tracks,
    stage: Stage,
    pace: Pace,
    /// When the last sample came.
    heard: Option<Instant>,
    malformed: u64,
    /// What the channel was told of what is wrong.
    told: Counts,
    events: Vec<Event>,
    frames: Vec<Frame>,
}

/// Samples that wait for the channel to begin.
struct Held {
    pid: u16,
    frames: Vec<Frame>,
    at: Instant,
}

enum Stage {
    Waiting {
        /// When the first format was known.
        since: Option<Instant>,
        held: Vec<Held>,
        bytes: usize,
    },
    Live {
        publisher: Publisher,
        packetiser: Packetiser,
    },
}

impl Stage {
    const fn waiting() -> Self {
        Self::Waiting {
            since: None,
            held: Vec::new(),
            bytes: 0,
        }
    }
}

impl TsFeed {
    /// Nothing is published before the stream has told what it holds.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            demux: Demux::new(None),
            tracks: Tracks::default(),
            stage: Stage::waiting(),
            pace: Pace::default(),
            heard: None,
            malformed: 0,
            told: Counts::default(),
            events: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// What was wrong with the stream so far.
    pub fn counts(&self) -> Counts {
        self.demux.counts()
    }

    fn take_all(&mut self, events: &mut Vec<Event>, now: Instant) -> Result<(), Failure> {
        let taken = events.drain(..).try_for_each(|event| match event {
            Event::Program(program) => {
                if self.tracks.follow(&program, &self.settings.name) {
                    self.stage = Stage::waiting();
                }
                Ok(())
            }
            Event::Unit(unit) => self.take(&unit, now),
        });
        self.tell_faults();
        taken
    }

    fn tell_faults(&mut self) {
        let counts = self.counts();
        if let Stage::Live { publisher, .. } = &self.stage
            && counts.faults() != self.told.faults()
        {
            publisher
                .channel()
                .stats()
                .count_ts_faults(&self.told, &counts);
            self.told = counts;
        }
    }

    fn take(&mut self, unit: &Unit, now: Instant) -> Result<(), Failure> {
        if let Some(dts) = unit.dts {
            self.pace.read(time(dts).nanos(), now);
        }
        let piece = Piece {
            data: &unit.data,
            pts: unit.pts.map(time),
            dts: unit.dts.map(time),
            random_access: unit.random_access,
        };
        let mut frames = mem::take(&mut self.frames);
        let piece = Some(piece).filter(|_| !unit.lost);
        self.tracks.cut(unit.pid, piece, &mut frames);
        let sent = if frames.is_empty() {
            Ok(())
        } else {
            self.heard = Some(now);
            self.send(unit.pid, &mut frames, now)
        };
        frames.clear();
        self.frames = frames;
        sent
    }

    /// Sends the samples of a stream, or has them wait.
    fn send(&mut self, pid: u16, frames: &mut Vec<Frame>, now: Instant) -> Result<(), Failure> {
        self.follow_formats();
        let Stage::Live {
            publisher,
            packetiser,
        } = &mut self.stage
        else {
            return self.hold(pid, frames, now);
        };
        let Some(index) = self.tracks.index(pid) else {
            return Ok(());
        };
        match packetiser.push(index, frames, publisher, now) {
            Ok(()) => Ok(()),
            Err(Refused::Malformed(malformed)) => {
                self.malformed += 1;
                tracing::debug!(channel = self.settings.name, "{malformed}");
                Ok(())
            }
            Err(Refused::Replaced) => Err(Failure::Replaced),
        }
    }

    /// Tells the channel of a format that has changed; begins anew when readers cannot go on with it.
    fn follow_formats(&mut self) {
        let Stage::Live { publisher, .. } = &mut self.stage else {
            return;
        };
        let Some(changed) = self.tracks.changed() else {
            return;
        };
        let described = describe(&self.settings.name, &changed);
        if described.and_then(|one| publisher.describe(one)).is_err() {
            self.stage = Stage::waiting();
        }
    }

    /// Keeps samples until the channel begins; what comes before its format cannot be decoded.
    fn hold(&mut self, pid: u16, frames: &mut Vec<Frame>, now: Instant) -> Result<(), Failure> {
        let Stage::Waiting { since, held, bytes } = &mut self.stage else {
            return Ok(());
        };
        if !self.tracks.is_known(pid) {
            return Ok(());
        }
        let since = *since.get_or_insert(now);
        *bytes += frames.iter().map(|frame| frame.data.len()).sum::<usize>();
        held.push(Held {
            pid,
            frames: mem::take(frames),
            at: now,
        });
        let (known, all) = self.tracks.known();
        let is_due = now.saturating_duration_since(since) >= PATIENCE || *bytes > MAX_HELD;
        if known == all || is_due {
            return self.begin();
        }
        Ok(())
    }

    /// Publishes the tracks whose format is known, and sends what has waited for that.
    fn begin(&mut self) -> Result<(), Failure> {
        let Stage::Waiting { held, .. } = mem::replace(&mut self.stage, Stage::waiting()) else {
            return Ok(());
        };
        let described = self.tracks.publish(&self.settings.name);
        let description = describe(&self.settings.name, &described)?;
        let (limit, clock) = (self.settings.payload_limit, self.settings.clock);
        let packetiser = Packetiser::new(&description, &described.formats, limit, clock);
        let packetiser = packetiser.with_stamps();
        self.stage = Stage::Live {
            publisher: (self.settings.open)(description)?,
            packetiser,
        };
        for Held {
            pid,
            mut frames,
            at,
        } in held
        {
            self.send(pid, &mut frames, at)?;
        }
        Ok(())
    }
}

impl ByteFeed for TsFeed {
    fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Failure> {
        let mut events = mem::take(&mut self.events);
        self.demux.push(bytes, &mut events);
        let taken = self.take_all(&mut events, now);
        self.events = events;
        taken
    }

    fn finish(&mut self, now: Instant) -> Result<(), Failure> {
        let mut events = mem::take(&mut self.events);
        self.demux.finish(&mut events);
        let taken = self.take_all(&mut events, now);
        self.events = events;
        taken
    }

    fn flush_due(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Live { publisher, .. } => publisher.flush_due(),
            Stage::Waiting { .. } => None,
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Stage::Live { publisher, .. } = &mut self.stage {
            publisher.flush(now);
        }
    }

    fn resume_at(&self) -> Option<Instant> {
        self.pace.resume_at()
    }

    fn rest(&mut self) -> bool {
        let left = mem::replace(&mut self.stage, Stage::waiting());
        matches!(left, Stage::Live { .. })
    }

    fn heard(&self) -> Option<Instant> {
        self.heard
    }

    fn silence(&self, patience: Duration) -> Failure {
        let counts = self.counts();
        let reason = if counts.packets == 0 && counts.skipped_bytes > 0 {
            "what comes is no MPEG transport stream"
        } else if counts.scrambled > 0 {
            "its packets are scrambled"
        } else if self.tracks.is_empty() && counts.packets > 0 {
            "no table names a stream of a known format"
        } else {
            return Failure::Silent(patience);
        };
        Failure::Barren { patience, reason }
    }

    fn skipped_bytes(&self) -> u64 {
        self.counts().skipped_bytes
    }

    fn is_barren(&self) -> bool {
        self.demux.is_barren()
    }
}

impl Drop for TsFeed {
    /// Tells what was wrong, once for all.
    fn drop(&mut self) {
        let (channel, counts, malformed) = (&self.settings.name, self.counts(), self.malformed);
        let is_sound = counts
            == Counts {
                packets: counts.packets,
                ..Counts::default()
            };
        if !is_sound || malformed > 0 {
            let (packets, skipped_bytes) = (counts.packets, counts.skipped_bytes);
            let faults = faults_of(&counts);
            tracing::info!(
                channel,
                packets,
                skipped_bytes,
                malformed,
                "the transport stream was faulty: {faults}"
            );
        }
    }
}

/// What was wrong and how often, for people: `gap 2, scrambled 1`.
fn faults_of(counts: &Counts) -> String {
    let faults = Counts::FAULTS.into_iter().zip(counts.faults());
    let found = faults.filter(|(_, count)| *count > 0);
    let words: Vec<_> = found
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    match words.is_empty() {
        true => "it has bytes that are none of it".to_owned(),
        false => words.join(", "),
    }
}

impl fmt::Debug for TsFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsFeed")
            .field("name", &self.settings.name)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

fn describe(name: &str, described: &Described) -> Result<Description, Unfit> {
    let description = Description::of_formats(name, &described.formats)?;
    Ok(description.in_languages(&described.languages))
}

fn time(ticks: i64) -> MediaTime {
    MediaTime::new(ticks, CLOCK_HZ)
}

#[cfg(test)]
mod tests;
