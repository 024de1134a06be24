//! What there is to tell of a channel that is packaged: its counts, and in the log the faults of its encoder.

use tracing::warn;

use super::Line;
use crate::hls::counts::Drift;
use crate::hls::part::Segment;
use crate::media::description;

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

    /// Says once if players cannot start with a segment.
    pub(super) fn judge(&mut self, segment: &Segment) {
        if !segment.independent && !segment.gap && !self.has_warned {
            self.has_warned = true;
            let path = self.packager.channel().path();
            let target = self.segmenter.target();
            warn!(%path, "a segment begins without a key frame, because none came within {target:?}: set the encoder to one every 2 s");
        }
    }
}
