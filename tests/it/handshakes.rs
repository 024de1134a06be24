//! Clients that take their time, or say too much, before they have said what they want.
//!
//! The time of these tests is not real: it goes on when nobody has anything to do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::client::{Client, status};
use crate::support::movies::clips;
use crate::support::server::Server;

/// No handshake may take longer, whatever it consists of.
const LONGEST: Duration = Duration::from_secs(60);

/// What beginnings have in common: the client says nothing more.
const UNFINISHED: [&[u8]; 9] = [
    b"",
    b"O",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
    b"$\0\x10\0",
    b"GET /clock.mp4 HTTP/1.1\r\nHost: h\r\n",
    b"POST /x HTTP/1.1\r\nx-sessioncookie: abc\r\n",
    b"POST /x HTTP/1.1\r\nx-sessioncookie: abc\r\n\r\nT1BU",
    b"PUT /radio HTTP/1.1\r\nContent-Type: audio/mpeg\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/// How long it takes until the server closes a connection on which this was sent.
async fn patience(server: SocketAddr, sent: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let begun = Instant::now();
    stream.write_all(sent).await.unwrap();
    let mut nothing = Vec::new();
    let closed = timeout(2 * LONGEST, stream.read_to_end(&mut nothing)).await;
    // Broken is closed as well.
    let _ = closed.unwrap_or_else(|_| panic!("never closed: {}", sent.escape_ascii()));
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_more_is_given_up() {
    let server = Server::start(&clips(), |_| {});
    for address in [server.address, server.http] {
        for sent in UNFINISHED {
            let patience = patience(address, sent).await;
            assert!(patience <= LONGEST, "{patience:?}: {}", sent.escape_ascii());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_more_is_given_up() {
    let server = Server::start(&clips(), |config| {
        config.proxy.tcp = vec!["127.0.0.1/32".parse().unwrap()];
    });
    for sent in [
        &b""[..],
        b"PROXY TCP4 203.0.113.7 10.0.0.5",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\0",
    ] {
        let patience = patience(server.address, sent).await;
        assert!(patience <= LONGEST, "{patience:?}: {}", sent.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_bit_by_bit_is_given_up() {
    let server = Server::start(&clips(), |_| {});
    for address in [server.address, server.http] {
        for start in [
            &b"OPTIONS * RTSP/1.0\r\nX: "[..],
            b"GET /clock.mp4 HTTP/1.1\r\nX: ",
            b"PUT /radio HTTP/1.1\r\nX: ",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let begun = Instant::now();
            stream.write_all(start).await.unwrap();
            let is_open = async |stream: &mut TcpStream| {
                let mut answer = [0; 1024];
                let read = timeout(Duration::from_secs(4), stream.read(&mut answer)).await;
                let is_over = read.is_ok_and(|read| read.unwrap_or(0) == 0);
                !is_over && stream.write_all(b"x").await.is_ok()
            };
            while is_open(&mut stream).await {
                let name = start.escape_ascii();
                assert!(begun.elapsed() <= LONGEST, "still open: {name}");
            }
        }
    }
}

#[tokio::test]
async fn heads_have_a_size() {
    let server = Server::start(&clips(), |_| {});
    for (address, start, version, size, expected) in [
        (
            server.address,
            "OPTIONS *",
            "RTSP/1.0\r\nCSeq: 1",
            100_000,
            413,
        ),
        (
            server.address,
            "GET /clock.mp4",
            "HTTP/1.1\r\nHost: h",
            20_000,
            400,
        ),
        (
            server.http,
            "GET /clock.mp4",
            "HTTP/1.1\r\nHost: h",
            20_000,
            431,
        ),
        (
            server.http,
            "PUT /radio",
            "HTTP/1.1\r\nHost: h",
            20_000,
            431,
        ),
        (
            server.http,
            "SOURCE /radio",
            "ICE/1.0\r\nHost: h",
            20_000,
            431,
        ),
        (
            server.http,
            "POST /radio",
            "HTTP/1.1\r\nHost: h",
            20_000,
            431,
        ),
    ] {
        for filler in ["a".repeat(size), "a\r\nX: ".repeat(size / 6)] {
            let mut client = Client::connect(address).await;
            let head = format!("{start} {version}\r\nX: {filler}\r\n\r\n");
            // The server may have heard enough before it has all.
            client.try_send(head.as_bytes()).await;
            let answer = client.answer().await;
            let head = &head[..50];
            assert_eq!(status(&answer), expected, "{head}: {answer}");
        }
    }
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.status_of("OPTIONS", "*", "").await, 200);
}
