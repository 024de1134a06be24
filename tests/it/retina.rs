//! A second opinion: what the RTSP client retina makes of the sample clips.

use std::time::Duration;

use futures::StreamExt;
use retina::client::{
    Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, TcpTransportOptions, Transport,
    UdpTransportOptions,
};
use retina::codec::CodecItem;

use crate::support::movies;
use crate::support::program::Program;

/// Pictures and sound frames that a packetised clip plays: its edit list leaves out the first of 518
/// sound frames, which only primes the decoder.
const PACKETISED: (usize, usize) = (300, 517);
/// And what the hint tracks hold: ffmpeg writes no packet for the last sound frames.
const HINTED: (usize, usize) = (300, 511);

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
        let Ok(Some(item)) = tokio::time::timeout(Duration::from_secs(5), demuxed.next()).await
        else {
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

async fn play(url: &str, transport: Transport) -> Demuxed {
    let parsed = url::Url::parse(url).unwrap();
    let mut session = Session::describe(parsed, SessionOptions::default())
        .await
        .unwrap();
    for stream in 0..session.streams().len() {
        let options = SetupOptions::default().transport(transport.clone());
        session.setup(stream, options).await.unwrap();
    }
    session
        .play(PlayOptions::default())
        .await
        .unwrap()
        .demuxed()
        .unwrap()
}
