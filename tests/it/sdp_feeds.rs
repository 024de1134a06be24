//! Session descriptions in the movies folder, and the feeds that they tell of.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::support::channel::{Reader, VIDEO};
use crate::support::client::{Client, header, numbers, status};
use crate::support::server::Server;

/// How soon a file must be noticed.
const SOON: Duration = Duration::from_secs(2);

/// Two tracks of `host`, an address that no other test uses.
fn sdp(host: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=Test\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
         m=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n\
         m=audio 5006 RTP/AVP 0\r\n"
    )
}

/// A folder of files, and a server that serves it.
struct Setup {
    folder: tempfile::TempDir,
    server: Server,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), |_| {});
        Self { folder, server }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    async fn describe(&self, name: &str) -> String {
        let mut client = Client::connect(self.server.address).await;
        let url = format!("rtsp://{}/{name}", self.server.address);
        client.ask("DESCRIBE", &url, "").await
    }

    /// The first answer to DESCRIBE with that status, which must come soon.
    async fn answers(&self, name: &str, wanted: u16) -> String {
        let start = Instant::now();
        loop {
            let answer = self.describe(name).await;
            if status(&answer) == wanted {
                return answer;
            }
            assert!(start.elapsed() < SOON, "{name}: {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Who sends to a feed.
struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u16,
}

impl Sender {
    async fn to(address: &str) -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            to: address.parse().unwrap(),
            sequence: 7,
        }
    }

    /// Sends a picture of one packet that a decoder may start with; `mark` tells it from others.
    async fn picture(&mut self, mark: u8) {
        let mut packet = vec![0x80, 0x80 | 96];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 3000).to_be_bytes());
        packet.extend(self.to.port().to_be_bytes());
        packet.extend(self.socket.local_addr().unwrap().port().to_be_bytes());
        packet.extend([0x65, mark]);
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send_to(&packet, self.to).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_put_there_becomes_a_channel_and_goes_with_it() {
    let setup = Setup::new();
    setup.write("news/day.sdp", &sdp("127.9.0.1"));
    setup.answers("news/day", 200).await;
    let answer = setup.answers("news/day.sdp", 200).await;
    let base = format!("rtsp://{}/news/day.sdp", setup.server.address);
    for line in [
        "m=video 0 RTP/AVP 96",
        "c=IN IP4 0.0.0.0",
        &format!("a=control:{base}/trackID=1"),
    ] {
        assert!(answer.lines().any(|one| one == line), "{line} in {answer}");
    }
    let mut sender = Sender::to("127.9.0.1:5004").await;
    sender.picture(1).await;
    let mut reader = Reader::over_tcp(&setup.server, "news/day.sdp").await;
    reader.play().await;
    let mut packets = Vec::new();
    for mark in 2..5 {
        sender.picture(mark).await;
        packets.push(reader.packet(2 * VIDEO as u8).await);
    }
    let first = numbers(&packets[0]).0;
    for (packet, mark) in packets.iter().zip(1..) {
        assert_eq!(packet[12..], [0x65, mark]);
        assert_eq!(numbers(packet).0, first + u16::from(mark) - 1);
    }
    std::fs::remove_file(setup.file("news/day.sdp")).unwrap();
    setup.answers("news/day", 404).await;
    setup.server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn a_file_that_changes_is_read_anew() {
    let setup = Setup::new();
    setup.write("a.sdp", &sdp("127.9.1.1"));
    setup.answers("a", 200).await;
    setup.write("a.sdp", &sdp("127.9.1.1").replace("H264", "H265"));
    let start = Instant::now();
    while !setup.describe("a").await.contains("H265/90000") {
        assert!(start.elapsed() < SOON);
    }
    std::fs::rename(setup.file("a.sdp"), setup.file("b.sdp")).unwrap();
    setup.answers("b", 200).await;
    assert_eq!(status(&setup.describe("a").await), 404);
}

#[tokio::test]
async fn a_link_is_followed_to_its_target_also_when_that_changes() {
    let setup = Setup::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target.sdp");
    std::fs::write(&target, sdp("127.9.2.1")).unwrap();
    std::os::unix::fs::symlink(&target, setup.file("link.sdp")).unwrap();
    setup.answers("link", 200).await;
    std::fs::write(&target, "v=0\r\nnothing\r\n").unwrap();
    setup.answers("link", 415).await;
}

#[tokio::test]
async fn of_two_feeds_with_one_port_the_first_keeps_it_until_it_goes() {
    let setup = Setup::new();
    setup.write("first.sdp", &sdp("127.9.3.1"));
    setup.answers("first", 200).await;
    setup.write("second.sdp", &sdp("127.9.3.1"));
    let answer = setup.answers("second.sdp", 503).await;
    let reason = "127.9.3.1:5004 is taken by first.sdp\r\n";
    assert!(answer.ends_with(reason), "{answer}");
    assert_eq!(status(&setup.describe("second").await), 503);
    assert_eq!(status(&setup.describe("first").await), 200);
    std::fs::remove_file(setup.file("first.sdp")).unwrap();
    // Until it is tried again.
    tokio::time::sleep(SOON).await;
    setup.answers("second", 200).await;
}

#[tokio::test]
async fn what_describes_no_feed_is_answered_with_the_reason() {
    let setup = Setup::new();
    let outside = sdp("192.0.2.7");
    for (name, text, code, reason) in [
        (
            "rubbish.sdp",
            "rubbish",
            415,
            "this is no session description",
        ),
        (
            "nowhere.sdp",
            "v=0\r\nm=audio 5004 RTP/AVP 0\r\n",
            415,
            "track 1 has no address: there is no c= line for it",
        ),
        (
            "outside.sdp",
            &outside,
            503,
            "receiving at 192.0.2.7:5004: this host has no such address",
        ),
    ] {
        setup.write(name, text);
        let answer = setup.answers(name, code).await;
        assert_eq!(
            header(&answer, "Content-Type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(answer.ends_with(&format!("{reason}\r\n")), "{answer}");
        let plain = name.trim_end_matches(".sdp");
        assert_eq!(status(&setup.describe(plain).await), code);
    }
}

#[tokio::test]
async fn one_sender_feeds_and_others_are_ignored() {
    let setup = Setup::new();
    setup.write("a.sdp", &sdp("127.9.4.1"));
    setup.answers("a", 200).await;
    let mut reader = Reader::over_tcp(&setup.server, "a").await;
    reader.play().await;
    let mut own = Sender::to("127.9.4.1:5004").await;
    let mut other = Sender::to("127.9.4.1:5004").await;
    for mark in [1, 2] {
        own.picture(mark).await;
        assert_eq!(reader.packet(0).await[12..], [0x65, mark]);
        other.picture(99).await;
    }
}

#[tokio::test]
async fn a_feed_listens_to_those_that_its_filter_names() {
    let setup = Setup::new();
    let filter = "a=source-filter: incl IN IP4 * 127.0.0.2\r\n";
    setup.write(
        "a.sdp",
        &sdp("127.9.5.1").replace("t=0 0\r\n", &format!("t=0 0\r\n{filter}")),
    );
    setup.answers("a", 200).await;
    let mut reader = Reader::over_tcp(&setup.server, "a").await;
    reader.play().await;
    let mut stranger = Sender::to("127.9.5.1:5004").await;
    stranger.picture(99).await;
    let mut named = Sender {
        socket: UdpSocket::bind("127.0.0.2:0").await.unwrap(),
        ..Sender::to("127.9.5.1:5004").await
    };
    named.picture(1).await;
    assert_eq!(reader.packet(0).await[12..], [0x65, 1]);
}

#[tokio::test]
async fn a_movie_comes_before_a_feed_of_its_name() {
    let clips = crate::support::movies::clips();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(clips.join("clock.mp4"), folder.path().join("clock.mp4")).unwrap();
    let server = Server::start(Path::new(folder.path()), |_| {});
    let setup = Setup { folder, server };
    setup.write("clock.mp4.sdp", &sdp("127.9.6.1"));
    let answer = setup.answers("clock.mp4.sdp", 200).await;
    assert!(answer.contains("PCMU") || answer.contains("m=audio 0 RTP/AVP 0"));
    let answer = setup.describe("clock.mp4").await;
    assert!(header(&answer, "Last-Modified").is_some(), "{answer}");
}
