//! What a decoder makes of a channel whose publisher is restarted: whole pictures again from the next key frame on.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::time::sleep;

use crate::support::clip::Clip;
use crate::support::pictures;
use crate::support::received::ReceivedPacket;
use crate::support::server::Server;
use crate::support::viewer::{Viewer, WatchedTrack, Way};

/// Viewers of each way.
const VIEWERS: [(Way, usize); 3] = [(Way::Tcp, 17), (Way::Udp, 17), (Way::Tunnel, 16)];

/// Pictures a second of the clip, and from one key frame to the next.
const RATE: f64 = 25.0;
const GROUP: usize = 50;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Sends the clip's pictures of these numbers with their sound, one by one, for datagrams that come all at once are lost.
async fn send(clip: &mut Clip, pictures: Range<usize>) {
    for number in pictures {
        clip.send_until((number + 1) as f64 / RATE);
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn fifty_viewers_see_whole_pictures_again_from_the_next_key_frame() {
    if !pictures::can_be_decoded() {
        return;
    }
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut first = Clip::publish(&server, "live");
    first.send_until(10.0 / RATE);
    let mut viewers = Vec::new();
    for (way, count) in VIEWERS {
        for _ in 0..count {
            let mut viewer = Viewer::open(server.address, "live", way).await;
            viewer.play("").await;
            viewers.push(viewer);
        }
    }
    // The one ends and the other begins in the middle of a group of pictures.
    let (end, begin, last) = (GROUP + 30, GROUP + 10, 3 * GROUP);
    send(&mut first, 10..end).await;
    first.stop();
    let mut second = Clip::publish_from(&server, "live", begin as f64 / RATE);
    send(&mut second, begin..last).await;

    let sent = end + last - begin;
    let mut streams = Vec::new();
    for viewer in &mut viewers {
        viewer
            .watch_until(|tracks| pictures_of(&tracks[0]) >= sent)
            .await;
        assert_eq!(pictures_of(&viewer.tracks[0]), sent);
        streams.push(byte_stream(&viewer.tracks[0]));
        assert_eq!(viewer.ask("GET_PARAMETER", "").await.status, 200);
    }
    assert!(streams.iter().all(|stream| *stream == streams[0]));

    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let (published, _) = pictures::decoded(clip.to_str().unwrap(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let received = folder.path().join("received.h264");
    std::fs::write(&received, &streams[0]).unwrap();
    let (seen, _) = pictures::decoded(received.to_str().unwrap(), &[]);
    assert_eq!(
        seen[..end],
        published[..end],
        "until the publisher was restarted"
    );
    let whole = &published[2 * GROUP..last];
    assert_eq!(
        seen[seen.len() - whole.len()..],
        *whole,
        "from the next key frame on"
    );
    assert_ne!(
        seen[end], published[begin],
        "its first pictures need what nobody had"
    );
}

fn pictures_of(track: &WatchedTrack) -> usize {
    track.packets.iter().filter(|packet| packet.marker).count()
}

/// The track's H.264 as a byte stream (ITU-T H.264, annex B), taken out of its packets (RFC 6184).
fn byte_stream(track: &WatchedTrack) -> Vec<u8> {
    let parameters = track.lines.iter().find_map(|line| {
        let (_, sets) = line.split_once("sprop-parameter-sets=")?;
        sets.split(';').next()
    });
    let mut stream = Vec::new();
    for set in parameters.unwrap_or_default().split(',') {
        stream.extend(START_CODE);
        stream.extend(BASE64_STANDARD.decode(set.trim()).unwrap());
    }
    for pair in track.packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    for packet in &track.packets {
        write_units(packet, &mut stream);
    }
    stream
}

fn write_units(packet: &ReceivedPacket, stream: &mut Vec<u8>) {
    let payload = &packet.payload[..];
    match payload[0] & 0x1f {
        1..=23 => {
            stream.extend(START_CODE);
            stream.extend(payload);
        }
        24 => {
            let mut rest = &payload[1..];
            while let [high, low, units @ ..] = rest {
                let (unit, more) = units.split_at(usize::from(u16::from_be_bytes([*high, *low])));
                stream.extend(START_CODE);
                stream.extend(unit);
                rest = more;
            }
        }
        28 => {
            if payload[1] & 0x80 != 0 {
                stream.extend(START_CODE);
                stream.push(payload[0] & 0xe0 | payload[1] & 0x1f);
            }
            stream.extend(&payload[2..]);
        }
        other => panic!("a payload of type {other}"),
    }
}
