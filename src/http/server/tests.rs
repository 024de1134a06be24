use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::access::Settings;
use crate::log::access::AccessLog;
use crate::media::mounts::Limits;
use crate::media::sessions::Sessions;
use crate::net::fetcher::Fetcher;
use crate::net::listen::Listener;
use crate::net::permits::Permits;
use crate::vod::Blocks;

fn server() -> Arc<Server> {
    let clock = Clock::start();
    let (_, settings) = watch::channel(Arc::default());
    let log = AccessLog::disabled();
    let library = Arc::new(Library::new(PathBuf::from("no movies"), true));
    let movies = (Arc::clone(&library), Arc::new(Blocks::new(1 << 20)));
    let gate = Gate::new(
        PathBuf::from("no movies"),
        Settings::default(),
        Arc::new(Fetcher),
        clock,
    );
    Arc::new(Server {
        gate,
        library,
        mounts: Mounts::new(Limits::default(), clock),
        hls: Gateway::new(movies, Sessions::new(), log, &settings, clock),
        proofs: Arc::default(),
        pages: Pages::default(),
        sessions: Sessions::new(),
        uploads: Arc::default(),
        pauses: Pauses::default(),
        rates: Rates::default(),
        settings,
        clock,
    })
}

async fn connected() -> (Accepted<Stream>, TcpStream) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &Permits::new(1)).unwrap();
    let address = listener.local_addr();
    let (here, there) = tokio::join!(listener.accept(), TcpStream::connect(address));
    (here.plain(), there.unwrap())
}

async fn answer_to(request: &[u8]) -> String {
    let (accepted, mut client) = connected().await;
    client.write_all(request).await.unwrap();
    let mut answer = String::new();
    let server = server();
    let serving = server.serve(accepted, First::HttpOther);
    let (read, ()) = tokio::join!(client.read_to_string(&mut answer), serving);
    read.unwrap();
    answer
}

#[tokio::test]
async fn nothing_is_found_yet() {
    let answer =
        answer_to(b"GET /live.m3u8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nthere is no such channel or movie\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn methods_are_told() {
    let allowed = "allow: GET, HEAD, OPTIONS, POST, PUT, SOURCE\r\n";
    let answer = answer_to(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(answer.contains(allowed), "{answer}");
    let answer = answer_to(b"DELETE /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains(allowed), "{answer}");
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let mut request = b"GET / HTTP/1.1\r\nX: ".to_vec();
    request.resize(64 * 1024, b'a');
    let (accepted, mut client) = connected().await;
    let sending = async {
        let _ = client.write_all(&request).await;
        let mut start = [0; 12];
        client.read_exact(&mut start).await.map(|_| start)
    };
    let server = server();
    let (start, ()) = tokio::join!(sending, server.serve(accepted, First::HttpGet));
    assert_eq!(&start.unwrap(), b"HTTP/1.1 431");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go() {
    for first in [First::HttpGet, First::HttpUpload] {
        let (accepted, mut client) = connected().await;
        client.write_all(b"GET / HT").await.unwrap();
        server().serve(accepted, first).await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    }
}

#[test]
fn what_is_not_modified_tells_no_length() {
    for (status, length) in [
        (StatusCode::OK, Some("4")),
        (StatusCode::NOT_MODIFIED, None),
    ] {
        let mut response = text(status, if length.is_some() { "four" } else { "" });
        leave_out_body(&mut response);
        let told = response.headers().get(CONTENT_LENGTH);
        assert_eq!(told.map(HeaderValue::as_bytes), length.map(str::as_bytes));
        assert_eq!(response.body().len(), Some(0));
    }
}

/// The most bytes of what answers a request, which moves a few times on its way.
const SMALL: usize = 3072;

#[test]
fn what_answers_a_request_is_small() {
    fn size<'a, F: Future>(
        _: impl Fn(&'a Server, &'a Request<Incoming>, Peer, SocketAddr) -> F,
    ) -> usize {
        size_of::<F>()
    }
    let size = size(Server::answer);
    assert!(size <= SMALL, "{size} bytes");
}
