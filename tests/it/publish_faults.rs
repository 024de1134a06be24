//! Publishers that send nonsense, too much or nothing: each is told or ended, and readers see no gap.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::media::channel::Channel;
use reelcast::media::mounts::Limits;
use reelcast::media::publisher::Malformed;
use tokio::time::Instant;

use crate::support::client::{Client, header, status};
use crate::support::publisher::{Publisher, SDP, announce, frame, picture, rtp, sound};
use crate::support::server::Server;
use crate::support::sources::eventually;

fn serve() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

fn channel(server: &Server) -> Arc<Channel> {
    channel_of(server, "live")
}

fn channel_of(server: &Server, name: &str) -> Arc<Channel> {
    let path = MediaPath::from_plain(name).unwrap();
    server.mounts.open(&path).expect("the channel")
}

fn refused(channel: &Channel, reason: Malformed) -> u64 {
    let counts = channel.stats().snapshot();
    let mut counts = counts.malformed();
    counts.find(|(found, _)| *found == reason).unwrap().1
}

/// Returns when the server has taken what `publisher` sent before.
async fn settle(publisher: &mut Publisher) {
    let url = publisher.url.clone();
    let session = publisher.session.clone();
    let alive = publisher.client.status_of("GET_PARAMETER", &url, &session);
    assert_eq!(alive.await, 200);
}

#[tokio::test]
async fn descriptions_that_make_no_channel_are_refused_with_the_reason() {
    let server = serve();
    let url = format!("rtsp://{}/live", server.address);
    let track = "m=audio 0 RTP/AVP 0\r\n";
    for (sdp, refused, reason) in [
        (
            "garbage\0\u{fffd}".to_owned(),
            400,
            "no session description",
        ),
        (
            "v=0\r\no=- 1 1 IN IP4 h\r\ns=x\r\nt=0 0\r\n".to_owned(),
            400,
            "no media",
        ),
        (
            format!("v=0\r\n{}", track.repeat(300)),
            400,
            "more than 32 tracks",
        ),
        (
            "v=0\r\nm=video 0 RTP/SAVP 96\r\n".to_owned(),
            400,
            "RTP/SAVP",
        ),
        (
            format!("v=0\r\n{track}a=x:{}\r\n", "x".repeat(70_000)),
            413,
            "longer than",
        ),
        (String::new(), 400, "without a description"),
    ] {
        let mut client = Client::connect(server.address).await;
        let answer = announce(&mut client, &url, &sdp).await;
        assert_eq!(status(&answer), refused, "{answer}");
        assert!(answer.contains(reason), "{reason} in {answer}");
        assert_eq!(client.status_of("OPTIONS", "*", "").await, 200);
    }
    assert!(server.mounts.list().is_empty() && server.sessions.is_empty());
}

/// The answer comes before the description has been sent, and nothing of it is kept.
#[tokio::test]
async fn ten_megabytes_are_refused_unread() {
    let server = serve();
    let mut client = Client::connect(server.address).await;
    let request = "ANNOUNCE /live RTSP/1.0\r\nCSeq: 4\r\nContent-Type: application/sdp\r\nContent-Length: 10000000\r\n\r\nv=0\r\n";
    client.send(request.as_bytes()).await;
    let answer = client.answer().await;
    assert_eq!(status(&answer), 413);
    assert_eq!(header(&answer, "CSeq"), Some("4"));
    client.rest().await;
}

#[tokio::test]
async fn an_announcement_never_touches_files_nor_hides_a_movie() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.mov"), b"no movie, but a file").unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    let server = Server::start(folder.path(), |_| {});
    let mut client = Client::connect(server.address).await;
    for (name, expected) in [
        ("a.mov", 405),
        ("a.mov.sdp", 405),
        ("b", 405),
        ("", 403),
        (".hidden", 403),
        ("b/.hidden.sdp", 403),
        ("../a", 404),
        ("b/new.mov", 200),
    ] {
        let url = format!("rtsp://{}/{name}", server.address);
        let answer = announce(&mut client, &url, SDP).await;
        assert_eq!(status(&answer), expected, "{name}: {answer}");
        if expected == 405 {
            assert!(!header(&answer, "Allow").unwrap().contains("ANNOUNCE"));
        }
    }
    let files = fs::read_dir(folder.path()).unwrap().count();
    let below = fs::read_dir(folder.path().join("b")).unwrap().count();
    assert_eq!((files, below), (2, 0));
}

