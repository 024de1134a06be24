//! A request for something to be watched or read, and what its header fields say of who asks.

use std::net::SocketAddr;
use std::time::SystemTime;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, HOST, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, USER_AGENT,
};
use percent_encoding::percent_decode_str;

use crate::access::Guest;
use crate::base::peer::Peer;
use crate::config::Config;
use crate::hls::playback::Playback;
use crate::hls::viewers::Visit;
use crate::wire::query::value;

const PLAYBACK_SESSION: HeaderName = HeaderName::from_static("x-playback-session-id");
const CLIENT_DATA: HeaderName = HeaderName::from_static("cmcd-session");

/// A request, and between whom it travels.
pub(super) struct Asked<'r> {
    pub(super) request: &'r Request<Incoming>,
    /// The settings as they were when it came.
    pub(super) config: &'r Config,
    /// Who sends it.
    pub(super) peer: Peer,
    pub(super) local: SocketAddr,
    /// Below which path a proxy shows this server; empty as a rule.
    pub(super) prefix: &'r str,
    /// The path of what is asked for, below that.
    pub(super) path: &'r str,
    /// What goes before the URIs in a playlist.
    pub(super) way: String,
    /// What URIs in the answer have to say in their queries, so that whoever follows them is let in.
    pub(super) carried: Option<&'r str>,
    /// What is known of who sends it, where that counts.
    pub(super) guest: Guest,
}

impl Asked<'_> {
    /// A header field; empty without one, or with one that is no text.
    pub(super) fn field(&self, name: &HeaderName) -> &str {
        let field = self.request.headers().get(name);
        field
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(super) fn visit(&self) -> Visit<'_> {
        let authority = self.request.uri().authority();
        Visit {
            peer: self.peer.address,
            local: self.local,
            user_agent: self.field(&USER_AGENT),
            user: self.guest.user(),
            playback: self.playback(),
            host: authority.map_or_else(|| self.field(&HOST), |authority| authority.as_str()),
            url: self.request.uri().path(),
        }
    }

    /// The playback that the player names: Apple's do, and those that send Common Media Client Data (CTA-5004).
    fn playback(&self) -> Option<Playback> {
        let query = self.request.uri().query().unwrap_or_default();
        let in_query = || {
            let list = percent_decode_str(value(query, "CMCD")?).decode_utf8_lossy();
            Playback::of_client_data(&list)
        };
        Playback::named(self.field(&PLAYBACK_SESSION))
            .or_else(|| Playback::of_client_data(self.field(&CLIENT_DATA)))
            .or_else(in_query)
    }

    /// Whether the client has this version already, by its tag, or if it names none by the time since which it
    /// is so (RFC 9110, 13.1.2 and 13.1.3). What may have changed within a second is told by tags alone.
    pub(super) fn has(&self, tag: &[u8], modified: Option<SystemTime>) -> bool {
        if self.request.headers().contains_key(IF_NONE_MATCH) {
            let mut tags = self.field(&IF_NONE_MATCH).split(',').map(str::trim);
            let is_same = |known: &str| known.trim_start_matches("W/").as_bytes() == tag;
            return tags.any(|known| known == "*" || is_same(known));
        }
        let known = match self.field(&IF_MODIFIED_SINCE) {
            "" => None,
            since => httpdate::parse_http_date(since).ok(),
        };
        let known = known.zip(modified);
        known.is_some_and(|(known, modified)| modified <= known)
    }

    pub(super) fn takes_gzip(&self) -> bool {
        let told = self.field(&ACCEPT_ENCODING);
        !told.is_empty()
            && told.split(',').any(|coding| {
                let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
                let weight = weight.trim().trim_start_matches("q=");
                let is_refused = !weight.is_empty() && weight.trim_matches(['0', '.']).is_empty();
                name.trim().eq_ignore_ascii_case("gzip") && !is_refused
            })
    }
}
