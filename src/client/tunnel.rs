//! The client's half of RTSP over HTTP: a GET that brings answers and media, a POST that takes requests.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Error;
use super::address::Address;
use crate::net::connect::connect;

/// The longest head of the answer to a GET, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Both halves, in the order GET and POST, with what the GET has brought already.
pub(super) struct Tunnel {
    pub(super) get: TcpStream,
    pub(super) post: TcpStream,
    pub(super) early: BytesMut,
}

/// Opens a tunnel within `limit`. Cancel safe.
pub(super) async fn open(address: &Address, limit: Duration) -> Result<Tunnel, Error> {
    let opening = async {
        let cookie = format!("{:032x}", rand::random::<u128>());
        let mut get = connect(&address.authority, limit).await?;
        get.write_all(head("GET", address, &cookie, "").as_bytes())
            .await?;
        let mut early = BytesMut::new();
        accept(&mut get, &mut early).await?;
        let mut post = connect(&address.authority, limit).await?;
        // The body has no end; a length is said because proxies want one.
        let length = "Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n";
        post.write_all(head("POST", address, &cookie, length).as_bytes())
            .await?;
        Ok(Tunnel { get, post, early })
    };
    let opened = timeout(limit, opening).await;
    opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

fn head(method: &str, address: &Address, cookie: &str, more: &str) -> String {
    format!(
        "{method} {} HTTP/1.0\r\n\
         Host: {}\r\n\
         x-sessioncookie: {cookie}\r\n\
         Accept: application/x-rtsp-tunnelled\r\n\
         Pragma: no-cache\r\n\
         Cache-Control: no-cache\r\n\
         {more}\r\n",
        address.path, address.authority
    )
}

/// Reads the head of the answer to a GET; what follows it stays in `bytes`.
async fn accept(get: &mut TcpStream, bytes: &mut BytesMut) -> Result<(), Error> {
    loop {
        if get.read_buf(bytes).await? == 0 {
            return Err(Error::Closed);
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = bytes.split_to(end + 4);
            return check(&head);
        }
        if bytes.len() > MAX_HEAD {
            return Err(Error::Malformed("its HTTP answer has no end".to_owned()));
        }
    }
}

fn check(head: &[u8]) -> Result<(), Error> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(Error::Malformed(format!(
            "the tunnel's GET was answered with {line}"
        ))),
    }
}
