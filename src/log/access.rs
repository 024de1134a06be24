//! The access log: one line for each session, with the fields that QTSS wrote.
//!
//! Sessions hand over an [`Entry`] when they end; a thread of its own writes the
//! lines, so that a slow disk never holds a session up.

use std::fmt::{Display, Write};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use super::agent::Agent;
use super::roll::{Limits, RollingFile};
use super::stamp;

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
    /// `RTP` or `HLS`.
    pub protocol: &'static str,
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
    messages: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
}

/// The thread that writes the access log.
#[derive(Debug)]
pub struct Writer {
    log: AccessLog,
    thread: JoinHandle<()>,
}

/// How many entries may wait for the disk.
const QUEUE: usize = 4096;

#[derive(Debug)]
enum Message {
    Entry(Box<Entry>),
    Remark(&'static str, SystemTime),
    /// `None` closes the file.
    Limits(Option<Limits>, SystemTime),
    Close,
}

impl AccessLog {
    /// A log that keeps nothing.
    pub fn disabled() -> Self {
        Self {
            messages: None,
            dropped: Arc::default(),
        }
    }

    /// Logs a session. Never blocks: an entry that finds the queue full is dropped and counted.
    pub fn write(&self, entry: Entry) {
        if let Some(messages) = &self.messages
            && messages.try_send(Message::Entry(Box::new(entry))).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many entries were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits for room in the queue where there is none.
    fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            // It fails only after the writer is gone, and then nothing is left to log to.
            messages.send(message).ok();
        }
    }
}

impl Writer {
    /// Starts the thread that writes `folder/access.log`; without `limits` it writes nothing yet.
    ///
    /// # Errors
    /// What the file system says, or that there is no thread to be had.
    pub fn start(folder: PathBuf, limits: Option<Limits>, now: SystemTime) -> io::Result<Self> {
        let (messages, received) = sync_channel(QUEUE);
        let mut sink = Sink { folder, file: None };
        sink.limit(limits, now)?;
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || sink.run(&received))?;
        let log = AccessLog {
            messages: Some(messages),
            dropped: Arc::default(),
        };
        log.send(Message::Remark("STARTUP", now));
        Ok(Self { log, thread })
    }

    /// The way into the log.
    pub fn log(&self) -> AccessLog {
        self.log.clone()
    }

    /// Changes when the file rolls; `None` stops the writing.
    pub fn set_limits(&self, limits: Option<Limits>, now: SystemTime) {
        self.log.send(Message::Limits(limits, now));
    }

    /// Writes what waits, and ends the thread. Blocks until that is done.
    pub fn close(self, now: SystemTime) {
        self.log.send(Message::Remark("SHUTDOWN", now));
        self.log.send(Message::Close);
        if self.thread.join().is_err() {
            tracing::error!("the access log's thread has panicked");
        }
    }
}

/// The thread's side.
struct Sink {
    folder: PathBuf,
    file: Option<RollingFile>,
}

impl Sink {
    fn run(&mut self, messages: &Receiver<Message>) {
        let mut failing = false;
        while let Ok(message) = messages.recv() {
            let done = match message {
                Message::Entry(entry) => self.write(&line(&entry), entry.ended),
                Message::Remark(what, at) => self.write(&remark(what, at), at),
                Message::Limits(limits, at) => self.limit(limits, at),
                Message::Close => return,
            };
            if let Err(error) = &done
                && !failing
            {
                tracing::error!("access log: {error}");
            }
            failing = done.is_err();
        }
    }

    fn write(&mut self, line: &str, at: SystemTime) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write(line.as_bytes(), at),
            None => Ok(()),
        }
    }

    fn limit(&mut self, limits: Option<Limits>, at: SystemTime) -> io::Result<()> {
        match (limits, &mut self.file) {
            (Some(limits), Some(file)) => file.set_limits(limits),
            (Some(limits), None) => {
                let file = RollingFile::open(&self.folder, "access", limits, Some(header(at)), at)?;
                self.file = Some(file);
            }
            (None, _) => self.file = None,
        }
        Ok(())
    }
}

/// The fields that QTSS wrote, in its order.
const FIELDS: &str = "c-ip date time c-dns cs-uri-stem c-starttime x-duration c-rate c-status \
    c-playerid c-playerversion c-playerlanguage cs(User-Agent) c-os c-osversion c-cpu filelength \
    filesize avgbandwidth protocol transport audiocodec videocodec sc-bytes cs-bytes c-bytes \
    s-pkts-sent c-pkts-received c-pkts-lost-client c-buffercount c-totalbuffertime c-quality s-ip \
    s-dns s-totalclients s-cpu-util cs-uri-query c-username sc(Realm)";

fn header(now: SystemTime) -> String {
    format!(
        "#Software: Reelcast\n#Version: {}\n#Date: {}\n\
         #Remark: all time values are in GMT.\n#Fields: {FIELDS}\n",
        env!("CARGO_PKG_VERSION"),
        stamp::date_time(OffsetDateTime::from(now)),
    )
}

fn remark(what: &str, at: SystemTime) -> String {
    let date = stamp::date_time(stamp::local(at));
    format!("#Remark: Streaming beginning {what} {date}\n")
}

