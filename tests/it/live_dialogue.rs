//! The dialogue of RTSP with a reader of a live channel.

use std::path::Path;

use crate::support::channel::{AUDIO, Encoder, VIDEO};
use crate::support::client::{Client, announced, header, numbers, status};
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
        assert!(!answer.contains("192.0.2.9:"), "{answer}");
    }
    let unchanged = "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n";
    let url = url(&server, "tv/one");
    assert_eq!(client.status_of("DESCRIBE", &url, unchanged).await, 200);
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
    let url = url(&server, "live");
    let mut client = Client::connect(server.address).await;
    let controls = client.controls(&url).await;
    let mut session = String::new();
    for (index, channels) in [(VIDEO, "7-8"), (AUDIO, "201-200")] {
        let headers = format!("Transport: RTP/AVP/TCP;unicast;interleaved={channels}\r\n{session}");
        let answer;
        (answer, session) = client.set_up(&controls[index], &headers).await;
        let transport = header(&answer, "Transport").unwrap();
        assert!(transport.contains(&format!("interleaved={channels}")));
        let ssrc = format!("ssrc={:08X}", encoder.channel().ssrc(index));
        assert!(
            transport.to_uppercase().contains(&ssrc.to_uppercase()),
            "{transport}"
        );
    }
    let ranges = format!("Range: npt=30-\r\nScale: 2\r\nSpeed: 4\r\n{session}");
    let answer = client.ask("PLAY", &url, &ranges).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "Range"), Some("npt=now-"));
    assert_eq!(header(&answer, "Scale"), Some("1.00000"));
    assert_eq!(header(&answer, "Speed"), Some("1.00000"));
    let mut wanted = vec![(7, &controls[VIDEO]), (201, &controls[AUDIO])];
    while !wanted.is_empty() {
        let (channel, packet) = client.frame().await;
        if let Some(at) = wanted.iter().position(|(rtp, _)| *rtp == channel) {
            let (_, control) = wanted.remove(at);
            assert_eq!(numbers(&packet), announced(&answer, control), "{answer}");
            if channel == 7 {
                assert_eq!(packet[12], 0x67, "the key picture's first packet");
            }
        }
    }
    assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
    server.wait_for_sessions(0).await;
    assert_eq!(encoder.channel().readers(), 0);
}
