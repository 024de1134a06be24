//! Channels in QuickTime's own encodings: Sorenson's pictures and QDesign's sound, as hinted movies of the
//! QTSS era send them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use reelcast::base::path::MediaPath;
use reelcast::codec::QuickTime;
use reelcast::config::Config;
use reelcast::container::{self, Track};
use reelcast::media::burst::PacketKind;
use reelcast::media::description::Description;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;
use reelcast::wire::rtp::Packet;

use super::hls::text;
use super::qdm2::stored_blocks;
use super::support::hint_walk::{AuthoredPacket, AuthoredTrack, hint_tracks};
use super::support::movies::qtss;
use super::support::pictures::can_be_decoded;
use super::support::publisher::rtp;
use super::support::server::Server;

/// The movies, the encodings of their hint tracks, and the ticks of a picture.
const MOVIES: [(&str, [&str; 2], u32); 2] = [
    (
        "sample_100kbit.mov",
        ["X-SV3V-ES/90000", "X-QDM/22050/2"],
        6000,
    ),
    (
        "sample_300kbit.mov",
        ["X-SV3V-ES/90000", "X-QDM/32000/2"],
        3000,
    ),
];

/// What comes out of the packets of a track: times and bytes.
fn put_together(track: &AuthoredTrack, encoding: &str) -> Vec<(u32, Bytes)> {
    let mut depacketizer = QuickTime::of(encoding).unwrap();
    let mut units = Vec::new();
    for packet in &track.packets {
        let bytes = on_the_wire(packet);
        let packet = Packet::read(&bytes).unwrap();
        depacketizer.push(&packet, 0).unwrap();
        units.extend(std::iter::from_fn(|| depacketizer.pull()));
    }
    units
        .into_iter()
        .map(|unit| (unit.time, unit.data))
        .collect()
}

fn on_the_wire(packet: &AuthoredPacket) -> Vec<u8> {
    let AuthoredPacket {
        payload_type,
        marker,
        sequence,
        time,
        ..
    } = *packet;
    let mut bytes = rtp(payload_type, marker, sequence, time, payload_type.into());
    bytes.extend_from_slice(&packet.payload);
    bytes
}

/// The samples of a track as they are in the file.
fn stored_samples(file: &[u8], track: &Track) -> Vec<Bytes> {
    let mut cursor = track.samples.cursor(0);
    std::iter::from_fn(|| cursor.next(&track.samples))
        .map(|sample| {
            let start = sample.offset as usize;
            Bytes::copy_from_slice(&file[start..start + sample.size as usize])
        })
        .collect()
}

#[test]
fn what_is_put_together_is_what_the_movie_stores() {
    let Some(folder) = qtss() else { return };
    for (name, encodings, ticks) in MOVIES {
        let path = folder.join(name);
        let file = Bytes::from(std::fs::read(&path).unwrap());
        let movie = container::open(&file).unwrap();
        let hints = hint_tracks(&path);
        let pictures = put_together(&hints[0], encodings[0]);
        let track = movie.tracks.iter().find(|track| track.codec == "SVQ3");
        let stored = stored_samples(&file, track.unwrap());
        assert_eq!(pictures.len(), stored.len(), "{name}");
        for (number, (picture, stored)) in (0..).zip(pictures.iter().zip(stored)) {
            assert_eq!(
                *picture,
                (number * ticks, stored),
                "{name}: picture {number}"
            );
        }
        let blocks = put_together(&hints[1], encodings[1]);
        let stored = stored_blocks(&path);
        // The hinter left the last block out.
        assert_eq!(blocks.len(), stored.len() - 1, "{name}");
        let ticks = blocks[1].0;
        for (number, (block, stored)) in (0..).zip(blocks.iter().zip(stored)) {
            let stored = Bytes::from(stored);
            assert_eq!(*block, (number * ticks, stored), "{name}: block {number}");
        }
    }
}

/// What is sent of a movie in its own packets: when in seconds, of which track, and the packet.
pub(super) type Sent = (f64, usize, Vec<u8>);

/// The channel `old` in the encodings of a movie's hint tracks, to which its first seconds have been sent.
fn publish_hinted(server: &Server, hints: &[AuthoredTrack], encodings: [&str; 2]) -> Publisher {
    let mut packets = Vec::new();
    for (index, (hint, encoding)) in hints.iter().zip(encodings).enumerate() {
        let clock_hz: f64 = encoding.split('/').nth(1).unwrap().parse().unwrap();
        let due = |packet: &AuthoredPacket| f64::from(packet.time) / clock_hz;
        let sent = hint.packets.iter();
        packets.extend(sent.map(|packet| (due(packet), index, on_the_wire(packet))));
    }
    publish(server, encodings, packets)
}

