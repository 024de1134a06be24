//! Raw RTSP dialogues with a service in the test's own process.

use std::time::Duration;

use crate::support::client::{Client, header, status};
use crate::support::movies::clips;
use crate::support::server::Server;

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=8-9\r\n";

fn start() -> (Server, String) {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock-hinted.mov", server.address);
    (server, url)
}

#[tokio::test]
async fn each_fault_has_its_status() {
    let (server, url) = start();
    let mut client = Client::connect(server.address).await;
    let at = |path: &str| format!("rtsp://{}/{path}", server.address);
    for (method, url, headers, expected) in [
        ("DESCRIBE", at("nothing.mov"), "", 404),
        ("DESCRIBE", at("%2e%2e/Cargo.toml"), "", 404),
        ("DESCRIBE", at("README.md"), "", 415),
        ("DESCRIBE", format!("{url}/trackID=1"), "", 460),
        ("SETUP", url.clone(), TRANSPORT, 459),
        ("SETUP", format!("{url}/trackID=99"), TRANSPORT, 404),
        ("SETUP", url.clone(), "", 400),
        ("PLAY", url.clone(), "Session: 1\r\n", 454),
        ("ANNOUNCE", url.clone(), "", 400),
        ("OPTIONS", url.clone(), "Require: a\r\n", 551),
        ("DESCRIBE", at("../Cargo.toml"), "", 404),
        ("DESCRIBE", at("a/%2e%2e/%2e%2e/Cargo.toml"), "", 404),
        ("DESCRIBE", at("..%2fCargo.toml"), "", 404),
        ("DESCRIBE", at("clock.mp4%00.mov"), "", 404),
        ("DESCRIBE", url.clone(), "Accept: text/plain\r\n", 406),
        ("SETUP", at("nothing.mov/trackID=1"), TRANSPORT, 404),
        ("PLAY", url.clone(), "", 454),
        ("PAUSE", url.clone(), "", 454),
        ("RECORD", url.clone(), "", 455),
        ("FROBNICATE", url.clone(), "", 501),
    ] {
        let answer = client.ask(method, &url, headers).await;
        assert_eq!(status(&answer), expected, "{method} {url}: {answer}");
        assert_eq!(header(&answer, "CSeq"), Some("7"));
    }
    let track = client.controls(&url).await.remove(0);
    let multicast = "Transport: RTP/AVP;multicast\r\n";
    assert_eq!(client.status_of("SETUP", &track, multicast).await, 461);
    let elsewhere = "Transport: RTP/AVP;client_port=4000-4001;destination=192.0.2.1\r\n";
    assert_eq!(client.status_of("SETUP", &track, elsewhere).await, 462);
    client
        .send(format!("OPTIONS {url} RTSP/2.0\r\nCSeq: 7\r\n\r\n").as_bytes())
        .await;
    let answer = client.answer().await;
    assert_eq!((status(&answer), header(&answer, "CSeq")), (505, Some("7")));
}

