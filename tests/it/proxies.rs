//! Proxies before the server: whose requests they pass on, and who is believed.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use reelcast::config::Config;
use reelcast::wire::forwarded::Field;

use crate::support::channel::Encoder;
use crate::support::client::{Client, status};
use crate::support::movies::{clips, one_clip};
use crate::support::publisher::{SDP, announce};
use crate::support::server::Server;

/// The address of a proxy, and of a client that it tells of.
const PROXY: &str = "127.0.7.1";
const CLIENT: &str = "203.0.113.7";

const TCP: &str = "Transport: RTP/AVP/TCP\r\n";

fn network(text: &str) -> Vec<IpNet> {
    vec![text.parse().unwrap()]
}

fn start(change: impl FnOnce(&mut Config)) -> Server {
    start_in(&clips(), change)
}

fn start_in(movies: &Path, change: impl FnOnce(&mut Config)) -> Server {
    Server::start(movies, |config| {
        config.proxy.tcp = network("127.0.7.1/32");
        config.proxy.http = network("127.0.7.1/32");
        change(config);
    })
}

/// A connection of the proxy that begins with `header`.
async fn proxied(server: SocketAddr, header: &[u8]) -> Client {
    let mut client = Client::connect_from(PROXY, server).await;
    client.send(header).await;
    client
}

/// A header of version 2 for a client at this address.
fn version_2(address: [u8; 4]) -> Vec<u8> {
    let head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    [&head[..], &address, &[10, 0, 0, 5, 0x12, 0x67, 0x21, 0x6a]].concat()
}

/// Where the only session comes from.
fn peer(server: &Server) -> IpAddr {
    server.sessions.list()[0].facts().peer.ip()
}

#[tokio::test]
async fn a_proxy_tells_whose_connection_it_passes_on() {
    let server = start(|config| config.access.watch.deny = network("198.51.100.0/24"));
    let _encoder = Encoder::start(&server, "live", 100);
    let url = format!("rtsp://{}/live", server.address);
    let control = format!("{url}/trackID=1");
    for (header, expected) in [
        (
            b"PROXY TCP4 203.0.113.7 10.0.0.5 4711 8554\r\n".to_vec(),
            200,
        ),
        (version_2([203, 0, 113, 7]), 200),
        (
            b"PROXY TCP4 198.51.100.7 10.0.0.5 4711 8554\r\n".to_vec(),
            403,
        ),
        (version_2([198, 51, 100, 7]), 403),
    ] {
        let mut client = proxied(server.address, &header).await;
        assert_eq!(client.status_of("SETUP", &control, TCP).await, expected);
        if expected == 200 {
            assert_eq!(peer(&server), CLIENT.parse::<IpAddr>().unwrap());
        }
        drop(client);
        server.wait_for_sessions(0).await;
    }
    // On the way to the pages as well.
    for (header, expected) in [
        (&version_2([203, 0, 113, 7])[..], 200),
        (b"PROXY TCP4 198.51.100.7 10.0.0.5 4711 8080\r\n", 403),
    ] {
        let client = proxied(server.http, header).await;
        // The client could say what it likes.
        let answer = client.ask_http("GET", "/", "X-Forwarded-For: 192.0.2.1\r\n");
        assert_eq!(status(&answer.await), expected);
    }
}

#[tokio::test]
async fn who_has_to_begin_with_the_protocol_and_who_must_not() {
    let server = start(|_| {});
    for bytes in [
        &b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PROXY UNKNOWN\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    ] {
        for address in [server.address, server.http] {
            let mut client = proxied(address, bytes).await;
            assert!(client.hears_nothing().await, "{}", bytes.escape_ascii());
        }
    }
    // The proxy itself looks whether there is a server.
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let mut client = proxied(server.address, local).await;
    assert_eq!(client.status_of("OPTIONS", "*", "").await, 200);
    // To others it is no protocol of this port.
    let mut other = Client::connect(server.address).await;
    other
        .send(b"PROXY TCP4 203.0.113.7 10.0.0.5 4711 8554\r\n\r\n")
        .await;
    assert_eq!(status(&other.answer().await), 400);
}

#[tokio::test]
async fn a_header_tells_whose_request_a_proxy_passes_on() {
    let server = start(|config| {
        config.proxy.tcp.clear();
        config.access.watch.deny = network("198.51.100.0/24");
    });
    let ask = |from: &'static str, headers: String| async move {
        let client = Client::connect_from(from, server.http).await;
        status(&client.ask_http("GET", "/", &headers).await)
    };
    let told = |value: &str| format!("X-Forwarded-For: {value}\r\n");
    for (from, value, expected) in [
        (PROXY, CLIENT, 200),
        (PROXY, "198.51.100.7", 403),
        (PROXY, "203.0.113.7, 198.51.100.7", 403),
        (PROXY, "198.51.100.7, 203.0.113.7", 200),
        (PROXY, "198.51.100.7, 127.0.7.1", 403),
        (PROXY, "unknown", 400),
        ("127.0.0.1", "198.51.100.7", 200),
        ("127.0.0.1", "unknown", 200),
    ] {
        assert_eq!(ask(from, told(value)).await, expected, "{from} {value}");
    }
    let two = told("203.0.113.7") + &told("198.51.100.7");
    assert_eq!(ask(PROXY, two).await, 403);
    // One header counts, lest clients tell by the other one.
    let other = "Forwarded: for=198.51.100.7\r\n".to_owned();
    assert_eq!(ask(PROXY, told(CLIENT) + &other).await, 200);
    server.configure(|config| config.proxy.header = Field::Forwarded);
    assert_eq!(ask(PROXY, told(CLIENT) + &other).await, 403);
}

