//! What a packager has on disk: those of its segments that are no longer in memory.

use std::sync::Arc;

use super::Packager;
use crate::hls::object::{Content, File};
use crate::hls::spools::{SegmentFile, Spool};

impl Packager {
    /// Bytes of the segments that it has on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.read().disk_bytes()
    }

    /// A file that is on disk alone, with its bytes unless they are not needed to tell how many they are.
    pub(super) async fn on_disk(
        &self,
        number: u32,
        file: File,
        needs_bytes: bool,
    ) -> Option<Content> {
        let place = self.read().with_files(number)?.place(file)?;
        let is_made_of_it = matches!(file, File::IFrame(_) | File::IFrameTs(_));
        if !needs_bytes && !is_made_of_it {
            return Some(Content {
                length: place.range.end - place.range.start,
                pieces: Vec::new(),
            });
        }
        let spool = Arc::clone(self.spool.get()?);
        // It may just have been deleted.
        let read = spool.share(place).await.ok()?;
        let bytes = match is_made_of_it {
            true => self.read().with_files(number)?.i_frame_with(file, read)?,
            false => read,
        };
        Some(vec![bytes].into())
    }

    /// Waits for a change of the window since the last call. Cancel safe; for one who waits.
    pub(in crate::hls) async fn changed(&self) {
        self.change.notified().await;
    }

    /// Says where segments are that are no longer in memory; to be said once.
    pub(in crate::hls) fn set_spool(&self, spool: Arc<Spool>) {
        // Another one would be that of another packager.
        let _ = self.spool.set(spool);
    }

    /// The segments that are on disk in vain; each is told once.
    pub(in crate::hls) fn take_gone(&self) -> Vec<SegmentFile> {
        self.write().take_gone()
    }
}
