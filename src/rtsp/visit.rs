//! Who asked for what, for the access log.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::access::SECRETS;
use crate::log::access::Entry;
use crate::wire::query::without_values;
use crate::wire::rtsp::Request;
use crate::wire::rtsp::uri::RequestUri;

/// A request's origin and URL, as far as the access log tells them.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) user_agent: String,
    /// The user that the client has logged in as; empty when it has not.
    user: String,
    url: String,
    uri: RequestUri,
}

impl Visit {
    pub(super) fn new(request: &Request, peer: SocketAddr, local: SocketAddr) -> Self {
        let user_agent = request.headers.get("User-Agent").unwrap_or_default();
        let url = without_values(&request.uri, &SECRETS);
        Self {
            peer,
            local,
            user_agent: user_agent.to_owned(),
            user: String::new(),
            uri: RequestUri::read(&url),
            url,
        }
    }

    /// The same, by a client that has logged in as `user`.
    pub(super) fn by(self, user: String) -> Self {
        Self { user, ..self }
    }

    /// The URL as it was sent, but for what opens it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The entry of a visit that came to nothing; `sessions` are open meanwhile.
    pub(super) fn entry(&self, status: u16, ended: SystemTime, sessions: usize) -> Entry {
        Entry {
            client: self.peer.ip(),
            ended,
            host: self.uri.authority.clone().unwrap_or_default(),
            path: self.path(),
            query: self.uri.query.clone().unwrap_or_default(),
            start_delay: None,
            duration: Duration::ZERO,
            status,
            user_agent: self.user_agent.clone(),
            movie_duration: Duration::ZERO,
            movie_size: 0,
            bit_rate: 0,
            protocol: "RTP",
            transport: "",
            audio_codec: String::new(),
            video_codec: String::new(),
            bytes_sent: 0,
            bytes_received: 0,
            packets_sent: 0,
            packets_lost: 0,
            buffer_time: Duration::ZERO,
            server: self.local.ip(),
            sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
            user: self.user.clone(),
            realm: String::new(),
        }
    }

    /// The path without the track that a SETUP names.
    fn path(&self) -> String {
        self.uri.split_track().0.trim_end_matches('/').to_owned()
    }
}
