//! A live channel as an endless stream, as players ask for it over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::container::ts::{Demux, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::clip::Clip;
use super::support::server::Server;

/// A request under way.
struct Playing {
    stream: TcpStream,
    head: String,
    /// What came of the body, still in its chunks.
    raw: Vec<u8>,
}

impl Playing {
    async fn ask(http: SocketAddr, request: &str) -> Self {
        let mut stream = TcpStream::connect(http).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut playing = Self {
            stream,
            head: String::new(),
            raw: Vec::new(),
        };
        let end = loop {
            playing.read().await;
            let end = playing.raw.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end;
            }
        };
        let body = playing.raw.split_off(end + 4);
        playing.head = String::from_utf8(playing.raw).unwrap().to_lowercase();
        playing.raw = body;
        playing
    }

    async fn get(http: SocketAddr, path: &str, headers: &str) -> Self {
        Self::ask(
            http,
            &format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n"),
        )
        .await
    }

    /// Reads some more; false at the end.
    async fn read(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.raw);
        let read = timeout(Duration::from_secs(10), read).await;
        read.expect("something comes in time").unwrap() > 0
    }

    /// The body, when it has at least `bytes`, or has ended.
    async fn body(&mut self, bytes: usize) -> (Vec<u8>, bool) {
        loop {
            let (body, is_whole) = unchunked(&self.raw);
            if body.len() >= bytes || is_whole || !self.read().await {
                return (body, is_whole);
            }
        }
    }

    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }
}

/// What the chunks hold (RFC 9112, 7.1), and whether the last one is there.
fn unchunked(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&raw[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let Some(chunk) = raw.get(end + 2..end + 2 + size) else {
            break;
        };
        body.extend_from_slice(chunk);
        if size == 0 {
            return (body, true);
        }
        raw = raw.get(end + 2 + size + 2..).unwrap_or_default();
    }
    (body, false)
}

fn start() -> (Server, tempfile::TempDir) {
    let movies = tempfile::tempdir().unwrap();
    (Server::start(movies.path(), |_| ()), movies)
}

#[tokio::test]
async fn a_channel_is_one_transport_stream_until_it_ends() {
    let (server, _movies) = start();
    let mut clip = Clip::publish(&server, "news/live");
    clip.send_until(5.0);
    let mut playing = Playing::get(server.http, "/news/live.ts", "").await;
    assert_eq!(playing.status(), 200, "{}", playing.head);
    for line in [
        "transfer-encoding: chunked",
        "content-type: video/mp2t",
        "cache-control: no-store",
    ] {
        assert!(playing.head.contains(line), "{}", playing.head);
    }
    clip.send_until(9.0);
    playing.body(1).await;
    server.wait_for_sessions(1).await;
    assert_eq!(server.sessions.list()[0].transport(), "stream");
    clip.send_until(12.0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    clip.stop();
    server.mounts.stop();
    let (body, is_whole) = playing.body(usize::MAX).await;
    assert!(is_whole, "the end of a channel is the end of the body");

    let (mut demux, mut events) = (Demux::new(None), Vec::new());
    demux.push(&body, &mut events);
    demux.finish(&mut events);
    assert_eq!(demux.counts().faults().iter().sum::<u64>(), 0);
    let units = |pid: u16| {
        let of_stream = |event: &&Event| matches!(event, Event::Unit(unit) if unit.pid == pid);
        events.iter().filter(of_stream).count()
    };
    // From the key frame that had two seconds behind it when the player came, at 2 s, to 12 s.
    assert_eq!(units(0x100), 250);
    assert!(units(0x101) > 50);
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn its_sound_comes_with_titles_for_those_who_ask() {
    let (server, _movies) = start();
    let mut clip = Clip::publish(&server, "live");
    let path = MediaPath::from_plain("live").unwrap();
    let channel = server.mounts.open(&path).unwrap();
    channel.set_title("Ann - Song");
    clip.send_until(3.0);
    let mut playing = Playing::get(server.http, "/live.aac", "Icy-MetaData: 1\r\n").await;
    for line in [
        "content-type: audio/aac",
        "icy-metaint: 16000",
        "icy-name: clip",
        "icy-br: ",
    ] {
        assert!(playing.head.contains(line), "{}", playing.head);
    }
    clip.send_until(12.0);
    let (body, _) = playing.body(16_100).await;
    assert_eq!(body[..2], [0xff, 0xf1]);
    assert_eq!(body[16_000], 2);
    assert_eq!(&body[16_001..][..26], b"StreamTitle='Ann - Song';\0");
    let plain = Playing::get(server.http, "/live.aac", "").await;
    assert!(!plain.head.contains("icy-metaint"), "{}", plain.head);
    // Players older than chunks get the bytes as they are.
    let request = "GET /live.aac HTTP/1.0\r\n\r\n";
    let mut old = Playing::ask(server.http, request).await;
    assert!(!old.head.contains("chunked"), "{}", old.head);
    while old.raw.is_empty() {
        assert!(old.read().await);
    }
    assert_eq!(old.raw[..2], [0xff, 0xf1]);
}

#[tokio::test]
async fn what_cannot_be_sent_in_this_form_is_refused() {
    let (server, movies) = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(3.0);
    for (path, status) in [("/live.mp3", 404), ("/none.ts", 404), ("/live.ogg", 404)] {
        let answer = Playing::get(server.http, path, "Connection: close\r\n").await;
        assert_eq!(answer.status(), status, "{path}");
    }
    let head = Playing::ask(server.http, "HEAD /live.ts HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(head.status(), 200);
    assert!(!head.head.contains("\ncontent-length:"), "{}", head.head);
    server.wait_for_sessions(0).await;
    std::fs::write(movies.path().join("live.ts"), b"a movie").unwrap();
    let movie = Playing::get(server.http, "/live.ts", "Connection: close\r\n").await;
    assert!(!movie.head.contains("chunked"), "{}", movie.head);
}

#[tokio::test]
async fn a_station_named_like_a_file_plays_by_its_own_name() {
    let (server, _movies) = start();
    let mut clip = Clip::publish(&server, "radio.aac");
    clip.send_until(3.0);
    let player = Playing::get(server.http, "/radio.aac", "").await;
    assert!(
        player.head.contains("content-type: audio/aac"),
        "{}",
        player.head
    );
    let browser = "Accept: text/html,*/*\r\nConnection: close\r\n";
    let page = Playing::get(server.http, "/radio.aac", browser).await;
    assert!(!page.head.contains("audio/aac"), "{}", page.head);
}