/// One line of the log.
fn line(entry: &Entry) -> String {
    let ended = OffsetDateTime::from(entry.ended);
    let agent = Agent::read(&entry.user_agent);
    let fields: [&dyn Display; 39] = [
        &entry.client,
        &stamp::date(ended),
        &stamp::time(ended),
        &entry.host,
        &entry.path,
        &entry.start_delay.map_or_else(String::new, seconds),
        &seconds(entry.duration),
        &1,
        &entry.status,
        &entry.client,
        &agent.version,
        &agent.language,
        &entry.user_agent,
        &agent.os,
        &agent.os_version,
        &agent.cpu,
        &seconds(entry.movie_duration),
        &entry.movie_size,
        &entry.bit_rate,
        &entry.protocol,
        &entry.transport,
        &entry.audio_codec,
        &entry.video_codec,
        &entry.bytes_sent,
        &entry.bytes_received,
        &entry.received_of(entry.bytes_sent),
        &entry.packets_sent,
        &entry.packets_sent.saturating_sub(entry.packets_lost),
        &entry.packets_lost,
        &1,
        &seconds(entry.buffer_time),
        &entry.received_of(100),
        &entry.server,
        &"",
        &entry.sessions,
        &"",
        &entry.query,
        &entry.user,
        &entry.realm,
    ];
    let mut line = String::with_capacity(400);
    for field in fields {
        put(&mut line, field);
    }
    line.push('\n');
    line
}

impl Entry {
    /// The part of `sent` that reached the client, by its share of packets.
    fn received_of(&self, sent: u64) -> u64 {
        let all = u128::from(self.packets_sent.max(1));
        let arrived = all.saturating_sub(u128::from(self.packets_lost));
        u64::try_from(u128::from(sent) * arrived / all).unwrap_or(sent)
    }
}

/// Whole seconds.
fn seconds(time: Duration) -> String {
    time.as_secs().to_string()
}

/// Appends a field; whatever could break the line or the field is percent-encoded.
fn put(line: &mut String, field: &dyn Display) {
    if !line.is_empty() {
        line.push(' ');
    }
    let value = field.to_string();
    if value.is_empty() {
        line.push('-');
    }
    for character in value.chars() {
        if character.is_control() || character.is_whitespace() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                write!(line, "%{byte:02X}").expect("a String takes everything");
            }
        } else {
            line.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn entry() -> Entry {
        Entry {
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            ended: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_262_400),
            host: "example.com:8554".to_owned(),
            path: "/news/a b.mov".to_owned(),
            query: String::new(),
            start_delay: Some(Duration::from_millis(3200)),
            duration: Duration::from_secs(60),
            status: 200,
            user_agent: "QTS (qtver=7.6;os=Mac 10.4\r\n;cpu=PPC;lang=en)".to_owned(),
            movie_duration: Duration::from_secs(57),
            movie_size: 2_000_000,
            bit_rate: 300_000,
            protocol: "RTP",
            transport: "UDP",
            audio_codec: "mpeg4-generic/44100/2".to_owned(),
            video_codec: "H264/90000".to_owned(),
            bytes_sent: 1_000_000,
            bytes_received: 900,
            packets_sent: 1000,
            packets_lost: 100,
            buffer_time: Duration::from_secs(3),
            server: Ipv4Addr::LOCALHOST.into(),
            sessions: 2,
            user: String::new(),
            realm: String::new(),
        }
    }

    #[test]
    fn a_line_has_a_value_for_each_field() {
        let line = line(&entry());
        assert_eq!(line.split_whitespace().count(), FIELDS.split(' ').count());
        assert_eq!(
            line,
            "192.0.2.7 2026-11-21 12:00:00 example.com:8554 /news/a%20b.mov 3 60 1 200 192.0.2.7 \
             7.6 en QTS%20(qtver=7.6;os=Mac%2010.4%0D%0A;cpu=PPC;lang=en) Mac%2010.4 - PPC 57 \
             2000000 300000 RTP UDP mpeg4-generic/44100/2 H264/90000 1000000 900 900000 1000 900 \
             100 1 3 90 127.0.0.1 - 2 - - - -\n"
        );
    }

    #[test]
    fn the_file_has_its_header_remarks_and_lines() {
        let folder = tempfile::tempdir().unwrap();
        let now = entry().ended;
        let writer = Writer::start(folder.path().to_owned(), Some(Limits::default()), now).unwrap();
        writer.log().write(entry());
        writer.set_limits(None, now);
        writer.log().write(entry());
        writer.set_limits(Some(Limits::default()), now);
        writer.close(now);
        let text = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 9, "{text}");
        assert!(lines[5].starts_with("#Fields: c-ip date "), "{text}");
        assert!(lines[6].starts_with("#Remark: Streaming beginning STARTUP 2026-11-21 "));
        assert!(lines[7].starts_with("192.0.2.7 "));
        assert!(lines[8].starts_with("#Remark: Streaming beginning SHUTDOWN "));
    }

    #[test]
    fn a_client_that_lost_more_than_was_sent_received_nothing() {
        let mut lossy = entry();
        lossy.packets_lost = 5000;
        assert_eq!(lossy.received_of(100), 0);
        lossy.packets_sent = 0;
        lossy.packets_lost = 0;
        assert_eq!(lossy.received_of(100), 100);
    }
}
