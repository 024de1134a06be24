//! The key frames of a movie that is encoded for its players: one for each segment of its grid, each made
//! by a process that ends at once, because players ask for them here and there.

use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use super::{Remake, Rendition};
use crate::hls::i_frame::{self, IFrame, Place};
use crate::hls::object::{File, Flavour, Object};
use crate::hls::part::Map;
use crate::hls::playlist::{IFrames, KeyLine, MediaPlaylist, Pictures, PlaylistKind, SegmentLine};
use crate::hls::transcode::Trouble;
use crate::hls::transcode::assembly::Group;
use crate::hls::transcode::run::{Run, Task};
use crate::hls::transcode::stock::Print;
use crate::hls::units::START;

/// So many pictures are encoded: more than there are before the one that is wanted.
const PICTURES: u32 = 8;

impl Remake {
    /// What the playlist that players open tells of the key frames; `None` without pictures.
    pub(super) fn told_of_i_frames(&self, map: &Map, flavour: Flavour) -> Option<IFrames> {
        self.pictures?;
        let format = map.tracks.first().map(|track| &track.format)?;
        // One is no larger than what the encoder's buffer holds.
        let bandwidth = (self.picture_rate() as f64 / self.grid.step_time().seconds()) as u64;
        Some(IFrames {
            bandwidth,
            average_bandwidth: bandwidth,
            codec: format.codec_string(),
            pictures: Pictures {
                resolution: format.picture_size(),
                frame_rate: None,
                range: format.video_range(),
            },
            uri: Object::IFrames(flavour).to_string(),
        })
    }

    /// The playlist of the key frames.
    pub(super) fn i_frames(&self, flavour: Flavour) -> String {
        let (main, numbers) = (self.main(), 0..self.grid.len());
        let name = |number| match flavour {
            Flavour::Ts => main.name(File::IFrameTs(number)),
            Flavour::LowLatency | Flavour::Cmaf => main.name(File::IFrame(number)),
        };
        let names: Vec<_> = numbers.clone().map(name).collect();
        let line = |(number, uri): (u64, _)| {
            let line = self.line(main, number, flavour);
            let lock = line.key.is_some().then(|| main.lock(number)).flatten();
            let lock = lock.map(|lock| lock.of_i_frame(main.number, number));
            SegmentLine {
                map: line
                    .map
                    .map(|_| main.name(File::IFrameInit(main.map_version(number)))),
                key: lock.map(|lock| KeyLine {
                    manner: lock.manner,
                    uri: main.name(File::Key(lock.period)),
                    iv: lock.iv(),
                }),
                gap: self.is_blank(number),
                uri,
                ..line
            }
        };
        let names = names.iter().map(String::as_str);
        let playlist = MediaPlaylist {
            target_duration: self.target_duration,
            independent: true,
            i_frames_only: true,
            kind: Some(PlaylistKind::Vod),
            segments: numbers.zip(names).map(line).collect(),
            ended: true,
            ..MediaPlaylist::default()
        };
        playlist.to_string()
    }

    /// A file of a key frame, or what is before them in fragmented MP4; `None` for what it has not.
    /// Cancel safe.
    pub(super) async fn i_frame_file(&self, file: File) -> Result<Option<Bytes>, Trouble> {
        let (number, flavour) = match file {
            File::IFrameInit(version) => {
                let map = self.map(self.main(), version).await?;
                return Ok(map.and_then(|map| i_frame::init(&map)));
            }
            File::IFrame(number) => (number, Flavour::Cmaf),
            File::IFrameTs(number) => (number, Flavour::Ts),
            _ => return Ok(None),
        };
        if number >= self.grid.len() {
            return Ok(None);
        }
        let still = self.still(number).await?;
        let segment = match flavour {
            Flavour::Ts => &still.segment.delayed(START),
            Flavour::LowLatency | Flavour::Cmaf => &still.segment,
        };
        let frames = IFrame::all(segment);
        let frame = frames.iter().find(|frame| !frame.is_gap());
        let place = Place {
            packager: self.main().number,
            number,
        };
        Ok(frame.and_then(|frame| frame.file(flavour, place)))
    }

    /// A segment in which nothing is but the first of its pictures.
    async fn still(&self, number: u64) -> Result<Arc<Print>, Trouble> {
        let main = self.main();
        // The number behind those of the files.
        let count = u32::try_from(self.renditions.len()).unwrap_or(u32::MAX);
        let movie = main.number.wrapping_add(count);
        if let Some(known) = self.known(movie, number) {
            return known;
        }
        let map = self.map(main, main.map_version(number)).await?;
        let mut turns = loop {
            let mut turns = self.turns.lock().await;
            if let Some(known) = self.known(movie, number) {
                return known;
            }
            if !turns.is_owed() {
                break turns;
            }
            self.make_for_others(&mut turns).await;
        };
        turns.give_way();
        let mut run = self.begin_still(main, number, map.as_ref())?;
        let made = run.segments().await;
        let made = made.and_then(|segments| {
            let mut segments = segments.into_iter();
            segments.next().ok_or_else(|| "there is none".to_owned())
        });
        let still = made.map_err(|reason| {
            warn!(path = %self.path(), number, "a key frame for HLS is not made: {reason}");
            self.note_setback(movie, number);
            Trouble::Fails
        })?;
        Ok(self
            .means
            .stock
            .put(movie, still, self.means.shared.budget()))
    }

    fn begin_still(
        &self,
        main: &Rendition,
        number: u64,
        known: Option<&Arc<Map>>,
    ) -> Result<Run, Trouble> {
        let group = main.group();
        let seen = Group {
            streams: group.streams.get(..1).unwrap_or_default(),
            known,
            ..group
        };
        let task = Task {
            groups: vec![seen],
            speech: None,
            most_pictures: Some(PICTURES),
            ..self.task()
        };
        Run::begin(&self.means.shared, &task, number)
    }
}
