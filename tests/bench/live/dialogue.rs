//! RTSP, as far as a publisher and a reader need it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use reelcast::wire::rtsp::{Limits, Message, Method, Parser, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::traffic::{RATE, SDP, Traffic};

/// A connection on which requests are answered.
pub(crate) struct Dialogue {
    stream: TcpStream,
    url: String,
    parser: Parser,
    buffer: BytesMut,
    sequence: u32,
    session: Option<String>,
}

impl Dialogue {
    /// Connects to the server; the channel is the benchmark's own.
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.expect("it listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self {
            stream,
            url: format!("rtsp://{server}/bench"),
            parser: Parser::new(Limits::default()),
            buffer: BytesMut::new(),
            sequence: 0,
            session: None,
        }
    }

    /// Begins to publish.
    pub(crate) async fn announce(&mut self) {
        let url = self.url.clone();
        self.ask(
            Method::Announce,
            &url,
            &[("Content-Type", "application/sdp")],
            SDP,
        )
        .await;
        self.set_up("RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
            .await;
        self.ask(Method::Record, &url, &[], "").await;
    }

    /// Sends pictures for ever.
    pub(crate) async fn publish(mut self, mut traffic: Traffic) {
        let mut pictures = tokio::time::interval(Duration::from_secs(1) / RATE);
        loop {
            pictures.tick().await;
            let sent = self.stream.write_all(traffic.next()).await;
            sent.expect("the server reads");
        }
    }

    /// Begins to read; `transport` is the header's value.
    pub(crate) async fn play(&mut self, transport: &str) {
        self.set_up(transport).await;
        let url = self.url.clone();
        self.ask(Method::Play, &url, &[], "").await;
    }

    /// The connection, and what was read of it and not used.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.buffer.to_vec())
    }

    async fn set_up(&mut self, transport: &str) {
        let url = format!("{}/trackID=1", self.url);
        let response = self
            .ask(Method::Setup, &url, &[("Transport", transport)], "")
            .await;
        let session = response.headers.get("Session").expect("a session");
        self.session = session.split(';').next().map(str::to_owned);
    }

    async fn ask(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&'static str, &str)],
        body: &'static str,
    ) -> Response {
        let mut request = Request::new(method, url);
        self.sequence += 1;
        request.headers.push("CSeq", self.sequence.to_string());
        if let Some(session) = &self.session {
            request.headers.push("Session", session.as_str());
        }
        for (name, value) in headers {
            request.headers.push(*name, *value);
        }
        request.body = body.into();
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.stream.write_all(&bytes).await.expect("it reads");
        loop {
            match self.parser.next(&mut self.buffer).expect("sound answers") {
                Some(Message::Response(response)) => {
                    assert_eq!(response.status.0, 200, "{response:?}");
                    return response;
                }
                Some(_) => {}
                None => {
                    let read = self.stream.read_buf(&mut self.buffer).await;
                    assert_ne!(read.expect("an answer"), 0);
                }
            }
        }
    }
}
