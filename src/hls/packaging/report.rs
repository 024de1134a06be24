//! What there is to tell of a channel that is packaged: its counts, and in the log the faults of its encoder.

use tracing::{info, warn};

use super::Line;
use crate::hls::counts::Drift;
use crate::hls::part::Segment;
use crate::media::description;

/// What the log has told of the encoder.
#[derive(Debug, Default)]
pub(super) struct Warned {
    of_late_keys: bool,
    of_open_groups: bool,
}

impl Line<'_> {
    /// Tells what has come of the channel so far.
    pub(super) fn tell(&mut self) {
        let tracks = self.description.tracks().iter().enumerate();
        let drift = |(track, described): (usize, &description::Track)| {
            let kind = described.kind;
            let ppm = self.units.drift_ppm(track)?;
            Some(Drift { track, kind, ppm })
        };
        self.counts.drifts = tracks.filter_map(drift).collect();
        self.counts.given_up = self.packager.read().given_up();
        self.tell_of_haste();
        self.counts.malformed = self.units.malformed();
        self.packager.tell(self.counts.clone());
        self.tell_of_absence();
    }

    /// Says once if segments leave the window before their time.
    fn tell_of_haste(&mut self) {
        let hastened = self.packager.read().hastened();
        if hastened > 0 && self.counts.hastened == 0 {
            let path = self.packager.channel().path();
            warn!(%path, "the window of HLS is shorter than it should be, and players that fall back may find \
                segments missing: there is too little room in [hls] window_bytes, or dvr_bytes");
        }
        self.counts.hastened = hastened;
    }

    /// Says once if there are pictures that nobody can begin with.
    fn tell_of_absence(&mut self) {
        let was_lacking = self.lacks_pictures;
        let has_sound = self.segmenter.lacks_pictures();
        self.lacks_pictures = has_sound || self.units.lack_key_frames();
        if !self.lacks_pictures || was_lacking {
            return;
        }
        let path = self.packager.channel().path();
        match has_sound {
            true => {
                warn!(%path, "no key frame of the pictures has come: the sound goes on without them")
            }
            false => {
                warn!(%path, "no key frame of the pictures, with its parameter sets, has come for long: \
                until one comes nothing can be shown")
            }
        }
    }

    /// Says once if players cannot start with a segment, and once if they may miss pictures of it.
    pub(super) fn judge(&mut self, segment: &Segment) {
        if segment.independent || segment.gap {
            return;
        }
        let path = self.packager.channel().path();
        let warned = &mut self.warned;
        if segment.begins_with_key() {
            if !std::mem::replace(&mut warned.of_open_groups, true) {
                info!(%path, "pictures of a segment refer to those of the one before, so that players which begin there \
                    miss some: have the encoder close its groups of pictures");
            }
        } else if !std::mem::replace(&mut warned.of_late_keys, true) {
            let target = self.segmenter.target();
            warn!(%path, "a segment begins without a key frame, because none came within {target:?}: set the encoder to one every 2 s");
        }
    }
}
