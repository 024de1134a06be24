//! Raw RTSP dialogues with a service in the test's own process.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::client::{Client, header, status};
use crate::support::movies::clips;
use crate::support::server::Server;

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=8-9\r\n";

fn start() -> (Server, String) {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock-hinted.mov", server.address);
    (server, url)
}

/// The control URL of the first track.
async fn first_track(client: &mut Client, url: &str) -> String {
    let answer = client
        .ask("DESCRIBE", url, "Accept: application/sdp\r\n")
        .await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(
        header(&answer, "Content-Base"),
        Some(format!("{url}/").as_str())
    );
    let media = answer.split("m=").nth(1).unwrap();
    let control = media
        .lines()
        .find_map(|line| line.strip_prefix("a=control:"));
    control.unwrap().to_owned()
}

async fn set_up(client: &mut Client, track: &str) -> String {
    let answer = client.ask("SETUP", track, TRANSPORT).await;
    assert!(
        header(&answer, "Transport")
            .unwrap()
            .contains("interleaved=8-9"),
        "{answer}"
    );
    let session = header(&answer, "Session").unwrap();
    session.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_packet_is_the_one_that_rtp_info_names() {
    let (server, url) = start();
    let mut client = Client::connect(server.address).await;
    let track = first_track(&mut client, &url).await;
    let session = format!("Session: {}\r\n", set_up(&mut client, &track).await);
    let answer = client
        .ask("PLAY", &url, &format!("{session}Range: npt=0-\r\n"))
        .await;
    let info = header(&answer, "RTP-Info").unwrap();
    assert!(info.starts_with(&format!("url={track};")), "{info}");
    let packet = loop {
        let (channel, packet) = client.frame().await;
        if channel == 8 {
            break packet;
        }
    };
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    let time = u32::from_be_bytes(packet[4..8].try_into().unwrap());
    assert!(
        info.ends_with(&format!("seq={sequence};rtptime={time}")),
        "{info}"
    );
    assert_eq!(status(&client.ask("PLAY", &url, &session).await), 200);
    assert_eq!(
        status(&client.ask("GET_PARAMETER", &url, &session).await),
        200
    );
    assert_eq!(status(&client.ask("PAUSE", &url, &session).await), 200);
    assert_eq!(status(&client.ask("TEARDOWN", &url, &session).await), 200);
    assert_eq!(status(&client.ask("PLAY", &url, &session).await), 454);
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
        ("ANNOUNCE", url.clone(), "", 405),
        ("OPTIONS", url.clone(), "Require: a\r\n", 551),
    ] {
        let answer = client.ask(method, &url, headers).await;
        assert_eq!(status(&answer), expected, "{method} {url}: {answer}");
        assert_eq!(header(&answer, "CSeq"), Some("7"));
    }
    let track = first_track(&mut client, &url).await;
    let multicast = "Transport: RTP/AVP;multicast\r\n";
    assert_eq!(status(&client.ask("SETUP", &track, multicast).await), 461);
    let elsewhere = "Transport: RTP/AVP;client_port=4000-4001;destination=192.0.2.1\r\n";
    assert_eq!(status(&client.ask("SETUP", &track, elsewhere).await), 462);
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
    let track = first_track(&mut client, &url).await;
    set_up(&mut client, &track).await;
    let udp = "Transport: RTP/AVP;unicast;client_port=45000-45001\r\n";
    assert_eq!(status(&client.ask("SETUP", &track, udp).await), 200);
    assert_eq!(server.sessions.len(), 2);
    drop(client);
    let gone = async {
        while !server.sessions.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_tunnel_works_in_either_order_and_with_reopened_posts() {
    let (server, url) = start();
    let head = |method: &str| {
        format!("{method} /x HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\n")
    };
    let options = STANDARD.encode(format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 7\r\n\r\n"));
    let mut post = Client::connect(server.address).await;
    post.send(head("POST").as_bytes()).await;
    let (start, rest) = options.split_at(13);
    post.send(start.as_bytes()).await;
    let mut get = Client::connect(server.address).await;
    get.send(head("GET").as_bytes()).await;
    let answer = get.answer().await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert_eq!(
        header(&answer, "Content-Type"),
        Some("application/x-rtsp-tunnelled")
    );
    post.send(rest.as_bytes()).await;
    assert_eq!(status(&get.answer().await), 200);
    drop(post);
    let mut post = Client::connect(server.address).await;
    post.send(head("POST").as_bytes()).await;
    post.send(options.as_bytes()).await;
    assert_eq!(status(&get.answer().await), 200);
    let mut second = Client::connect(server.address).await;
    second.send(head("GET").as_bytes()).await;
    assert_eq!(second.rest().await, "");
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
