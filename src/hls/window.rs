//! What can be fetched of a channel at the moment: its newest segments and parts, within bounds of
//! time and bytes, and the playlists that tell of them.
//!
//! Segments that have left the playlists stay for those who read of them before (RFC 8216, 6.2.2).
//! A playlist is written when it is first asked for after a change. Nothing here waits.

mod beginning;
mod bounds;
mod files;
mod i_frames;
mod lightening;
mod renditions;
mod retiring;
mod spooled;
mod start;
mod variant;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
pub use renditions::Choice;

use super::listing::Listing;
use super::object::Flavour;
use super::packager::Skip;
use super::part::{Part, Segment};
use super::progress::Progress;
use super::rates::Rates;
use super::spools::SegmentFile;
use super::text::Text;
pub use bounds::{Bounds, Targets};
use spooled::Spooled;
pub(super) use variant::Variant;

/// The recent past of a channel in segments.
#[derive(Debug)]
pub struct Window {
    /// The number of the packager.
    pub(super) number: u32,
    pub(super) bounds: Bounds,
    pub(super) targets: Targets,
    pub(super) listed: VecDeque<Kept>,
    /// What was listed, and until when it stays.
    removed: VecDeque<(Kept, Instant)>,
    /// The parts of the segment that is being made.
    pub(super) open: Vec<Part>,
    /// The number of the next key frame in their own playlist.
    next_i_frame: Option<u64>,
    pub(super) rates: Rates,
    /// Whether playlists tell of a variant for players that know H.264 and AAC alone.
    pub(super) compat: bool,
    /// The most bits a second that its pictures take.
    pub(super) compat_most: u64,
    /// Whether playlists lose nothing.
    pub(super) keeps_all: bool,
    /// Whether players get what there is, for those that wait will soon be sent away.
    is_hurried: bool,
    /// How many tracks its segments hold when something has come of each.
    tracks: usize,
    pub(super) ended: bool,
    /// What its sound is chosen by, where there are several; `None` for pictures.
    pub(super) choice: Option<Choice>,
    /// The sounds that are in segments of their own, numbered from 1.
    pub(super) sounds: Vec<Self>,
    /// The numbers of the other renditions of the channel; this one is 0 where it has sounds.
    pub(super) others: Vec<u16>,
    bytes: usize,
    disk_bytes: u64,
    /// What is on disk in vain.
    gone: Vec<SegmentFile>,
    /// How many segments were dropped to have room on disk.
    given_up: u64,
    /// How often a segment left before its time.
    hastened: u64,
    /// Counts the changes.
    version: u64,
    modified: SystemTime,
    texts: [OnceLock<Arc<Text>>; TEXTS],
    /// What it is to other programs, by flavour.
    variants: [OnceLock<Arc<Variant>>; 3],
}

/// A segment in the flavours that somebody wants.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) segment: Segment,
    /// In the flavour [`Flavour::Ts`].
    pub(super) ts: Option<Bytes>,
    /// How many parts came, though some may be gone.
    parts: u32,
    /// The number of the first of its key frames in their playlist.
    first_i_frame: u64,
    /// Whether none of them is whole.
    is_gradual: bool,
    /// When it was whole.
    came: Instant,
    /// The same on the wall.
    came_wall: SystemTime,
    /// What of it is on disk, which may be the only place.
    spooled: Option<Spooled>,
}

/// A playlist of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// What a player opens.
    Multivariant(Flavour),
    /// What it reloads.
    Media(Flavour),
    /// The same for players that have the older segments already (`_HLS_skip`).
    Delta(Flavour, Skip),
    /// The key frames alone.
    IFrames(Flavour),
}

const TEXTS: usize = 15;

impl Playlist {
    fn index(self) -> usize {
        match self {
            Self::Multivariant(flavour) => flavour as usize,
            Self::Media(flavour) => 3 + flavour as usize,
            Self::IFrames(flavour) => 6 + flavour as usize,
            Self::Delta(flavour, Skip::Segments) => 9 + flavour as usize,
            Self::Delta(flavour, Skip::Titles) => 12 + flavour as usize,
        }
    }

