//! Some tracks of a movie that are played by one playlist, and how large their segments are.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::cuts::Cuts;
use super::lane::Lane;
use super::strip::Placed;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind};
use crate::container::Movie;
use crate::container::mp4::init::InitSegment;
use crate::hls::carriage::Carriage;
use crate::hls::keys::{Key, Keys};
use crate::hls::lock::{Lock, Manner};
use crate::hls::object::{File, Flavour, Object, Packing};
use crate::hls::rates::Rate;
use crate::hls::text::Text;

/// Tracks that are together in segments.
#[derive(Debug)]
pub(super) struct Rendition {
    /// What tells its files from those of all others of that name.
    pub(super) number: u32,
    pub(super) lanes: Vec<Lane>,
    /// Where its segments begin.
    pub(super) cuts: Arc<Cuts>,
    /// What is in them of its tracks.
    extent: Extent,
    keys: Option<Keys>,
    /// Its media playlists, in fragments and as streams.
    pub(super) texts: [OnceLock<Arc<Text>>; 2],
}

/// What segments hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All from one cut to the next; the cuts are those of the first track.
    Leading,
    /// All from one cut to the next; the cuts are another track's.
    Following,
    /// The key frame alone at which the first track is cut.
    KeyFrame,
}

impl Rendition {
    /// Of `lanes`, encrypted with `keys` if there are any.
    pub(super) fn new(
        number: u32,
        mut lanes: Vec<Lane>,
        cuts: Arc<Cuts>,
        extent: Extent,
        keys: Option<Keys>,
    ) -> Self {
        // Not more than its own lanes need: hls.js has a rendition begin where its first fragment
        // is decoded, and where an edit list takes the lead away from that, pictures are lost.
        let lead = lanes.iter().map(Lane::priming_nanos).max().unwrap_or(0);
        lanes.iter_mut().for_each(|lane| lane.delay(lead));
        Self {
            number,
            lanes,
            cuts,
            extent,
            keys,
            texts: Default::default(),
        }
    }

    /// How segment `number` is encrypted; `None` if it is not.
    pub(super) fn lock(&self, number: usize) -> Option<Lock> {
        self.keys.as_ref().map(|keys| keys.lock(number as u64))
    }

    /// How a file of it is called.
    pub(super) fn name(&self, file: File) -> String {
        let packager = self.number;
        Object::File { packager, file }.to_string()
    }

    /// Which map segment `number` needs: it tells how samples are encrypted.
    pub(super) fn map(&self, number: usize) -> u32 {
        let lock = self
            .lock(number)
            .filter(|lock| lock.manner == Manner::Samples);
        lock.map_or(0, |lock| u32::try_from(lock.period).unwrap_or(u32::MAX))
    }

    /// What is before the fragments of segment `number`.
    pub(super) fn init(&self, movie: &Movie, number: usize) -> Bytes {
        let inits: Vec<_> = (1..)
            .zip(&self.lanes)
            .filter_map(|(id, lane)| lane.init(id, movie))
            .collect();
        let protection = self.lock(number).and_then(|lock| lock.protection());
        let InitSegment(init) = InitSegment::protected(&inits, protection.as_ref());
        init
    }

    /// The key of that period, if one of the segments up to number `last` needs it.
    pub(super) fn key(&self, period: u64, last: usize) -> Option<Bytes> {
        let keys = self.keys.as_ref()?;
        let Key(key) = (period <= self.lock(last)?.period).then(|| keys.key(period))?;
        Some(Bytes::copy_from_slice(&key))
    }

    /// How a flavour carries it; `None` if it cannot. Old players and new ones know packed MP3, but
    /// not all know it in fragments.
    pub(super) fn carriage(&self, flavour: Flavour) -> Option<Carriage> {
        let formats: Option<Vec<&Format>> = self.lanes.iter().map(Lane::format).collect();
        // Samples are encrypted in fragments only.
        let formats = formats.filter(|_| !self.has_locked_samples());
        let stream = formats.and_then(|formats| Carriage::of(&formats, Flavour::Ts));
        match (flavour, stream) {
            (Flavour::Ts, stream) => stream,
            (_, Some(Carriage::Stream(Packing::Mp3))) => stream,
            _ => Some(Carriage::Fragments),
        }
    }

