//! Publishing by RTSP, in all ways that it has, and what readers get of it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reelcast::base::path::MediaPath;
use reelcast::media::channel::State;
use tokio::time::{Duration, sleep, timeout};

use crate::support::client::{Client, header, numbers, status};
use crate::support::publisher::{Publisher, SDP, announce, frame, picture, rtp, sound};
use crate::support::server::Server;

fn serve() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

/// A reader of both tracks: RTP of track `n` on channel `2n`.
struct Reader {
    client: Client,
}

impl Reader {
    async fn join(server: &Server, name: &str) -> Self {
        let url = format!("rtsp://{}/{name}", server.address);
        let mut client = Client::connect(server.address).await;
        let mut session = String::new();
        for control in client.controls(&url).await {
            let headers = format!("Transport: RTP/AVP/TCP;unicast\r\n{session}");
            (_, session) = client.set_up(&control, &headers).await;
        }
        assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
        Self { client }
    }

    /// The next RTP packet of a track.
    async fn packet(&mut self, track: u8) -> Vec<u8> {
        loop {
            let (channel, packet) = self.client.frame().await;
            if channel == 2 * track {
                return packet;
            }
        }
    }
}

/// Waits until the channel has a publisher, or none.
async fn wait_for(server: &Server, name: &str, live: bool) {
    let path = MediaPath::from_plain(name).unwrap();
    let reached = async {
        let is_live = || {
            let channel = server.mounts.open(&path);
            channel.is_some_and(|channel| matches!(channel.state(), State::Live))
        };
        while is_live() != live {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), reached).await.unwrap();
}

#[tokio::test]
async fn what_is_sent_in_frames_arrives_bit_by_bit() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live/x.sdp").await;
    let mut reader = Reader::join(&server, "live/x").await;
    let mut before = None;
    for number in 65_530u16..=u16::MAX {
        publisher.send(0, &picture(number, 1200)).await;
        publisher.send(1, &sound(number)).await;
        let packet = reader.packet(0).await;
        assert_eq!(packet[12..], picture(number, 1200)[12..]);
        let (sequence, time) = numbers(&packet);
        if let Some((last, at)) = before {
            assert_eq!((sequence.wrapping_sub(last), time - at), (1, 3000));
        }
        before = Some((sequence, time));
        assert_eq!(reader.packet(1).await[12..], sound(number)[12..]);
    }
    publisher.tear_down().await;
    wait_for(&server, "live/x", false).await;
}

#[tokio::test]
async fn a_thousand_frames_in_one_write_all_arrive() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    let frames: Vec<u8> = (0..1000)
        .flat_map(|number| frame(0, &picture(number, 300)))
        .collect();
    publisher.client.send(&frames).await;
    for number in 0..1000 {
        assert_eq!(reader.packet(0).await[12..], picture(number, 300)[12..]);
    }
}

#[tokio::test]
async fn datagrams_are_put_in_order_and_come_once() {
    let server = serve();
    let mut publisher = Publisher::over_udp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    for number in [1, 2, 4, 3, 3, 5, 2] {
        publisher.send(0, &picture(number, 1200)).await;
        publisher.send(1, &sound(number)).await;
    }
    for number in 1..=5 {
        assert_eq!(reader.packet(0).await[12..], picture(number, 1200)[12..]);
    }
    for number in 1..=5 {
        assert_eq!(reader.packet(1).await[12..], sound(number)[12..]);
    }
    server.wait_for_sessions(2).await;
    let publishing = &server.sessions.list()[0];
    assert_eq!(publishing.transport(), "udp");
    assert_eq!(publishing.counters().snapshot().received_packets, 14);
}

#[tokio::test]
async fn publishers_over_udp_are_told_how_they_are_received() {
    let server = serve();
    let mut publisher = Publisher::over_udp(server.address, "live").await;
    for number in [1, 2, 4, 5] {
        publisher.send(0, &picture(number, 100)).await;
    }
    let mut report = [0; 100];
    let receiving = publisher.udp[0].1.recv(&mut report);
    let length = timeout(Duration::from_secs(10), receiving).await.unwrap();
    assert!(length.unwrap() > 32);
    assert_eq!(report[..2], [0x81, 201], "a receiver report with one block");
    assert_eq!(report[8..12], 0x1234_5678u32.to_be_bytes());
    assert_eq!(report[12..16], [51, 0, 0, 1], "one of five is lost");
}

