//! What has ended is left to its players for a while.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::TICK;
use crate::config::Config;
use crate::hls::packager::Packager;

/// After so many target durations everybody who reloads a playlist has read of its end.
const TOLD_AFTER: u32 = 3;

/// Leaves the end of what was packaged to its players, for as long as they need to play it: those who
/// are far back for as long as they go on. If the channel has not ended, another packager may follow.
pub(super) async fn linger(packager: &Packager, settings: &watch::Receiver<Arc<Config>>) {
    let path = packager.channel().path();
    let hls = settings.borrow().hls_of(path).clone();
    let clock = packager.clock();
    let ended = Instant::now();
    let told = TOLD_AFTER * packager.target_duration();
    sleep(told).await;
    packager.pass();
    sleep_until(ended + hls.window.max(hls.idle_stop).max(told)).await;
    let is_asked = || packager.idle(clock.now()) < hls.idle_stop;
    while is_asked() && ended.elapsed() < packager.time() {
        sleep(TICK).await;
    }
}