/// The channel `old` of pictures and sound in these encodings, to which the first seconds of `packets` have been sent.
pub(super) fn publish(server: &Server, encodings: [&str; 2], mut packets: Vec<Sent>) -> Publisher {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=old\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {}\r\n\
         m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {}\r\n",
        encodings[0], encodings[1]
    );
    let description = Description::read(sdp.as_bytes()).unwrap();
    let path = MediaPath::from_plain("old").unwrap();
    let publisher = server
        .mounts
        .publish(&path, description, "test".to_owned(), Takeover::Replace);
    let mut publisher = publisher.unwrap();
    let begin = server.clock.now();
    packets.retain(|(due, ..)| *due < SENT);
    packets.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (due, index, bytes) in packets {
        let now = begin + Duration::from_secs_f64(due);
        let pushed = publisher.push(index, PacketKind::Rtp, &bytes, now);
        pushed.unwrap();
    }
    publisher.flush(begin + Duration::from_secs_f64(SENT));
    publisher
}

/// Seconds that are sent, less than a channel keeps.
const SENT: f64 = 9.5;

/// Seconds that are looked at.
const WATCHED: &str = "5";

/// What ffmpeg makes of the first seconds of `input`, a movie or the URL of a playlist, with `options`.
pub(super) fn made(input: &str, options: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]);
    if input.starts_with("http:") {
        command.args(["-live_start_index", "0"]);
    }
    command.args(["-i", input, "-t", WATCHED]);
    let output = command.args(options.split(' ')).arg("-").output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    output.stdout
}

/// Pictures of 24 by 30 grey pixels.
pub(super) const SMALL: &str =
    "-map 0:v -vf scale=24:30:flags=area,format=gray -fps_mode passthrough -f rawvideo";

/// Sound at 8 kHz, from when the first track begins.
pub(super) const HEARD: &str = "-map 0:a -af aresample=8000:async=1:first_pts=0 -ac 1 -f s16le";

/// How loud each twentieth of a second is.
fn loudness(sound: &[u8]) -> Vec<f64> {
    let samples: Vec<_> = sound
        .chunks_exact(2)
        .map(|sample| f64::from(i16::from_le_bytes([sample[0], sample[1]])))
        .collect();
    let power = |window: &[f64]| window.iter().map(|sample| sample * sample).sum::<f64>();
    samples
        .chunks_exact(400)
        .map(|window| power(window).sqrt())
        .collect()
}

/// How alike two curves are, from -1 to 1, when the second is read `later` steps on.
fn likeness(one: &[f64], other: &[f64], later: usize) -> f64 {
    let pairs: Vec<_> = one.iter().zip(&other[later..]).collect();
    let count = pairs.len() as f64;
    let (a, b) = pairs
        .iter()
        .fold((0.0, 0.0), |(a, b), pair| (a + pair.0, b + pair.1));
    let (a, b) = (a / count, b / count);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        ab += (x - a) * (y - b);
        aa += (x - a) * (x - a);
        bb += (y - b) * (y - b);
    }
    ab / (aa * bb).sqrt()
}

/// A server that makes short segments, for which a channel's first playlist waits.
pub(super) fn start_server() -> Server {
    start_server_with(|_| {})
}

/// The same with other settings.
pub(super) fn start_server_with(change: impl FnOnce(&mut Config)) -> Server {
    Server::start(Path::new("no movies"), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.start_wait = Duration::from_secs(60);
        change(config);
    })
}

/// Looks at and listens to the channel `old`: it is to be as `movie`, whose pictures last so many ticks of 90 kHz.
pub(super) async fn compare(server: &Server, movie: &Path, ticks: u32) {
    let playlist = text(server.http, "/old/cmaf.m3u8").await;
    assert!(playlist.contains("CODECS=\"avc1."), "{playlist}");
    assert!(playlist.contains(",mp4a.40.2\""), "{playlist}");
    compare_playlist(server, "cmaf", movie, ticks).await;
}

/// The same by one of its playlists.
pub(super) async fn compare_playlist(server: &Server, playlist: &str, movie: &Path, ticks: u32) {
    let name = movie.display();
    let url = format!("http://{}/old/{playlist}.m3u8", server.http);
    let movie = movie.to_str().unwrap().to_owned();
    let compared = tokio::task::spawn_blocking(move || {
        let pictures = [&movie, &url].map(|input| made(input, SMALL));
        let sounds = [&movie, &url].map(|input| loudness(&made(input, HEARD)));
        (pictures, sounds)
    });
    let ([original, seen], [sound, heard]) = compared.await.unwrap();
    let pictures = 5 * 90_000 / ticks as usize;
    assert_eq!(
        (original.len(), seen.len()),
        (pictures * 720, pictures * 720),
        "{name}"
    );
    for (number, (one, other)) in original.chunks(720).zip(seen.chunks(720)).enumerate() {
        let off: u32 = one
            .iter()
            .zip(other)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        assert!(off < 720 * 6, "{name}: picture {number} is off by {off}");
    }
    let alike = likeness(&sound, &heard, 0);
    assert!(alike > 0.95, "{name}: {alike}");
    assert!(alike > likeness(&sound, &heard, 2) && alike > likeness(&heard, &sound, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_seen_and_heard_by_hls_as_the_movie_is() {
    let Some(folder) = qtss() else { return };
    if !can_be_decoded() {
        return;
    }
    for (name, encodings, ticks) in MOVIES {
        let path = folder.join(name);
        let server = start_server();
        let _publisher = publish_hinted(&server, &hint_tracks(&path), encodings);
        compare(&server, &path, ticks).await;
    }
}
