//! The playlist of a window's key frames, and what the playlist that players open tells of it.

use std::time::Duration;

use super::Listing;
use crate::codec::Kind;
use crate::hls::i_frame::{IFrame, Place};
use crate::hls::lock::Manner;
use crate::hls::object::{File, Flavour, Object};
use crate::hls::playlist::{IFrames, MediaPlaylist, Pictures, SegmentLine};

impl<'w> Listing<'w> {
    /// The playlist of the key frames of all segments that are listed.
    pub(in crate::hls) fn i_frames(self, flavour: Flavour) -> String {
        let frames = self.window.i_frames();
        let file = |number| match flavour {
            Flavour::Ts => File::IFrameTs(number),
            Flavour::LowLatency | Flavour::Cmaf => File::IFrame(number),
        };
        let names: Vec<_> = frames
            .iter()
            .map(|(number, _)| self.file(file(*number)))
            .collect();
        let first = frames.first().map(|(_, frame)| frame.head);
        let base = first.map_or(0, |head| {
            head.discontinuity_sequence - u64::from(head.discontinuity)
        });
        let mut state = State {
            version: None,
            discontinuities: base,
        };
        let lines = frames.iter().zip(&names);
        let segments = lines.map(|((number, frame), name)| SegmentLine {
            uri: name,
            ..self.i_frame(*number, frame, flavour, &mut state)
        });
        let playlist = MediaPlaylist {
            target_duration: self.window.targets.segment.as_secs(),
            media_sequence: frames.first().map_or(0, |(number, _)| *number),
            discontinuity_sequence: base,
            independent: true,
            i_frames_only: true,
            kind: self.kind(),
            segments: segments.collect(),
            ended: self.window.ended,
            ..MediaPlaylist::default()
        };
        playlist.to_string()
    }

    /// What is told of the key frames; `None` without pictures, and where these are refreshed little by little.
    pub(super) fn told_of_i_frames(self, flavour: Flavour) -> Option<IFrames> {
        let is_beginning = !self.window.has(flavour);
        (is_beginning || self.window.has_i_frames()).then_some(())?;
        let newest = self.heads().next_back()?;
        let video = newest.map.tracks.first().map(|track| &track.format);
        let video = video.filter(|format| format.kind() == Kind::Video)?;
        let rates = self.rates(flavour);
        let [fragments, ts] = &rates.i_frames;
        let rate = match flavour {
            Flavour::Ts => ts,
            Flavour::LowLatency | Flavour::Cmaf => fragments,
        };
        // While none has come.
        (rate.peak() > 0).then_some(())?;
        Some(IFrames {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codec: video.codec_string(),
            pictures: Pictures {
                resolution: video.picture_size(),
                frame_rate: None,
                range: video.video_range(),
            },
            uri: Object::IFrames(flavour).to_string(),
        })
    }

    fn i_frame(
        self,
        number: u64,
        frame: &IFrame<'_>,
        flavour: Flavour,
        state: &mut State,
    ) -> SegmentLine<'static> {
        let head = frame.head;
        let is_new = state.version.replace(head.map.version) != Some(head.map.version);
        let place = Place {
            packager: self.window.number,
            number,
        };
        let lock = frame.lock(place);
        let lock = lock.filter(|lock| is_new || lock.manner == Manner::Whole);
        let map = (is_new && flavour != Flavour::Ts).then(|| File::IFrameInit(head.map.version));
        let discontinuities = head.discontinuity_sequence;
        let discontinuity = discontinuities != state.discontinuities;
        state.discontinuities = discontinuities;
        let since = frame.start.nanos().saturating_sub(head.start.nanos());
        SegmentLine {
            map: map.map(|file| self.file(file)),
            key: lock.map(|lock| self.key(&lock)),
            discontinuity,
            date: head.date + Duration::from_nanos(since.unsigned_abs()),
            parts: Vec::new(),
            duration: frame.duration,
            gap: frame.is_gap(),
            uri: "",
        }
    }
}

/// What was told of before a line.
struct State {
    /// The version of the map.
    version: Option<u32>,
    /// How many discontinuities.
    discontinuities: u64,
}
