//! The dialogue of RTSP with a reader of a live channel.

use std::path::Path;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::media::description::Description;
use tokio::time::Instant;

use crate::support::channel::{AUDIO, Encoder, Reader, SDP, VIDEO};
use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::movies::clips;
use crate::support::server::Server;

fn serve() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

fn url(server: &Server, name: &str) -> String {
    format!("rtsp://{}/{name}", server.address)
}

#[tokio::test]
async fn a_channel_is_described_by_both_its_names() {
    let server = serve();
    let _encoder = Encoder::start(&server, "tv/one", 100);
    let mut client = Client::connect(server.address).await;
    for name in ["tv/one", "tv/one.sdp"] {
        let url = url(&server, name);
        let answer = client.ask("DESCRIBE", &url, "").await;
        assert_eq!(status(&answer), 200, "{answer}");
        assert_eq!(header(&answer, "Cache-Control"), Some("no-cache"));
        assert_eq!(header(&answer, "Last-Modified"), None);
        assert_eq!(header(&answer, "Expires"), None);
        let base = format!("{url}/");
        assert_eq!(header(&answer, "Content-Base"), Some(base.as_str()));
        for line in [
            "c=IN IP4 0.0.0.0",
            "m=video 0 RTP/AVP 96",
            "a=fmtp:96 packetization-mode=1",
            "a=tool:encoder",
            &format!("a=control:{url}/trackID=1"),
            &format!("a=control:{url}/trackID=2"),
        ] {
            assert!(answer.lines().any(|one| one == line), "{line} in {answer}");
        }
    }
    let unchanged = "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n";
    let url = url(&server, "tv/one");
    assert_eq!(client.status_of("DESCRIBE", &url, unchanged).await, 200);
}

#[tokio::test]
async fn a_movie_comes_before_a_channel_of_its_name() {
    let server = Server::start(&clips(), |_| {});
    let _encoder = Encoder::start(&server, "clock.mp4", 100);
    let mut client = Client::connect(server.address).await;
    let answer = client.ask("DESCRIBE", &url(&server, "clock.mp4"), "").await;
    assert!(header(&answer, "Last-Modified").is_some(), "{answer}");
    assert!(!answer.contains("a=tool:encoder"));
}

#[tokio::test]
async fn a_folder_hides_no_channel_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("news")).unwrap();
    let server = Server::start(folder.path(), |_| {});
    let _encoder = Encoder::start(&server, "news", 100);
    let mut client = Client::connect(server.address).await;
    let url = url(&server, "news");
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 200);
}

#[tokio::test]
async fn a_reader_begins_at_the_newest_key_frame_and_is_told_so() {
    let server = serve();
    let mut encoder = Encoder::start(&server, "live", 65_530);
    for _ in 0..3 {
        encoder.key_picture();
        encoder.picture();
        encoder.sound();
        encoder.picture();
    }
    let transports = ["7-8", "201-200"].map(|pair| format!("RTP/AVP/TCP;interleaved={pair}"));
    let mut reader = Reader::open(&server, "live", [&transports[0], &transports[1]]).await;
    for index in [VIDEO, AUDIO] {
        let transport = header(&reader.set_up[index], "Transport").unwrap();
        let pair = transports[index].split(';').next_back().unwrap();
        assert!(transport.contains(pair), "{transport}");
        let ssrc = format!("ssrc={:08x}", encoder.channel().ssrc(index));
        assert!(transport.to_lowercase().contains(&ssrc), "{transport}");
    }
    let answer = reader.play().await;
    let mut wanted = vec![(7, VIDEO), (201, AUDIO)];
    while !wanted.is_empty() {
        let (channel, packet) = reader.client.frame().await;
        let Some(at) = wanted.iter().position(|(rtp, _)| *rtp == channel) else {
            continue;
        };
        let (_, index) = wanted.remove(at);
        let first = announced(&answer, &reader.controls[index]);
        assert_eq!(numbers(&packet), first, "{answer}");
        if index == VIDEO {
            assert_eq!(packet[12], 0x67, "the key picture's first packet");
        }
    }
    assert_eq!(reader.ask("TEARDOWN").await, 200);
    server.wait_for_sessions(0).await;
    assert_eq!(encoder.channel().readers(), 0);
}

#[tokio::test]
async fn sound_that_comes_late_does_not_hold_pictures_back() {
    let server = serve();
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    encoder.picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    let answer = reader.play().await;
    let first = announced(&answer, &reader.controls[VIDEO]);
    assert_eq!(numbers(&reader.packet(0).await), first);
    for count in 1..3 {
        let (sequence, _) = numbers(&reader.packet(0).await);
        assert_eq!(sequence, first.0.wrapping_add(count));
    }
    encoder.sound();
    assert_eq!(reader.packet(2).await[12..], [0, 16, 1, 0, 0x21]);
}

#[tokio::test]
async fn readers_begin_with_whatever_comes_next_where_that_is_configured() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.live.fast_start = false
    });
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    encoder.picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    let answer = reader.play().await;
    encoder.picture();
    let packet = reader.packet(0).await;
    assert_eq!(packet[12], 0x41, "the picture after PLAY");
    // The key picture's two packets and the picture after it went before.
    assert_eq!(numbers(&packet).0, 103);
    // Its time was not known yet.
    let info = header(&answer, "RTP-Info").unwrap();
    let told = format!("url={};seq=103", reader.controls[VIDEO]);
    assert!(info.split(',').any(|track| track == told), "{info}");
}

