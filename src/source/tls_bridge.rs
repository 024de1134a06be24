//! A bridge to a camera that speaks RTSP over TLS (`rtsps`), which retina does not.
//!
//! Retina connects to a port of this host, and the bridge carries the dialogue on
//! over TLS. Whoever asks first by a URL with a secret word gets the one
//! connection, so that no other program of this host can watch by way of it. The
//! bridge puts the camera's URL where retina says its own, and answers the
//! camera's challenge itself, because a digest covers the URL. The dialogue's
//! text is rewritten here; connecting and certificates are the matter of
//! `net::tls`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use http_auth::{PasswordClient, PasswordParams};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, split,
};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{Failure, trust};
use crate::config::{ChannelSource, Credentials};
use crate::net::listen::Listener;
use crate::net::permits::{Permit, Permits};
use crate::net::tls;
use crate::wire::rtsp::{Limits, Message, Parser, Request, Response, Status, write_frame_header};

/// The port of RTSP over TLS.
const RTSPS_PORT: u16 = 322;

/// The status of an answer that asks for credentials (RFC 7235, 3.1).
const UNAUTHORIZED: Status = Status(401);

/// How long a connection may take to show that it knows the secret word.
const PATIENCE: Duration = Duration::from_secs(2);

/// One bridge, for one session; ends when dropped.
#[derive(Debug)]
pub(super) struct TlsBridge {
    url: Url,
    failure: Arc<OnceLock<String>>,
    _task: AbortOnDropHandle<()>,
}

