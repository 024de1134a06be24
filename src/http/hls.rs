//! HLS over HTTP: what a request for a playlist, a segment or a part is answered with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ETAG, HOST, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
    USER_AGENT, VARY,
};
use hyper::{Method, Request, Response, StatusCode};
use tracing::error;

use super::body::Body;
use super::byte_range::{self, ByteRange};
use super::connection::typed;
use super::groups::Asker;
use super::playlists::{media, playlist};
use super::server::Server;
use crate::access::Guest;
use crate::base::path::MediaPath;
use crate::base::peer::Peer;
use crate::hls::keys::NoKeys;
use crate::hls::object::{Facts, Flavour, Object};
use crate::hls::old_players::needs_transport_streams;
use crate::hls::packager::{Packager, Rendition};
use crate::hls::transcode::need;
use crate::hls::viewers::Visit;
use crate::hls::watched::Watched;
use crate::media::channel::Channel;
use crate::media::room::Full;
use crate::media::sessions::Session;

/// What is asked for by the name of a channel or movie alone.
const PROGRAM: Object = Object::Multivariant(Flavour::LowLatency);

/// A request, and between whom it travels.
pub(super) struct Asked<'r> {
    pub(super) request: &'r Request<Incoming>,
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
            host: authority.map_or_else(|| self.field(&HOST), |authority| authority.as_str()),
            url: self.request.uri().path(),
        }
    }

    /// Whether the client has this version already, by its tag, or if it names none by the time since which it
    /// is so (RFC 9110, 13.1.2 and 13.1.3). What may have changed within a second is told by tags alone.
    pub(super) fn has(&self, tag: &str, modified: Option<SystemTime>) -> bool {
        if self.request.headers().contains_key(IF_NONE_MATCH) {
            let mut tags = self.field(&IF_NONE_MATCH).split(',').map(str::trim);
            return tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag);
        }
        let known = httpdate::parse_http_date(self.field(&IF_MODIFIED_SINCE));
        let known = known.ok().zip(modified);
        known.is_some_and(|(known, modified)| modified <= known)
    }

    pub(super) fn takes_gzip(&self) -> bool {
        let mut codings = self.field(&ACCEPT_ENCODING).split(',');
        codings.any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().trim_start_matches("q=");
            let is_refused = !weight.is_empty() && weight.trim_matches(['0', '.']).is_empty();
            name.trim().eq_ignore_ascii_case("gzip") && !is_refused
        })
    }
}

impl Server {
    /// Answers a request for `object` of the channel or movie `name`.
    pub(super) async fn answer_hls(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        mut object: Object,
    ) -> Response<Body> {
        if !self.config().hls.enabled {
            return missing("HLS is switched off\n");
        }
        if object == PROGRAM && needs_transport_streams(asked.field(&USER_AGENT)) {
            object = Object::Multivariant(Flavour::Ts);
        }
        let answered = match self.of_group(name, object) {
            Some(what) => self.answer_group(asked, &what, object).await.map(Some),
            None => self.answer_channel(asked, name, object).await,
        };
        match answered {
            Ok(Some(response)) => response,
            Ok(None) => self.answer_movie(asked, name, object).await,
            Err(reason) => {
                error!(path = %name, %reason, "a channel cannot be encrypted");
                unavailable(format!("the channel cannot be encrypted: {reason}\n"))
            }
        }
    }

    /// Answers a request for an object of a channel; `None` when there is no such channel.
    async fn answer_channel(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        object: Object,
    ) -> Result<Option<Response<Body>>, NoKeys> {
        let Some(packager) = self.packager(name, object)? else {
            return Ok(None);
        };
        let asker = Asker {
            watched: Watched::Channel(Arc::clone(packager.channel())),
            others: Vec::new(),
        };
        Ok(Some(self.answer_for(asked, &packager, object, asker).await))
    }

    /// Who packages what is asked for: only playlists make somebody begin.
    fn packager(&self, name: &MediaPath, object: Object) -> Result<Option<Arc<Packager>>, NoKeys> {
        if let Object::File { packager, .. } = object {
            return Ok(self.hls.packagers.find(name, packager));
        }
        let channel = self.mounts.open(name);
        let channel = channel.filter(|channel| channel.ended().is_none());
        let Some(rendition) = self.rendition(name, channel.as_ref(), object) else {
            return Ok(None);
        };
        match channel {
            Some(channel) => self.hls.packagers.of(&channel, rendition).map(Some),
            None => Ok(self.hls.packagers.newest(name, rendition)),
        }
    }

    /// In which formats an object of the channel `name` is: as its own name says, and in those that every
    /// player knows where a transport stream cannot carry the others. `None` when they are not offered.
    pub(super) fn rendition(
        &self,
        name: &MediaPath,
        channel: Option<&Arc<Channel>>,
        object: Object,
    ) -> Option<Rendition> {
        let config = self.config();
        let hls = config.hls_of(name);
        let description = channel.and_then(|channel| channel.description());
        let description = description.as_deref();
        let needs_other = || description.is_some_and(need::is_beyond_streams);
        match object {
            Object::Compat(_) => hls.offers_compat().then_some(Rendition::Compat),
            Object::Multivariant(Flavour::Ts)
            | Object::Media(Flavour::Ts)
            | Object::IFrames(Flavour::Ts)
                if hls.transcode && needs_other() =>
            {
                Some(Rendition::Compat)
            }
            _ => Some(Rendition::Own),
        }
    }