    fn has_locked_samples(&self) -> bool {
        let lock = self.lock(0);
        lock.is_some_and(|lock| lock.manner == Manner::Samples)
    }

    /// How long segment `number` is: where the cuts are another track's, what is in it decides.
    pub(super) fn duration(&self, movie: &Movie, number: usize) -> MediaTime {
        let (start, end) = (self.start(movie, number), self.start(movie, number + 1));
        let rate = start.rate.max(end.rate);
        MediaTime::new(end.at_rate(rate).ticks - start.at_rate(rate).ticks, rate)
    }

    /// How long its longest segment is, rounded to the second.
    pub(super) fn longest(&self, movie: &Movie) -> u64 {
        let seconds = |number| self.duration(movie, number).at_rate(1).ticks;
        let longest = (0..self.cuts.len()).map(seconds).max();
        longest.map_or(0, i64::unsigned_abs)
    }

    fn start(&self, movie: &Movie, number: usize) -> MediaTime {
        let own = match self.lanes.first() {
            Some(lane) if self.extent == Extent::Following && number > 0 => {
                lane.start(movie, &self.cuts, number)
            }
            _ => None,
        };
        own.unwrap_or_else(|| self.cuts.start(number))
    }

    /// Its tracks, and which of their samples are in segment `number`.
    pub(super) fn ranges<'r>(
        &'r self,
        movie: &'r Movie,
        number: usize,
    ) -> impl Iterator<Item = (&'r Lane, Range<u64>)> {
        self.lanes.iter().enumerate().map(move |(at, lane)| {
            let leads = self.extent != Extent::Following && at == 0;
            let range = lane.range(movie, &self.cuts, leads, number);
            let end = match self.extent {
                Extent::KeyFrame => range.end.min(range.start + 1),
                _ => range.end,
            };
            (lane, range.start..end)
        })
    }

    /// The samples of one of its tracks that are in segment `number`, which are those of `range`.
    pub(super) fn samples(
        &self,
        movie: &Movie,
        lane: &Lane,
        range: Range<u64>,
        number: usize,
    ) -> Vec<Placed> {
        match self.extent {
            Extent::KeyFrame => Vec::from_iter(lane.key_frame(movie, &self.cuts, number)),
            _ => lane.samples(movie, range),
        }
    }

    /// Whether its segments are key frames.
    pub(super) fn is_key_frames(&self) -> bool {
        self.extent == Extent::KeyFrame
    }

    /// Whether pictures are among its tracks.
    pub(super) fn has_video(&self) -> bool {
        self.lanes.iter().any(|lane| lane.kind == Kind::Video)
    }

    /// The rates of its segments, from the sizes that the index tells.
    pub(super) fn rate(&self, movie: &Movie, carriage: Carriage) -> Rate {
        let target = match self.extent {
            // Encoders add some wherever the picture changes, in no regular time.
            Extent::KeyFrame => Duration::ZERO,
            _ => Duration::from_secs(self.cuts.target_duration()),
        };
        let mut rate = Rate::default();
        for number in 0..self.cuts.len() {
            let bytes = self.size(movie, carriage, number);
            let nanos = u64::try_from(self.cuts.duration(number).nanos()).unwrap_or(0);
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            rate.add(bytes, Duration::from_nanos(nanos), target);
        }
        rate
    }

    /// About how many bytes segment `number` has: exactly in fragments, and what is usual in streams.
    fn size(&self, movie: &Movie, carriage: Carriage, number: usize) -> u64 {
        let seconds = self.cuts.duration(number).seconds();
        let lanes = self.ranges(movie, number).map(|(lane, range)| {
            let count = range.end - range.start;
            let bytes = lane.strip.bytes(lane.table(movie), range);
            match carriage {
                Carriage::Fragments => bytes + FRAGMENT_ROW * count + FRAGMENT_TRACK,
                Carriage::Stream(Packing::Ts) => stream_size(lane, bytes, count, seconds),
                Carriage::Stream(Packing::Aac) => bytes + ADTS * count,
                Carriage::Stream(Packing::Mp3) => bytes,
            }
        });
        let head = match carriage {
            Carriage::Fragments => FRAGMENT,
            Carriage::Stream(Packing::Ts) => TS_TABLES,
            Carriage::Stream(_) => ID3,
        };
        head + lanes.sum::<u64>()
    }
}

