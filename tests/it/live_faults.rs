//! Faults on a live channel, seen by those who watch: each is counted, and nobody misses a packet.

use std::path::Path;
use std::sync::Arc;

use reelcast::base::path::MediaPath;
use reelcast::media::channel::Channel;
use reelcast::media::mounts::Limits;
use reelcast::media::publisher::Malformed;
use reelcast::media::timeline::Repair;

use crate::support::publisher::{Publisher, frame, picture, rtp, sound};
use crate::support::server::Server;
use crate::support::sources::eventually;
use crate::support::viewer::{Viewer, Way};

/// Viewers of each way.
const VIEWERS: [(Way, usize); 3] = [(Way::Tcp, 17), (Way::Udp, 17), (Way::Tunnel, 16)];

fn serve() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

fn channel(server: &Server) -> Arc<Channel> {
    let path = MediaPath::from_plain("live").unwrap();
    server.mounts.open(&path).expect("the channel")
}

/// Viewers over all ways, who play.
async fn watch(server: &Server, ways: &[(Way, usize)]) -> Vec<Viewer> {
    let mut viewers = Vec::new();
    for (way, count) in ways {
        for _ in 0..*count {
            let mut viewer = Viewer::open(server.address, "live", *way).await;
            viewer.play("").await;
            viewers.push(viewer);
        }
    }
    viewers
}

/// The first bytes of the payloads that `viewer` has of the first track, after it has `count` of
/// them; their sequence numbers are one series.
async fn unbroken(viewer: &mut Viewer, count: usize) -> Vec<u8> {
    viewer
        .watch_until(|tracks| tracks[0].packets.len() >= count)
        .await;
    let packets = &viewer.tracks[0].packets;
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        let step = pair[1].time.wrapping_sub(pair[0].time);
        assert!(step < 1 << 31, "time goes on: {step}");
    }
    packets.iter().map(|packet| packet.payload[0]).collect()
}

/// A packet of the first track of another source, with a payload that begins with `kind`.
fn of_another(sequence: u16, kind: u8) -> Vec<u8> {
    let mut packet = rtp(
        96,
        true,
        sequence,
        u32::from(sequence) * 3000 + 77,
        0xdead_beef,
    );
    packet.extend([kind, 1, 2, 3]);
    packet
}

#[tokio::test]
async fn fifty_viewers_of_all_ways_go_on_when_the_publisher_is_restarted() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    publisher.send(0, &picture(65_534, 100)).await;
    let mut viewers = watch(&server, &VIEWERS).await;
    publisher.send(0, &picture(65_535, 100)).await;
    drop(publisher);
    server.wait_for_sessions(50).await;
    let mut publisher = Publisher::over_udp(server.address, "live").await;
    // It begins with a picture that needs one before, which a decoder cannot use.
    publisher.send(0, &of_another(500, 0x41)).await;
    publisher.send(0, &of_another(501, 0x65)).await;
    publisher.send(0, &of_another(502, 0x41)).await;
    for viewer in &mut viewers {
        let kinds = unbroken(viewer, 5).await;
        assert_eq!(kinds, [0x65, 0x65, 0x41, 0x65, 0x41]);
        assert_eq!(viewer.ask("GET_PARAMETER", "").await.status, 200);
    }
    assert_eq!(channel(&server).readers(), 50, "nobody had to come again");
    // Who comes now begins with the key frame of the new publisher.
    let mut late = watch(&server, &[(Way::Tcp, 1)]).await;
    assert_eq!(unbroken(&mut late[0], 2).await, [0x65, 0x41]);
}

#[tokio::test]
async fn packets_that_do_not_fit_leave_no_gap() {
    let server = serve();
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    publisher.send(0, &picture(1, 100)).await;
    let mut viewers = watch(&server, &VIEWERS.map(|(way, _)| (way, 1))).await;
    publisher.send(0, b"no RTP").await;
    publisher
        .send(0, &rtp(97, true, 2, 6000, 0x1234_5678))
        .await;
    publisher.send(0, &sound(2)).await;
    publisher.client.send(&frame(1, b"no RTCP")).await;
    publisher.client.send(&frame(77, &picture(2, 100))).await;
    publisher.send(0, &of_another(9000, 0x41)).await;
    publisher.send(0, &picture(2, 100)).await;
    publisher.send(0, &picture(40_000, 100)).await;
    publisher.send(0, &picture(3, 100)).await;
    for viewer in &mut viewers {
        let kinds = unbroken(viewer, 5).await;
        assert_eq!(kinds, [0x65, 0x41, 0x65, 0x65, 0x65]);
    }
    let counts = channel(&server).stats().snapshot();
    let refused = |reason| counts.malformed().find(|(found, _)| *found == reason);
    assert_eq!(refused(Malformed::NotRtp).unwrap().1, 1);
    assert_eq!(refused(Malformed::NotRtcp).unwrap().1, 1);
    assert_eq!(refused(Malformed::PayloadType).unwrap().1, 2);
    let mended = |repair| counts.repairs().find(|(found, _)| *found == repair);
    // There and back again, both times.
    assert_eq!(mended(Repair::NewSource).unwrap().1, 2);
    assert_eq!(mended(Repair::LeapForward).unwrap().1, 1);
    assert_eq!(mended(Repair::LeapBack).unwrap().1, 1);
    assert_eq!(counts.lost, 0);
}

#[tokio::test]
async fn a_flood_on_one_channel_leaves_the_others_alone() {
    let server = serve();
    server.mounts.configure(Limits {
        flood: 1_000_000,
        ..Limits::default()
    });
    let mut publisher = Publisher::over_tcp(server.address, "live").await;
    publisher.send(0, &picture(1, 100)).await;
    let mut viewers = watch(&server, &VIEWERS.map(|(way, _)| (way, 1))).await;
    let mut over_tcp = Publisher::over_tcp(server.address, "flood").await;
    let mut over_udp = Publisher::over_udp(server.address, "datagrams").await;
    let flood = async {
        for number in 0..2000 {
            over_tcp.send(0, &picture(number, 1000)).await;
            over_udp.send(0, &picture(number, 1000)).await;
        }
    };
    let calm = async {
        for number in 2..12 {
            publisher.send(0, &picture(number, 100)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(flood, calm);
    for viewer in &mut viewers {
        assert_eq!(unbroken(viewer, 11).await.len(), 11);
    }
    let counts = channel(&server).stats().snapshot();
    assert_eq!(counts.malformed().map(|(_, count)| count).sum::<u64>(), 0);
    for name in ["flood", "datagrams"] {
        let flooded =
            format!("channel_malformed_packets_total{{channel=\"{name}\",reason=\"flood\"}}");
        eventually(name, || server.count(&flooded) > 0).await;
    }
}
