//! The streams of a program on their way to be tracks of a channel.

use crate::codec::Format;
use crate::codec::elementary::{Coding, Frame, Framer, Piece};
use crate::container::ts::Program;

/// The streams of the program that can become tracks.
#[derive(Default)]
pub(super) struct Tracks(Vec<Track>);

struct Track {
    pid: u16,
    coding: Coding,
    /// As the program tells it (ISO 639-2).
    language: Option<String>,
    framer: Box<dyn Framer>,
    /// Its place in the channel, and what was published of it.
    published: Option<(usize, Said)>,
}

/// What a channel's description says of a stream.
#[derive(Clone, PartialEq)]
struct Said {
    format: Format,
    language: Option<String>,
}

/// What is said of all streams that have a place, by place.
pub(super) struct Described {
    pub(super) formats: Vec<Format>,
    pub(super) languages: Vec<Option<String>>,
}

impl Tracks {
    /// Whether the program has none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes up the streams of `program`, and goes on with those that were there; false if
    /// they are the same, be it in other languages.
    pub(super) fn follow(&mut self, program: &Program, channel: &str) -> bool {
        let wanted: Vec<_> = program
            .streams
            .iter()
            .filter_map(|stream| Some((stream.pid, stream.coding?, &stream.language)))
            .collect();
        let keys = wanted.iter().map(|(pid, coding, _)| (*pid, *coding));
        if self.0.iter().map(Track::key).eq(keys) {
            for (track, (.., language)) in self.0.iter_mut().zip(wanted) {
                track.language.clone_from(language);
            }
            return false;
        }
        for unknown in program
            .streams
            .iter()
            .filter(|stream| stream.coding.is_none())
        {
            let (pid, stream_type) = (unknown.pid, unknown.stream_type);
            tracing::info!(
                channel,
                pid,
                stream_type,
                "left out a stream of an unknown type"
            );
        }
        let mut old = std::mem::take(&mut self.0);
        for (pid, coding, language) in wanted {
            let kept = old.iter().position(|track| track.key() == (pid, coding));
            let framer = kept.map_or_else(|| coding.framer(), |at| old.swap_remove(at).framer);
            self.0.push(Track {
                pid,
                coding,
                language: language.clone(),
                framer,
                published: None,
            });
        }
        true
    }

    /// Cuts a piece of the stream `pid` into samples; `None` stands for a piece that is damaged.
    pub(super) fn cut(&mut self, pid: u16, piece: Option<Piece<'_>>, frames: &mut Vec<Frame>) {
        let track = self.0.iter_mut().find(|track| track.pid == pid);
        match (track, piece) {
            (Some(track), Some(piece)) => track.framer.push(piece, frames),
            (Some(track), None) => track.framer.skip(),
            (None, _) => {}
        }
    }

    /// Whether the format of that stream is known.
    pub(super) fn is_known(&self, pid: u16) -> bool {
        let track = self.0.iter().find(|track| track.pid == pid);
        track.is_some_and(|track| track.framer.format().is_some())
    }

    /// How many formats are known, and of how many streams.
    pub(super) fn known(&self) -> (usize, usize) {
        let known = self
            .0
            .iter()
            .filter(|track| track.framer.format().is_some());
        (known.count(), self.0.len())
    }

    /// The place of that stream in the channel.
    pub(super) fn index(&self, pid: u16) -> Option<usize> {
        let track = self.0.iter().find(|track| track.pid == pid)?;
        track.published.as_ref().map(|(index, _)| *index)
    }

    /// Gives a place to every stream whose format is known, and says what they are.
    pub(super) fn publish(&mut self, channel: &str) -> Described {
        let mut places = 0..;
        for track in &mut self.0 {
            let language = track.language.clone();
            let said = track
                .framer
                .format()
                .map(|format| Said { format, language });
            track.published = said.and_then(|said| Some((places.next()?, said)));
            if track.published.is_none() {
                let (pid, coding) = (track.pid, track.coding);
                tracing::warn!(channel, pid, ?coding, "left out a stream that says nothing");
            }
        }
        self.described()
    }

    /// The same anew, if something has changed since it was asked for.
    pub(super) fn changed(&mut self) -> Option<Described> {
        let mut has_changed = false;
        for track in &mut self.0 {
            if let Some((_, said)) = &mut track.published {
                let now = Said {
                    format: track.framer.format().unwrap_or_else(|| said.format.clone()),
                    language: track.language.clone(),
                };
                has_changed |= now != *said;
                *said = now;
            }
        }
        has_changed.then(|| self.described())
    }

    fn described(&self) -> Described {
        let said = self.0.iter().filter_map(|track| track.published.as_ref());
        let (formats, languages) = said
            .map(|(_, said)| (said.format.clone(), said.language.clone()))
            .unzip();
        Described { formats, languages }
    }
}

impl Track {
    fn key(&self) -> (u16, Coding) {
        (self.pid, self.coding)
    }
}
