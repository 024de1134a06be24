//! Transport streams that ffmpeg made, and encoders that send them to the port for that.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::media_time::MediaTime;
use reelcast::codec::elementary::{Frame, Framer, Piece};
use reelcast::config::ChannelSource;
use reelcast::container::ts::{CLOCK_HZ, Demux, Event, Unit};
use reelcast::net::listen::Listener;
use reelcast::net::permits::Permits;
use reelcast::source::ts_listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::support::channel::Encoder;
use crate::support::client::{Client, status};
use crate::support::server::Server;
use crate::support::sources::{Feeding, source};
use crate::support::viewer::{Viewer, Way};

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
pub(super) fn listen(server: &Server) -> (SocketAddr, AbortOnDropHandle<()>) {
    let address = (server.address.ip(), 0).into();
    let listener = Listener::bind(address, &Permits::new(10)).unwrap();
    let address = listener.local_addr();
    let serving = ts_listener::serve(
        listener,
        Arc::clone(&server.gate),
        Arc::clone(&server.mounts),
        server.settings(),
        Arc::clone(&server.encoders),
        server.clock,
    );
    (address, AbortOnDropHandle::new(tokio::spawn(serving)))
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
    let second = TcpStream::connect(address).await.unwrap();
    hung_up(second).await;
    assert_eq!(server.count("ts_encoders_refused_total"), 1);

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
    assert_eq!(server.count("ts_encoders_total"), 2);
    drop(third);
}

/// Waits until the server has closed the connection of an encoder.
pub(super) async fn hung_up(mut encoder: TcpStream) {
    let mut nothing = [0; 1];
    let closed = tokio::time::timeout(Duration::from_secs(10), encoder.read(&mut nothing));
    match closed.await.expect("the server hangs up in time") {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn encoders_that_send_no_media_make_room_for_the_next() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.ts.source_timeout = Duration::from_millis(300);
    });
    let mut live = Encoder::start(&server, "live", 100);
    live.key_picture();
    let mut viewer = Viewer::open(server.address, "live", Way::Tcp).await;
    viewer.play("").await;
    let (address, _serving) = listen(&server);

    hung_up(TcpStream::connect(address).await.unwrap()).await;
    let mut barren = TcpStream::connect(address).await.unwrap();
    barren.write_all(&[b'x'; 5000]).await.unwrap();
    hung_up(barren).await;
    let fallen_silent = send(address, "avc_adts.ts").await;
    described(&server).await;
    let channel = server.mounts.list().pop().unwrap();
    assert_eq!(channel.path().as_str(), "stream");
    hung_up(fallen_silent).await;

    assert_eq!(channel.ended(), None, "it waits for the next encoder");
    let failures = |reason| format!("ts_encoder_failures_total{{reason=\"{reason}\"}}");
    until("the counts", || server.count(&failures("silent")) == 2).await;
    assert_eq!(server.count(&failures("barren")), 1);
    assert_eq!(server.count("ts_encoders_total"), 3);

    // Nor may a page in a browser of this host.
    let mut posted = TcpStream::connect(address).await.unwrap();
    posted.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    posted.write_all(&seed("avc_adts.ts")).await.unwrap();
    hung_up(posted).await;
    until("the page", || server.count(&failures("http")) == 1).await;
    let _next = send(address, "avc_adts.ts").await;
    until("the next", || channel.stats().snapshot().publishers == 2).await;

    live.picture();
    viewer
        .watch_until(|tracks| tracks[0].packets.len() >= 3)
        .await;
    let packets = &viewer.tracks[0].packets;
    assert_eq!(packets[2].sequence, packets[0].sequence.wrapping_add(2));
}

/// Waits until `holds`.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let there = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(10), there).await;
    there.unwrap_or_else(|_| panic!("never came: {what}"));
}

#[tokio::test]
async fn damage_is_counted_and_leaves_viewers_an_unbroken_series() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let (address, _serving) = listen(&server);
    let whole = seed("avc_adts.ts");
    let mut encoder = send(address, "avc_adts.ts").await;
    described(&server).await;
    let mut viewer = Viewer::open(server.address, "stream", Way::Tcp).await;
    viewer.play("").await;

    let packet = |number: usize| number * 188;
    let mut damaged = whole.clone();
    for number in [20, 21] {
        damaged[packet(number) + 3] |= 0xc0;
    }
    damaged.drain(packet(12)..packet(13));
    damaged.splice(packet(8)..packet(8), [0x55; 1000]);
    encoder.write_all(&damaged).await.unwrap();
    for _ in 0..4 {
        encoder.write_all(&whole).await.unwrap();
    }

    let channel = server.mounts.list().remove(0);
    for reason in ["lost_sync", "gap", "scrambled"] {
        let counted = || {
            let counts = channel.stats().snapshot();
            counts
                .ts_faults()
                .any(|(name, count)| name == reason && count > 0)
        };
        until(reason, counted).await;
    }
    viewer
        .watch_until(|tracks| tracks.iter().all(|track| track.packets.len() > 12))
        .await;
    for track in &viewer.tracks {
        assert!(track.packets.len() > 12);
        for pair in track.packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        }
    }
    assert_eq!(channel.ended(), None);
}

#[tokio::test]
async fn streams_without_media_fail_with_the_reason_and_disturb_nobody() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut live = Encoder::start(&server, "live", 100);
    live.key_picture();
    let mut viewer = Viewer::open(server.address, "live", Way::Tcp).await;
    viewer.play("").await;

    let whole = seed("avc_adts.ts");
    let of = |wanted: fn(&[u8]) -> bool| -> Vec<u8> {
        let packets = whole.chunks(188).filter(|packet| wanted(packet));
        packets.flatten().copied().collect()
    };
    let is_pat = |packet: &[u8]| packet[1] & 0x1f == 0 && packet[2] == 0;
    let without_pat = of(|packet| packet[1] & 0x1f != 0 || packet[2] != 0);
    let mut scrambled = whole.clone();
    for packet in scrambled.chunks_mut(188).filter(|packet| !is_pat(packet)) {
        packet[3] |= 0xc0;
    }
    let cases = [
        ("garbage", vec![b'x'; 50_000], "no MPEG transport stream"),
        ("tableless", without_pat, "no table"),
        ("scrambled", scrambled, "scrambled"),
        ("silent", Vec::new(), "no media"),
    ];
    let mut sources = Vec::new();
    for (name, bytes, _) in &cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        sources.push(ChannelSource {
            timeout: Duration::from_secs(1),
            ..source(name, &url)
        });
        let bytes = bytes.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // The server hangs up when it has waited long enough.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.read(&mut [0; 1]).await;
            }
        });
    }
    let feeding = Feeding::start(&server, sources);
    for (name, _, expected) in &cases {
        let reason = feeding.failure(name).await;
        assert!(reason.contains(expected), "{name}: {reason}");
        live.picture();
    }
    viewer
        .watch_until(|tracks| tracks[0].packets.len() >= 2 + cases.len())
        .await;
    let packets = &viewer.tracks[0].packets;
    assert_eq!(packets.len(), 2 + cases.len());
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
}
