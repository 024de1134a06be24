//! One track of a movie as segments carry it.

use std::ops::Range;

use super::cuts::Cuts;
use super::strip::{Placed, Strip};
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind, VideoRange};
use crate::container::mp4::colours::Colours;
use crate::container::mp4::init::{self, CopiedEntry, Entry, TrackInit};
use crate::container::{Movie, Role, SampleTable, Track};

/// A track that can be carried.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Its number among the movie's tracks.
    track: usize,
    pub(super) kind: Kind,
    /// What its samples are, if this server knows.
    format: Option<Format>,
    /// The sample entry of the file, where that says more.
    copied: Option<CopiedEntry>,
    /// What the file tells of the colours of its pictures where these do not tell themselves.
    colours: Option<Colours>,
    pub(super) strip: Strip,
    /// What is decoded before the presentation begins, in ticks of the strip.
    priming: i64,
    /// By how much the media of its fragments is later than the presentation, in ticks of the
    /// strip; at least what is decoded before.
    pub(super) lead: i64,
}

impl Lane {
    /// Track number `number` of `movie`, unless it is neither seen nor heard; `locks_samples` if its
    /// samples are to be encrypted, which takes sample entries of our own.
    ///
    /// # Errors
    /// Why it cannot be carried, for people.
    pub(super) fn of(
        movie: &Movie,
        number: usize,
        locks_samples: bool,
    ) -> Option<Result<Self, String>> {
        let track = movie.tracks.get(number)?;
        let kind = track.kind().filter(|kind| *kind != Kind::Application)?;
        let refused = |reason: &str| {
            let (id, codec) = (track.id, &track.codec);
            Some(Err(format!("track {id} ({codec}): {reason}")))
        };
        let format = match &track.role {
            Role::Media(format) => Some(format.clone()),
            _ => None,
        };
        let copied = CopiedEntry::of(track).filter(|_| !locks_samples);
        if copied.is_none() && !format.as_ref().is_some_and(init::carries) {
            return refused("HLS cannot carry it");
        }
        if let Some(Format::MpegAudio { layer: 1 | 2, .. }) = format {
            return refused("neither browsers nor phones play that layer");
        }
        if track.samples.is_in_blocks() {
            return refused("its sound is counted in blocks");
        }
        let strip = Strip::of(track, kind);
        let first = strip.sample(&track.samples, 0);
        let Some(first) = first else {
            return refused("nothing of it is shown");
        };
        let priming = first.decode.saturating_neg().max(0);
        let is_silent = |format: &Format| kind == Kind::Video && format.transfer().is_none();
        let silent = format.as_ref().filter(|format| is_silent(format));
        let entry = track.descriptions.first().filter(|_| silent.is_some());
        let colours = entry.and_then(Colours::of);
        Some(Ok(Self {
            track: number,
            kind,
            format,
            copied,
            colours,
            strip,
            priming,
            lead: priming,
        }))
    }

    /// What is decoded before the presentation begins, in nanoseconds.
    pub(super) fn priming_nanos(&self) -> i64 {
        MediaTime::new(self.priming, self.strip.timescale()).nanos()
    }

    /// Has its fragments be later than the presentation by `nanos`: players that pass over edit
    /// lists keep tracks together of which all are late alike.
    pub(super) fn delay(&mut self, nanos: i64) {
        let lead = MediaTime::from_nanos(nanos, self.strip.timescale()).ticks;
        self.lead = lead.max(self.priming);
    }

