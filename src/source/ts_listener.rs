//! The port to which an encoder connects and sends a transport stream: `[ts] listen`.
//!
//! One encoder at a time feeds the channel; when it goes, the next may come.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Failure;
use super::byte_feed::Settings;
use super::reading::{Reading, Silence};
use super::ts_feed::TsFeed;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::media::mounts::{Mounts, Takeover};
use crate::net::listen::{Accepted, Listener};

/// An encoder that sends nothing for so long is disconnected.
const PATIENCE: Duration = Duration::from_secs(30);

/// Feeds the channel `[ts] channel` from whoever connects to `listener`; runs until it is dropped.
pub async fn serve(
    listener: Listener,
    mounts: Arc<Mounts>,
    config: watch::Receiver<Arc<Config>>,
    clock: Clock,
) {
    loop {
        let mut feeder = listener.accept().await;
        let peer = feeder.peer;
        let reading = reading(&feeder, &mounts, &config, clock);
        tracing::info!(%peer, "an encoder connected to the port for transport streams");
        let failure = tokio::select! {
            failure = reading.run(&mut feeder.stream) => failure,
            () = refuse(&listener) => Failure::Ended,
        };
        tracing::info!(%peer, "the encoder is gone: {failure}");
    }
}

fn reading(
    feeder: &Accepted,
    mounts: &Arc<Mounts>,
    config: &watch::Receiver<Arc<Config>>,
    clock: Clock,
) -> Reading<TsFeed> {
    let config = Arc::clone(&config.borrow());
    let (mounts, path) = (Arc::clone(mounts), config.ts.channel.clone());
    let origin = format!("transport stream from {}", feeder.peer);
    let feed = TsFeed::new(Settings {
        name: path.to_string(),
        payload_limit: usize::from(config.rtsp.max_packet),
        clock,
        open: Box::new(move |description| {
            let publisher = mounts.publish(&path, description, origin.clone(), Takeover::Refuse);
            Ok(publisher?)
        }),
    });
    Reading::new(feed, clock, PATIENCE, Silence::Fails)
}

/// Turns away whoever else connects.
async fn refuse(listener: &Listener) {
    loop {
        let peer = listener.accept().await.peer;
        tracing::warn!(%peer, "refused a second encoder for transport streams: one at a time");
    }
}
