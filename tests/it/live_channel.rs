//! The life of a channel as its readers see it: publishers come back, stay away, or are others.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::log::access::AccessLog;
use reelcast::media::description::Description;
use reelcast::media::mounts::Takeover;
use tokio::time::{sleep, timeout};

use crate::support::channel::{Encoder, Reader};
use crate::support::client::{Client, numbers};
use crate::support::journal::Journal;
use crate::support::server::Server;
use crate::support::udp::is_bye;

const READERS: usize = 50;

fn serve(access_log: AccessLog) -> Server {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Server::start_at(local, Path::new("no movies"), access_log, |_| {})
}

#[tokio::test]
async fn fifty_readers_go_on_when_their_publisher_returns() {
    let server = serve(AccessLog::disabled());
    let mut encoder = Encoder::start(&server, "live", 65_534);
    encoder.key_picture();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Reader::over_tcp(&server, "live").await;
        reader.play().await;
        readers.push(reader);
    }
    encoder.picture();
    drop(encoder);
    let mut encoder = Encoder::start(&server, "live", 20_000);
    encoder.key_picture();
    encoder.picture();
    for reader in &mut readers {
        let mut before = numbers(&reader.packet(0).await);
        let mut kinds = Vec::new();
        for _ in 1..6 {
            let packet = reader.packet(0).await;
            let now = numbers(&packet);
            assert_eq!(now.0, before.0.wrapping_add(1), "sequence numbers go on");
            assert!(now.1.wrapping_sub(before.1) < 1 << 31, "time goes on");
            kinds.push(packet[12]);
            before = now;
        }
        assert_eq!(kinds, [0x65, 0x41, 0x67, 0x65, 0x41]);
    }
    assert_eq!(server.sessions.len(), READERS);
}

#[tokio::test]
async fn readers_are_told_when_a_channel_is_over() {
    let journal = Journal::start();
    let server = serve(journal.log());
    let mut encoder = Encoder::start(&server, "news/live", 100);
    encoder.key_picture();
    encoder.sound();
    let mut playing = Reader::over_tcp(&server, "news/live.sdp").await;
    playing.play().await;
    let mut paused = Reader::over_tcp(&server, "news/live").await;
    drop(encoder);
    server.give_up();
    for rtcp in [1, 3] {
        while !is_bye(&playing.packet(rtcp).await) {}
    }
    server.wait_for_sessions(0).await;
    for reader in [&mut playing, &mut paused] {
        assert_eq!(reader.ask("PLAY").await, 454);
        let url = reader.url.clone();
        assert_eq!(reader.client.status_of("DESCRIBE", &url, "").await, 404);
    }
    drop(server);
    let lines = journal.close();
    let stems = lines.values("cs-uri-stem");
    let at = stems.iter().position(|stem| *stem == "/news/live.sdp");
    let value = |name| lines.values(name)[at.unwrap()];
    for (name, expected) in [
        ("c-status", "500"),
        ("transport", "TCP"),
        ("audiocodec", "mpeg4-generic/44100/2"),
        ("videocodec", "H264/90000"),
        ("s-pkts-sent", "3"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
}

#[tokio::test]
async fn other_tracks_make_another_channel() {
    let server = serve(AccessLog::disabled());
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    reader.play().await;
    let sdp = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";
    let path = MediaPath::from_plain("live").unwrap();
    let description = Description::read(sdp).unwrap();
    let origin = "another".to_owned();
    let replace = Takeover::Replace;
    let _publisher = server.mounts.publish(&path, description, origin, replace);
    while !is_bye(&reader.packet(1).await) {}
    server.wait_for_sessions(0).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.controls(&reader.url).await.len(), 1);
}

#[tokio::test]
async fn a_session_that_set_up_a_former_channel_cannot_go_on() {
    let server = serve(AccessLog::disabled());
    let encoder = Encoder::start(&server, "live", 100);
    let mut reader = Reader::over_tcp(&server, "live").await;
    drop(encoder);
    server.give_up();
    let _encoder = Encoder::start(&server, "live", 100);
    let answer = reader.ask("PLAY").await;
    assert!([404, 454].contains(&answer), "{answer}");
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn connections_that_carry_nothing_else_end_with_their_channel() {
    let server = serve(AccessLog::disabled());
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut other = Encoder::start(&server, "other", 100);
    other.key_picture();
    let mut leaving = Reader::over_tcp(&server, "live").await;
    let mut polite = Reader::over_tcp(&server, "live").await;
    let mut staying = Reader::over_tcp(&server, "live").await;
    leaving.play().await;
    polite.play().await;
    let transport = "Transport: RTP/AVP/TCP;interleaved=4-5\r\n";
    let track = format!("rtsp://{}/other/trackID=1", server.address);
    staying.client.set_up(&track, transport).await;
    drop(encoder);
    server.give_up();
    // Players that say goodbye, as GStreamer does, are listened to.
    while !is_bye(&polite.packet(1).await) {}
    assert_eq!(polite.ask("PAUSE").await, 200);
    assert_eq!(polite.ask("TEARDOWN").await, 200);
    server.wait_for_sessions(1).await;
    leaving.client.rest().await;
    assert_eq!(staying.client.status_of("OPTIONS", "*", "").await, 200);
    assert_eq!(polite.client.status_of("OPTIONS", "*", "").await, 200);
}

#[tokio::test]
async fn who_keeps_asking_after_its_channel_ended_is_disconnected_too() {
    let server = serve(AccessLog::disabled());
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    reader.play().await;
    drop(encoder);
    server.give_up();
    let question = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n";
    let disconnected = async {
        while reader.client.try_send(question).await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), disconnected)
        .await
        .unwrap();
}