    fn flavour(self) -> Flavour {
        match self {
            Self::Multivariant(flavour)
            | Self::Media(flavour)
            | Self::Delta(flavour, _)
            | Self::IFrames(flavour) => flavour,
        }
    }
}

impl Kept {
    fn sequence(&self) -> u64 {
        self.segment.head.sequence
    }

    /// Bytes of it in memory.
    fn bytes(&self) -> usize {
        self.segment.memory() + self.ts_size().unwrap_or(0)
    }

    /// Bytes of it in memory in the flavour [`Flavour::Ts`].
    fn ts_size(&self) -> Option<usize> {
        self.ts.as_ref().map(Bytes::len)
    }

    fn duration(&self) -> Duration {
        span(&self.segment)
    }
}

fn count(parts: &[Part]) -> u32 {
    u32::try_from(parts.len()).unwrap_or(u32::MAX)
}

/// How long a segment is.
pub(super) fn span(segment: &Segment) -> Duration {
    Duration::from_nanos(segment.duration.nanos().unsigned_abs())
}

impl Window {
    /// A window with nothing in it, of the packager with that number.
    pub fn new(number: u32, bounds: Bounds, targets: Targets) -> Self {
        Self {
            number,
            bounds,
            targets,
            listed: VecDeque::new(),
            removed: VecDeque::new(),
            open: Vec::new(),
            next_i_frame: None,
            rates: Rates::default(),
            compat: false,
            compat_most: 0,
            keeps_all: false,
            is_hurried: false,
            tracks: 1,
            ended: false,
            choice: None,
            sounds: Vec::new(),
            others: Vec::new(),
            bytes: 0,
            disk_bytes: 0,
            gone: Vec::new(),
            given_up: 0,
            hastened: 0,
            version: 0,
            modified: SystemTime::UNIX_EPOCH,
            texts: Default::default(),
            variants: Default::default(),
        }
    }

    /// Has playlists tell of a variant for players that know H.264 and AAC alone, where it is needed.
    pub fn with_compat(mut self, compat: bool) -> Self {
        self.compat = compat;
        self
    }

    /// Says how many bits a second the pictures of that variant take at most.
    pub fn set_compat_most(&mut self, bits: u64) {
        self.compat_most = bits;
    }

    /// Has playlists lose nothing, with all of it on disk; who pushes ends it when it [is full](Self::is_full).
    pub fn with_all_kept(mut self, keeps_all: bool) -> Self {
        self.keeps_all = keeps_all;
        self
    }

    /// Says how many tracks segments hold when something has come of each; of a sound in segments of its own it is one.
    pub fn expect_tracks(&mut self, tracks: usize) {
        self.tracks = tracks;
    }

