//! One connection of an encoder that uploads, in one request or in several one after the other.
//!
//! No HTTP library reads these requests: source clients of Icecast send bodies without a length,
//! which is no body in HTTP/1.1, and wait for the answer before they send them.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::debug;

use super::connection::{HEAD_SIZE, HEAD_TIME};
use super::permission::{Claim, seconds};
use super::route::below;
use super::server::{Server, TOO_OFTEN};
use super::titles::{form_of, is_of_titles};
use super::upload::Upload;
use super::upload_admission::status_of;
use super::upload_body::UploadBody;
use super::upload_request::{Greeting, Refusal, UploadRequest, framing};
use crate::base::peer::Peer;
use crate::net::listen::Accepted;
use crate::net::stream::Stream;
use crate::source::Failure;
use crate::wire::http_body::Framing;
use crate::wire::http_head::{HttpHead, HttpHeadParser, NotHttp};

/// How long a client may take to take its answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How long, and for how many bytes, a client that was refused may go on sending. Closing at
/// once would take the answer from it.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(1);
pub(super) const LINGER_BYTES: u64 = 1 << 20;

/// A connection on which encoders upload, perhaps in several requests one after the other.
pub(super) struct UploadConnection<'a> {
    server: &'a Server,
    stream: Stream,
    /// The other end, and who sends the present request.
    connected: Peer,
    peer: Peer,
    buffer: BytesMut,
    minor_version: u8,
}

impl<'a> UploadConnection<'a> {
    /// Serves `accepted` until it ends.
    pub(super) async fn serve(server: &'a Server, accepted: Accepted<Stream>) {
        let Accepted {
            stream,
            peer,
            permit: _permit,
            ..
        } = accepted;
        let mut connection = Self {
            server,
            stream,
            connected: peer,
            peer,
            buffer: BytesMut::new(),
            minor_version: 0,
        };
        if let Err(error) = connection.run().await {
            debug!(%peer, %error, "HTTP connection of an encoder");
        }
    }

    async fn run(&mut self) -> io::Result<()> {
        let first = timeout(HEAD_TIME, self.head()).await??;
        let mut next = first.map(|head| (head, None));
        while let Some((head, current)) = next {
            self.minor_version = head.minor_version;
            let proxy = &self.server.config().proxy;
            let told = head.headers.all(proxy.header.name());
            match proxy.sender(self.connected, told) {
                Ok(peer) => self.peer = peer,
                Err(untold) => return self.refuse(&head, Refusal::new(400, untold)).await,
            }
            let target = below(proxy.prefix_for(self.connected), &head.target);
            if let Err(wait) = self.server.throttle(self.peer.ip()) {
                let refusal = Refusal::later(wait, TOO_OFTEN);
                return self.refuse(&head, refusal).await;
            }
            if is_of_titles(target.split('?').next().unwrap_or_default()) {
                return self.take_title(&head).await;
            }
            let admitted = self.server.admit_upload(&head, target, self.peer, current);
            let (request, upload) = match admitted.await {
                Ok(admitted) => admitted,
                Err(refusal) => return self.refuse(&head, refusal).await,
            };
            next = match self.take_body(&request, upload).await? {
                Some(upload) => self.next_head(upload).await,
                None => None,
            };
        }
        Ok(())
    }

    /// Answers, and takes the head of the next request, with `upload` if that has not gone on
    /// elsewhere; `None` when no request comes here.
    async fn next_head(&mut self, upload: Upload) -> Option<(HttpHead, Option<Upload>)> {
        let (server, peer, path) = (self.server, self.peer, upload.path().clone());
        let mut keeping = pin!(server.pauses.keep(upload, server.patience()));
        let left = tokio::select! {
            // What was read of a head that is given up is of no use without the upload.
            head = self.answer_and_head() => match head {
                Ok(Some(head)) => return Some((head, server.pauses.take(&path))),
                _ => keeping.await,
            },
            left = &mut keeping => left,
        };
        left.into_iter()
            .for_each(|upload| upload.end(peer, &Failure::Ended));
        None
    }

    /// To be called when the upload is kept: its encoder may come back at once, on another connection.
    async fn answer_and_head(&mut self) -> io::Result<Option<HttpHead>> {
        self.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await?;
        self.head().await
    }