/// Bytes of a track in a transport stream: a header before each picture or tenth of a second of
/// sound, and on average half a packet that is not used behind each.
fn stream_size(lane: &Lane, bytes: u64, count: u64, seconds: f64) -> u64 {
    let (headers, units) = match lane.kind {
        Kind::Video => (TS_PICTURE * count, count),
        _ => {
            let adts = match lane.format() {
                Some(Format::Aac(_)) => ADTS * count,
                _ => 0,
            };
            let units = count.min((seconds * 10.0) as u64 + 1);
            (adts + TS_SOUND * units, units)
        }
    };
    let payload = bytes + headers + units * TS_ROOM / 2;
    payload * TS_PACKET / TS_ROOM + TS_ALIGNMENT
}

/// What fragments add, in bytes: once, for each track and for each sample.
const FRAGMENT: u64 = 64;
const FRAGMENT_TRACK: u64 = 64;
const FRAGMENT_ROW: u64 = 16;

/// An ADTS header, and the tag before packed audio.
const ADTS: u64 = 7;
const ID3: u64 = 73;

/// A packet of a transport stream, the room in it, and the tables before a segment.
const TS_PACKET: u64 = 188;
const TS_ROOM: u64 = 184;
const TS_TABLES: u64 = 2 * TS_PACKET;

/// What is before a picture: the clock, the header with two times and a delimiter; and before sound.
const TS_PICTURE: u64 = 8 + 19 + 6;
const TS_SOUND: u64 = 14;

/// The packets at the end of a track in a segment that bring its counter to 0, on average.
const TS_ALIGNMENT: u64 = 8 * TS_PACKET;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container;
    use crate::container::mp4::build::{Trak, atom, full, movie, sound_entry, table, video_entry};

    /// A movie of pictures with a key frame every 6.4 s, and of sound in frames of 210 ms.
    fn seen_and_heard() -> Movie {
        let sets = [
            1, 0x42, 0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 0x1e, 1, 0, 2, 0x68, 0xce,
        ];
        let seen = video_entry(b"avc1", &atom(b"avcC", &[&sets]));
        let mut pictures = Trak::new(1, b"vide", &seen, 0, &[10; 150]);
        pictures.tables.push(table(b"stss", 1, &[1, 65, 129]));
        let coded = [
            3, 25, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x15, 0x90,
            6, 1, 2,
        ];
        let heard = sound_entry(b"mp4a", 2, 8000, &full(b"esds", 0, 0, &[&coded]));
        let mut sound = Trak::new(2, b"soun", &heard, 0, &[10; 71]);
        (sound.timescale, sound.durations) = (8000, vec![71, 1680]);
        let head = movie(&[&pictures.build(), &sound.build()]);
        container::open(&Bytes::from([head, vec![0; 1500]].concat())).unwrap()
    }

    #[test]
    fn sound_beside_pictures_may_be_longer_than_they_are() {
        let movie = seen_and_heard();
        let lane = |number| Lane::of(&movie, number, false).unwrap().unwrap();
        let (seen, heard) = (lane(0), lane(1));
        let target = Duration::from_secs(6);
        let end = MediaTime::new(15_000, 1000);
        let cuts = Arc::new(Cuts::of(&seen.strip, seen.table(&movie), end, target).unwrap());
        let longest = |lane, extent| {
            let lanes = vec![lane];
            Rendition::new(1, lanes, Arc::clone(&cuts), extent, None).longest(&movie)
        };
        assert_eq!(longest(seen, Extent::Leading), 6);
        // From 0 to the frame at 6.51 s, the first that begins behind the key frame.
        assert_eq!(longest(heard, Extent::Following), 7);
    }
}
