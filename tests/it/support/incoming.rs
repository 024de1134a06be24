//! Reads what a server sends, from connections and from datagrams, into one queue.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UdpSocket;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc::Sender;

use super::received::Answer;

/// Something that came from the server; media with the number of its track.
pub(crate) enum Event {
    Answer(Answer),
    Rtp(usize, Vec<u8>),
    Rtcp(usize, Vec<u8>),
}

/// Reads answers and interleaved frames until the connection ends.
pub(crate) async fn read_connection(
    mut connection: BufReader<OwnedReadHalf>,
    events: Sender<Event>,
    tunnelled: bool,
) {
    if tunnelled {
        let Some(head) = read_head(&mut connection).await else {
            return;
        };
        assert!(head[0].contains(" 200 "), "{head:?}");
    }
    while let Some(event) = read_event(&mut connection).await {
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// The next answer or interleaved frame; `None` at the end of the connection.
async fn read_event(connection: &mut BufReader<OwnedReadHalf>) -> Option<Event> {
    let first = *connection.fill_buf().await.ok()?.first()?;
    if first != b'$' {
        return read_answer(connection).await.map(Event::Answer);
    }
    let mut head = [0; 4];
    connection.read_exact(&mut head).await.ok()?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    connection.read_exact(&mut bytes).await.ok()?;
    let track = usize::from(head[1] / 2);
    Some(if head[1] % 2 == 0 {
        Event::Rtp(track, bytes)
    } else {
        Event::Rtcp(track, bytes)
    })
}

async fn read_answer(connection: &mut BufReader<OwnedReadHalf>) -> Option<Answer> {
    let head = read_head(connection).await?;
    let status = head[0].strip_prefix("RTSP/1.0 ").expect("a status line");
    let headers: Vec<(String, String)> = head[1..]
        .iter()
        .map(|line| {
            line.split_once(':')
                .unwrap_or_else(|| panic!("a header in {line}"))
        })
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status: status[..3].parse().unwrap(),
        headers,
        body: String::new(),
    };
    let length = answer
        .header("Content-Length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    answer.body = String::from_utf8(body).expect("SDP is text");
    Some(answer)
}

/// The lines up to an empty one.
async fn read_head(connection: &mut BufReader<OwnedReadHalf>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await.ok()?;
        let line = line.strip_suffix("\r\n")?;
        if line.is_empty() {
            return Some(lines);
        }
        lines.push(line.to_owned());
    }
}

/// Reads the datagrams of one track's RTP or RTCP.
pub(crate) async fn read_datagrams(
    socket: UdpSocket,
    events: Sender<Event>,
    track: usize,
    event: fn(usize, Vec<u8>) -> Event,
) {
    let mut buffer = [0; 65536];
    while let Ok(length) = socket.recv(&mut buffer).await {
        if events
            .send(event(track, buffer[..length].to_vec()))
            .await
            .is_err()
        {
            return;
        }
    }
}
