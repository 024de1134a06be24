//! The playlist of a channel's key frames.

use std::sync::Arc;
use std::time::Duration;

use super::stage::Readiness;
use super::{NoPlaylist, Packager};
use crate::hls::object::Flavour;
use crate::hls::text::Text;
use crate::hls::window::Playlist;

impl Packager {
    /// The playlist of key frames, waited for as long as `start_wait` while there is nothing to
    /// play. Cancel safe.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn i_frames(
        &self,
        flavour: Flavour,
        start_wait: Duration,
    ) -> Result<Arc<Text>, NoPlaylist> {
        self.started(flavour, Readiness::Ready, start_wait).await?;
        let text = self.read().text(Playlist::IFrames(flavour));
        text.ok_or(NoPlaylist::NoPictures)
    }
}
