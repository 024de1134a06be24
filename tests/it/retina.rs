//! A second opinion: what the RTSP client retina makes of the sample clips, and what its depacketisers make of
//! their packets beside the server's own.

use std::time::Duration;

use futures::StreamExt;
use reelcast::codec::{Depacketize, depacketizer};
use reelcast::wire::rtp;
use retina::client::{
    Demuxed, PacketItem, PlayOptions, Playing, Session, SessionOptions, SetupOptions,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat};

use crate::support::client::Client;
use crate::support::movies;
use crate::support::program::Program;

/// Pictures and sound frames that a packetised clip plays: its edit list leaves out the first of 518
/// sound frames, which only primes the decoder.
const PACKETISED: (usize, usize) = (300, 517);
/// And what the hint tracks hold: ffmpeg writes no packet for the last sound frames.
const HINTED: (usize, usize) = (300, 511);

/// How long nothing comes before a movie is taken to be over.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn retina_gets_every_frame() {
    let server = Program::start(&movies::clips()).await;
    let tcp = || Transport::Tcp(TcpTransportOptions::default());
    let udp = || Transport::Udp(UdpTransportOptions::default());
    let clip = |name: &str| format!("rtsp://{}/{name}", server.rtsp);
    tokio::join!(
        check(clip("clock.mp4"), tcp(), PACKETISED),
        check(clip("clock.mp4"), udp(), PACKETISED),
        check(clip("clock-hinted.mov"), tcp(), HINTED),
        check(clip("clock-hinted.mov"), udp(), HINTED),
        check(clip("tone.m4a"), tcp(), (0, PACKETISED.1)),
    );
}

async fn check(url: String, transport: Transport, expected: (usize, usize)) {
    let frames = count(&url, transport, expected.0 + expected.1).await;
    assert_eq!(frames, expected, "{url}");
}

/// Plays until `frames` frames came, or none for 5 s; returns the pictures and sound frames.
async fn count(url: &str, transport: Transport, frames: usize) -> (usize, usize) {
    let mut frames_of = (0, 0);
    let mut demuxed = play(url, transport).await;
    while frames_of.0 + frames_of.1 < frames {
        let Ok(Some(item)) = tokio::time::timeout(PATIENCE, demuxed.next()).await else {
            break;
        };
        match item.unwrap_or_else(|error| panic!("{url}: {error}")) {
            CodecItem::VideoFrame(frame) => {
                assert_eq!(frame.loss(), 0, "{url}");
                frames_of.0 += 1;
            }
            CodecItem::AudioFrame(frame) => {
                assert_eq!(frame.loss(), 0, "{url}");
                frames_of.1 += 1;
            }
            _ => {}
        }
    }
    frames_of
}

#[tokio::test]
async fn both_depacketisers_find_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["clock.mp4", "clock-hinted.mov"] {
        std::fs::copy(movies::clips().join(name), folder.path().join(name)).unwrap();
    }
    for (name, code, bits) in [("pcmu.wav", 7, 8), ("pcma.wav", 6, 8), ("l16.wav", 1, 16)] {
        std::fs::write(folder.path().join(name), wave(code, bits)).unwrap();
    }
    let server = Program::start(folder.path()).await;
    let compared = [
        "clock.mp4",
        "clock-hinted.mov",
        "pcmu.wav",
        "pcma.wav",
        "l16.wav",
    ];
    futures::future::join_all(compared.map(|name| compare(&server, name))).await;
}

