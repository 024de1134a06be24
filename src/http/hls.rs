//! HLS over HTTP: what a request for a playlist, a segment or a part is answered with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::USER_AGENT;
use hyper::{Method, Response, StatusCode};
use tracing::error;

use super::answer::{
    FOR_EVER, FOR_LONG, NO_SEGMENT, full, missing, to_the_second, typed, unavailable, varies_by,
};
use super::asked::Asked;
use super::body::Body;
use super::byte_range::cut;
use super::file::File;
use super::groups::{Asker, OfGroup};
use super::playlists::{Times, media, playlist};
use super::server::Server;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::hls::keys::NoKeys;
use crate::hls::object::{Content, Facts, Flavour, Object};
use crate::hls::old_players::needs_transport_streams;
use crate::hls::packager::{Packager, Rendition};
use crate::hls::transcode::need;
use crate::hls::watched::Watched;
use crate::media::channel::Channel;
use crate::media::sessions::Session;

/// What is asked for by the name of a channel or movie alone.
const PROGRAM: Object = Object::Multivariant(Flavour::LowLatency);

impl Server {
    /// Answers a request for `object` of the channel or movie `name`.
    pub(super) async fn answer_hls(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        mut object: Object,
    ) -> Response<Body> {
        if !asked.config.hls.enabled {
            return missing("HLS is switched off\n");
        }
        let is_program = object == PROGRAM;
        if is_program && needs_transport_streams(asked.field(&USER_AGENT)) {
            object = Object::Multivariant(Flavour::Ts);
        }
        let mut response = self.answer_object(asked, name, object).await;
        if is_program {
            varies_by(&mut response, &USER_AGENT);
        }
        response
    }

    async fn answer_object(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        object: Object,
    ) -> Response<Body> {
        let answered = match OfGroup::read(asked.config, name, object) {
            Some(what) => {
                let answered = Box::pin(self.answer_group(asked, what, object));
                answered.await.map(Some)
            }
            None => self.answer_channel(asked, name, object).await,
        };
        match answered {
            Ok(Some(response)) => response,
            Ok(None) => Box::pin(self.answer_movie(asked, name, object)).await,
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
        let Some(packager) = self.packager(asked.config, name, object)? else {
            return Ok(None);
        };
        let asker = Asker {
            watched: Watched::Channel(Arc::clone(packager.channel())),
            variants: std::slice::from_ref(name),
        };
        Ok(Some(self.answer_for(asked, &packager, object, asker).await))
    }

    /// Who packages what is asked for: only playlists make somebody begin.
    fn packager(
        &self,
        config: &Config,
        name: &MediaPath,
        object: Object,
    ) -> Result<Option<Arc<Packager>>, NoKeys> {
        if let Object::File { packager, .. } = object {
            return Ok(self.hls.packagers.find(name, packager));
        }
        let channel = self.mounts.open(name);
        let channel = channel.filter(|channel| channel.ended().is_none());
        let Some(rendition) = rendition(config, name, channel.as_ref(), object) else {
            return Ok(None);
        };
        match channel {
            Some(channel) => self.hls.packagers.of(&channel, rendition).map(Some),
            None => Ok(self.hls.packagers.newest(name, rendition)),
        }
    }

    /// Answers a request for something that `packager` has.
    pub(super) async fn answer_for(
        &self,
        asked: &Asked<'_>,
        packager: &Packager,
        object: Object,
        asker: Asker<'_>,
    ) -> Response<Body> {
        let target = packager.target_duration();
        let session = match self.admit(asked, &asker.watched, target) {
            Ok(session) => session,
            Err(refusal) => return *refusal,
        };
        let start_wait = asked.config.hls_of(packager.channel().path()).start_wait;
        let times = Times { target, start_wait };
        let others = || self.others(asked.config, asker.variants, packager);
        let response = match object {
            Object::Multivariant(flavour) => {
                let text = packager.multivariant(flavour, start_wait).await;
                playlist(asked, text, target / 2)
            }
            Object::Media(flavour) | Object::Compat(flavour) => {
                media(asked, packager, (0, flavour), times, others).await
            }
            Object::IFrames(flavour) => {
                let text = packager.i_frames(flavour, start_wait).await;
                playlist(asked, text, target / 2)
            }
            Object::Audio(flavour, sound) => {
                media(asked, packager, (sound, flavour), times, others).await
            }
            Object::File {
                packager: number,
                file: wanted,
            } => {
                let needs_bytes = |facts| needs_bytes(asked, object, facts);
                match packager.file(number, wanted, needs_bytes).await {
                    Some((content, facts)) => file(asked, object, content, facts),
                    None => missing(NO_SEGMENT),
                }
            }
        };
        delivered(response, session)
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

/// In which formats an object of the channel `name` is: as its own name says, and in those that every
/// player knows where a transport stream cannot carry the others. `None` when they are not offered.
pub(super) fn rendition(
    config: &Config,
    name: &MediaPath,
    channel: Option<&Arc<Channel>>,
    object: Object,
) -> Option<Rendition> {
    let hls = config.hls_of(name);
    let needs_other = || {
        let description = channel.and_then(|channel| channel.description());
        description.is_some_and(|description| need::is_beyond_streams(&description))
    };
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

/// The answer to a viewer.
pub(super) fn delivered(mut response: Response<Body>, session: Arc<Session>) -> Response<Body> {
    response.body_mut().count_for(session);
    response
}

/// Whether the answer with such a file brings some of it.
fn needs_bytes(asked: &Asked<'_>, object: Object, facts: Facts) -> bool {
    let modified = facts.modified.map(to_the_second);
    *asked.request.method() == Method::GET && !asked.has(tag(object, facts).as_bytes(), modified)
}

/// What tells a file from all others. Where other bytes may have its name, these have a tag of their own, so that nobody
/// joins ranges of two (RFC 9110, 8.8.1 and 15.3.7.3).
fn tag(object: Object, facts: Facts) -> String {
    match facts.version {
        Some(version) => format!("\"{object}-{version:016x}\""),
        None => format!("\"{object}\""),
    }
}

/// A file, or the range of it that is asked for.
pub(super) fn file(
    asked: &Asked<'_>,
    object: Object,
    content: impl Into<Content>,
    facts: Facts,
) -> Response<Body> {
    let Content { length, pieces } = content.into();
    let file = File {
        tag: tag(object, facts),
        modified: facts.modified,
        length,
        keep: match facts.version {
            _ if object.is_key() => "no-store",
            Some(_) => FOR_LONG,
            None => FOR_EVER,
        },
    };
    file.answer(asked, |range| {
        let media_type = object.media_type(facts.has_pictures);
        let mut response = typed(StatusCode::OK, media_type, Bytes::new());
        *response.body_mut() = match pieces.is_empty() {
            true => Body::unsent(length),
            false => cut(pieces, range).collect(),
        };
        response
    })
}