    /// The head of the next request; `None` at the end of the connection.
    async fn head(&mut self) -> io::Result<Option<HttpHead>> {
        let mut parser = HttpHeadParser::new(HEAD_SIZE);
        loop {
            match parser.next(&mut self.buffer) {
                Ok(Some(head)) => return Ok(Some(head)),
                Ok(None) => {}
                Err(error) => {
                    let status = match error {
                        NotHttp::Malformed => 400,
                        NotHttp::TooLarge => 431,
                    };
                    let reason = format!("{error}\n");
                    self.answer(status, phrase(status), &reason).await?;
                    self.linger().await?;
                    return Err(io::Error::other(error));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Publishes the body of `request`, and answers; returns the upload instead if another request
    /// may go on with it.
    async fn take_body(
        &mut self,
        request: &UploadRequest,
        mut upload: Upload,
    ) -> io::Result<Option<Upload>> {
        match request.greeting {
            Greeting::None => {}
            Greeting::Continue => self.write("HTTP/1.1 100 Continue\r\n\r\n").await?,
            Greeting::Ok => {
                let start = format!(
                    "HTTP/1.{} 200 OK\r\nConnection: close\r\n\r\n",
                    self.minor_version
                );
                self.write(&start).await?;
            }
            Greeting::Plain => self.write("OK\r\n").await?,
        }
        let uploads = &self.server.uploads;
        let framing = request.framing;
        let mut body = UploadBody::new(&mut self.stream, &mut self.buffer, framing, uploads);
        let taken = self.server.take_body(&mut upload, &mut body, self.peer);
        match taken.await {
            Ok(is_complete) if is_complete && request.keep_alive => return Ok(Some(upload)),
            Ok(is_complete) => {
                upload.end(self.peer, &Failure::Ended);
                if is_complete && !request.greeting.is_answer() {
                    self.answer(200, "OK", "").await?;
                }
            }
            Err(failure) => {
                upload.end(self.peer, &failure);
                if !request.greeting.is_answer() {
                    let status = status_of(&failure);
                    let reason = format!("{failure}\n");
                    self.answer(status, phrase(status), &reason).await?;
                }
                self.linger().await?;
            }
        }
        Ok(None)
    }

    /// Takes a title from a POST, whose form is its body; libshout sends one.
    async fn take_title(&mut self, head: &HttpHead) -> io::Result<()> {
        let framing = framing(head)
            .ok()
            .filter(|one| *one != Framing::UntilClosed);
        let framing = framing.unwrap_or(Framing::Length(0));
        let uploads = &self.server.uploads;
        let body = UploadBody::new(&mut self.stream, &mut self.buffer, framing, uploads);
        let form = timeout(HEAD_TIME, form_of(head, body)).await??;
        let claim = Claim::of_encoder(head, self.peer);
        match self.server.take_title(&form, &claim).await {
            Ok(done) => self.answer(200, "OK", done).await,
            Err(refusal) => self.answer_refusal(refusal).await,
        }
    }

    async fn refuse(&mut self, head: &HttpHead, refusal: Refusal) -> io::Result<()> {
        self.server.note_refusal(head, self.peer, &refusal);
        self.answer_refusal(refusal).await?;
        self.linger().await
    }

    async fn answer_refusal(&mut self, refusal: Refusal) -> io::Result<()> {
        let challenge = |one: &String| format!("WWW-Authenticate: {one}\r\n");
        let mut fields: String = refusal.challenges.iter().map(challenge).collect();
        if let Some(wait) = refusal.wait {
            fields += &format!("Retry-After: {}\r\n", seconds(wait));
        }
        let (status, body) = (refusal.status, format!("{}\n", refusal.reason));
        self.answer_with(status, phrase(status), &fields, &body)
            .await
    }

    async fn answer(&mut self, status: u16, phrase: &str, body: &str) -> io::Result<()> {
        self.answer_with(status, phrase, "", body).await
    }

    /// `fields` are lines of the head.
    async fn answer_with(
        &mut self,
        status: u16,
        phrase: &str,
        fields: &str,
        body: &str,
    ) -> io::Result<()> {
        let (version, length) = (self.minor_version, body.len());
        let answer = format!(
            "HTTP/1.{version} {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             {fields}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        self.write(&answer).await
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        timeout(ANSWER_TIME, self.stream.write_all(text.as_bytes())).await?
    }

    /// Lets the client read its answer, whatever it still sends.
    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut rest = (&mut self.stream).take(LINGER_BYTES);
        let mut nowhere = tokio::io::sink();
        let drained = tokio::io::copy(&mut rest, &mut nowhere);
        // Either it has ended, or it has had its time.
        let _ = timeout(LINGER_TIME, drained).await;
        Ok(())
    }
}

fn phrase(status: u16) -> &'static str {
    let status = hyper::StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}
