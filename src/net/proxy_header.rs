//! The PROXY protocol, versions 1 and 2: what a proxy sends before anything else to tell whose connection
//! it passes on (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::host::canonical;
use super::listen::Accepted;
use crate::base::peer::Peer;

/// How long a proxy may take to send it.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The longest header of version 1, in bytes (2.1).
const LONGEST_LINE: usize = 107;

/// The longest rest of a header of version 2, in bytes: addresses, and what certificates say.
const LONGEST_REST: usize = 4096;

/// What a header of version 2 has before its length, and with it, in bytes (2.2).
const SIGNATURE: usize = 12;
const FIXED: usize = 16;

impl Accepted {
    /// Reads the header that a proxy begins with; the connection is that of its client from then on. The
    /// proxy itself may connect too, to see whether this server is there.
    ///
    /// # Errors
    /// `InvalidData` for anything else, or if the proxy does not tell an address; `TimedOut` if it takes
    /// too long; `QuotaExceeded` if the client has too many connections; or what the system says.
    pub async fn introduced(mut self) -> io::Result<Self> {
        let header = timeout(TIME_LIMIT, read(&mut self.stream)).await??;
        if let Some(address) = client(&header)? {
            self.peer = Peer {
                address: canonical(address),
                is_proxied: true,
            };
            self.permit = self.permit.pass_on(self.peer)?;
        }
        Ok(self)
    }
}

/// The bytes of the header, and none of those after it.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut header = vec![0; SIGNATURE];
    stream.read_exact(&mut header).await?;
    if header != v2::PROTOCOL_PREFIX {
        while !header.ends_with(b"\n") && header.len() < LONGEST_LINE {
            header.push(stream.read_u8().await?);
        }
        return Ok(header);
    }
    header.resize(FIXED, 0);
    stream.read_exact(&mut header[SIGNATURE..]).await?;
    let rest = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
    if rest > LONGEST_REST {
        return Err(unfit("the PROXY header is too long"));
    }
    header.resize(FIXED + rest, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    Ok(header)
}

/// The client that a header tells of; `None` if the proxy speaks for itself.
fn client(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let told = match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => match header.addresses {
            v1::Addresses::Tcp4(ends) => (ends.source_address, ends.source_port).into(),
            v1::Addresses::Tcp6(ends) => (ends.source_address, ends.source_port).into(),
            v1::Addresses::Unknown => return Err(unfit("the proxy tells no address")),
        },
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => return Ok(None),
        HeaderResult::V2(Ok(header)) => match header.addresses {
            v2::Addresses::IPv4(ends) => (ends.source_address, ends.source_port).into(),
            v2::Addresses::IPv6(ends) => (ends.source_address, ends.source_port).into(),
            v2::Addresses::Unspecified | v2::Addresses::Unix(_) => {
                return Err(unfit("the proxy tells no address"));
            }
        },
        _ => return Err(unfit("there is no PROXY header")),
    };
    Ok(Some(told))
}

fn unfit(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with this command, family and rest.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        let head = [0x20 | command, family, length[0], length[1]];
        [v2::PROTOCOL_PREFIX, &head, rest].concat()
    }

    /// What is told by `header`, which `GET` follows.
    async fn told(header: &[u8]) -> Result<Option<SocketAddr>, io::ErrorKind> {
        let sent = [header, b"GET"].concat();
        let mut stream = &sent[..];
        let header = read(&mut stream).await.map_err(|error| error.kind())?;
        let client = client(&header).map_err(|error| error.kind())?;
        assert_eq!(stream, b"GET");
        Ok(client)
    }

    #[tokio::test]
    async fn the_client_is_told_and_nothing_else_is_read() {
        let ipv4 = [203, 0, 113, 7, 10, 0, 0, 5, 0x12, 0x67, 0x21, 0x6a];
        let ipv6 = {
            let mut rest = [0; 36];
            rest[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
            rest[15] = 7;
            rest[32..34].copy_from_slice(&4711u16.to_be_bytes());
            rest
        };
        let with_more = [&ipv4[..], &[4, 0, 2, 0, 0]].concat();
        for (header, expected) in [
            (
                b"PROXY TCP4 203.0.113.7 10.0.0.5 4711 8554\r\n".to_vec(),
                Some("203.0.113.7:4711"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 fd00::5 4711 8554\r\n".to_vec(),
                Some("[2001:db8::7]:4711"),
            ),
            (binary(1, 0x11, &ipv4), Some("203.0.113.7:4711")),
            (binary(1, 0x11, &with_more), Some("203.0.113.7:4711")),
            (binary(1, 0x21, &ipv6), Some("[2001:db8::7]:4711")),
            (binary(0, 0, &[]), None),
            (binary(0, 0x11, &ipv4), None),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(
                told(&header).await,
                Ok(expected),
                "{}",
                header.escape_ascii()
            );
        }
    }

    #[tokio::test]
    async fn what_tells_no_client_is_refused() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        let long = [b"PROXY TCP4 ", [b'1'; 200].as_slice()].concat();
        for (header, expected) in [
            (b"".to_vec(), UnexpectedEof),
            (b"PROXY TCP4 203.0.113.7 10.0.0.5".to_vec(), UnexpectedEof),
            (b"PROXY UNKNOWN\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 x 10.0.0.5 1 2\r\n".to_vec(), InvalidData),
            (
                b"PROXY TCP4 203.0.113.7 10.0.0.5 1 2\n".to_vec(),
                InvalidData,
            ),
            (b"OPTIONS * RTSP/1.0\r\n".to_vec(), InvalidData),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), InvalidData),
            (
                b"\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03\x00\n".to_vec(),
                InvalidData,
            ),
            (long, InvalidData),
            (binary(1, 0, &[]), InvalidData),
            (binary(1, 0x31, &[1; 216]), InvalidData),
            (binary(1, 0x11, &[1; 5]), InvalidData),
            (binary(2, 0x11, &[1; 12]), InvalidData),
            (binary(1, 0x11, &[0; LONGEST_REST + 1]), InvalidData),
        ] {
            let found = told(&header).await;
            assert_eq!(found, Err(expected), "{}", header.escape_ascii());
        }
    }
}
