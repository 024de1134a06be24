//! The access log: one line for each session, with the fields that QTSS wrote.
//!
//! Sessions hand over an [`Entry`] when they end; a thread of its own writes the
//! lines, so that a slow disk never holds a session up.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

/// One session, as it stood when it ended; an empty text is logged as `-`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The client's address.
    pub client: IpAddr,
    /// When the session ended.
    pub ended: SystemTime,
    /// The host and port that the client asked for, from the request's URL.
    pub host: String,
    /// The path that the client asked for, as the URL spelled it, with its leading slash.
    pub path: String,
    /// The query of the URL.
    pub query: String,
    /// From the start of the session to its first packet; `None` if it never played.
    pub start_delay: Option<Duration>,
    /// How long the session lived.
    pub duration: Duration,
    /// The RTSP status that describes the end: 200 for a TEARDOWN, 504 for a lost client.
    pub status: u16,
    /// The client's User-Agent.
    pub user_agent: String,
    /// How long the movie is.
    pub movie_duration: Duration,
    /// How large the movie is, in bytes.
    pub movie_size: u64,
    /// The movie's mean bit rate, in bit/s.
    pub bit_rate: u64,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// The payload name of the audio, `mpeg4-generic/44100/2`.
    pub audio_codec: String,
    /// The payload name of the video, `H264/90000`.
    pub video_codec: String,
    /// Bytes of RTP and RTCP sent.
    pub bytes_sent: u64,
    /// Bytes of requests and RTCP received.
    pub bytes_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets that the client lost, by its receiver reports.
    pub packets_lost: u64,
    /// How many seconds the client was asked to buffer.
    pub buffer_time: Duration,
    /// The server's address that the client reached.
    pub server: IpAddr,
    /// Sessions at that time, this one included.
    pub sessions: u32,
    /// The name that the client authenticated with.
    pub user: String,
    /// The realm of that name.
    pub realm: String,
}

/// The way into the access log; clones share one file.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<SyncSender<Box<Entry>>>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// A log that keeps nothing.
    pub fn disabled() -> Self {
        Self {
            lines: None,
            dropped: Arc::default(),
        }
    }

    /// Logs a session. Never blocks: an entry that finds the queue full is dropped and counted.
    pub fn write(&self, entry: Entry) {
        if let Some(lines) = &self.lines
            && lines.try_send(Box::new(entry)).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many entries were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
