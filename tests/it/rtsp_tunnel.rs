//! RTSP through an HTTP tunnel: how its halves are joined, and what they carry.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hls::{get, text};
use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::movies::clips;
use crate::support::publisher::SDP;
use crate::support::server::Server;

fn head(method: &str) -> String {
    head_of(method, "abc")
}

fn head_of(method: &str, cookie: &str) -> String {
    format!("{method} /x HTTP/1.0\r\nx-sessioncookie: {cookie}\r\nContent-Length: 32767\r\n\r\n")
}

/// The bytes of a request, as a POST carries them.
fn encoded(method: &str, url: &str, headers: &str) -> String {
    STANDARD.encode(format!(
        "{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n"
    ))
}

/// Both halves.
pub(crate) struct Tunnel {
    pub(crate) get: Client,
    post: Client,
}

impl Tunnel {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::join(server.address, server.address).await
    }

    /// One whose halves come to these addresses.
    async fn join(of_get: SocketAddr, of_post: SocketAddr) -> Self {
        let cookie = format!("{}-{}", of_get.port(), of_post.port());
        let mut get = Client::connect(of_get).await;
        get.send(head_of("GET", &cookie).as_bytes()).await;
        assert_eq!(status(&get.answer().await), 200);
        let mut post = Client::connect(of_post).await;
        post.send(head_of("POST", &cookie).as_bytes()).await;
        Self { get, post }
    }

    pub(crate) async fn ask(&mut self, method: &str, url: &str, headers: &str) -> String {
        let answer = self.answer_to(method, url, headers).await;
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }

    /// The answer to a request, whatever it is.
    pub(crate) async fn answer_to(&mut self, method: &str, url: &str, headers: &str) -> String {
        let request = encoded(method, url, headers);
        self.post.send(request.as_bytes()).await;
        self.get.answer().await
    }

    /// The channels of RTP of the next `count` frames.
    async fn channels(&mut self, count: usize) -> BTreeSet<u8> {
        let mut channels = BTreeSet::new();
        for _ in 0..count {
            channels.insert(self.get.frame().await.0 & !1);
        }
        channels
    }
}

#[tokio::test]
async fn one_tunnel_carries_several_sessions() {
    let server = Server::start(&clips(), |_| {});
    let mut tunnel = Tunnel::open(&server).await;
    let mut sessions = Vec::new();
    for (movie, channel) in [("clock.mp4", 4), ("clock-hinted.mov", 10)] {
        let url = format!("rtsp://{}/{movie}", server.address);
        let mut beside = Client::connect(server.address).await;
        let control = beside.controls(&url).await.remove(0);
        let channels = format!("interleaved={channel}-{}", channel + 1);
        let transport = format!("Transport: RTP/AVP/TCP;unicast;{channels}\r\n");
        let answer = tunnel.ask("SETUP", &control, &transport).await;
        assert!(header(&answer, "Transport").unwrap().contains(&channels));
        let session = header(&answer, "Session").unwrap().split(';').next();
        let session = format!("Session: {}\r\n", session.unwrap());
        let answer = tunnel.ask("PLAY", &url, &session).await;
        let first = announced(&answer, &control);
        loop {
            let (from, packet) = tunnel.get.frame().await;
            if from == channel {
                assert_eq!(numbers(&packet), first, "{movie}");
                break;
            }
        }
        sessions.push((url, session));
    }
    assert_eq!(server.sessions.len(), 2);
    assert_eq!(tunnel.channels(100).await, BTreeSet::from([4, 10]));
    let [(one, of_one), (other, of_other)] = &sessions[..] else {
        panic!("two sessions");
    };
    tunnel.ask("PAUSE", one, of_one).await;
    assert_eq!(tunnel.channels(50).await, BTreeSet::from([10]));
    tunnel.ask("PLAY", one, of_one).await;
    assert_eq!(tunnel.channels(100).await, BTreeSet::from([4, 10]));
    tunnel.ask("TEARDOWN", other, of_other).await;
    assert_eq!(tunnel.channels(50).await, BTreeSet::from([4]));
    assert_eq!(server.sessions.len(), 1);
    drop(tunnel);
    server.wait_for_sessions(0).await;
}