#[tokio::test]
async fn viewers_behind_a_proxy_have_addresses_of_their_own() {
    let server = start(|config| {
        config.proxy.tcp.clear();
        config.limits.connections_per_address = 1;
    });
    let ask = |client: &'static str, agent: &'static str| async move {
        let headers = format!("X-Forwarded-For: {client}\r\nUser-Agent: {agent}\r\n");
        let client = Client::connect_from(PROXY, server.http).await;
        let answer = client.ask_http("GET", "/clock.mp4/index.m3u8", &headers);
        status(&answer.await)
    };
    assert_eq!(ask(CLIENT, "a").await, 200);
    assert_eq!(peer(&server), CLIENT.parse::<IpAddr>().unwrap());
    assert_eq!(ask(CLIENT, "b").await, 503);
    assert_eq!(ask("203.0.113.8", "b").await, 200);
}

#[tokio::test]
async fn tunnels_through_a_proxy_belong_to_its_client() {
    let server = start(|config| config.proxy.tcp.clear());
    let _encoder = Encoder::start(&server, "live", 100);
    let head = |method: &str| {
        format!(
            "{method} /live HTTP/1.1\r\nHost: h\r\nx-sessioncookie: abc\r\n\
             X-Forwarded-For: 203.0.113.7\r\nContent-Length: 32767\r\n\r\n"
        )
    };
    let mut get = proxied(server.http, head("GET").as_bytes()).await;
    assert_eq!(status(&get.answer().await), 200);
    let mut post = proxied(server.http, head("POST").as_bytes()).await;
    let url = format!("rtsp://{}/live/trackID=1", server.http);
    let request = format!("SETUP {url} RTSP/1.0\r\nCSeq: 7\r\n{TCP}\r\n");
    post.send(STANDARD.encode(request).as_bytes()).await;
    assert_eq!(status(&get.answer().await), 200);
    assert_eq!(peer(&server), CLIENT.parse::<IpAddr>().unwrap());
}

#[tokio::test]
async fn nobody_behind_a_proxy_is_a_program_of_this_host() {
    let server = start(|_| {});
    let url = format!("rtsp://{}/live", server.address);
    let loopback = version_2([127, 0, 0, 1]);
    let mut client = proxied(server.address, &loopback).await;
    let answer = announce(&mut client, &url, SDP).await;
    assert_eq!(status(&answer), 403, "{answer}");
    let source = "SOURCE /radio ICE/1.0\r\nContent-Type: audio/mpeg\r\n";
    let mut client = proxied(server.http, &loopback).await;
    client.send(format!("{source}\r\n").as_bytes()).await;
    assert_eq!(status(&client.answer().await), 403);

    server.configure(|config| config.proxy.tcp.clear());
    for told in [
        "",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Forwarded-For: ::1\r\n",
    ] {
        let mut client = proxied(server.http, format!("{source}{told}\r\n").as_bytes()).await;
        assert_eq!(status(&client.answer().await), 403, "{told}");
    }
    let head = format!("{source}X-Forwarded-For: unknown\r\n\r\n");
    let mut client = proxied(server.http, head.as_bytes()).await;
    assert_eq!(status(&client.answer().await), 400);
}

#[tokio::test]
async fn a_proxy_may_show_the_server_below_a_path() {
    let movies = one_clip();
    let server = start_in(movies.path(), |config| {
        config.proxy.tcp.clear();
        config.proxy.prefix = "/media".to_owned();
    });
    let ask = |from: &'static str, target: &'static str| async move {
        let client = Client::connect_from(from, server.http).await;
        client.ask_http("GET", target, "").await
    };
    for target in ["/media", "/media/"] {
        let list = ask(PROXY, target).await;
        assert!(list.contains("href=\"/media/clock.mp4\""), "{list}");
    }
    let page = ask(PROXY, "/media/clock.mp4").await;
    assert!(page.contains("\"/media/clock.mp4/index.m3u8\""), "{page}");
    let json = ask(PROXY, "/media/clock.mp4?json").await;
    assert!(json.contains("\"home\":\"/media/\""), "{json}");
    let playlist = ask(PROXY, "/media/clock.mp4.m3u8").await;
    assert_eq!(status(&playlist), 200);
    assert!(playlist.contains("\n./clock.mp4/"), "{playlist}");
    assert_eq!(status(&ask(PROXY, "/media/clock.mp4/ts.m3u8").await), 200);

    let direct = ask("127.0.0.1", "/").await;
    assert!(direct.contains("href=\"/clock.mp4\""), "{direct}");
    assert_eq!(status(&ask("127.0.0.1", "/media/clock.mp4").await), 404);
}
