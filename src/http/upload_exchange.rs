//! Uploads that an HTTP library reads: each in a request of its own, by HTTP/2, or behind other requests on a
//! connection.
//!
//! Those with which a connection of HTTP/1 begins are read by `upload_connection`.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::request;
use hyper::{Request, Response, StatusCode, Version};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::answer::{PLAIN, text, typed};
use super::body::Body;
use super::connection::HEAD_TIME;
use super::permission::{Claim, refused};
use super::route::below;
use super::sender::sender;
use super::server::{Server, TOO_OFTEN};
use super::titles::{form_of, is_of_titles};
use super::upload::Upload;
use super::upload_admission::status_of;
use super::upload_body::UploadBody;
use super::upload_connection::{LINGER_BYTES, LINGER_TIME};
use super::upload_request::{Refusal, framing};
use crate::base::peer::Peer;
use crate::source::Failure;
use crate::wire::http_body::Framing;
use crate::wire::http_head::HttpHead;

/// The uploads of one connection, which end with the last of its clones. A request that is given up
/// would otherwise take its upload with it before that has come to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges(Arc<Mutex<JoinSet<()>>>);

impl Exchanges {
    fn spawn(&self, exchange: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(exchange);
    }

    /// Waits for those that still wait for their next request, when the connection has ended.
    pub(super) async fn end(self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

impl Server {
    /// Takes what a request uploads that has come from `connected`; what it begins is one of `exchanges`.
    pub(super) async fn answer_upload(
        self: &Arc<Self>,
        request: Request<Incoming>,
        connected: Peer,
        exchanges: &Exchanges,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let config = self.config();
        let peer = match sender(&config.proxy, connected, &parts.headers) {
            Ok(peer) => peer,
            Err(refusal) => return *refusal,
        };
        let head = head_of(&parts);
        if let Err(wait) = self.throttle(peer.ip()) {
            let refusal = Refusal::later(wait, TOO_OFTEN);
            return self.refuse_upload(&head, body, peer, refusal).await;
        }
        let target = below(config.proxy.prefix_for(connected), &head.target);
        if is_of_titles(target.split('?').next().unwrap_or_default()) {
            return self.answer_title(&head, body, peer).await;
        }
        let is_http2 = parts.version == Version::HTTP_2;
        if !is_http2 && framing(&head) == Ok(Framing::UntilClosed) {
            let refusal = Refusal::new(411, "the body has no length");
            return self.refuse_upload(&head, body, peer, refusal).await;
        }
        let (request, upload) = match self.admit_upload(&head, target, peer, None).await {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse_upload(&head, body, peer, refusal).await,
        };
        let (tell, told) = oneshot::channel();
        let exchange = Exchange {
            server: Arc::clone(self),
            upload,
            peer,
            may_go_on: is_http2 || request.keep_alive,
            tell,
        };
        exchanges.spawn(exchange.run(body));
        let stopped = || text(StatusCode::SERVICE_UNAVAILABLE, "the server stops\n");
        told.await.unwrap_or_else(|_| stopped())
    }

    /// Takes a title from a POST.
    async fn answer_title(&self, head: &HttpHead, body: Incoming, peer: Peer) -> Response<Body> {
        let body = UploadBody::of_request(body, &self.uploads);
        let Ok(Ok(form)) = timeout(HEAD_TIME, form_of(head, body)).await else {
            return text(StatusCode::BAD_REQUEST, "that is no form\n");
        };
        let claim = Claim::of_encoder(head, peer);
        match self.take_title(&form, &claim).await {
            Ok(done) => typed(StatusCode::OK, "text/xml; charset=utf-8", done),
            Err(refusal) => refused(refusal),
        }
    }

    async fn refuse_upload(
        &self,
        head: &HttpHead,
        body: Incoming,
        peer: Peer,
        refusal: Refusal,
    ) -> Response<Body> {
        self.note_refusal(head, peer, &refusal);
        linger(&mut UploadBody::of_request(body, &self.uploads)).await;
        refused(refusal)
    }
}

/// One request that uploads, and its answer.
struct Exchange {
    server: Arc<Server>,
    upload: Upload,
    peer: Peer,
    /// Whether another request may go on with the upload.
    may_go_on: bool,
    tell: oneshot::Sender<Response<Body>>,
}

impl Exchange {
    async fn run(self, body: Incoming) {
        let Self {
            server,
            mut upload,
            peer,
            may_go_on,
            tell,
        } = self;
        let mut body = UploadBody::of_request(body, &server.uploads);
        let taken = server.take_body(&mut upload, &mut body, peer).await;
        let done = || typed(StatusCode::OK, PLAIN, "");
        match taken {
            Ok(true) if may_go_on => {
                // Before the answer: the next request may come at once.
                let keeping = server.pauses.keep(upload, server.patience());
                tell.send(done()).ok();
                if let Some(upload) = keeping.await {
                    upload.end(peer, &Failure::Ended);
                }
            }
            Ok(_) => {
                upload.end(peer, &Failure::Ended);
                tell.send(done()).ok();
            }
            Err(failure) => {
                upload.end(peer, &failure);
                linger(&mut body).await;
                tell.send(refused(Refusal::new(status_of(&failure), failure)))
                    .ok();
            }
        }
    }
}

/// Lets a client that is refused go on sending for a while: curl loses an answer whose stream is closed before
/// it has sent all.
async fn linger(body: &mut UploadBody<'_>) {
    let (mut rest, mut nowhere) = (body.take(LINGER_BYTES), tokio::io::sink());
    // Either it has ended, or it has had its time.
    let _ = timeout(LINGER_TIME, tokio::io::copy(&mut rest, &mut nowhere)).await;
}

/// The head as encoders write it: by HTTP/2 the host is no header field.
fn head_of(parts: &request::Parts) -> HttpHead {
    let uri = &parts.uri;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map(|authority| authority.as_str());
    let fields = parts.headers.iter();
    let fields = fields.filter(|(name, _)| authority.is_none() || **name != HOST);
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let host = authority.map(|host| ("host", host.as_bytes()));
    HttpHead::of(parts.method.as_str(), target, fields.chain(host))
}
