//! When there is enough in a window for players to be told of it, and for them to start.

use std::time::Duration;

use super::{Kept, Window};
use crate::hls::listing::Listing;
use crate::hls::object::Flavour;
use crate::hls::transport;

/// Players start so many segments before the end.
const ENOUGH: usize = 3;

/// With fewer segments GStreamer loses its place in a playlist.
const LEAST: usize = 2;

/// A segment may be so much shorter than the target.
const TOLERANCE: Duration = Duration::from_millis(500);

impl Window {
    /// Whether there is enough in this flavour for any player to start.
    ///
    /// Parts alone are not: ffmpeg and GStreamer end at a playlist without a whole segment, and hls.js asks again
    /// only after seconds. Nor is one segment: GStreamer 1.22 plays some seconds later behind it, or never. Whoever takes
    /// no parts stands still later for as long as it starts earlier, unless the segments [last](Self::outlasts).
    /// Measured in `docs/performance.md`.
    pub fn has(&self, flavour: Flavour) -> bool {
        let is_there = |kept: &Kept| flavour != Flavour::Ts || kept.has_ts();
        self.is_enough(flavour) && self.listed.iter().any(is_there)
    }

    /// Whether the playlist that players open can tell of it in this flavour: it names formats and rates, and no segment,
    /// so that one part of all that is to come is enough. The media playlist is waited for as before.
    ///
    /// Not where formats for other players are offered beside it, because these choose by rates that a part does not tell.
    pub fn tells(&self, flavour: Flavour) -> bool {
        let is_beginning = || !self.is_enough(flavour) && self.has_begun() && self.carries(flavour);
        self.has(flavour) || is_beginning() && !self.has_alternative(flavour)
    }

    fn has_alternative(&self, flavour: Flavour) -> bool {
        self.compat && Listing { window: self }.alternative(flavour).is_some()
    }

    /// Whether there is enough as soon as all of it is in this flavour, or nothing more will come.
    fn is_enough(&self, flavour: Flavour) -> bool {
        match flavour {
            _ if self.ended => true,
            Flavour::LowLatency => self.lists(LEAST),
            Flavour::Cmaf | Flavour::Ts if self.is_hurried => self.lists(ENOUGH),
            Flavour::Cmaf | Flavour::Ts => self.outlasts(),
        }
    }

    /// Whether there is a part, in which all tracks are, and one of each of the sounds.
    fn has_begun(&self) -> bool {
        let listed = self.listed.iter().flat_map(|kept| &kept.segment.parts);
        let part = listed.chain(&self.open).rfind(|part| !part.gap);
        let tracks = part.map(|part| part.head.map.tracks.len());
        let is_whole = tracks.is_some_and(|tracks| tracks >= self.tracks);
        is_whole && self.sounds.iter().all(Self::has_begun)
    }

    /// Whether that many segments are there, or as much as one may last for.
    fn lists(&self, segments: usize) -> bool {
        self.listed.len() >= segments || self.time() + TOLERANCE >= self.targets.segment
    }

    /// Whether the segments last until the next one is there, which takes what is missing of it, and until the playlist
    /// is asked for again after it, which takes half a target duration (rfc8216bis, 6.3.4). So what was made of it
    /// counts like what is whole.
    fn outlasts(&self) -> bool {
        let made = match self.listed.len() {
            LEAST.. => self.time() + self.open_time(),
            _ => self.time(),
        };
        made + TOLERANCE >= self.targets.segment * 3 / 2
    }

    /// How long what is there of the next segment lasts.
    fn open_time(&self) -> Duration {
        let durations = self.open.iter().map(|part| part.duration.nanos());
        let nanos = durations.map(i64::unsigned_abs);
        Duration::from_nanos(nanos.sum())
    }

    /// Gives players what there is, though they may have to wait for the rest then.
    pub fn hurry(&mut self) {
        self.is_hurried = true;
        self.sounds.iter_mut().for_each(Self::hurry);
    }

    /// Whether what is there can be carried in this flavour; it can while nothing is there.
    pub fn carries(&self, flavour: Flavour) -> bool {
        let open = self.open.first().map(|part| &part.head.map);
        let last = self.listed.back().map(|kept| &kept.segment.head.map);
        let map = open.or(last);
        flavour != Flavour::Ts || map.is_none_or(|map| transport::packing(map).is_some())
    }
}
