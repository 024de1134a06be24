//! Sources: what the configuration has channels fed from, and how they are kept going.
//!
//! Here is what to pull and when to try again. What a channel does with the
//! packets is `media`'s; publishers who come by themselves are served by `rtsp`
//! and `http`.

mod attempts;
pub mod byte_feed;
mod claims;
mod failure;
mod feeds;
mod hls_playlist;
mod http_get;
mod pace;
pub mod packetiser;
mod pull;
pub mod radio_feed;
pub mod reading;
mod rtp_inflow;
mod sap_listener;
mod sap_sessions;
mod sdp_feed;
mod sdp_folder;
mod sdp_places;
mod sole_sender;
mod status;
mod supervise;
mod tls_bridge;
mod ts_datagrams;
pub mod ts_feed;
mod ts_http;
pub mod ts_listener;
mod ts_pipe;
mod ts_tcp;
mod ts_tracks;
pub mod upload_feed;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::{Certificate, ChannelSource, Scheme};
use crate::media::description::Description;
use crate::media::mounts::Reservation;
use crate::media::publisher::Publisher;
use crate::net::tls::Trust;

use byte_feed::Settings;
pub use claims::Clash;
pub use failure::{Failure, Failures};
pub use feeds::{Fault, Feeds, Refused};
use pull::Pull;
use reading::{Reading, Silence};
pub use sap_listener::SapListener;
use sdp_feed::SdpFeed;
pub use sdp_folder::SdpFolder;
pub use status::{Counts, State, Status};
pub use supervise::Sources;
use ts_datagrams::TsDatagrams;
use ts_feed::TsFeed;
use ts_http::TsHttp;
use ts_pipe::TsPipe;
use ts_tcp::TsTcp;

/// A way to feed a channel, made from its configuration.
#[derive(Debug)]
enum Source {
    /// From a camera or another server by RTSP.
    Pull(Pull),
    /// From whoever sends to the places that a session description names.
    SdpFeed(SdpFeed),
    /// A transport stream in datagrams.
    TsDatagrams(TsDatagrams),
    /// A transport stream from a web server.
    TsHttp(TsHttp),
    /// A transport stream from a pipe.
    TsPipe(TsPipe),
    /// A transport stream from a TCP server.
    TsTcp(TsTcp),
}

impl Source {
    /// The way that the URL's scheme asks for.
    fn new(settings: &ChannelSource) -> Self {
        match settings.url.scheme() {
            Scheme::Rtsp | Scheme::Rtsps => Self::Pull(Pull::new(settings)),
            Scheme::Udp | Scheme::Rtp => Self::TsDatagrams(TsDatagrams::new(settings)),
            Scheme::Tcp => Self::TsTcp(TsTcp::new(settings)),
            Scheme::Http | Scheme::Https => Self::TsHttp(TsHttp::new(settings)),
            Scheme::Pipe => Self::TsPipe(TsPipe::new(settings)),
        }
    }

    /// Connects once and feeds the channel for as long as it goes; returns why it does not go on.
    ///
    /// Ends within seconds when the attempt is told to stop, with
    /// [`Failure::Stopped`], after it has taken leave of the other side.
    async fn run_once(&self, attempt: &Attempt) -> Failure {
        match self {
            Self::Pull(pull) => pull.run_once(attempt).await,
            Self::SdpFeed(feed) => attempt.until_stopped(feed.feed(attempt)).await,
            Self::TsDatagrams(datagrams) => attempt.until_stopped(datagrams.feed(attempt)).await,
            Self::TsHttp(http) => attempt.until_stopped(http.feed(attempt)).await,
            Self::TsPipe(pipe) => attempt.until_stopped(pipe.feed(attempt)).await,
            Self::TsTcp(tcp) => attempt.until_stopped(tcp.feed(attempt)).await,
        }
    }
}

/// One attempt of a source to feed its channel.
#[derive(Clone, Debug)]
struct Attempt {
    reservation: Arc<Reservation>,
    status: Arc<Status>,
    clock: Clock,
    /// The longest RTP payload, in bytes.
    payload_limit: usize,
    stop: CancellationToken,
}

impl Attempt {
    /// What comes of `feeding`, which is dropped when the attempt is told to stop.
    async fn until_stopped(&self, feeding: impl Future<Output = Failure>) -> Failure {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Failure::Stopped,
            failure = feeding => failure,
        }
    }

    /// Begins to feed the channel: from now on the source counts as live.
    fn publish(&self, description: Description) -> Result<Publisher, Failure> {
        let publisher = self.reservation.publish(description)?;
        self.status.live(self.clock.now());
        Ok(publisher)
    }

    /// A way into the channel for a transport stream, of which something must come every `patience`.
    fn ts_reading(&self, patience: Duration, silence: Silence) -> Reading<TsFeed> {
        let own = self.clone();
        let feed = TsFeed::new(Settings {
            name: self.reservation.channel().path().to_string(),
            payload_limit: self.payload_limit,
            clock: self.clock,
            open: Box::new(move |description| own.publish(description)),
        });
        Reading::new(feed, self.clock, patience, silence)
    }
}

fn trust(certificate: &Certificate) -> Trust {
    match *certificate {
        Certificate::Trusted => Trust::Authorities,
        Certificate::Pinned(fingerprint) => Trust::Pinned(fingerprint),
        Certificate::Any => Trust::Anybody,
    }
}
