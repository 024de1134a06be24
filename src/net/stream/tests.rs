use std::sync::Arc;

use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio_rustls::client;

use super::*;
use crate::base::clock::Clock;
use crate::net::Sent;
use crate::net::interleaved::{Closed, Interleaved};
use crate::net::listen::Listener;
use crate::net::permits::Permits;
use crate::net::tls::{Trust, connect};
use crate::net::tls_acceptor::{Protocols, TlsAcceptor};
use crate::net::tls_files::TlsFiles;
use crate::net::tls_identity::{Origin, TlsIdentity};

/// A connection after its handshake, with little room to send, and the client's end.
async fn connected() -> (Stream, client::TlsStream<TcpStream>) {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles::within(folder.path());
    let clock = Clock::start();
    let names = vec!["localhost".to_owned()];
    let identity = TlsIdentity::open(Origin::SelfMade(files), names, clock.wall(clock.now()));
    let tls = TlsAcceptor::new(identity.unwrap(), Protocols::Rtsp);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &Permits::new(1)).unwrap();
    let port = listener.local_addr().port();
    let accepting = async {
        let accepted = listener.accept().await;
        SockRef::from(&accepted.stream)
            .set_send_buffer_size(4096)
            .unwrap();
        accepted.open(Some(&tls)).await.unwrap().stream
    };
    let connecting = connect("127.0.0.1", port, Trust::Anybody);
    let (stream, client) = tokio::join!(accepting, connecting);
    (stream, client.unwrap())
}

async fn filled(incoming: &mut Incoming, length: usize) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    while buffer.len() < length {
        assert!(incoming.fill(&mut buffer, 4096).await.unwrap());
    }
    buffer.to_vec()
}

#[tokio::test]
async fn little_is_taken_of_what_is_paced() {
    let (stream, _client) = connected().await;
    stream.take_little().unwrap();
    let Way::Tls(session) = &stream.way else {
        panic!("it came by TLS");
    };
    let size = SockRef::from(session.get_ref().0).send_buffer_size();
    assert_eq!(size.unwrap(), 2 * PACED_BUFFER);
}

#[tokio::test]
async fn what_was_looked_at_is_read_first() {
    let (mut stream, mut client) = connected().await;
    assert!(stream.is_encrypted());
    client.write_all(b"GE").await.unwrap();
    stream.look().await.unwrap();
    client.write_all(b"T /").await.unwrap();
    while stream.seen().len() < 5 {
        stream.look().await.unwrap();
    }
    assert_eq!(stream.seen(), b"GET /");
    let mut start = [0; 3];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"GET");
    let (mut incoming, _outgoing) = stream.into_split();
    client.write_all(b"index").await.unwrap();
    assert_eq!(filled(&mut incoming, 7).await, b" /index");
}

#[tokio::test]
async fn both_directions_go_at_the_same_time_and_nothing_is_lost() {
    let (stream, client) = connected().await;
    let (mut incoming, outgoing) = stream.into_split();
    let outlet = Arc::new(Interleaved::new(outgoing, usize::MAX));
    assert!(outlet.is_encrypted());
    let mut sent = Vec::new();
    while outlet.backlog() < 1 << 20 {
        let frame = [sent.len().to_be_bytes(); 5000].concat();
        outlet.send(&frame).unwrap();
        sent.extend(frame);
    }
    let asked: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let (mut reader, mut writer) = tokio::io::split(client);
    let mut received = vec![0; sent.len()];
    let conversation = async {
        tokio::join!(
            async { reader.read_exact(&mut received).await.unwrap() },
            async { writer.write_all(&asked).await.unwrap() },
            async { assert!(filled(&mut incoming, asked.len()).await == asked) },
        )
    };
    tokio::select! {
        closed = outlet.drain() => panic!("{closed}"),
        _ = conversation => {}
    }
    assert!(received == sent);
    assert_eq!(outlet.send(b"x"), Ok(Sent::All));
}

#[tokio::test]
async fn a_client_can_tell_the_end_from_a_cut() {
    let (stream, mut client) = connected().await;
    let (_incoming, outgoing) = stream.into_split();
    let outlet = Interleaved::new(outgoing, 1000);
    outlet.send(b"bye").unwrap();
    outlet.close();
    // A cut would be an error here.
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "bye");
}

#[tokio::test]
async fn the_end_comes_after_what_was_sent() {
    let (stream, mut client) = connected().await;
    let (mut incoming, _outgoing) = stream.into_split();
    client.write_all(b"last words").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(filled(&mut incoming, 10).await, b"last words");
    let mut buffer = BytesMut::new();
    assert!(!incoming.fill(&mut buffer, 4096).await.unwrap());
}

#[tokio::test]
async fn what_is_no_tls_breaks_the_connection() {
    let (stream, client) = connected().await;
    let (mut incoming, outgoing) = stream.into_split();
    let (mut socket, _) = client.into_inner();
    socket.write_all(&[0xff; 1000]).await.unwrap();
    let broken = incoming.fill(&mut BytesMut::new(), 4096).await;
    assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::InvalidData);
    let outlet = Interleaved::new(outgoing, 1000);
    assert!(matches!(outlet.send(b"x"), Ok(_) | Err(Closed::ByPeer)));
}
