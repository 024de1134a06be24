//! What a packager has in place of a flavour that players would not play.

use std::sync::Arc;

use super::Packager;
use crate::hls::keys::Keys;
use crate::hls::lock::Manner;
use crate::hls::object::Flavour;
use crate::hls::transcode::need;
use crate::media::description::Description;

impl Packager {
    /// Waits until somebody asks for the flavour [`Flavour::Ts`]. Cancel safe.
    pub(in crate::hls) async fn ts_wanted(&self) {
        let mut wanted = self.wants_ts.subscribe();
        // The sender is our own.
        let _ = wanted.wait_for(|wanted| *wanted).await;
    }

    /// In which flavour there is what is asked for in that one: MPEG audio alone is packed in all of them, unless its
    /// samples are encrypted.
    pub(super) fn carried_as(&self, flavour: Flavour) -> Flavour {
        let is_packed = |description: Arc<Description>| need::is_mpeg_audio(&description);
        let locks_samples = |keys: &Keys| keys.lock(0).manner == Manner::Samples;
        match self.keys.as_ref().is_some_and(locks_samples) {
            false if self.channel.description().is_some_and(is_packed) => Flavour::Ts,
            _ => flavour,
        }
    }
}