    /// The track in the movie's index.
    pub(super) fn track<'m>(&self, movie: &'m Movie) -> &'m Track {
        &movie.tracks[self.track]
    }

    pub(super) fn table<'m>(&self, movie: &'m Movie) -> &'m SampleTable {
        &self.track(movie).samples
    }

    /// What its samples are, if this server knows.
    pub(super) fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// How many channels its sound has, if this server knows.
    pub(super) fn channels(&self) -> Option<u8> {
        self.format.as_ref()?.channels()
    }

    /// When all of it has been shown.
    pub(super) fn end(&self) -> MediaTime {
        MediaTime::new(self.strip.end(), self.strip.timescale())
    }

    /// The name of its codec (RFC 6381).
    pub(super) fn codec_string(&self) -> Option<String> {
        match &self.copied {
            Some(entry) => Some(entry.codec_string().to_owned()),
            None => self.format.as_ref()?.codec_string(),
        }
    }

    /// What its pictures hold; `None` for sound.
    pub(super) fn video_range(&self) -> Option<VideoRange> {
        match &self.copied {
            Some(entry) => entry.video_range(),
            None => {
                let of_file = self.colours.and_then(Colours::transfer);
                self.format.as_ref()?.video_range_or(of_file)
            }
        }
    }

    /// What the movie box before its fragments tells of it.
    pub(super) fn init<'a>(&'a self, id: u32, movie: &'a Movie) -> Option<TrackInit<'a>> {
        let track = self.track(movie);
        let entry = match &self.copied {
            Some(entry) => Entry::Copied(entry),
            None => Entry::Of(self.format.as_ref()?),
        };
        Some(TrackInit {
            id,
            entry,
            timescale: self.strip.timescale(),
            size: track.size.unwrap_or_default(),
            colours: self.colours,
            language: track.language.as_deref(),
            lead: u32::try_from(self.lead).unwrap_or(u32::MAX),
            priming: u32::try_from(self.priming).unwrap_or(u32::MAX),
            sample: &[],
        })
    }

    /// The numbers of its samples that are in segment `number`; `leads` if the cuts are its own.
    pub(super) fn range(
        &self,
        movie: &Movie,
        cuts: &Cuts,
        leads: bool,
        number: usize,
    ) -> Range<u64> {
        let begin = |number: usize| match cuts.cut(number) {
            None => self.strip.len(),
            Some(cut) if leads => cut.at,
            Some(_) if number == 0 => 0,
            Some(_) => {
                let start = cuts.start(number).at_rate(self.strip.timescale());
                self.strip.decoded_from(self.table(movie), start.ticks)
            }
        };
        let start = begin(number);
        start..begin(number + 1).max(start)
    }

    /// When its first sample in segment `number` is presented, where the cuts are another track's;
    /// `None` when the next is not near the cut.
    pub(super) fn start(&self, movie: &Movie, cuts: &Cuts, number: usize) -> Option<MediaTime> {
        let range = self.range(movie, cuts, false, number);
        let first = self.strip.sample(self.table(movie), range.start)?;
        let rate = self.strip.timescale();
        let wanted = cuts.start(number).at_rate(rate).ticks;
        let is_near = first.presented.saturating_sub(wanted) < i64::from(rate) / 5;
        is_near.then(|| MediaTime::new(first.presented, rate))
    }

    /// The key frame that segment `number` of `cuts` begins with. It lasts until the next segment
    /// begins, as if there were no other samples.
    pub(super) fn key_frame(&self, movie: &Movie, cuts: &Cuts, number: usize) -> Option<Placed> {
        let begin = |number| self.strip.sample(self.table(movie), cuts.cut(number)?.at);
        let frame = begin(number)?;
        let duration = match begin(number + 1) {
            Some(next) => next.decode.saturating_sub(frame.decode),
            None => self.strip.end().saturating_sub(frame.presented),
        };
        Some(Placed {
            duration: duration.max(frame.duration),
            ..frame
        })
    }

    /// The samples of these numbers that have any bytes, the next one's decoding at the end of each.
    pub(super) fn samples(&self, movie: &Movie, range: Range<u64>) -> Vec<Placed> {
        let count = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let samples = self.strip.from(self.table(movie), range.start).take(count);
        let mut samples: Vec<_> = samples.filter(|placed| placed.sample.size > 0).collect();
        for at in 1..samples.len() {
            let next = samples[at].decode.max(samples[at - 1].decode + 1);
            samples[at].decode = next;
            samples[at - 1].duration = next - samples[at - 1].decode;
        }
        samples
    }
}