impl TlsBridge {
    /// Connects to the camera, and waits for retina from then on.
    pub(super) async fn open(settings: &ChannelSource) -> Result<Self, Failure> {
        let camera = settings.url.url().clone();
        let host = camera.host_str().unwrap_or_default();
        let port = camera.port().unwrap_or(RTSPS_PORT);
        let trust = trust(&settings.certificate);
        let failed = |source| Failure::Connect {
            host: format!("{host}:{port}"),
            source,
        };
        let stream = tls::connect(host, port, trust).await.map_err(failed)?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener =
            Listener::bind(here, &Permits::new(1)).map_err(|error| failed(error.source))?;
        let (address, word) = (listener.local_addr(), rand::random::<u128>());
        let local = format!("rtsp://{address}/{word:032x}");
        let url = Url::parse(&local).map_err(|error| failed(io::Error::other(error)))?;
        let dialogue = Dialogue {
            local,
            camera,
            credentials: settings.url.credentials().cloned(),
            login: None,
        };
        let failure = Arc::new(OnceLock::new());
        let reason = Arc::clone(&failure);
        let task = tokio::spawn(async move {
            if let Err(error) = carry(listener, stream, dialogue).await {
                // The first reason is the only one.
                reason.set(error.to_string()).ok();
            }
        });
        Ok(Self {
            url,
            failure,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// What retina is to be given: a URL of this host that nobody else knows.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Why the bridge has broken, if it has.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

/// Carries the dialogue until one side ends it.
async fn carry<S>(listener: Listener, camera: S, mut dialogue: Dialogue) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite,
{
    let (mut retina, request) = greet(&listener, &dialogue.local).await?;
    drop(listener);
    let (down, mut up) = split(camera);
    let mut camera = Inlet::new(down);
    let answer = dialogue.describe(request, &mut camera, &mut up).await?;
    let mut bytes = BytesMut::new();
    answer.write(&mut bytes);
    bytes.unsplit(camera.buffer);
    retina.answers.write_all(&bytes).await?;
    let (mut requests, mut answers) = (retina.requests, retina.answers);
    let asking = async {
        while let Some(message) = requests.next().await? {
            send(dialogue.rewrite(message), &mut up).await?;
        }
        up.shutdown().await
    };
    tokio::select! {
        done = asking => done,
        // From here on the camera's side needs no other words, and is mostly media.
        done = copy(&mut camera.reader, &mut answers) => done.map(drop),
    }
}

/// Retina's connection.
struct Retina {
    requests: Inlet<ReadHalf<TcpStream>>,
    answers: WriteHalf<TcpStream>,
    _permit: Permit,
}

/// Waits for the connection that knows the secret word, and returns it with its first request.
async fn greet(listener: &Listener, local: &str) -> io::Result<(Retina, Request)> {
    loop {
        let accepted = listener.accept().await;
        let (requests, answers) = split(accepted.stream);
        let mut requests = Inlet::new(requests);
        let first = tokio::time::timeout(PATIENCE, requests.next()).await;
        if let Ok(Ok(Some(Message::Request(request)))) = first
            && request.uri == local
        {
            let retina = Retina {
                requests,
                answers,
                _permit: accepted.permit,
            };
            return Ok((retina, request));
        }
    }
}

/// Messages as they arrive on a connection.
struct Inlet<R> {
    reader: R,
    parser: Parser,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Inlet<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            parser: Parser::new(Limits::default()),
            buffer: BytesMut::new(),
        }
    }

    /// The next message; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            let next = self.parser.next(&mut self.buffer);
            if let Some(message) = next.map_err(io::Error::other)? {
                return Ok(Some(message));
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

async fn send(message: Message, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    match message {
        Message::Request(request) => request.write(&mut bytes),
        Message::Response(response) => response.write(&mut bytes),
        Message::Frame { channel, data } => {
            let length = u16::try_from(data.len()).map_err(io::Error::other)?;
            bytes.extend_from_slice(&write_frame_header(channel, length));
            bytes.extend_from_slice(&data);
        }
    }
    to.write_all(&bytes).await?;
    to.flush().await
}

/// What the bridge changes in requests.
struct Dialogue {
    /// The URL that retina was given.
    local: String,
    /// The URL that stands for.
    camera: Url,
    credentials: Option<Credentials>,
    /// Known once the camera has asked for it.
    login: Option<PasswordClient>,
}

impl Dialogue {
    /// Puts the first request to the camera, again with the credentials if it asks for them.
    async fn describe<R, W>(
        &mut self,
        request: Request,
        camera: &mut Inlet<R>,
        up: &mut W,
    ) -> io::Result<Response>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let asked = Message::Request(request.clone());
            send(self.rewrite(asked), up).await?;
            let answer = loop {
                match camera.next().await? {
                    Some(Message::Response(response)) => break response,
                    Some(_) => {}
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            };
            if !self.is_challenge(&answer) {
                return Ok(answer);
            }
        }
    }

    /// Whether the camera asks for credentials that are there and that it has not had.
    fn is_challenge(&mut self, answer: &Response) -> bool {
        if answer.status != UNAUTHORIZED || self.login.is_some() || self.credentials.is_none() {
            return false;
        }
        let asked = answer.headers.all("WWW-Authenticate");
        let builder = asked.fold(PasswordClient::builder(), |builder, one| {
            builder.challenges(one)
        });
        self.login = builder.build().ok();
        self.login.is_some()
    }

    /// The message as the camera is to have it.
    fn rewrite(&mut self, message: Message) -> Message {
        let Message::Request(mut request) = message else {
            return message;
        };
        if let Some(rest) = request.uri.strip_prefix(&self.local) {
            request.uri = format!("{}{rest}", self.camera);
        }
        if let Some(authorization) = self.authorization(&request) {
            request.headers.push("Authorization", authorization);
        }
        Message::Request(request)
    }

    fn authorization(&mut self, request: &Request) -> Option<String> {
        let credentials = self.credentials.as_ref()?;
        let response = self.login.as_mut()?.respond(&PasswordParams {
            username: &credentials.user,
            password: &credentials.password,
            uri: &request.uri,
            method: request.method.name(),
            body: Some(&request.body),
        });
        response.ok()
    }
}

#[cfg(test)]
mod tests;