#[tokio::test]
async fn packets_that_do_not_fit_are_counted_and_hurt_nobody() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    publisher.send(0, &picture(1, 100)).await;
    publisher.send(0, b"no RTP").await;
    publisher.send(0, &rtp(97, true, 2, 0, 1)).await;
    publisher.send(1, &rtp(96, true, 2, 0, 1)).await;
    publisher.client.send(&frame(1, b"no RTCP")).await;
    publisher.client.send(&frame(77, &picture(2, 100))).await;
    publisher.send(0, &picture(2, 65_000)).await;
    publisher.send(1, &sound(1)).await;
    settle(&mut publisher).await;
    let channel = channel(&server);
    assert_eq!(refused(&channel, Malformed::NotRtp), 1);
    assert_eq!(refused(&channel, Malformed::NotRtcp), 1);
    assert_eq!(refused(&channel, Malformed::PayloadType), 2);
    let counts = channel.stats().snapshot();
    assert_eq!((counts.packets, counts.lost), (3, 0));
}

#[tokio::test]
async fn a_publisher_that_floods_is_held_to_the_limit() {
    let server = serve();
    server.mounts.configure(Limits {
        flood: 1_000_000,
        ..Limits::default()
    });
    for mut publisher in [
        Publisher::over_tcp(server.address, "live").await,
        Publisher::over_udp(server.address, "udp").await,
    ] {
        let begun = Instant::now();
        for number in 0..1000 {
            publisher.send(0, &picture(number, 1000)).await;
        }
        settle(&mut publisher).await;
        let name = publisher.url.rsplit('/').next().unwrap();
        let channel = channel_of(&server, name);
        // Datagrams may be under way still, and the system may have dropped some.
        eventually(name, || refused(&channel, Malformed::Flood) > 100).await;
        let seconds = begun.elapsed().as_secs() + 1;
        let bytes = channel.stats().snapshot().bytes;
        assert!(bytes < 130_000 * seconds, "{name}: {bytes} in {seconds} s");
    }
}

#[tokio::test]
async fn a_publisher_that_sends_nothing_is_ended_though_it_keeps_asking() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.rtsp.session_timeout = Duration::from_secs(1);
    });
    for ended in [1, 2] {
        let mut publisher = match ended {
            1 => Publisher::over_tcp(server.address, "live").await,
            _ => Publisher::over_udp(server.address, "live").await,
        };
        let url = publisher.url.clone();
        let session = publisher.session.clone();
        let asking = async {
            loop {
                let request = format!("GET_PARAMETER {url} RTSP/1.0\r\nCSeq: 7\r\n{session}\r\n");
                publisher.client.send(request.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = server.wait_for_sessions(0) => {}
            () = asking => {}
        }
        publisher.client.rest().await;
        let silent = server.count("sessions_ended_total{reason=\"silent\"}");
        assert_eq!(silent, ended);
    }
    assert!(
        channel(&server).ended().is_none(),
        "it waits for the next publisher"
    );
}

/// Announced alone, set up, and paused after a while; each asks on in its own words.
#[tokio::test]
async fn a_publisher_that_does_not_record_is_ended_though_it_keeps_asking() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.live.record_wait = Duration::from_secs(1);
    });
    let announced = Publisher::announce(server.address, "live").await;
    let mut ready = Publisher::announce(server.address, "live").await;
    ready
        .set_up(0, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
        .await;
    let mut paused = Publisher::over_udp(server.address, "live").await;
    let pause = paused
        .client
        .status_of("PAUSE", &paused.url, &paused.session);
    assert_eq!(pause.await, 200);
    let recording = Publisher::over_tcp(server.address, "another").await;
    let asking = [
        ask_on(announced, "OPTIONS"),
        ask_on(ready, "GET_PARAMETER"),
        ask_on(paused, "SET_PARAMETER"),
    ];
    futures::future::join_all(asking).await;
    assert_eq!(
        server.count("sessions_ended_total{reason=\"not_recorded\"}"),
        3
    );
    assert_eq!(server.sessions.len(), 1, "who records stays");
    recording.tear_down().await;
}

/// Returns when the server has closed the connection.
async fn ask_on(mut publisher: Publisher, method: &str) {
    let (url, session) = (&publisher.url, &publisher.session);
    let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{session}\r\n");
    while publisher.client.try_send(request.as_bytes()).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_publisher_over_udp_that_hangs_up_leaves_its_channel_at_once() {
    let server = serve();
    let publisher = Publisher::over_udp(server.address, "live").await;
    drop(publisher);
    server.wait_for_sessions(0).await;
    Publisher::over_udp(server.address, "live").await;
}

#[tokio::test]
async fn one_channel_too_many_is_refused_with_the_reason() {
    let server = serve();
    server.mounts.configure(Limits {
        channels: 1,
        ..Limits::default()
    });
    let _publisher = Publisher::over_tcp(server.address, "live").await;
    let mut client = Client::connect(server.address).await;
    let url = format!("rtsp://{}/another", server.address);
    let answer = announce(&mut client, &url, SDP).await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(answer.contains("the limit of 1 channels"), "{answer}");
}
