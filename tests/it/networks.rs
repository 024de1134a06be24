//! From which networks somebody may watch and publish, as clients of RTSP and HTTP meet it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

use super::ts::{hung_up, listen};
use crate::support::channel::{Encoder, Reader};
use crate::support::client::{Client, status};
use crate::support::movies::{clips, one_clip};
use crate::support::publisher::{Publisher, SDP, announce};
use crate::support::server::Server;
use crate::support::sources::eventually;

/// An address of this host, and the network of which it is.
const GUEST: &str = "127.0.7.1";
const GUESTS: &str = "127.0.7.0/24";

fn networks(network: &str) -> Vec<IpNet> {
    vec![network.parse().unwrap()]
}

async fn status_by_http(from: &str, to: SocketAddr, request: (&str, &str)) -> u16 {
    let client = Client::connect_from(from, to).await;
    status(&client.ask_http(request.0, request.1, "").await)
}

#[tokio::test]
async fn who_may_not_watch_is_told_nothing_of_what_there_is() {
    let movies = one_clip();
    let server = Server::start(movies.path(), |config| {
        config.access.watch.deny = networks(GUESTS);
        config.http.download = true;
    });
    let _encoder = Encoder::start(&server, "live", 100);
    for (target, is_there) in [
        ("/", true),
        ("/?json", true),
        ("/clock.mp4", true),
        ("/clock.mp4?download", true),
        ("/clock.mp4.m3u8", true),
        ("/clock.mp4/ts.m3u8", true),
        ("/live", true),
        ("/nothing", false),
        ("/nothing.m3u8", false),
    ] {
        let request = ("GET", target);
        let home = status_by_http("127.0.0.1", server.http, request).await;
        assert_eq!(home == 200, is_there, "{target}: {home}");
        let guest = status_by_http(GUEST, server.http, request).await;
        assert_eq!(guest, 403, "{target}");
        // What a web page sends QuickTime to.
        let guest = status_by_http(GUEST, server.address, request).await;
        assert_eq!(guest, 403, "{target}");
    }
    let mut guest = Client::connect_from(GUEST, server.address).await;
    let tcp = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    for name in ["clock.mp4", "live", "nothing"] {
        let url = format!("rtsp://{}/{name}", server.address);
        assert_eq!(guest.status_of("OPTIONS", &url, "").await, 200);
        assert_eq!(guest.status_of("DESCRIBE", &url, "").await, 403, "{name}");
        let track = format!("{url}/trackID=1");
        assert_eq!(guest.status_of("SETUP", &track, tcp).await, 403, "{name}");
    }
}

#[tokio::test]
async fn what_not_all_networks_may_watch_is_not_kept_by_caches() {
    let server = Server::start(&clips(), |_| {});
    let target = "/clock.mp4/index.m3u8";
    let ask = || async {
        let client = Client::connect(server.http).await;
        client.ask_http("GET", target, "").await.to_lowercase()
    };
    assert!(!ask().await.contains("cache-control: private"));
    server.configure(|config| config.access.watch.deny = networks(GUESTS));
    assert!(ask().await.contains("cache-control: private"));
}

#[tokio::test]
async fn only_who_is_allowed_may_publish_also_of_this_host() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.access.publish.allow = networks(GUESTS);
    });
    let url = format!("rtsp://{}/live", server.address);
    for (from, announced, uploaded) in [("127.0.0.1", 403, 403), (GUEST, 200, 200)] {
        let mut client = Client::connect_from(from, server.address).await;
        let answer = announce(&mut client, &url, SDP).await;
        assert_eq!(status(&answer), announced, "{answer}");
        let title = ("GET", "/admin/metadata?mode=updinfo&mount=/no&song=a");
        let expected = if announced == 200 { 404 } else { 403 };
        assert_eq!(status_by_http(from, server.http, title).await, expected);
        let mut client = Client::connect_from(from, server.http).await;
        let head = "SOURCE /radio ICE/1.0\r\nContent-Type: audio/mpeg\r\n\r\n";
        client.send(head.as_bytes()).await;
        assert_eq!(status(&client.answer().await), uploaded);
    }
    // There nobody else may in any case.
    let (port, _serving) = listen(&server);
    hung_up(tokio::net::TcpStream::connect(port).await.unwrap()).await;
    assert_eq!(server.count("ts_encoders_refused_total"), 1);
}

#[tokio::test]
async fn who_is_let_in_no_longer_has_to_go() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let _encoder = Encoder::start(&server, "live", 100);
    let mut reader = Reader::over_tcp(&server, "live").await;
    reader.play().await;
    let publisher = Publisher::over_tcp(server.address, "other").await;
    let mut upload = Client::connect(server.http).await;
    let head = "SOURCE /radio ICE/1.0\r\nContent-Type: audio/mpeg\r\n\r\n";
    upload.send(head.as_bytes()).await;
    assert_eq!(status(&upload.answer().await), 200);
    server.wait_for_sessions(2).await;

    server.configure(|config| config.access.watch.deny = networks("127.0.0.0/8"));
    server.wait_for_sessions(1).await;
    assert_eq!(reader.ask("PLAY").await, 454);

    server.configure(|config| config.access.publish.allow = networks(GUESTS));
    server.wait_for_sessions(0).await;
    drop(publisher);
    eventually("the upload is over", || {
        server.count("upload_failures_total{reason=\"foreign\"}") == 1
    })
    .await;
    let rest = tokio::time::timeout(Duration::from_secs(5), upload.rest());
    rest.await.expect("the server hangs up");
}