#[tokio::test]
async fn a_channel_has_no_past_and_no_other_speed() {
    let server = serve();
    let mut encoder = Encoder::start(&server, "live.sdp", 100);
    encoder.key_picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    let asked = "Range: npt=30-\r\nScale: 2\r\nSpeed: 4\r\n";
    let headers = format!("{asked}{}", reader.session);
    let answer = reader.client.ask("PLAY", &reader.url, &headers).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "Range"), Some("npt=now-"));
    assert_eq!(header(&answer, "Scale"), Some("1.00000"));
    assert_eq!(header(&answer, "Speed"), Some("1.00000"));
    let info = header(&answer, "RTP-Info").unwrap();
    let silent = format!(",url={}", reader.controls[AUDIO]);
    assert!(
        info.ends_with(&silent),
        "no packet of that track yet: {info}"
    );
    // A day and an hour as well: the present is all that there is.
    let headers = format!("Range: clock=20200101T000000Z-\r\n{}", reader.session);
    let answer = reader.client.ask("PLAY", &reader.url, &headers).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "Range"), Some("npt=now-"));
    // Asked once more it only goes on.
    let answer = reader.client.ask("PLAY", &reader.url, &headers).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "RTP-Info"), None);
}

#[tokio::test]
async fn a_paused_reader_gets_nothing_and_comes_back_to_the_present() {
    let server = serve();
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut reader = Reader::over_tcp(&server, "live").await;
    assert_eq!(reader.ask("PAUSE").await, 455, "nothing plays yet");
    reader.play().await;
    reader.packet(0).await;
    assert_eq!(reader.ask("PAUSE").await, 200);
    for _ in 0..3 {
        encoder.key_picture();
        encoder.sound();
    }
    for method in ["OPTIONS", "GET_PARAMETER"] {
        let request = format!("{method} {} RTSP/1.0\r\n{}\r\n", reader.url, reader.session);
        reader.client.send(request.as_bytes()).await;
        assert!(reader.client.is_answer_next().await, "media while paused");
        reader.client.answer().await;
    }
    let answer = reader.play().await;
    let first = announced(&answer, &reader.controls[VIDEO]);
    assert_eq!(numbers(&reader.packet(0).await), first);
    let newest = encoder.channel().next_sequence(VIDEO).unwrap();
    assert_eq!(
        newest.wrapping_sub(first.0),
        2,
        "both packets of a key picture"
    );
}

#[tokio::test]
async fn a_channel_on_demand_is_waited_for() {
    const PATIENCE: Duration = Duration::from_millis(300);
    let server = Server::start(Path::new("no movies"), |config| {
        config.live.describe_wait = PATIENCE;
    });
    let mut client = Client::connect(server.address).await;
    let url = url(&server, "camera");
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 404);
    let path = MediaPath::from_plain("camera").unwrap();
    let reservation = server.mounts.reserve(&path, "a camera".to_owned()).unwrap();
    let begun = Instant::now();
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 503);
    assert!(begun.elapsed() >= PATIENCE);
    assert_eq!(reservation.channel().readers(), 0);

    server.configure(|config| config.live.describe_wait = Duration::from_secs(5));
    let feeding = async {
        reservation.wanted().await;
        let description = Description::read(SDP.as_bytes()).unwrap();
        reservation.publish(description).unwrap()
    };
    let (_publisher, controls) = tokio::join!(feeding, client.controls(&url));
    assert_eq!(reservation.channel().readers(), 0, "nothing is set up");
    let transport = "Transport: RTP/AVP/TCP\r\n";
    let (_, session) = client.set_up(&controls[0], transport).await;
    assert_eq!(reservation.channel().readers(), 1);
    let aggregate = client.status_of("PLAY", &controls[0], &session).await;
    assert_eq!(aggregate, 200, "the only track that is set up");
    assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
    assert_eq!(reservation.channel().readers(), 0);
    drop(reservation);
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 404);
}

#[tokio::test]
async fn waiting_for_a_channel_holds_no_other_session_up() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.live.describe_wait = Duration::from_secs(30);
        config.rtsp.session_timeout = Duration::from_secs(1);
    });
    let encoder = Encoder::start(&server, "live", 100);
    let path = MediaPath::from_plain("camera").unwrap();
    let _reservation = server.mounts.reserve(&path, "a camera".to_owned()).unwrap();
    let mut waiting = Reader::over_tcp(&server, "live").await;
    let _silent = Reader::over_tcp(&server, "live").await;
    let (camera, session) = (url(&server, "camera"), &waiting.session);
    let request = format!("DESCRIBE {camera} RTSP/1.0\r\n{session}\r\n");
    waiting.client.send(request.as_bytes()).await;
    server.wait_for_sessions(1).await;
    assert_eq!(encoder.channel().readers(), 1);
}

#[tokio::test]
async fn what_a_channel_does_not_have_is_refused() {
    let server = serve();
    let _encoder = Encoder::start(&server, "live", 100);
    let url = url(&server, "live");
    let mut client = Client::connect(server.address).await;
    let tcp = "Transport: RTP/AVP/TCP\r\n";
    for (method, track, headers, answer) in [
        ("SETUP", "/trackID=3", tcp, 404),
        ("SETUP", "", tcp, 459),
        ("DESCRIBE", "/trackID=1", "", 460),
        (
            "SETUP",
            "/trackID=1",
            "Transport: RTP/SAVP;unicast\r\n",
            461,
        ),
        ("PLAY", "", "", 454),
    ] {
        let url = format!("{url}{track}");
        let status = client.status_of(method, &url, headers).await;
        assert_eq!(status, answer, "{method} {url}");
    }
}
