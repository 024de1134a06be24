//! The segmenter of a channel and its sounds, as they begin: where numbers start, and what is known of the tracks.

use std::time::UNIX_EPOCH;

use super::Line;
use crate::codec::{self, Format, Kind};
use crate::config::Hls;
use crate::hls::group::grid::Grid;
use crate::hls::group::grids::EPOCH;
use crate::hls::keys::Keys;
use crate::hls::numbers::Numbering;
use crate::hls::packager::Packager;
use crate::hls::segmenter::{Segmenter, Settings, Track};
use crate::hls::sounds::Sounds;
use crate::hls::transcode::most_bits_of;
use crate::hls::transcode::need::is_carried;
use crate::hls::window::Choice;
use crate::media::description::{self, Description};

/// What cuts `packager`'s channel, and the sounds that it has to choose from, the tracks `apart`; the tracks
/// `encoded` come in other formats than the description says.
pub(super) fn begin(
    packager: &Packager,
    description: &Description,
    (encoded, apart): (&[usize], &[usize]),
    hls: &Hls,
) -> (Segmenter, Sounds) {
    let channel = std::slice::from_ref(packager.channel().path());
    let first = packager.numbers().first(channel, packager.clock());
    let settings = Settings {
        target: hls.target_duration,
        part_target: hls.part_duration,
        sequence: match packager.grid() {
            Some(grid) => least(packager, grid),
            None => first.sequence,
        },
        discontinuity_sequence: first.discontinuity,
        is_broken: packager.goes_on(),
        epoch: UNIX_EPOCH + EPOCH,
    };
    let most = most_bits_of(description, hls.target_duration);
    packager.update(|window| {
        window.set_compat_most(most);
        window.set_first_i_frame(first.frame);
    });
    let tracks: Vec<_> = description.tracks().iter().map(track).collect();
    let keys = packager.keys().cloned();
    let segmenter = Segmenter::new(settings, &tracks).with_keys(keys);
    let segmenter = segmenter.with_grid(packager.grid().cloned());
    let mut segmenter = segmenter.without(apart);
    let keys = offer(packager, description, apart);
    let mut sounds = Sounds::new(description, apart, keys);
    tell_described(&mut segmenter, &mut sounds, description, encoded);
    packager.update(|window| window.expect_tracks(segmenter.track_count()));
    (segmenter, sounds)
}

/// The lowest number that a variant of a group may begin with. Where it was packaged on the same lines before, numbers
/// have the same media again.
fn least(packager: &Packager, grid: &Grid) -> u64 {
    let Some(known) = packager.numbers().known(packager.channel().path()) else {
        return 0;
    };
    let first = (known.sequence, known.discontinuity);
    grid.begin_behind(first, packager.goes_on());
    if packager.follows() {
        known.sequence
    } else {
        0
    }
}

impl Line<'_> {
    /// Leaves off for another packager. In a group that begins with a discontinuity of all variants.
    pub(super) fn make_way(&mut self) {
        let (packager, numbers) = (self.packager, self.packager.numbers());
        let path = packager.channel().path();
        if let Some((grid, known)) = packager.grid().zip(numbers.known(path)) {
            let sequence = known.sequence.max(grid.ask_for_break());
            numbers.reach(path, Numbering { sequence, ..known });
        }
        packager.leave();
    }
}

/// Has the packager offer the tracks `apart` as sounds to choose from; returns what they are encrypted with.
fn offer(packager: &Packager, description: &Description, apart: &[usize]) -> Vec<Option<Keys>> {
    if apart.is_empty() {
        return Vec::new();
    }
    let tracks = description.tracks();
    let choice = |(number, track): (u16, &description::Track)| Choice {
        number,
        language: track.language.clone(),
    };
    let is_heard = |track: &&description::Track| track.kind == Kind::Audio;
    let leads = tracks.iter().all(|track| track.kind != Kind::Video);
    let own = tracks.iter().find(is_heard).filter(|_| leads);
    let sounds = apart.iter().filter_map(|index| tracks.get(*index));
    packager.set_sounds(
        own.map(|track| choice((0, track))),
        (1..).zip(sounds).map(choice).collect(),
    )
}

/// What the description tells of formats goes into the first map, also of tracks that come later.
fn tell_described(
    segmenter: &mut Segmenter,
    sounds: &mut Sounds,
    description: &Description,
    encoded: &[usize],
) {
    let tracks = description.tracks().iter().enumerate();
    for (index, track) in tracks.filter(|(index, _)| !encoded.contains(index)) {
        let depacketizer = codec::depacketizer(&track.encoding, track.fmtp.as_deref());
        if let Some(format) = depacketizer.and_then(|one| one.format()) {
            sounds.set_format(index, &format);
            segmenter.set_format(index, format);
        }
    }
}

/// The sounds whose formats come with their first units, among those that go into segments: the first, and the
/// tracks `apart`. The tracks `encoded` have others.
pub(super) fn untold(
    packager: &Packager,
    description: &Description,
    (encoded, apart): (&[usize], &[usize]),
) -> Vec<usize> {
    let tracks = || description.tracks().iter().enumerate();
    let first = tracks().find(|(_, track)| track.kind == Kind::Audio);
    let first = first.map(|(index, _)| index);
    let is_untold = |(index, track): &(usize, &description::Track)| {
        let is_there = first == Some(*index) || apart.contains(index);
        let is_carried = is_carried(track, packager.rendition());
        let depacketizer = codec::depacketizer(&track.encoding, track.fmtp.as_deref());
        let format = depacketizer.and_then(|one| one.format());
        // Opus that is not said to be stereo may be.
        let is_told = format.is_some_and(|format| format != Format::Opus { channels: 1 });
        is_there && is_carried && !is_told && !encoded.contains(index)
    };
    tracks().filter(is_untold).map(|(index, _)| index).collect()
}

fn track(track: &description::Track) -> Track {
    Track {
        kind: track.kind,
        language: track.language.clone(),
    }
}
