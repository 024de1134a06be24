//! From the bytes of an audio stream, as radio encoders send it, to a channel. Sans-IO.
//!
//! Such a stream has no times: they are counted by the frames' durations.

use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use super::Failure;
use super::byte_feed::{ByteFeed, Settings};
use super::pace::Pace;
use super::packetiser::{Packetiser, Refused};
use crate::codec::Format;
use crate::codec::elementary::{Coding, Frame, Framer, Piece};
use crate::media::description::Description;
use crate::media::publisher::Publisher;
use crate::wire::icecast::Station;

/// Bytes that are cut into frames at a time: so few that as a rule one frame ends in them, whose
/// format is then the stream's.
const PIECE: usize = 128;

/// Feeds a channel from an audio stream.
///
/// The channel begins with the first frame. When the format changes, readers go on if they can;
/// otherwise the channel begins anew.
pub struct RadioFeed {
    settings: Settings,
    station: Station,
    framer: Box<dyn Framer>,
    live: Option<Live>,
    pace: Pace,
    /// When the last frame came.
    heard: Option<Instant>,
    malformed: u64,
    frames: Vec<Frame>,
}

struct Live {
    format: Format,
    publisher: Publisher,
    packetiser: Packetiser,
}

impl RadioFeed {
    /// Nothing is published before the first frame.
    pub fn new(settings: Settings, coding: Coding, station: Station) -> Self {
        Self {
            settings,
            station,
            framer: coding.framer(),
            live: None,
            pace: Pace::default(),
            heard: None,
            malformed: 0,
            frames: Vec::new(),
        }
    }

    fn take(&mut self, data: &[u8], now: Instant) -> Result<(), Failure> {
        let piece = Piece {
            data,
            pts: None,
            dts: None,
            random_access: false,
        };
        let mut frames = mem::take(&mut self.frames);
        self.framer.push(piece, &mut frames);
        let sent = self.send(&frames, now);
        frames.clear();
        self.frames = frames;
        sent
    }

    fn send(&mut self, frames: &[Frame], now: Instant) -> Result<(), Failure> {
        let (Some(last), Some(format)) = (frames.last(), self.framer.format()) else {
            return Ok(());
        };
        self.heard = Some(now);
        self.pace.read(last.time.nanos(), now);
        let live = match self.live.take() {
            Some(live) => self.follow(live, format)?,
            None => self.begin(format)?,
        };
        let Live {
            publisher,
            packetiser,
            ..
        } = self.live.insert(live);
        match packetiser.push(0, frames, publisher, now) {
            Ok(()) => Ok(()),
            Err(Refused::Malformed(malformed)) => {
                self.malformed += 1;
                tracing::debug!(channel = self.settings.name, "{malformed}");
                Ok(())
            }
            Err(Refused::Replaced) => Err(Failure::Replaced),
        }
    }

    fn begin(&mut self, format: Format) -> Result<Live, Failure> {
        let formats = [format];
        let description = self.describe(&formats)?;
        let (limit, clock) = (self.settings.payload_limit, self.settings.clock);
        let packetiser = Packetiser::new(&description, &formats, limit, clock);
        let publisher = (self.settings.open)(description)?;
        let [format] = formats;
        Ok(Live {
            format,
            publisher,
            packetiser,
        })
    }

    /// Tells the channel of a format that has changed; begins anew when readers cannot go on with it.
    fn follow(&mut self, mut live: Live, format: Format) -> Result<Live, Failure> {
        if live.format == format {
            return Ok(live);
        }
        let described = self.describe(std::slice::from_ref(&format))?;
        let (old, new) = (live.format.rtpmap(), format.rtpmap());
        tracing::info!(channel = self.settings.name, %old, %new, "the audio stream has another format now");
        if live.publisher.describe(described).is_ok() {
            live.format = format;
            return Ok(live);
        }
        drop(live);
        self.begin(format)
    }

    fn describe(&self, formats: &[Format]) -> Result<Description, Failure> {
        let description = Description::of_formats(&self.settings.name, formats)?;
        Ok(description.of_station(&self.station))
    }
}

impl ByteFeed for RadioFeed {
    fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Failure> {
        let mut pieces = bytes.chunks(PIECE);
        pieces.try_for_each(|piece| self.take(piece, now))
    }

    fn finish(&mut self, _now: Instant) -> Result<(), Failure> {
        self.framer.skip();
        Ok(())
    }

    fn flush_due(&self) -> Option<Instant> {
        self.live.as_ref()?.publisher.flush_due()
    }

    fn flush(&mut self, now: Instant) {
        if let Some(live) = &mut self.live {
            live.publisher.flush(now);
        }
    }

    fn resume_at(&self) -> Option<Instant> {
        self.pace.resume_at()
    }

    fn rest(&mut self) -> bool {
        self.live.take().is_some()
    }

    fn heard(&self) -> Option<Instant> {
        self.heard
    }

    fn silence(&self, patience: Duration) -> Failure {
        if self.heard.is_none() && self.skipped_bytes() > 0 {
            let reason = "what comes is no audio of the announced type";
            return Failure::Barren { patience, reason };
        }
        Failure::Silent(patience)
    }

    fn skipped_bytes(&self) -> u64 {
        self.framer.skipped_bytes()
    }

    fn is_barren(&self) -> bool {
        self.framer.is_barren()
    }
}

impl Drop for RadioFeed {
    /// Tells what was wrong, once for all.
    fn drop(&mut self) {
        let (skipped, malformed) = (self.skipped_bytes(), self.malformed);
        if skipped > 0 || malformed > 0 {
            let channel = &self.settings.name;
            tracing::info!(
                channel,
                skipped_bytes = skipped,
                malformed,
                "the audio stream was faulty"
            );
        }
    }
}

impl fmt::Debug for RadioFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RadioFeed")
            .field("name", &self.settings.name)
            .field("format", &self.framer.format())
            .finish_non_exhaustive()
    }
}
