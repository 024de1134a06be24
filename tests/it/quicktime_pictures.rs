//! Channels of pictures as ffmpeg packetises them, and of sound in one of QuickTime's own encodings: one process does both.

use std::path::Path;

use reelcast::wire::rtp::{HEADER_LEN, Packet};

use super::quicktime::{Sent, compare, compare_playlist, publish, start_server, start_server_with};
use super::quicktime_beside::{begun, in_order, run_ffmpeg};
use super::quicktime_generic::{PICTURES, SOUND, hint_sound, make_movie};
use super::support::pictures::can_be_decoded;

/// The `a=rtpmap` of pictures, and what ffmpeg is told to make them.
const CASES: [(&str, &str); 5] = [
    ("H261/90000", "h261 -q:v 3 -strict experimental"),
    // Cut where groups of blocks begin, and anywhere within them: there ffmpeg 5.1 spoils the headers of pictures
    // that refer to others.
    ("H263/90000", "h263 -q:v 5 -ps 1 -rtpflags +rfc2190"),
    (
        "H263/90000",
        "h263 -q:v 4 -g 1 -mb_info 400 -rtpflags +rfc2190",
    ),
    ("MPV/90000", "mpeg1video -q:v 3 -bf 2 -strict experimental"),
    ("MPV/90000", "mpeg2video -q:v 3 -bf 2"),
];

const HEVC: &str = "libx265 -crf 20 -bf 2 -x265-params log-level=error";

/// Of the packets, by which they are found in what ffmpeg writes.
const SSRC: [u8; 4] = *b"mark";

/// The pictures of a movie in packets of RTP as ffmpeg makes them.
fn packetised(movie: &Path, codec: &str) -> Vec<Sent> {
    let file = movie.with_extension("rtp");
    let ssrc = u32::from_be_bytes(SSRC).to_string();
    let description = movie.with_extension("sdp");
    let described = ["-y", "-sdp_file", description.to_str().unwrap()];
    let input = ["-i", movie.to_str().unwrap(), "-an", "-g", "15", "-c:v"];
    let codec: Vec<_> = codec.split(' ').collect();
    let output = "-f rtp -rtpflags +skip_rtcp -packetsize 1400 -payload_type 96 -ssrc";
    let output: Vec<_> = output.split(' ').collect();
    run_ffmpeg(
        &[&described[..], &input, &codec, &output, &[&ssrc]].concat(),
        &file,
    );
    let file = std::fs::read(file).unwrap();
    let begins = |bytes: &[u8]| bytes[0] == 0x80 && bytes[1] & 0x7f == 96 && bytes[8..] == SSRC;
    let headers = file.windows(HEADER_LEN).enumerate();
    let starts = headers.filter(|(_, bytes)| begins(bytes));
    let mut places: Vec<_> = starts.map(|(at, _)| at).collect();
    places.push(file.len());
    let packets = places.windows(2).map(|places| &file[places[0]..places[1]]);
    let first = Packet::read(&file).unwrap().time();
    let sent = packets.map(|bytes| {
        let time = Packet::read(bytes).unwrap().time().wrapping_sub(first);
        let mut packet = bytes.to_vec();
        packet[4..8].copy_from_slice(&time.to_be_bytes());
        (f64::from(time) / 90_000.0, 0, packet)
    });
    in_order(sent.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_ffmpeg_packetises_are_encoded_with_sound_of_quicktime() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("old.mov");
    make_movie(&movie, [PICTURES, SOUND]);
    for (encoding, codec) in CASES {
        let packets = [packetised(&movie, codec), hint_sound(&movie)].concat();
        let server = start_server();
        let _publisher = publish(&server, [encoding, "X-QT/22050"], packets);
        compare(&server, &movie, 6000).await;
        assert_eq!(begun(&server), 1, "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_some_players_know_are_encoded_with_sound_of_quicktime_for_the_others() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("old.mov");
    make_movie(&movie, [PICTURES, SOUND]);
    let packets = [packetised(&movie, HEVC), hint_sound(&movie)].concat();
    let server = start_server_with(|config| config.hls.compat = true);
    let _publisher = publish(&server, ["H265/90000", "X-QT/22050"], packets);
    compare_playlist(&server, "compat-cmaf", &movie, 6000).await;
    assert_eq!(begun(&server), 1);
}
