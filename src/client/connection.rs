//! A connection to a server: carries the dialogue, and media that is interleaved with it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::address::Address;
use super::dialogue::{Dialogue, Outcome};
use super::tunnel::{self, Tunnel};
use super::{Error, Way};
use crate::net::connect::connect;
use crate::net::interleaved::Interleaved;
use crate::wire::rtsp::{Limits, Message, Method, Parser, Request, Response};

/// How long the server may take to accept a connection, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes that may wait to be sent.
const BACKLOG: usize = 4 << 20;

/// The most frames that are kept while an answer is waited for.
const FRAMES: usize = 1024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    dialogue: Dialogue,
    inlet: OwnedReadHalf,
    /// The other half of a tunnel's GET: dropped, it would tell the server that the client leaves.
    _kept: Option<OwnedWriteHalf>,
    outlet: Arc<Interleaved>,
    parser: Parser,
    buffer: BytesMut,
    frames: VecDeque<Frame>,
    peer: SocketAddr,
    local: SocketAddr,
}

/// An interleaved packet and its channel.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) channel: u8,
    pub(super) packet: Bytes,
}

impl Connection {
    /// Connects to the server of `address`.
    pub(super) async fn open(address: &Address, way: Way) -> Result<Self, Error> {
        match way {
            Way::Http => {
                let Tunnel { get, post, early } = tunnel::open(address, PATIENCE).await?;
                let (inlet, kept) = get.into_split();
                let outlet = Interleaved::base64(post.into_split().1, BACKLOG);
                Self::new(address, inlet, Some(kept), outlet, early)
            }
            Way::Tcp | Way::Udp => {
                let stream = connect(&address.authority, PATIENCE).await?;
                let (inlet, writer) = stream.into_split();
                let outlet = Interleaved::new(writer, BACKLOG);
                Self::new(address, inlet, None, outlet, BytesMut::new())
            }
        }
    }

    fn new(
        address: &Address,
        inlet: OwnedReadHalf,
        kept: Option<OwnedWriteHalf>,
        outlet: Interleaved,
        early: BytesMut,
    ) -> Result<Self, Error> {
        Ok(Self {
            dialogue: Dialogue::new(address),
            peer: inlet.peer_addr()?,
            local: inlet.local_addr()?,
            inlet,
            _kept: kept,
            outlet: Arc::new(outlet),
            parser: Parser::new(Limits::default()),
            buffer: early,
            frames: VecDeque::new(),
        })
    }

    /// The way out, for media that is interleaved with requests.
    pub(super) fn outlet(&self) -> &Arc<Interleaved> {
        &self.outlet
    }

    /// The server's address.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The client's address on this connection.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// How long the server keeps the session without a sign of life.
    pub(super) fn session_timeout(&self) -> Duration {
        self.dialogue.timeout()
    }

    /// Sends a request and waits for its answer; a challenge is answered on the way.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        uri: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Response, Error> {
        let mut request = self.dialogue.ask(method, uri, headers, body);
        loop {
            self.send(&request)?;
            let answer = timeout(PATIENCE, self.answer_to(&request)).await;
            let response = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            match self.dialogue.answered(&request, &response)? {
                Outcome::Done => return Ok(response),
                Outcome::Again(again) => request = again,
            }
        }
    }

    /// Sends a request whose answer does not matter.
    pub(super) fn tell(&mut self, method: Method, uri: &str) -> Result<(), Error> {
        let request = self.dialogue.ask(method, uri, &[], Bytes::new());
        self.send(&request)
    }

    /// The next interleaved packet; also sends what waits to be sent. Cancel safe.
    pub(super) async fn frame(&mut self) -> Result<Frame, Error> {
        loop {
            if let Some(frame) = self.waiting_frame()? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// An interleaved packet that has arrived already.
    pub(super) fn waiting_frame(&mut self) -> Result<Option<Frame>, Error> {
        if let Some(frame) = self.frames.pop_front() {
            return Ok(Some(frame));
        }
        while let Some(message) = self.parser.next(&mut self.buffer)? {
            if let Message::Frame { channel, data } = message {
                return Ok(Some(Frame {
                    channel,
                    packet: data,
                }));
            }
        }
        Ok(None)
    }

    async fn answer_to(&mut self, request: &Request) -> Result<Response, Error> {
        loop {
            while let Some(message) = self.parser.next(&mut self.buffer)? {
                match message {
                    Message::Response(response) if Dialogue::answers(request, &response) => {
                        return Ok(response);
                    }
                    Message::Frame { channel, data } if self.frames.len() < FRAMES => {
                        self.frames.push_back(Frame {
                            channel,
                            packet: data,
                        });
                    }
                    _ => {}
                }
            }
            self.fill().await?;
        }
    }

    fn send(&self, request: &Request) -> Result<(), Error> {
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.outlet
            .send(&bytes)
            .map(drop)
            .map_err(|_| Error::Closed)
    }

    async fn fill(&mut self) -> Result<(), Error> {
        self.buffer.reserve(READ);
        tokio::select! {
            biased;
            read = self.inlet.read_buf(&mut self.buffer) => match read? {
                0 => Err(Error::Closed),
                _ => Ok(()),
            },
            _ = self.outlet.drain() => Err(Error::Closed),
        }
    }
}

/// How much is read at a time, in bytes.
const READ: usize = 16 * 1024;
