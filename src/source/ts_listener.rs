//! The port to which an encoder connects and sends a transport stream: `[ts] listen`.
//!
//! One encoder at a time feeds the channel; when it goes, the next may come.

use std::net::IpAddr;
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

/// How long one that comes while another feeds waits for that to go: what an encoder sent before
/// it was restarted may not all have been played yet.
const HANDOVER: Duration = Duration::from_secs(2);

/// Feeds the channel `[ts] channel` from whoever connects to `listener`; runs until it is dropped.
pub async fn serve(
    listener: Listener,
    mounts: Arc<Mounts>,
    config: watch::Receiver<Arc<Config>>,
    clock: Clock,
) {
    let mut next = None;
    loop {
        let mut feeder = match next.take() {
            Some(waiting) => waiting,
            None => next_encoder(&listener).await,
        };
        let peer = feeder.peer;
        let reading = reading(&feeder, &mounts, &config, clock);
        tracing::info!(%peer, "an encoder connected to the port for transport streams");
        let failure = tokio::select! {
            failure = reading.run(&mut feeder.stream) => failure,
            () = turn_away(&listener, &mut next) => Failure::Ended,
        };
        tracing::info!(%peer, "the encoder is gone: {failure}");
    }
}

/// The next encoder on this host; without users and passwords no other may publish.
async fn next_encoder(listener: &Listener) -> Accepted {
    loop {
        let accepted = listener.accept().await;
        let peer = accepted.peer;
        if may_publish(peer.ip()) {
            return accepted;
        }
        tracing::warn!(%peer, "refused an encoder for transport streams: only this host may publish");
    }
}

fn may_publish(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
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

/// Turns away whoever else connects, and has waited in `next` for its turn.
async fn turn_away(listener: &Listener, next: &mut Option<Accepted>) {
    loop {
        let comer = next_encoder(listener).await;
        let peer = comer.peer;
        *next = Some(comer);
        tokio::time::sleep(HANDOVER).await;
        *next = None;
        tracing::warn!(%peer, "refused a second encoder for transport streams: one at a time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_may_publish() {
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(may_publish(peer.parse().unwrap()), "{peer}");
        }
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "::"] {
            assert!(!may_publish(peer.parse().unwrap()), "{peer}");
        }
    }
}