/// Two seconds of a saw at 8 kHz in a WAVE file, in the format of that code.
fn wave(code: u16, bits: u16) -> Vec<u8> {
    let width = bits / 8;
    let data: Vec<u8> = (0..16_000 * u32::from(width))
        .map(|at| (at * 7) as u8)
        .collect();
    let mut format = [code, 1].map(u16::to_le_bytes).concat();
    format.extend(8000_u32.to_le_bytes());
    format.extend((8000 * u32::from(width)).to_le_bytes());
    format.extend([width, bits].map(u16::to_le_bytes).concat());
    let chunk =
        |name: &[u8], bytes: &[u8]| [name, &(bytes.len() as u32).to_le_bytes(), bytes].concat();
    let chunks = [
        &b"WAVE"[..],
        &chunk(b"fmt ", &format),
        &chunk(b"data", &data),
    ]
    .concat();
    chunk(b"RIFF", &chunks)
}

async fn compare(server: &Program, name: &str) {
    let url = format!("rtsp://{}/{name}", server.rtsp);
    let told = Client::connect(server.rtsp)
        .await
        .ask("DESCRIBE", &url, "")
        .await;
    let tcp = || Transport::Tcp(TcpTransportOptions::default());
    let (theirs, ours) = tokio::join!(
        found_by_retina(play(&url, tcp()).await),
        found_by_ours(set_up(&url, tcp()).await, &told)
    );
    assert!(theirs.iter().all(|track| track.len() > 10_000), "{name}");
    for (track, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        // As bytes, for they cut sound that is not in frames each in its own way.
        assert_eq!(theirs.len(), ours.len(), "track {track} of {name}");
        assert!(theirs == ours, "track {track} of {name}");
    }
}

/// The bytes of each track, one unit behind the other, until nothing comes any more.
async fn found_by_retina(mut demuxed: Demuxed) -> Vec<Vec<u8>> {
    let mut tracks = vec![Vec::new(); demuxed.streams().len()];
    while let Ok(Some(item)) = tokio::time::timeout(PATIENCE, demuxed.next()).await {
        match item {
            Ok(CodecItem::VideoFrame(frame)) => tracks[frame.stream_id()].extend(frame.data()),
            Ok(CodecItem::AudioFrame(frame)) => tracks[frame.stream_id()].extend(frame.data()),
            Ok(_) => {}
            // The server says goodbye.
            Err(_) => break,
        }
    }
    tracks
}

async fn found_by_ours(mut playing: Session<Playing>, description: &str) -> Vec<Vec<u8>> {
    let mut depacketizers = described(description);
    let mut tracks = vec![Vec::new(); depacketizers.len()];
    while let Ok(Some(Ok(item))) = tokio::time::timeout(PATIENCE, playing.next()).await {
        let PacketItem::Rtp(packet) = item else {
            continue;
        };
        let (track, loss) = (packet.stream_id(), packet.loss());
        let packet = rtp::Packet::read(packet.raw()).unwrap();
        depacketizers[track].push(&packet, loss).unwrap();
        while let Some(unit) = depacketizers[track].pull() {
            tracks[track].extend(&unit.data);
        }
    }
    tracks
}

/// What puts each track of a description together.
fn described(description: &str) -> Vec<Box<dyn Depacketize>> {
    let value = |media: &str, name: &str| {
        let line = media.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(' ')?.1.to_owned())
    };
    let tracks = description.split("\r\nm=").skip(1).map(|media| {
        let encoding = value(media, "a=rtpmap:").unwrap();
        depacketizer(&encoding, value(media, "a=fmtp:").as_deref()).unwrap()
    });
    tracks.collect()
}

async fn play(url: &str, transport: Transport) -> Demuxed {
    set_up(url, transport).await.demuxed().unwrap()
}

async fn set_up(url: &str, transport: Transport) -> Session<Playing> {
    let parsed = url::Url::parse(url).unwrap();
    let mut session = Session::describe(parsed, SessionOptions::default())
        .await
        .unwrap();
    for stream in 0..session.streams().len() {
        // As the server's own depacketisers have it: without the parameter sets, which are in the description.
        let options = SetupOptions::default()
            .transport(transport.clone())
            .frame_format(FrameFormat::MP4);
        session.setup(stream, options).await.unwrap();
    }
    session.play(PlayOptions::default()).await.unwrap()
}