    /// Answers a request for something that `packager` has.
    pub(super) async fn answer_for(
        &self,
        asked: &Asked<'_>,
        packager: &Packager,
        object: Object,
        asker: Asker,
    ) -> Response<Body> {
        let target = packager.target_duration();
        let session = match self.admit(asked, &asker.watched, target) {
            Ok(session) => session,
            Err(refusal) => return *refusal,
        };
        let start_wait = self.config().hls_of(packager.channel().path()).start_wait;
        let response = match object {
            Object::Multivariant(flavour) => {
                let text = packager.multivariant(flavour, start_wait).await;
                playlist(asked, text, target / 2)
            }
            Object::Media(flavour) | Object::Compat(flavour) => {
                media(asked, packager, (0, flavour), start_wait, &asker.others).await
            }
            Object::IFrames(flavour) => {
                let text = packager.i_frames(flavour, start_wait).await;
                playlist(asked, text, target / 2)
            }
            Object::Audio(flavour, sound) => {
                media(asked, packager, (sound, flavour), start_wait, &asker.others).await
            }
            Object::File {
                packager: number,
                file,
            } => match packager.file(number, file).await {
                Some(pieces) => {
                    let facts = packager.facts(number, file);
                    self::file(asked, object, pieces, facts)
                }
                None => missing("there is no such segment, or no longer\n"),
            },
        };
        delivered(response, object, session)
    }

    /// The one gate to what is watched by HLS: playlists, media and keys alike.
    pub(super) fn admit(
        &self,
        asked: &Asked<'_>,
        watched: &Watched,
        target: Duration,
    ) -> Result<Arc<Session>, Box<Response<Body>>> {
        let entered = self.hls.viewers.enter(watched, asked.visit(), target);
        entered.map_err(|reached| Box::new(full(reached)))
    }
}

/// The answer to a viewer. Which program it gets depends on what the player calls itself.
pub(super) fn delivered(
    mut response: Response<Body>,
    object: Object,
    session: Arc<Session>,
) -> Response<Body> {
    if let Object::Multivariant(_) = object {
        let fields = HeaderValue::from_static("User-Agent");
        response.headers_mut().append(VARY, fields);
    }
    response.body_mut().count_for(session);
    response
}

/// A file, or the range of it that is asked for. It never changes.
pub(super) fn file(
    asked: &Asked<'_>,
    object: Object,
    pieces: Vec<Bytes>,
    facts: Facts,
) -> Response<Body> {
    let tag = format!("\"{object}\"");
    let modified = facts.modified.map(to_the_second);
    let media_type = object.media_type(facts.has_pictures);
    let typed_body = |status, body| {
        let mut response = typed(status, media_type, Bytes::new());
        *response.body_mut() = body;
        response
    };
    let length = pieces.iter().map(|piece| piece.len() as u64).sum();
    let known = asked.field(&IF_RANGE);
    let is_same = known.is_empty() || known == tag;
    let range = match asked.field(&RANGE) {
        field if is_same && asked.request.method() == Method::GET => ByteRange::read(field, length),
        _ => ByteRange::All,
    };
    let mut response = match range {
        _ if asked.has(&tag, modified) => status(StatusCode::NOT_MODIFIED),
        ByteRange::All => typed_body(StatusCode::OK, pieces.into_iter().collect()),
        ByteRange::Some(range) => {
            let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let part = byte_range::cut(pieces, range).collect();
            let mut response = typed_body(StatusCode::PARTIAL_CONTENT, part);
            set(&mut response, CONTENT_RANGE, &told);
            response
        }
        ByteRange::Unsatisfiable => {
            let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, CONTENT_RANGE, &format!("bytes */{length}"));
            return response;
        }
    };
    set(&mut response, ETAG, &tag);
    set(&mut response, ACCEPT_RANGES, "bytes");
    let keep = match object.is_key() {
        true => "no-store",
        false => FOR_EVER,
    };
    set(&mut response, CACHE_CONTROL, keep);
    if let Some(modified) = modified {
        set_modified(&mut response, modified);
    }
    response
}

pub(super) const NOTHING: &str = "there is no such channel or movie\n";

/// After how many seconds somebody may have left.
const FULL_FOR: &str = "10";

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// For what never changes, by names that are never used again.
pub(super) const FOR_EVER: &str = "max-age=31536000, immutable";

pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

/// There is nothing; a cache may believe it for a moment.
pub(super) fn missing(reason: &'static str) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, reason)
}

/// It cannot be had, for the reason that is told; a cache may believe it for a moment.
pub(super) fn refused(status: StatusCode, reason: impl Into<Bytes>) -> Response<Body> {
    let mut response = typed(status, PLAIN, reason);
    set(&mut response, CACHE_CONTROL, "max-age=1");
    response
}

/// It could work later.
pub(super) fn unavailable(reason: String) -> Response<Body> {
    let mut response = typed(StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason);
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, RETRY_AFTER, "1");
    response
}

/// There is no room for one more viewer.
pub(super) fn full(reached: Full) -> Response<Body> {
    let mut response = unavailable(format!("{reached}\n"));
    set(&mut response, RETRY_AFTER, FULL_FOR);
    response
}

/// The second that it is in, as far as HTTP tells times: for what does not change twice in one.
pub(super) fn to_the_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Says since when it is so, to the second.
pub(super) fn set_modified(response: &mut Response<Body>, modified: SystemTime) {
    let modified = modified.max(SystemTime::UNIX_EPOCH);
    let modified = httpdate::fmt_http_date(modified);
    set(response, LAST_MODIFIED, &modified);
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Our own values are plain text.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
