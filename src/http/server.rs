//! Plain HTTP on the HTTP and RTSP ports: whatever is no RTSP tunnel. There is nothing to be had yet.

use hyper::StatusCode;
use tokio::net::TcpStream;

use super::connection;

/// Answers one request on `stream` and closes it; takes half a minute at most.
pub async fn serve_connection(stream: TcpStream) {
    connection::serve(stream, |_| {
        connection::text(StatusCode::NOT_FOUND, "not found\n")
    })
    .await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (here, there) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (here.unwrap().0, there.unwrap())
    }

    async fn answer_to(request: &[u8]) -> String {
        let (stream, mut client) = connected().await;
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        let (read, ()) = tokio::join!(client.read_to_string(&mut answer), serve_connection(stream));
        read.unwrap();
        answer
    }

    #[tokio::test]
    async fn nothing_is_found_yet() {
        let answer = answer_to(b"GET /live.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nnot found\n"), "{answer}");
    }

    #[tokio::test]
    async fn an_endless_head_is_refused() {
        let mut request = b"GET / HTTP/1.1\r\nX: ".to_vec();
        request.resize(64 * 1024, b'a');
        let (stream, mut client) = connected().await;
        let sending = async {
            let _ = client.write_all(&request).await;
            let mut start = [0; 12];
            client.read_exact(&mut start).await.map(|_| start)
        };
        let (start, ()) = tokio::join!(sending, serve_connection(stream));
        assert_eq!(&start.unwrap(), b"HTTP/1.1 431");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_let_go() {
        let (stream, mut client) = connected().await;
        client.write_all(b"GET / HT").await.unwrap();
        serve_connection(stream).await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    }
}
