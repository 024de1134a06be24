//! Endless streams over HTTP: a channel as one answer, for players that know nothing of HLS, and with
//! titles for those that ask.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use hyper::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use tokio::sync::watch;

use super::answer::{full, missing, set, typed, unavailable};
use super::asked::Asked;
use super::body::{Body, Broken};
use super::page::is_of_page;
use super::route;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::hls::endless::{Listener, NoStream};
use crate::hls::object::Packing;
use crate::hls::viewers::Stay;
use crate::hls::watched::Watched;
use crate::media::channel::Channel;
use crate::wire::icy::{INTERVAL, Interleaver};

impl Server {
    /// Answers a request for the endless stream of a channel; `None` when the path names none.
    ///
    /// A movie of that very name goes before. A channel whose own name ends in this way, as those
    /// of radio stations do, is sent to whoever does not ask for a page.
    pub(super) async fn answer_endless(
        &self,
        asked: &Asked<'_>,
        path: &MediaPath,
    ) -> Option<Response<Body>> {
        let (name, packing) = route::endless(path)?;
        let query = asked.request.uri().query().unwrap_or_default();
        let is_page = is_of_page(query) || asked.field(&ACCEPT).contains("text/html");
        let own = self.mounts.open(path).filter(|_| !is_page);
        let channel = own.or_else(|| self.mounts.open(&name));
        let channel = channel.filter(|channel| channel.ended().is_none())?;
        if self.has_movie(path).await {
            return None;
        }
        let streamed = self.stream(asked, &channel, packing).await;
        Some(streamed.unwrap_or_else(|refusal| refusal))
    }

    /// Whether a file has that name. Cancel safe.
    pub(super) async fn has_movie(&self, path: &MediaPath) -> bool {
        let (library, path) = (Arc::clone(&self.library), path.clone());
        let looked = tokio::task::spawn_blocking(move || library.look(&path).is_ok());
        looked.await.unwrap_or(false)
    }

    async fn stream(
        &self,
        asked: &Asked<'_>,
        channel: &Arc<Channel>,
        packing: Packing,
    ) -> Result<Response<Body>, Response<Body>> {
        let mut listener = self.hls.endless.listen(channel, packing);
        let start_wait = self.config().hls_of(channel.path()).start_wait;
        listener.start(start_wait).await.map_err(without_stream)?;
        let mut response = typed(StatusCode::OK, packing.media_type(), Bytes::new());
        set(&mut response, CACHE_CONTROL, "no-store");
        let wants_titles = packing != Packing::Ts && asked.field(&ICY_METADATA).trim() == "1";
        describe(&mut response, channel, wants_titles);
        if asked.request.method() == Method::HEAD {
            *response.body_mut() = Body::endless(futures::stream::empty());
            return Ok(response);
        }
        let watched = Watched::Channel(Arc::clone(channel));
        let stay = self.hls.viewers.stay(&watched, asked.visit());
        let stay = stay.map_err(full)?;
        let session = Arc::clone(stay.session());
        let titles = wants_titles.then(|| (Interleaver::default(), channel.title()));
        let playing = Playing {
            listener,
            titles,
            ready: VecDeque::new(),
            stay,
        };
        *response.body_mut() = Body::endless(playing.stream());
        response.body_mut().count_for(session);
        Ok(response)
    }
}

/// Says what the station is, as radio players look for it.
fn describe(response: &mut Response<Body>, channel: &Channel, wants_titles: bool) {
    let description = channel.description();
    let name = description
        .as_ref()
        .map_or("", |description| description.name());
    if let Ok(name) = HeaderValue::from_bytes(name.as_bytes()) {
        response.headers_mut().insert(ICY_NAME, name);
    }
    let kilobits = channel.bit_rate() / 1000;
    if kilobits > 0 {
        set(response, ICY_BR, &kilobits.to_string());
    }
    if wants_titles {
        set(response, ICY_METAINT, &INTERVAL.to_string());
    }
}

fn without_stream(reason: NoStream) -> Response<Body> {
    match reason {
        NoStream::Starting => unavailable(format!("{reason}\n")),
        NoStream::Unfit => {
            missing("the channel cannot be sent in this form; try HLS: /NAME.m3u8\n")
        }
    }
}

/// What one client is sent.
struct Playing {
    listener: Listener,
    titles: Option<(Interleaver, watch::Receiver<Option<Arc<str>>>)>,
    /// What goes out next.
    ready: VecDeque<Bytes>,
    stay: Stay,
}

impl Playing {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
        unfold(Some(self), |playing| async move {
            let mut playing = playing?;
            match playing.next().await {
                Ok(bytes) => Some((Ok(bytes?), Some(playing))),
                Err(broken) => Some((Err(broken), None)),
            }
        })
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        while self.ready.is_empty() {
            let chunk = tokio::select! {
                biased;
                () = self.stay.session().end().cancelled() => None,
                chunk = self.listener.next() => {
                    chunk.map_err(|_| Broken("the client was too slow"))?
                }
            };
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            match &mut self.titles {
                Some((interleaver, title)) => {
                    let title = title.borrow().clone();
                    interleaver.push(chunk, title.as_ref(), &mut self.ready);
                }
                None => self.ready.push_back(chunk),
            }
        }
        Ok(self.ready.pop_front())
    }
}

/// What radio players and servers say, in names that SHOUTcast gave.
const ICY_METADATA: HeaderName = HeaderName::from_static("icy-metadata");
const ICY_METAINT: HeaderName = HeaderName::from_static("icy-metaint");
const ICY_NAME: HeaderName = HeaderName::from_static("icy-name");
const ICY_BR: HeaderName = HeaderName::from_static("icy-br");
