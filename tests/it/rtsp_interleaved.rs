//! Media on the RTSP connection itself, and the life of sessions there.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::journal::Journal;
use crate::support::movies::clips;
use crate::support::server::Server;

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast\r\n";

#[tokio::test]
async fn media_comes_on_the_channels_that_the_client_names() {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let controls = client.controls(&url).await;
    let channels = [(7, 8), (201, 200)];
    let mut session = String::new();
    for (control, (rtp, rtcp)) in controls.iter().zip(channels) {
        let named = format!("interleaved={rtp}-{rtcp}");
        let headers = format!("Transport: RTP/AVP/TCP;unicast;{named}\r\n{session}");
        let answer;
        (answer, session) = client.set_up(control, &headers).await;
        assert!(header(&answer, "Transport").unwrap().contains(&named));
    }
    let answer = client.ask("PLAY", &url, &session).await;
    let mut wanted: Vec<_> = controls.iter().zip(channels).collect();
    let mut reported = BTreeSet::new();
    while !wanted.is_empty() || reported.len() < 2 {
        let (channel, packet) = client.frame().await;
        if let Some((_, (_, rtcp))) = controls
            .iter()
            .zip(channels)
            .find(|(_, pair)| pair.1 == channel)
        {
            assert_eq!(packet[1], 200, "a sender report");
            reported.insert(rtcp);
        } else if let Some(at) = wanted.iter().position(|(_, pair)| pair.0 == channel) {
            let (control, _) = wanted.remove(at);
            assert_eq!(numbers(&packet), announced(&answer, control));
        }
    }
    client.send(b"$\x08\0\x08\x80\xc9\0\x01\0\0\0\x01").await;
    assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
}

#[tokio::test]
async fn signs_of_life_disturb_nothing() {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock-hinted.mov", server.address);
    let mut client = Client::connect(server.address).await;
    let controls = client.controls(&url).await;
    let (_, session) = client.set_up(&controls[1], TRANSPORT).await;
    let answer = client.ask("PLAY", &url, &session).await;
    let mut next = announced(&answer, &controls[1]).0;
    for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "PLAY"] {
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{session}\r\n");
        client.send(request.as_bytes()).await;
        while !client.is_answer_next().await {
            let (channel, packet) = client.frame().await;
            if channel == 0 {
                assert_eq!(numbers(&packet).0, next, "before the answer to {method}");
                next = next.wrapping_add(1);
            }
        }
        let answer = client.answer().await;
        assert_eq!(status(&answer), 200, "{answer}");
        let named = header(&answer, "Session").unwrap();
        assert!(session.contains(named.split(';').next().unwrap()));
    }
    let (_, packet) = client.frame().await;
    assert_eq!(numbers(&packet).0, next);
}

#[tokio::test]
async fn the_access_log_tells_what_a_session_was() {
    let journal = Journal::start();
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let server = Server::start_at(local, &clips(), journal.log(), |_| {});
    let url = format!("rtsp://{}/clock.mp4?from=here", server.address);
    let mut client = Client::connect(server.address).await;
    let agent = "User-Agent: QuickTime/7.7.9 (qtver=7.7.9;os=Windows NT 6.1)\r\n";
    let mut session = agent.to_owned();
    for track in 1..=2 {
        let control = url.replace("mp4", &format!("mp4/trackID={track}"));
        let (_, line) = client
            .set_up(&control, &format!("{TRANSPORT}{session}"))
            .await;
        session = line + agent;
    }
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
    for _ in 0..50 {
        client.frame().await;
    }
    assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
    assert_eq!(
        client
            .status_of("DESCRIBE", &url.replace("clock", "no"), "")
            .await,
        404
    );
    let lines = journal.close();
    let played = |name| lines.values(name)[0];
    for (name, value) in [
        ("c-ip", "127.0.0.1"),
        ("cs-uri-stem", "/clock.mp4"),
        ("cs-uri-query", "from=here"),
        ("c-status", "200"),
        ("c-os", "Windows%20NT%206.1"),
        ("filelength", "12"),
        ("protocol", "RTP"),
        ("transport", "TCP"),
        ("audiocodec", "mpeg4-generic/44100/2"),
        ("videocodec", "H264/90000"),
        ("s-totalclients", "1"),
        ("c-pkts-lost-client", "0"),
    ] {
        assert_eq!(played(name), value, "{name}");
    }
    for name in [
        "filesize",
        "avgbandwidth",
        "sc-bytes",
        "cs-bytes",
        "s-pkts-sent",
    ] {
        assert!(played(name).parse::<u64>().unwrap() > 0, "{name}");
    }
    assert_eq!(lines.values("c-status"), ["200", "404"]);
    assert_eq!(lines.values("cs-uri-stem"), ["/clock.mp4", "/no.mp4"]);
}
