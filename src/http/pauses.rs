//! Uploads between two requests, for encoders that send each piece of their stream in a request
//! of its own, and on a connection of its own, as GStreamer's souphttpclientsink does.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::upload::Upload;
use crate::base::path::MediaPath;

/// The uploads that wait for their next piece.
#[derive(Debug, Default)]
pub struct Pauses {
    waiting: Mutex<HashMap<MediaPath, Pause>>,
}

#[derive(Debug)]
struct Pause {
    upload: Upload,
    /// Dropped when the upload goes on.
    _waits: oneshot::Sender<()>,
}

impl Pauses {
    /// Keeps `upload` from now on until it goes on; returns it when that has not happened within `patience`.
    pub(super) fn keep(
        &self,
        upload: Upload,
        patience: Duration,
    ) -> impl Future<Output = Option<Upload>> {
        let (path, received) = (upload.path().clone(), upload.received());
        let (waits, goes_on) = oneshot::channel();
        let pause = Pause {
            upload,
            _waits: waits,
        };
        let before = self.lock().insert(path.clone(), pause);
        drop(before);
        async move {
            if timeout(patience, goes_on).await.is_ok() {
                return None;
            }
            // In the meantime it may have gone on and paused again.
            let mut waiting = self.lock();
            let is_same = waiting.get(&path)?.upload.received() == received;
            let pause = if is_same { waiting.remove(&path) } else { None };
            pause.map(|pause| pause.upload)
        }
    }

    /// The upload that waits under that name.
    pub(super) fn take(&self, path: &MediaPath) -> Option<Upload> {
        self.lock().remove(path).map(|pause| pause.upload)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MediaPath, Pause>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
