//! The way of packets into ffmpeg as RTP: a connection on this host that carries RTSP too.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dialogue::Dialogue;
use crate::net::listen::{Accepted, Listener};
use crate::net::permits::{Permit, Permits};
use crate::wire::rtsp::{Limits, Message, Parser};

/// How long ffmpeg may take to connect and to ask for all it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where ffmpeg will connect.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    url: String,
}

impl Door {
    /// Opens a port of this host.
    pub(super) fn open() -> io::Result<Self> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(here, &Permits::new(1)).map_err(|error| error.source)?;
        let word = rand::random::<u128>();
        let url = format!("rtsp://{}/{word:032x}", listener.local_addr());
        Ok(Self { listener, url })
    }

    /// What ffmpeg is to be given: a URL that nobody else knows.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits for ffmpeg until it wants packets of what `sdp` describes.
    pub(super) async fn greet(self, sdp: String) -> io::Result<Connection> {
        let Self { listener, url } = self;
        let greeting = async {
            loop {
                let accepted = listener.accept().await;
                let dialogue = Dialogue::new(url.clone(), sdp.clone());
                let mut connection = Connection::new(accepted, dialogue);
                // Somebody else closes the connection, or is refused what he asks for.
                if connection.serve_until_play().await.is_ok() {
                    return connection;
                }
            }
        };
        Ok(timeout(PATIENCE, greeting).await?)
    }
}

/// A connection to ffmpeg.
pub(super) struct Connection {
    dialogue: Dialogue,
    reader: ReadHalf<TcpStream>,
    writer: WriteHalf<TcpStream>,
    parser: Parser,
    buffer: BytesMut,
    _permit: Permit,
}

impl Connection {
    fn new(accepted: Accepted, dialogue: Dialogue) -> Self {
        let (reader, writer) = split(accepted.stream);
        Self {
            dialogue,
            reader,
            writer,
            parser: Parser::new(Limits::default()),
            buffer: BytesMut::new(),
            _permit: accepted.permit,
        }
    }

    /// Hands packets over, framed.
    pub(super) async fn write(&mut self, framed: &[u8]) -> io::Result<()> {
        self.writer.write_all(framed).await
    }

    async fn serve_until_play(&mut self) -> io::Result<()> {
        while !self.dialogue.is_playing() {
            let message = self.next().await?;
            self.answer(&message).await?;
        }
        Ok(())
    }

    /// What ffmpeg says next. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            let next = self.parser.next(&mut self.buffer);
            if let Some(message) = next.map_err(io::Error::other)? {
                return Ok(message);
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Answers requests; what ffmpeg reports of packets is of no interest.
    pub(super) async fn answer(&mut self, message: &Message) -> io::Result<()> {
        let Message::Request(request) = message else {
            return Ok(());
        };
        let mut bytes = BytesMut::new();
        self.dialogue.answer(request).write(&mut bytes);
        self.writer.write_all(&bytes).await
    }
}
