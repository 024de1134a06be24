//! The port to which an encoder connects and sends a transport stream: `[ts] listen`.
//!
//! One encoder at a time feeds the channel; when it goes, the next may come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::byte_feed::Settings;
use super::reading::{Reading, Silence};
use super::ts_feed::TsFeed;
use super::{Failure, Failures};
use crate::access::{Caller, Gate};
use crate::base::clock::Clock;
use crate::config::Config;
use crate::media::mounts::{Mounts, Takeover};
use crate::net::listen::{Accepted, Listener};
use crate::net::sniff::sniff;
use crate::net::stream::Stream;

/// How long one that comes while another feeds waits for that to go: what an encoder sent before
/// it was restarted may not all have been played yet.
const HANDOVER: Duration = Duration::from_secs(2);

/// The encoders that have come so far.
#[derive(Debug, Default)]
pub struct Encoders {
    admitted: AtomicU64,
    refused: AtomicU64,
    failures: Failures,
}

/// Feeds the channel `[ts] channel` from whoever connects to `listener`; runs until it is dropped.
pub async fn serve(
    listener: Listener,
    gate: Arc<Gate>,
    mounts: Arc<Mounts>,
    config: watch::Receiver<Arc<Config>>,
    encoders: Arc<Encoders>,
    clock: Clock,
) {
    let mut next = None;
    loop {
        let mut feeder = match next.take() {
            Some(waiting) => waiting,
            None => encoders.next(&listener, &gate).await,
        };
        let peer = feeder.peer;
        let reading = reading(&feeder, &mounts, &config, clock);
        encoders.admitted.fetch_add(1, Relaxed);
        tracing::info!(%peer, "an encoder connected to the port for transport streams");
        let failure = tokio::select! {
            failure = feed(reading, &mut feeder.stream, config.borrow().ts.source_timeout) => failure,
            () = gate.until_foreign(peer.ip()) => Failure::Foreign,
            () = encoders.turn_away(&listener, &gate, &mut next) => Failure::Ended,
        };
        encoders.failures.count(&failure);
        tracing::info!(%peer, "the encoder is gone: {failure}");
    }
}

impl Encoders {
    /// How many were let in.
    pub fn admitted(&self) -> u64 {
        self.admitted.load(Relaxed)
    }

    /// How many were turned away.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Why they ended.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// The next encoder that may publish.
    async fn next(&self, listener: &Listener, gate: &Gate) -> Accepted<Stream> {
        loop {
            let accepted = listener.accept().await.plain();
            let peer = accepted.peer;
            let is_let_in = gate.networks().publish.has(peer.ip());
            if is_let_in && Caller::at(peer).is_of_this_host() {
                return accepted;
            }
            self.refused.fetch_add(1, Relaxed);
            tracing::warn!(%peer, "refused an encoder for transport streams: only this host may publish, if [access.publish] lets it");
        }
    }

    /// Turns away whoever else connects, and has waited in `next` for its turn.
    async fn turn_away(
        &self,
        listener: &Listener,
        gate: &Gate,
        next: &mut Option<Accepted<Stream>>,
    ) {
        loop {
            let comer = self.next(listener, gate).await;
            let peer = comer.peer;
            *next = Some(comer);
            tokio::time::sleep(HANDOVER).await;
            *next = None;
            self.refused.fetch_add(1, Relaxed);
            tracing::warn!(%peer, "refused a second encoder for transport streams: one at a time");
        }
    }
}

/// Reads the transport stream that comes; nothing of HTTP, lest a page in a browser of this host publish.
async fn feed(reading: Reading<TsFeed>, stream: &mut Stream, patience: Duration) -> Failure {
    match timeout(patience, sniff(stream)).await {
        Ok(Ok(first)) if first.is_http() => {
            Failure::Http("the port for transport streams does not speak HTTP".to_owned())
        }
        _ => reading.run(stream).await,
    }
}

fn reading(
    feeder: &Accepted<Stream>,
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
    Reading::new(feed, clock, config.ts.source_timeout, Silence::Fails)
}
