//! What a packager has on disk: those of its segments that are no longer in memory.

use std::sync::Arc;

use bytes::Bytes;

use super::Packager;
use crate::hls::object::File;
use crate::hls::spooling::blocking;
use crate::hls::spools::{SegmentFile, Spool};

impl Packager {
    /// Bytes of the segments that it has on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.read().disk_bytes()
    }

    /// A file that is on disk alone.
    pub(super) async fn read_from_disk(&self, number: u32, file: File) -> Option<Vec<Bytes>> {
        let place = self.read().with_files(number)?.place(file)?;
        let spool = Arc::clone(self.spool.get()?);
        // It may just have been deleted.
        let read = blocking(move || spool.read(&place)).await.ok()?;
        let bytes = match file {
            File::IFrame(_) | File::IFrameTs(_) => {
                self.read().with_files(number)?.i_frame_with(file, read)?
            }
            _ => read,
        };
        Some(vec![bytes])
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