#[tokio::test]
async fn a_tunnel_carries_a_publisher() {
    let server = serve();
    let (mut get, mut post) = (
        Client::connect(server.address).await,
        Client::connect(server.address).await,
    );
    for (half, method) in [(&mut get, "GET"), (&mut post, "POST")] {
        let head = format!(
            "{method} /x HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\n"
        );
        half.send(head.as_bytes()).await;
    }
    assert_eq!(status(&get.answer().await), 200);
    let url = format!("rtsp://{}/live.sdp", server.address);
    let length = SDP.len();
    let requests = [
        format!("ANNOUNCE {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: {length}\r\n\r\n{SDP}"),
        format!(
            "SETUP {url}/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n\r\n"
        ),
        format!("RECORD {url} RTSP/1.0\r\nCSeq: 3\r\n\r\n"),
    ];
    for request in requests {
        post.send(STANDARD.encode(request).as_bytes()).await;
        let answer = get.answer().await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let mut reader = Reader::join(&server, "live").await;
    let bytes = frame(0, &picture(7, 1000));
    post.send(STANDARD.encode(bytes).as_bytes()).await;
    assert_eq!(reader.packet(0).await[12..], picture(7, 1000)[12..]);
    let facts = server.sessions.list();
    assert_eq!(facts[0].transport(), "http");
}

/// PLAY for RECORD, no session in the requests, no mode, trackIDs that nobody announced.
#[tokio::test]
async fn broadcasters_of_the_qtss_era_are_understood() {
    let server = serve();
    let mut client = Client::connect(server.address).await;
    let url = format!("rtsp://{}/radio.sdp", server.address);
    let sdp = "v=0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n";
    assert_eq!(status(&announce(&mut client, &url, sdp).await), 200);
    for (track, mode) in [(1, ""), (2, ";mode=\"RECORD\"")] {
        let control = format!("{url}/trackID={track}");
        let transport = format!("Transport: RTP/AVP/TCP;unicast{mode}\r\n");
        let answer = client.ask("SETUP", &control, &transport).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let answer = client.ask("PLAY", &url, "Range: npt=0.0-\r\n").await;
    let info = format!("url={url}/trackID=1,url={url}/trackID=2");
    assert_eq!(header(&answer, "RTP-Info"), Some(info.as_str()));
    let mut reader = Reader::join(&server, "radio").await;
    client.send(&frame(2, &sound(9))).await;
    assert_eq!(reader.packet(1).await[12..], sound(9)[12..]);
    assert_eq!(client.status_of("TEARDOWN", &url, "").await, 200);
    wait_for(&server, "radio", false).await;
}

#[tokio::test]
async fn readers_go_on_when_the_publisher_comes_back() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    publisher.send(0, &picture(100, 500)).await;
    let (last, _) = numbers(&reader.packet(0).await);
    drop(publisher);
    wait_for(&server, "live", false).await;
    let mut publisher = Publisher::over_udp(server.address, "live.sdp").await;
    publisher.send(0, &picture(40_000, 500)).await;
    let packet = reader.packet(0).await;
    assert_eq!(numbers(&packet).0, last.wrapping_add(1));
    assert_eq!(packet[12..], picture(40_000, 500)[12..]);
}

#[tokio::test]
async fn a_second_publisher_is_refused() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    let mut second = Client::connect(server.address).await;
    let url = format!("rtsp://{}/live.sdp", server.address);
    let answer = announce(&mut second, &url, SDP).await;
    assert_eq!(status(&answer), 412, "{answer}");
    assert!(answer.contains("announce from 127.0.0.1:"), "{answer}");
    let mut reader = Reader::join(&server, "live").await;
    publisher.send(0, &picture(1, 500)).await;
    reader.packet(0).await;
}

#[tokio::test]
async fn a_second_publisher_takes_over_where_that_is_configured() {
    let server = Server::start(Path::new("no movies"), |config| config.live.takeover = true);
    let mut first = Publisher::over_tcp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    first.send(0, &picture(1, 500)).await;
    let (before, _) = numbers(&reader.packet(0).await);
    let mut second = Publisher::over_tcp(server.address, "live").await;
    second.send(0, &picture(900, 500)).await;
    let (after, _) = numbers(&reader.packet(0).await);
    assert_eq!(after, before.wrapping_add(1));
    first.client.rest().await;
}

#[tokio::test]
async fn new_parameters_reach_readers_that_come_and_those_that_are_there_go_on() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    let changed = SDP.replace(
        "a=rtpmap:96 H264/90000\r\n",
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=64001f\r\n",
    );
    let url = publisher.url.clone();
    let answer = announce(&mut publisher.client, &url, &changed).await;
    assert_eq!(status(&answer), 200, "{answer}");
    publisher.send(0, &picture(1, 500)).await;
    reader.packet(0).await;
    let answer = reader.client.ask("DESCRIBE", &url, "").await;
    assert!(answer.contains("profile-level-id=64001f"), "{answer}");
    let other = SDP.replace("H264", "H265");
    let answer = announce(&mut publisher.client, &url, &other).await;
    assert_eq!(status(&answer), 455, "{answer}");
}

#[tokio::test]
async fn a_source_that_changes_for_good_goes_on_in_the_channel() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    let mut reader = Reader::join(&server, "live").await;
    publisher.send(0, &picture(1, 500)).await;
    let (before, _) = numbers(&reader.packet(0).await);
    for number in 500..504u16 {
        let mut packet = rtp(96, true, number, 7, 0xdead_beef);
        packet.push(0x65);
        publisher.send(0, &packet).await;
    }
    let (after, _) = numbers(&reader.packet(0).await);
    assert_eq!(after, before.wrapping_add(1));
}
