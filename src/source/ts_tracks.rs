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
    framer: Box<dyn Framer>,
    /// Its place in the channel, and the format that was published.
    published: Option<(usize, Format)>,
}

impl Tracks {
    /// Whether the program has none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes up the streams of `program`, and goes on with those that were there; false if
    /// they are the same.
    pub(super) fn follow(&mut self, program: &Program, channel: &str) -> bool {
        let wanted: Vec<_> = program
            .streams
            .iter()
            .filter_map(|stream| Some((stream.pid, stream.coding?)))
            .collect();
        if self.0.iter().map(Track::key).eq(wanted.iter().copied()) {
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
        for (pid, coding) in wanted {
            let kept = old.iter().position(|track| track.key() == (pid, coding));
            let framer = kept.map_or_else(|| coding.framer(), |at| old.swap_remove(at).framer);
            self.0.push(Track {
                pid,
                coding,
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

    /// Gives a place to every stream whose format is known; the formats, by place.
    pub(super) fn publish(&mut self, channel: &str) -> Vec<Format> {
        let mut formats = Vec::new();
        for track in &mut self.0 {
            track.published = track.framer.format().map(|format| (formats.len(), format));
            match &track.published {
                Some((_, format)) => formats.push(format.clone()),
                None => {
                    let (pid, coding) = (track.pid, track.coding);
                    tracing::warn!(channel, pid, ?coding, "left out a stream that says nothing");
                }
            }
        }
        formats
    }

    /// The formats by place, if one has changed since they were asked for.
    pub(super) fn changed(&mut self) -> Option<Vec<Format>> {
        let mut has_changed = false;
        let mut formats = Vec::new();
        for track in &mut self.0 {
            if let Some((_, published)) = &mut track.published {
                let format = track.framer.format().unwrap_or_else(|| published.clone());
                has_changed |= format != *published;
                published.clone_from(&format);
                formats.push(format);
            }
        }
        has_changed.then_some(formats)
    }
}

impl Track {
    fn key(&self) -> (u16, Coding) {
        (self.pid, self.coding)
    }
}
