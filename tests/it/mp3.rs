//! An MP3 file reaches the viewer frame by frame (RFC 2250).

use std::path::Path;

use crate::support::movies;
use crate::support::program::Program;
use crate::support::received::ReceivedPacket;
use crate::support::viewer::{Viewer, Way};

#[tokio::test]
async fn every_frame_of_an_mp3_file_arrives() {
    let Some(folder) = movies::qtss() else { return };
    let server = Program::start(&folder).await;
    let frames = frames(&folder.join("sample.mp3"));
    let mut viewer = Viewer::open(server.rtsp, "sample.mp3", Way::Tcp).await;
    viewer.play("Range: npt=0-\r\n").await;
    viewer.watch_to_the_end().await;
    let received = received_frames(&viewer.tracks[0].packets);
    assert_eq!(received.len(), frames.len());
    assert!(received == frames, "the frames differ");
}

/// The frames in `packets`, whole ones and those that were cut into fragments.
fn received_frames(packets: &[ReceivedPacket]) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for packet in packets {
        assert_eq!(packet.payload[..2], [0, 0], "the part that must be zero");
        bytes.extend_from_slice(&packet.payload[4..]);
    }
    split(&bytes)
}

/// The MPEG audio frames of a file, without ID3 tags.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    let mut start = 0;
    while file[start..].starts_with(b"ID3") {
        let size = &file[start + 6..start + 10];
        start += 10
            + size
                .iter()
                .fold(0, |size, byte| size << 7 | usize::from(*byte));
    }
    split(&file[start..])
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while let Some(length) = frame_length(rest).filter(|length| *length <= rest.len()) {
        let (frame, after) = rest.split_at(length);
        frames.push(frame.to_vec());
        rest = after;
    }
    frames
}

/// Length of the layer III frame at the start of `bytes` (ISO/IEC 11172-3, 2.4.2.3).
fn frame_length(bytes: &[u8]) -> Option<usize> {
    const KBITS: [usize; 15] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ];
    const KBITS_LOW: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let header = bytes.get(..4)?;
    if header[0] != 0xff || header[1] & 0xe6 != 0xe2 {
        return None;
    }
    let (version, padding) = (header[1] >> 3 & 3, usize::from(header[2] >> 1 & 1));
    let rate = [44_100, 48_000, 32_000].get(usize::from(header[2] >> 2 & 3))?;
    let place = usize::from(header[2] >> 4);
    match version {
        3 => Some(144_000 * KBITS.get(place)? / rate + padding),
        2 => Some(72_000 * KBITS_LOW.get(place)? / (rate / 2) + padding),
        0 => Some(72_000 * KBITS_LOW.get(place)? / (rate / 4) + padding),
        _ => None,
    }
}
