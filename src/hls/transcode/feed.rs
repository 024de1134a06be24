//! The way of a channel's packets into ffmpeg: a connection on this host that carries RTSP and RTP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::warn;

use super::dialogue::Dialogue;
use super::lines::Lines;
use crate::media::burst::{Burst, PacketKind};
use crate::media::ring::{Cursor, Taken};
use crate::net::listen::{Accepted, Listener, Permit, Permits};
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

    async fn serve_until_play(&mut self) -> io::Result<()> {
        while !self.dialogue.is_playing() {
            let message = self.next().await?;
            self.answer(&message).await?;
        }
        Ok(())
    }

    /// What ffmpeg says next. Cancel safe.
    async fn next(&mut self) -> io::Result<Message> {
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
    async fn answer(&mut self, message: &Message) -> io::Result<()> {
        let Message::Request(request) = message else {
            return Ok(());
        };
        let mut bytes = BytesMut::new();
        self.dialogue.answer(request).write(&mut bytes);
        self.writer.write_all(&bytes).await
    }
}

/// Why no more packets go into a process.
#[derive(Debug)]
pub(super) enum Fed {
    /// The channel has ended.
    All,
    /// What comes next is for a process that begins anew.
    UpToTurn,
    /// The process takes no more.
    UpToFault,
}

/// What a channel has at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Packets,
    Nothing,
    Turn,
    End,
}

/// A channel's packets on their way into one process after the other.
#[derive(Debug)]
pub(super) struct Feed {
    cursor: Cursor,
    /// A burst of which the packets from that one on have not gone out.
    left: Option<(Arc<Burst>, usize)>,
}

impl Feed {
    /// From `cursor` on.
    pub(super) fn new(cursor: Cursor) -> Self {
        Self { cursor, left: None }
    }

    /// Whether a packet of that track is there, or was not long ago.
    pub(super) fn has(&self, track: usize) -> bool {
        let left = self
            .left
            .iter()
            .flat_map(|(burst, from)| burst.packets().iter().skip(*from));
        let mut left = left.filter(|packet| packet.kind == PacketKind::Rtp);
        left.any(|packet| usize::from(packet.track) == track)
            || self.cursor.first_of(track).is_some()
    }

    /// Sends the packets of `lines` until the channel ends or turns.
    ///
    /// Counts the bytes in `fed`.
    pub(super) async fn run(
        &mut self,
        connection: &mut Connection,
        lines: &mut Lines,
        fed: &AtomicU64,
    ) -> Fed {
        let mut head = self.cursor.channel().head();
        let mut bytes = BytesMut::new();
        loop {
            head.borrow_and_update();
            let step = self.take(lines, &mut bytes);
            fed.fetch_add(bytes.len() as u64, Relaxed);
            if connection.writer.write_all(&bytes).await.is_err() {
                return Fed::UpToFault;
            }
            bytes.clear();
            match step {
                Step::Packets => continue,
                Step::Turn => return Fed::UpToTurn,
                Step::End => return Fed::All,
                Step::Nothing => {}
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() {
                    return Fed::All;
                },
                message = connection.next() => {
                    let Ok(message) = message else {
                        return Fed::UpToFault;
                    };
                    if connection.answer(&message).await.is_err() {
                        return Fed::UpToFault;
                    }
                }
            }
        }
    }

    /// Appends the next burst to `bytes`, as far as it is for this process.
    fn take(&mut self, lines: &mut Lines, bytes: &mut BytesMut) -> Step {
        if self.left.is_none() {
            let mut bursts = Vec::new();
            match self.cursor.take(&mut bursts, 1) {
                Taken::Bursts => self.left = bursts.pop().map(|burst| (burst, 0)),
                Taken::Nothing => return Step::Nothing,
                Taken::Missed(packets) => {
                    let path = self.cursor.channel().path();
                    warn!(%path, packets, "transcoding for HLS fell behind");
                    return Step::Turn;
                }
                Taken::Ended(_) => return Step::End,
            }
        }
        let Some((burst, from)) = self.left.take() else {
            return Step::Nothing;
        };
        for (index, packet) in burst.packets().iter().enumerate().skip(from) {
            if !lines.write(packet, burst.bytes_of(packet), bytes) {
                self.left = Some((burst, index));
                return Step::Turn;
            }
        }
        Step::Packets
    }
}
