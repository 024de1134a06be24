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

#[tokio::test]
async fn retina_gets_every_frame() {
    let server = Program::start(&movies::clips()).await;
    let tcp = || Transport::Tcp(TcpTransportOptions::default());
    let udp = || Transport::Udp(UdpTransportOptions::default());
    let clip = |name: &str| format!("rtsp://{}/{name}", server.rtsp);
    let counts = tokio::join!(
        count(clip("clock.mp4"), tcp(), 300 + 518),
        count(clip("clock.mp4"), udp(), 300 + 518),
        count(clip("clock-hinted.mov"), tcp(), 300 + 518),
        count(clip("clock-hinted.mov"), udp(), 300 + 518),
        count(clip("tone.m4a"), tcp(), 518),
    );
    assert_eq!(
        counts,
        ((300, 518), (300, 518), (300, 518), (300, 518), (0, 518))
    );
}

/// Plays until `frames` frames came, or none for 5 s; returns the pictures and sound frames.
async fn count(url: String, transport: Transport, frames: usize) -> (usize, usize) {
    let mut frames_of = (0, 0);
    let mut demuxed = play(&url, transport).await;
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