    /// Changes the bounds; they act with the next segment.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        for sound in &mut self.sounds {
            sound.set_bounds(bounds);
        }
    }

    /// Says how long segments and parts may be. To be said before the first playlist is asked for, and not changed then.
    pub fn set_targets(&mut self, targets: Targets) {
        self.targets = targets;
        for sound in &mut self.sounds {
            sound.set_targets(targets);
        }
    }

    /// Adds a part of the segment that is being made, at the time `wall`.
    pub fn push_part(&mut self, part: Part, wall: SystemTime) {
        self.bytes += part.memory();
        self.open.push(part);
        self.changed(wall, &[Flavour::LowLatency]);
    }

    /// Adds the segment that has been made, whose parts were pushed before; `ts` is the same in that flavour.
    pub fn push_segment(
        &mut self,
        segment: Segment,
        ts: Option<Bytes>,
        now: Instant,
        wall: SystemTime,
    ) {
        self.bytes -= self.open.drain(..).map(|part| part.memory()).sum::<usize>();
        let kept = Kept {
            parts: count(&segment.parts),
            first_i_frame: self.number_i_frames(&segment),
            is_gradual: segment.is_gradual(),
            segment,
            ts,
            came: now,
            came_wall: wall,
            spooled: None,
        };
        self.bytes += kept.bytes();
        let listed = self.time() + kept.duration();
        let target = self.targets.segment;
        self.rates
            .add(&kept.segment, kept.ts_size(), target, listed);
        self.listed.push_back(kept);
        if self.leads() {
            self.retire(now);
            self.trim(now);
        }
        self.all_changed(wall);
    }

    /// Makes the flavour [`Flavour::Ts`] of the segments that are there, in their order, the removed ones left out.
    pub fn add_ts(&mut self, wall: SystemTime, mut pack: impl FnMut(&Segment) -> Option<Bytes>) {
        for kept in self.listed.iter_mut().filter(|kept| kept.spooled.is_none()) {
            kept.ts = pack(&kept.segment);
            self.bytes += kept.ts_size().unwrap_or(0);
            self.rates
                .add_ts(&kept.segment, kept.ts_size(), self.targets.segment);
        }
        self.changed(wall, &[Flavour::Ts]);
    }

    /// Nothing will come any more.
    pub fn end(&mut self, wall: SystemTime) {
        self.ended = true;
        self.changed(wall, &Flavour::ALL);
        self.sounds.iter_mut().for_each(|sound| sound.end(wall));
    }

    /// How long segments and parts may be.
    pub fn targets(&self) -> Targets {
        self.targets
    }

    /// How far it is; `None` before the first part.
    pub fn progress(&self) -> Option<Progress> {
        let last = self.listed.back().map(|kept| &kept.segment);
        let next = match (self.open.first(), last) {
            (Some(part), _) => part.head.sequence,
            (None, Some(last)) => last.head.sequence + 1,
            (None, None) => return None,
        };
        Some(Progress {
            next,
            parts: count(&self.open),
            last_parts: self.listed.back().map_or(0, |last| last.parts),
            ended: self.ended,
        })
    }

    /// How much time the playlists offer.
    pub fn time(&self) -> Duration {
        self.listed.iter().map(Kept::duration).sum()
    }

    /// Bytes of all that is kept in memory.
    pub fn bytes(&self) -> usize {
        let sounds = self.sounds.iter().map(Self::bytes);
        sounds.fold(self.bytes, usize::saturating_add)
    }

    /// A playlist, written unless it was before; `None` while there is nothing to play or, in what players open,
    /// [to tell of](Self::tells), and of key frames where there are no pictures.
    pub fn text(&self, playlist: Playlist) -> Option<Arc<Text>> {
        let text = self.texts.get(playlist.index())?;
        let is_there = || match playlist {
            Playlist::Multivariant(flavour) => self.tells(flavour),
            _ => self.has(playlist.flavour()) && !self.lacks_i_frames(playlist),
        };
        if text.get().is_none() && !is_there() {
            return None;
        }
        let text = text.get_or_init(|| {
            let listing = Listing { window: self };
            let text = match playlist {
                Playlist::Multivariant(flavour) => listing.multivariant(flavour),
                Playlist::Media(flavour) => listing.media(flavour, None),
                Playlist::Delta(flavour, skip) => listing.media(flavour, Some(skip)),
                Playlist::IFrames(flavour) => listing.i_frames(flavour),
            };
            let tag = format!("{:08x}-{}", self.number, self.version);
            Arc::new(Text::new(text, tag, self.modified))
        });
        Some(Arc::clone(text))
    }

    fn all_changed(&mut self, wall: SystemTime) {
        self.changed(wall, &Flavour::ALL);
        for sound in &mut self.sounds {
            sound.changed(wall, &Flavour::ALL);
        }
    }

    fn changed(&mut self, wall: SystemTime, flavours: &[Flavour]) {
        self.version += 1;
        self.modified = wall;
        for flavour in flavours {
            if let Some(variant) = self.variants.get_mut(*flavour as usize) {
                variant.take();
            }
            for playlist in [
                Playlist::Multivariant(*flavour),
                Playlist::Media(*flavour),
                Playlist::Delta(*flavour, Skip::Segments),
                Playlist::Delta(*flavour, Skip::Titles),
                Playlist::IFrames(*flavour),
            ] {
                if let Some(text) = self.texts.get_mut(playlist.index()) {
                    text.take();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