/// Port 80 as players know it: RTSP, its tunnel and HLS by one listener, at the same time. A proxy may even
/// bring the halves of a tunnel to different ports.
#[tokio::test]
async fn one_listener_serves_rtsp_its_tunnel_and_hls() {
    let server = Server::start(&clips(), |_| {});
    for post in [server.http, server.address] {
        let url = format!("rtsp://{}/clock.mp4", server.http);
        let mut direct = Client::connect(server.http).await;
        let control = direct.controls(&url).await.remove(0);
        let mut tunnel = Tunnel::join(server.http, post).await;
        let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
        let answer = tunnel.ask("SETUP", &control, transport).await;
        let session = header(&answer, "Session").unwrap().split(';').next();
        let session = format!("Session: {}\r\n", session.unwrap());
        tunnel.ask("PLAY", &url, &session).await;
        assert_eq!(tunnel.channels(50).await, BTreeSet::from([0]));
        let playlist = text(server.http, "/clock.mp4/ts.m3u8").await;
        let playlist = text(server.http, &format!("/clock.mp4/{}", first(&playlist))).await;
        let segment = get(server.http, &format!("/clock.mp4/{}", first(&playlist))).await;
        assert_eq!((segment.status, segment.body[0]), (200, 0x47));
        assert_eq!(get(server.http, "/clock.mp4").await.status, 200);
        assert_eq!(tunnel.channels(50).await, BTreeSet::from([0]));
        tunnel.ask("TEARDOWN", &url, &session).await;
    }
}

/// The first address in a playlist.
fn first(playlist: &str) -> &str {
    let mut lines = playlist.lines().filter(|line| !line.starts_with('#'));
    lines.next().expect("a playlist names something")
}

#[tokio::test]
async fn a_tunnel_works_in_either_order_and_with_reopened_posts() {
    let server = Server::start(&clips(), |_| {});
    let options = encoded("OPTIONS", "*", "");
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

/// Sends a POST that goes on with `body`, from the address `own` of this host.
async fn post_from(own: &str, server: &Server, body: &str) -> Client {
    let mut post = Client::connect_from(own, server.address).await;
    post.send((head("POST") + body).as_bytes()).await;
    post
}

/// What is said on the first of two connections that the server closes.
async fn first_end(mut one: Client, mut other: Client) -> String {
    tokio::select! {
        answer = one.rest() => answer,
        answer = other.rest() => answer,
    }
}

/// Of the POSTs that wait for a GET of their own address one is refused.
#[tokio::test]
async fn nobody_speaks_in_the_tunnel_of_another_address() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let [mine, theirs] = ["OPTIONS", "DESCRIBE"].map(|method| encoded(method, "rtsp://h/a", ""));
    for (own, other) in [("127.0.0.1", "127.0.7.1"), ("127.0.7.2", "127.0.7.3")] {
        let mut get = Client::connect_from(own, server.address).await;
        get.send(head("GET").as_bytes()).await;
        assert_eq!(status(&get.answer().await), 200);
        let [one, two] = [
            post_from(other, &server, &theirs).await,
            post_from(other, &server, &theirs).await,
        ];
        assert_eq!(status(&first_end(one, two).await), 503);
        let _post = post_from(own, &server, &mine).await;
        assert_eq!(status(&get.answer().await), 200);
    }
}

#[tokio::test]
async fn one_post_waits_for_a_get() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let (one, other) = (
        post_from("127.0.0.1", &server, "").await,
        post_from("127.0.0.1", &server, "").await,
    );
    let refused = first_end(one, other).await;
    assert_eq!(status(&refused), 503, "{refused}");
    assert_eq!(server.count("refused_tunnels_total"), 1);
}

/// Web pages may have made their own name mean this host.
#[tokio::test]
async fn who_calls_this_host_by_a_foreign_name_publishes_nothing() {
    let server = Server::start(Path::new("no movies"), |_| {});
    for (host, expected) in [
        ("127.0.0.1:8554", 200),
        ("rebound.example:8554", 403),
        ("0.0.0.0:8554", 403),
    ] {
        let head = |method: &str| {
            format!("{method} /x HTTP/1.1\r\nx-sessioncookie: {host}\r\nHost: {host}\r\n\r\n")
        };
        let (mut get, mut post) = (
            Client::connect(server.address).await,
            Client::connect(server.address).await,
        );
        get.send(head("GET").as_bytes()).await;
        assert_eq!(status(&get.answer().await), 200, "{host}");
        let url = format!("rtsp://{}/live", server.address);
        let length = format!(
            "Content-Type: application/sdp\r\nContent-Length: {}\r\n",
            SDP.len()
        );
        let request = format!("ANNOUNCE {url} RTSP/1.0\r\nCSeq: 7\r\n{length}\r\n{SDP}");
        post.send((head("POST") + &STANDARD.encode(request)).as_bytes())
            .await;
        assert_eq!(status(&get.answer().await), expected, "{host}");
    }
}
