//! Hinted movies reach the viewer packet for packet as their authors made them.

use std::path::{Path, PathBuf};

use futures::future::join_all;

use crate::support::hint_walk::{AuthoredPacket, AuthoredTrack, hint_tracks};
use crate::support::movies;
use crate::support::program::Program;
use crate::support::received::ReceivedPacket;
use crate::support::viewer::{Viewer, WatchedTrack, Way};

const WAYS: [Way; 3] = [Way::Tcp, Way::Udp, Way::Tunnel];

#[tokio::test]
async fn the_hinted_clip_streams_as_authored() {
    let server = Program::start(&movies::clips()).await;
    let clip = movies::clips().join("clock-hinted.mov");
    join_all(WAYS.map(|way| compare(&server, &clip, way))).await;
}

#[tokio::test]
async fn movies_of_the_qtss_era_stream_as_authored() {
    let Some(folder) = movies::qtss() else { return };
    let server = Program::start(&folder).await;
    let files = hinted_movies(&folder);
    let viewings = files.iter().flat_map(|path| WAYS.map(|way| (path, way)));
    join_all(viewings.map(|(path, way)| compare(&server, path, way))).await;
}

#[test]
fn the_walk_finds_as_many_packets_as_the_authors_counted() {
    let Some(folder) = movies::qtss() else { return };
    for path in hinted_movies(&folder) {
        for track in hint_tracks(&path) {
            let promised = track.promised.expect("a number of packets");
            assert_eq!(
                track.packets.len() as u64,
                promised,
                "{path:?}, track {}",
                track.id
            );
        }
    }
}

/// Everything in `folder` but the MP3.
fn hinted_movies(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension != "mp3"))
        .collect()
}

/// Plays the movie at `path` to its end and compares each track with its hint track.
async fn compare(server: &Program, path: &Path, way: Way) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let authored = hint_tracks(path);
    let mut viewer = Viewer::open(server.rtsp, name, way).await;
    assert_eq!(viewer.tracks.len(), authored.len(), "{name}: tracks");
    let answer = viewer.play("Range: npt=0-\r\n").await;
    viewer.watch_to_the_end().await;
    for expected in &authored {
        let received = viewer.tracks.iter().find(|track| track.id() == expected.id);
        let received = received.unwrap_or_else(|| panic!("{name}: track {}", expected.id));
        let what = format!("{name} over {way:?}, track {}", expected.id);
        let announced = answer.rtp_info(&received.control);
        compare_track(expected, received, announced, way == Way::Udp, &what);
    }
}

/// Repeated packets may be left out where nothing gets lost, so only `datagrams` must have them.
fn compare_track(
    expected: &AuthoredTrack,
    received: &WatchedTrack,
    announced: (u16, u32),
    datagrams: bool,
    what: &str,
) {
    let first = received
        .packets
        .first()
        .unwrap_or_else(|| panic!("{what}: no packet"));
    assert_eq!((first.sequence, first.time), announced, "{what}: RTP-Info");
    let packets: Vec<_> = expected
        .packets
        .iter()
        .filter(|packet| datagrams || !packet.repeat)
        .collect();
    let start = packets[0];
    for (number, (expected, received)) in packets.iter().zip(&received.packets).enumerate() {
        assert_eq!(
            facts(received, first),
            authored_facts(expected, start),
            "{what}: {number}"
        );
        assert!(
            received.payload == expected.payload,
            "{what}: payload of packet {number}"
        );
        assert_eq!(received.ssrc, first.ssrc, "{what}: SSRC of packet {number}");
    }
    assert_eq!(received.packets.len(), packets.len(), "{what}: packets");
}

/// Marker, payload type, and sequence number and time since the `first` packet.
fn facts(packet: &ReceivedPacket, first: &ReceivedPacket) -> (bool, u8, u16, u32) {
    let sequence = packet.sequence.wrapping_sub(first.sequence);
    (
        packet.marker,
        packet.payload_type,
        sequence,
        packet.time.wrapping_sub(first.time),
    )
}

fn authored_facts(packet: &AuthoredPacket, first: &AuthoredPacket) -> (bool, u8, u16, u32) {
    let sequence = packet.sequence.wrapping_sub(first.sequence);
    (
        packet.marker,
        packet.payload_type,
        sequence,
        packet.time.wrapping_sub(first.time),
    )
}
