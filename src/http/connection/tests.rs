use bytes::Bytes;
use futures::stream::repeat_with;
use hyper::StatusCode;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};
use tokio_util::sync::DropGuard;

use super::*;
use crate::http::answer::text;

/// Longer than anybody has patience.
const LONG: Duration = Duration::from_secs(3600);

/// Serves a client, whose requests for `/endless` and `/never` are not answered to the end. Says when one ends.
fn served() -> (DuplexStream, CancellationToken) {
    let (here, there) = duplex(1 << 20);
    let given_up = CancellationToken::new();
    let ends = given_up.clone();
    let answer = move |request| answered(request, ends.clone().drop_guard());
    tokio::spawn(serve(here, Clock::start(), answer));
    (there, given_up)
}

async fn answered(request: Request<Incoming>, guard: DropGuard) -> Response<Body> {
    match request.uri().path() {
        "/endless" => Response::new(endless(guard)),
        "/never" => std::future::pending().await,
        _ => text(StatusCode::OK, "whole\n"),
    }
}

fn endless(guard: DropGuard) -> Body {
    Body::endless(repeat_with(move || {
        let _ = &guard;
        Ok(Bytes::from_static(&[0; 4096]))
    }))
}

fn get(path: &str) -> Request<String> {
    let request = Request::get(format!("http://h{path}"));
    request.body(String::new()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_by_http2_of_which_nothing_is_taken_is_given_up_alone() {
    let (client, given_up) = served();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 16)
        .handshake(TokioIo::new(client))
        .await
        .unwrap();
    tokio::spawn(connection);
    let endless = sender.send_request(get("/endless")).await.unwrap();
    timeout(LONG, given_up.cancelled()).await.unwrap();
    drop(endless);
    let whole = sender.send_request(get("/")).await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_head_bit_by_bit_is_let_go() {
    let (mut client, _) = served();
    let begun = Instant::now();
    client.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    while client.write_all(b"x").await.is_ok() {
        assert!(begun.elapsed() <= IDLE_TIME + 2 * LOOK_TIME);
        sleep(Duration::from_secs(4)).await;
    }
    assert!(begun.elapsed() >= IDLE_TIME);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_client_has_gone_is_given_up() {
    let (mut client, given_up) = served();
    let request = b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n";
    client.write_all(request).await.unwrap();
    drop(client);
    timeout(LONG, given_up.cancelled()).await.unwrap();
}
