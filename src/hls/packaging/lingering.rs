//! What has ended is left to its players for a while.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::TICK;
use crate::config::Config;
use crate::hls::packager::Packager;

/// Leaves the end of a channel to its players, for as long as they need to play it: those who are
/// far back for as long as they go on.
pub(super) async fn linger(packager: &Packager, settings: &watch::Receiver<Arc<Config>>) {
    let hls = settings.borrow().hls.clone();
    let clock = packager.clock();
    let ended = Instant::now();
    sleep(hls.window.max(hls.idle_stop)).await;
    let is_asked = || packager.idle(clock.now()) < hls.idle_stop;
    while is_asked() && ended.elapsed() < packager.time() {
        sleep(TICK).await;
    }
}
