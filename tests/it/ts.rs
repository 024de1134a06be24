//! Transport streams that ffmpeg made, and encoders that send them to the port for that.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::media_time::MediaTime;
use reelcast::codec::elementary::{Frame, Framer, Piece};
use reelcast::config::Config;
use reelcast::container::ts::{CLOCK_HZ, Demux, Event, Unit};
use reelcast::net::listen::{Listener, Permits};
use reelcast::source::ts_listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::support::client::{Client, status};
use crate::support::server::Server;

fn seed(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/ts_demux");
    std::fs::read(folder.join(name)).unwrap()
}

/// A stream with the samples that were cut from it.
struct Cut {
    pid: u16,
    framer: Box<dyn Framer>,
    frames: Vec<Frame>,
}

impl Cut {
    fn take(&mut self, unit: &Unit) {
        let time = |ticks| MediaTime::new(ticks, CLOCK_HZ);
        let piece = Piece {
            data: &unit.data,
            pts: unit.pts.map(time),
            dts: unit.dts.map(time),
            random_access: unit.random_access,
        };
        self.framer.push(piece, &mut self.frames);
    }
}

fn cut(bytes: &[u8]) -> Vec<Cut> {
    let (mut demux, mut events) = (Demux::new(None), Vec::new());
    demux.push(bytes, &mut events);
    demux.finish(&mut events);
    let mut streams: Vec<Cut> = Vec::new();
    for event in events {
        match event {
            Event::Program(program) => {
                streams.extend(program.streams.iter().map(|stream| Cut {
                    pid: stream.pid,
                    framer: stream.coding.expect("a known coding").framer(),
                    frames: Vec::new(),
                }));
            }
            Event::Unit(unit) => {
                let stream = streams.iter_mut().find(|stream| stream.pid == unit.pid);
                stream.expect("a stream of the program").take(&unit);
            }
        }
    }
    streams
}

#[test]
fn every_coding_comes_apart_into_as_many_samples_as_ffmpeg_sees() {
    for (name, expected) in [
        ("avc_adts.ts", "H264/90000 x3, mpeg4-generic/8000/1 x3"),
        ("hevc.ts", "H265/90000 x3"),
        ("latm.ts", "mpeg4-generic/8000/1 x3"),
        ("mp2.ts", "MPA/90000 x3"),
        ("ac3.ts", "ac3/48000 x7"),
        ("opus.ts", "opus/48000/2 x11"),
        ("m2ts.ts", "ac3/48000 x7"),
    ] {
        let told: Vec<_> = cut(&seed(name))
            .iter()
            .map(|stream| {
                let format = stream.framer.format().expect("a format");
                format!("{} x{}", format.rtpmap(), stream.frames.len())
            })
            .collect();
        assert_eq!(told.join(", "), expected, "{name}");
    }
}

/// The port for transport streams of `server`.
fn listen(server: &Server) -> (SocketAddr, AbortOnDropHandle<()>) {
    let address = (server.address.ip(), 0).into();
    let listener = Listener::bind(address, &Permits::new(10)).unwrap();
    let address = listener.local_addr();
    let (_, config) = watch::channel(Arc::new(Config::default()));
    let mounts = Arc::clone(&server.mounts);
    let task = tokio::spawn(ts_listener::serve(listener, mounts, config, server.clock));
    (address, AbortOnDropHandle::new(task))
}

async fn send(address: SocketAddr, name: &str) -> TcpStream {
    let mut encoder = TcpStream::connect(address).await.unwrap();
    encoder.write_all(&seed(name)).await.unwrap();
    // The last picture ends where the next begins.
    encoder.write_all(&seed(name)).await.unwrap();
    encoder
}

async fn described(server: &Server) -> String {
    let mut client = Client::connect(server.address).await;
    let url = format!("rtsp://{}/stream", server.address);
    for _ in 0..200 {
        let answer = client.ask("DESCRIBE", &url, "").await;
        if status(&answer) == 200 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no channel comes");
}

#[tokio::test]
async fn one_encoder_after_the_other_feeds_the_channel() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let (address, _serving) = listen(&server);
    let first = send(address, "avc_adts.ts").await;
    let answer = described(&server).await;
    for line in ["a=rtpmap:96 H264/90000", "a=rtpmap:97 mpeg4-generic/8000/1"] {
        assert!(answer.lines().any(|one| one == line), "{line} in {answer}");
    }

    // While it is there, another is turned away.
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut nothing = [0; 1];
    match second.read(&mut nothing).await {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }

    let channel = server.mounts.list().remove(0);
    drop(first);
    let third = send(address, "avc_adts.ts").await;
    let again = async {
        while channel.stats().snapshot().publishers < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(10), again).await;
    again.expect("the channel goes on");
    assert_eq!(channel.ended(), None);
    drop(third);
}
