//! A PLAY with a Range starts at a sync sample, with the very packet that RTP-Info names.

use std::path::Path;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::support::movies;
use crate::support::program::Program;
use crate::support::received::ReceivedPacket;
use crate::support::viewer::{Viewer, WatchedTrack, Way};

#[tokio::test]
async fn seeks_in_a_packetised_clip_start_at_a_key_frame() {
    seek(&movies::clips(), "clock.mp4", 12.0).await;
}

#[tokio::test]
async fn seeks_in_a_hinted_clip_start_at_a_key_frame() {
    seek(&movies::clips(), "clock-hinted.mov", 12.0).await;
}

#[tokio::test]
async fn seeks_in_a_movie_of_the_qtss_era_start_at_a_key_frame() {
    let Some(folder) = movies::qtss() else { return };
    seek(&folder, "sample_h264_300kbit.mp4", 70.0).await;
}

/// Plays 20 random places of `movie`, the same in every run.
async fn seek(folder: &Path, movie: &str, seconds: f64) {
    let server = Program::start(folder).await;
    let mut viewer = Viewer::open(server.rtsp, movie, Way::Tcp).await;
    let video = viewer
        .tracks
        .iter()
        .position(is_video)
        .expect("a video track");
    let mut random = SmallRng::seed_from_u64(2);
    for _ in 0..20 {
        let place = random.random_range(0.0..seconds - 1.0);
        let answer = viewer.play(&format!("Range: npt={place:.3}-\r\n")).await;
        assert!(
            answer.range_start() <= place + 0.0005,
            "{answer:?} for {place}"
        );
        viewer
            .watch_until(|tracks| !first_picture(&tracks[video]).is_empty())
            .await;
        viewer
            .watch_until(|tracks| tracks.iter().all(|track| !track.packets.is_empty()))
            .await;
        for track in &viewer.tracks {
            let first = &track.packets[0];
            let announced = answer.rtp_info(&track.control);
            assert_eq!(
                (first.sequence, first.time),
                announced,
                "{} at {place}",
                track.control
            );
        }
        let units = nal_unit_types(first_picture(&viewer.tracks[video]));
        assert!(
            units.contains(&5),
            "at {place}: NAL units of types {units:?}"
        );
        assert_eq!(viewer.ask("PAUSE", "").await.status, 200);
    }
}

fn is_video(track: &WatchedTrack) -> bool {
    track.lines[0].starts_with("m=video")
}

/// The packets of the first picture; none until it is whole.
fn first_picture(track: &WatchedTrack) -> &[ReceivedPacket] {
    let end = track.packets.iter().position(|packet| packet.marker);
    end.map_or(&[], |end| &track.packets[..=end])
}

/// Types of the NAL units in `packets` (RFC 6184, 5.2).
fn nal_unit_types(packets: &[ReceivedPacket]) -> Vec<u8> {
    let mut types = Vec::new();
    for packet in packets {
        let payload = &packet.payload;
        match payload[0] & 0x1f {
            24 => types.extend(aggregated(&payload[1..])),
            28 if payload[1] & 0x80 != 0 => types.push(payload[1] & 0x1f),
            28 => {}
            single => types.push(single),
        }
    }
    types
}

fn aggregated(mut units: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while units.len() > 2 {
        types.push(units[2] & 0x1f);
        units = &units[2 + usize::from(u16::from_be_bytes([units[0], units[1]]))..];
    }
    types
}
