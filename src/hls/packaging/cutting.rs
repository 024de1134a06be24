//! The segmenter of a channel, as it begins: where its numbers start, and what is known of the tracks.

use std::time::UNIX_EPOCH;

use crate::codec;
use crate::config::Hls;
use crate::hls::packager::Packager;
use crate::hls::segmenter::{Segmenter, Settings, Track};
use crate::media::description::{self, Description};

const SECONDS_OF_DAY: u64 = 86_400;

/// The segmenter of `packager`'s channel; the tracks `encoded` come in other formats than the description says.
pub(super) fn segmenter(
    packager: &Packager,
    description: &Description,
    encoded: &[usize],
    hls: &Hls,
) -> Segmenter {
    let clock = packager.clock();
    // Sequence numbers begin with the time in seconds, and segments last for a second as a rule:
    // a channel that is packaged anew goes on with higher numbers, also after a restart.
    let first = clock
        .wall(clock.now())
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let settings = Settings {
        target: hls.target_duration,
        part_target: hls.part_duration,
        sequence: first,
        // Discontinuities are rare, and hls.js stands still over numbers in the thousands of millions.
        discontinuity_sequence: first / SECONDS_OF_DAY,
    };
    let tracks: Vec<_> = description.tracks().iter().map(track).collect();
    let keys = packager.keys().cloned();
    let mut segmenter = Segmenter::new(settings, &tracks).with_keys(keys);
    tell_described(&mut segmenter, description, encoded);
    segmenter
}

/// What the description tells of formats goes into the first map, also of tracks that come later.
fn tell_described(segmenter: &mut Segmenter, description: &Description, encoded: &[usize]) {
    let tracks = description.tracks().iter().enumerate();
    for (index, track) in tracks.filter(|(index, _)| !encoded.contains(index)) {
        let depacketizer = codec::depacketizer(&track.encoding, track.fmtp.as_deref());
        if let Some(format) = depacketizer.and_then(|one| one.format()) {
            segmenter.set_format(index, format);
        }
    }
}

fn track(track: &description::Track) -> Track {
    Track {
        kind: track.kind,
        language: track.language.clone(),
    }
}