#[tokio::test]
async fn each_fault_within_a_session_has_its_status() {
    let (server, url) = start();
    let mut client = Client::connect(server.address).await;
    let controls = client.controls(&url).await;
    let (_, session) = client.set_up(&controls[0], TRANSPORT).await;
    let other = format!("rtsp://{}/clock.mp4", server.address);
    let with = |more: &str| format!("{session}{more}");
    for (method, url, headers, expected) in [
        ("PAUSE", &url, with(""), 455),
        ("PLAY", &other, with(""), 404),
        ("SETUP", &format!("{other}/trackID=1"), with(TRANSPORT), 459),
        ("PLAY", &url, with("Range: npt=100-\r\n"), 457),
        ("PLAY", &url, with("Range: npt=5-3\r\n"), 457),
        (
            "PLAY",
            &url,
            with("Range: clock=20260101T000000Z-\r\n"),
            457,
        ),
        ("PLAY", &url, with("Range: bananas\r\n"), 400),
        ("PLAY", &url, with("Scale: much\r\n"), 400),
        ("PLAY", &url, with("Range: npt=0-\r\n"), 200),
        ("SETUP", &controls[1], with(TRANSPORT), 455),
    ] {
        let answer = client.ask(method, url, &headers).await;
        assert_eq!(status(&answer), expected, "{method} {headers}: {answer}");
        assert_eq!(header(&answer, "CSeq"), Some("7"));
    }
    let parameters = "Content-Type: text/parameters\r\nContent-Length: 8\r\n\r\nvolume\r\n";
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 8\r\n{session}{parameters}");
        client.send(request.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!((status(&answer), header(&answer, "CSeq")), (451, Some("8")));
        assert!(answer.ends_with("\r\n\r\nvolume\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_without_end_ends_the_connection() {
    let (server, url) = start();
    let mut client = Client::connect(server.address).await;
    let head = format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 7\r\n");
    client.send(head.as_bytes()).await;
    let field = format!("X: {}\r\n", "x".repeat(1000));
    client.send(field.repeat(70).as_bytes()).await;
    assert_eq!(status(&client.answer().await), 413);
    assert_eq!(client.rest().await, "");
    let mut other = Client::connect(server.address).await;
    assert_eq!(other.status_of("OPTIONS", &url, "").await, 200);
}

#[tokio::test]
async fn a_reference_movie_leads_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let text = "rtsptext\r\nrtsp://elsewhere.example/a.mov\r\n";
    std::fs::write(folder.path().join("there.mov"), text).unwrap();
    let server = Server::start(folder.path(), |_| {});
    let url = format!("rtsp://{}/there.mov", server.address);
    let mut client = Client::connect(server.address).await;
    for (method, url) in [("DESCRIBE", url.clone()), ("SETUP", url + "/trackID=1")] {
        let answer = client.ask(method, &url, TRANSPORT).await;
        let location = header(&answer, "Location");
        let expected = (302, Some("rtsp://elsewhere.example/a.mov"));
        assert_eq!((status(&answer), location), expected, "{answer}");
    }
}

#[tokio::test]
async fn the_limit_of_connections_counts_sessions() {
    let server = Server::start(&clips(), |config| config.limits.connections = 1);
    let url = format!("rtsp://{}/clock-hinted.mov", server.address);
    let mut first = Client::connect(server.address).await;
    let controls = first.controls(&url).await;
    let (_, session) = first.set_up(&controls[0], TRANSPORT).await;
    let mut second = Client::connect(server.address).await;
    let refused = second.ask("SETUP", &controls[0], TRANSPORT).await;
    assert_eq!(
        (status(&refused), header(&refused, "CSeq")),
        (453, Some("7"))
    );
    assert_eq!(second.status_of("DESCRIBE", &url, "").await, 453);
    assert_eq!(
        first
            .status_of(
                "SETUP",
                &controls[1],
                &format!("{session}Transport: RTP/AVP/TCP\r\n")
            )
            .await,
        200
    );
    assert_eq!(first.status_of("TEARDOWN", &url, &session).await, 200);
    second.set_up(&controls[0], TRANSPORT).await;
}

#[tokio::test]
async fn the_limit_of_throughput_counts_the_rates_of_movies() {
    let size = std::fs::metadata(clips().join("clock.mp4")).unwrap().len();
    let rate = size * 8 / 12;
    let server = Server::start(&clips(), |config| {
        config.limits.throughput = rate * 3 / 2;
    });
    let heavy = format!("rtsp://{}/clock.mp4", server.address);
    let light = format!("rtsp://{}/tone.m4a", server.address);
    let mut first = Client::connect(server.address).await;
    let controls = first.controls(&heavy).await;
    let (_, session) = first.set_up(&controls[0], TRANSPORT).await;
    let more = format!("{session}Transport: RTP/AVP/TCP\r\n");
    first.set_up(&controls[1], &more).await;
    let mut second = Client::connect(server.address).await;
    let refused = second.ask("SETUP", &controls[0], TRANSPORT).await;
    assert_eq!((status(&refused), header(&refused, "Session")), (453, None));
    let fitting = second.controls(&light).await.remove(0);
    second.set_up(&fitting, TRANSPORT).await;
    assert_eq!(first.status_of("TEARDOWN", &heavy, &session).await, 200);
    second.set_up(&controls[0], TRANSPORT).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_nonsense_ends_the_connection() {
    let (server, _url) = start();
    let mut client = Client::connect(server.address).await;
    client
        .send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nnonsense\r\nCSeq: 3\r\n\r\n")
        .await;
    for expected in [(200, "1"), (200, "2"), (400, "3")] {
        let answer = client.answer().await;
        assert_eq!(
            (status(&answer), header(&answer, "CSeq").unwrap()),
            expected
        );
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn interleaved_sessions_end_with_their_connection_and_others_by_timeout() {
    let server = Server::start(&clips(), |config| {
        config.rtsp.session_timeout = Duration::from_millis(100);
    });
    let url = format!("rtsp://{}/clock-hinted.mov", server.address);
    let mut client = Client::connect(server.address).await;
    let track = client.controls(&url).await.remove(0);
    client.set_up(&track, TRANSPORT).await;
    let udp = "Transport: RTP/AVP;unicast;client_port=45000-45001\r\n";
    assert_eq!(status(&client.ask("SETUP", &track, udp).await), 200);
    assert_eq!(server.sessions.len(), 2);
    drop(client);
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn a_plain_get_is_answered_with_a_reference_movie() {
    let (server, url) = start();
    let mut client = Client::connect(server.address).await;
    client.send(b"GET /clock-hinted.mov HTTP/1.0\r\n\r\n").await;
    let answer = client.rest().await;
    assert_eq!(header(&answer, "Content-Type"), Some("video/quicktime"));
    assert!(
        answer.ends_with(&format!("\r\n\r\nrtsptext\r\n{url}\r\n")),
        "{answer}"
    );
}
