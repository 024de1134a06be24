//! An RTSP client that sends what the test wrote, byte for byte, and skips media.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may take to answer or to close.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a request with a CSeq of 7 and returns the head and body of its answer.
    pub(crate) async fn ask(&mut self, method: &str, url: &str, headers: &str) -> String {
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n");
        self.send(request.as_bytes()).await;
        self.answer().await
    }

    /// The next answer; frames before it are skipped.
    pub(crate) async fn answer(&mut self) -> String {
        let read = async {
            while self.stream.fill_buf().await.unwrap().first() == Some(&b'$') {
                self.frame().await;
            }
            self.message().await
        };
        timeout(PATIENCE, read).await.expect("an answer in time")
    }

    /// The next frame: channel and packet.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        let read = async {
            self.stream.read_exact(&mut head).await.unwrap();
            assert_eq!(head[0], b'$', "a frame");
            let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
            self.stream.read_exact(&mut packet).await.unwrap();
            (head[1], packet)
        };
        timeout(PATIENCE, read).await.expect("a frame in time")
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        timeout(PATIENCE, read)
            .await
            .expect("the end in time")
            .unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }

    async fn message(&mut self) -> String {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut text).await.unwrap();
            assert!(read > 0, "closed after {text:?}");
        }
        let length = header(&text, "Content-Length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        text + &String::from_utf8_lossy(&body)
    }
}

/// The value of a header of an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = answer.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// The status code of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
