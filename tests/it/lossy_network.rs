//! A publisher's datagrams over a network that loses, doubles and reorders them, up to the channel's readers.
//!
//! The network is simulated by webrtc-util; behind its `Conn` everything is as with the server's sockets.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reelcast::base::clock::Clock;
use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::description::Description;
use reelcast::media::intake::{Arrival, Intake};
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::ring::{Cursor, Start, Taken};
use reelcast::net::host::Host;
use reelcast::net::udp_ports::{ClientPorts, Feedback, UdpPorts};
use tokio::time::timeout;
use webrtc_util::Conn;
use webrtc_util::vnet::net::{Net, NetConfig};
use webrtc_util::vnet::router::{Router, RouterConfig};

use crate::support::publisher::{SDP, picture};

/// A network that loses every tenth datagram, with two hosts; it is there until this is dropped.
struct Network {
    hosts: Vec<Net>,
    _router: Arc<tokio::sync::Mutex<Router>>,
}

impl Network {
    async fn start() -> Self {
        let router = RouterConfig {
            cidr: "10.0.0.0/24".to_owned(),
            ..RouterConfig::default()
        };
        let router = Arc::new(tokio::sync::Mutex::new(Router::new(router).unwrap()));
        let mut hosts = Vec::new();
        for address in ["10.0.0.1", "10.0.0.2"] {
            let host = Net::new(Some(NetConfig {
                static_ips: vec![address.to_owned()],
                ..NetConfig::default()
            }));
            let card = host.get_nic().unwrap();
            router
                .lock()
                .await
                .add_net(Arc::clone(&card))
                .await
                .unwrap();
            card.lock()
                .await
                .set_router(Arc::clone(&router))
                .await
                .unwrap();
            hosts.push(host);
        }
        let count = AtomicUsize::new(0);
        let mut running = router.lock().await;
        running
            .add_chunk_filter(Box::new(move |_| count.fetch_add(1, Relaxed) % 10 != 9))
            .await;
        running.start().await.unwrap();
        drop(running);
        Self {
            hosts,
            _router: router,
        }
    }

    async fn socket(&self, host: usize, address: &str) -> Arc<dyn Conn + Send + Sync> {
        let address: SocketAddr = address.parse().unwrap();
        self.hosts[host].bind(address).await.unwrap()
    }
}

/// Where the publisher's packets go in, as `rtsp/ingest` has it.
struct Ingest {
    intake: Mutex<Intake>,
    arrived: Mutex<Vec<u16>>,
}

impl Feedback for Ingest {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        0
    }
    fn alive(&self, _: Instant) {}
    fn rtp(&self, packet: &[u8], now: Instant) {
        // Whether it fits is told by what the reader gets.
        let _ = self
            .intake
            .lock()
            .unwrap()
            .push(0, PacketKind::Rtp, packet, now);
        let number = u16::from_be_bytes([packet[2], packet[3]]);
        self.arrived.lock().unwrap().push(number);
    }
}

/// A publisher's way in to a new channel, and a reader of that.
fn channel(clock: Clock) -> (Arc<Ingest>, Cursor) {
    let mounts = Mounts::new(Limits::default(), clock);
    let path = MediaPath::from_plain("live").unwrap();
    let description = Description::read(SDP.as_bytes()).unwrap();
    let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
    let intake = Intake::new(publisher.unwrap(), [(0, 90_000, Arrival::Datagrams)]);
    let ingest = Ingest {
        intake: Mutex::new(intake),
        arrived: Mutex::default(),
    };
    let cursor = mounts.open(&path).unwrap().cursor(Start::Keyframe);
    (Arc::new(ingest), cursor)
}

/// The numbers of the pictures that the reader gets.
fn read(cursor: &mut Cursor) -> Vec<u8> {
    let mut bursts = Vec::new();
    while cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
    let mut read = Vec::new();
    for burst in &bursts {
        let packets = burst.packets().iter();
        let media = packets.filter(|packet| packet.kind == PacketKind::Rtp);
        read.extend(media.map(|packet| burst.bytes_of(packet)[13]));
    }
    read
}

#[tokio::test]
async fn readers_get_in_order_and_once_what_the_network_lets_through() {
    let network = Network::start().await;
    let sender = network.socket(0, "10.0.0.1:5004").await;
    let reports = network.socket(0, "10.0.0.1:5005").await;
    let rtp = network.socket(1, "10.0.0.2:6970").await;
    let rtcp = network.socket(1, "10.0.0.2:6971").await;
    let clock = Clock::start();
    let ports = UdpPorts::over(rtp, rtcp, clock).unwrap();
    let (ingest, mut cursor) = channel(clock);
    let publisher = ClientPorts {
        host: Host::of(sender.local_addr().unwrap()),
        rtp: 5004,
        rtcp: 5005,
    };
    let local = "10.0.0.2".parse().unwrap();
    let lease = ports.claim(publisher, local, Arc::clone(&ingest) as _);
    let lease = lease.unwrap();

    // Neighbours change places, but for the first, and every third packet is sent twice.
    for number in 0..200u16 {
        let packet = picture(number ^ u16::from(number > 1), 500);
        let times = if number % 3 == 0 { 2 } else { 1 };
        for _ in 0..times {
            let to = SocketAddr::new(local, lease.server_ports().0);
            sender.send_to(&packet, to).await.unwrap();
        }
    }
    let all_arrived = async {
        // 267 are sent, and each tenth of them is lost.
        while ingest.arrived.lock().unwrap().len() < 241 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), all_arrived).await.unwrap();
    // What the server answers goes over the same network, of which two in a row are not lost.
    lease.send_rtcp(b"report");
    lease.send_rtcp(b"report");
    let mut buffer = [0; 100];
    let answer = timeout(Duration::from_secs(20), reports.recv_from(&mut buffer));
    let (size, from) = answer.await.unwrap().unwrap();
    assert_eq!((&buffer[..size], from.port()), (&b"report"[..], 6971));

    let mut intake = ingest.intake.lock().unwrap();
    // Late enough that nothing is waited for any more.
    intake.advance(clock.now() + Duration::from_secs(1));

    let read = read(&mut cursor);
    let arrived: BTreeSet<u16> = ingest.arrived.lock().unwrap().drain(..).collect();
    let expected: Vec<u8> = arrived.iter().map(|number| *number as u8).collect();
    assert_eq!(read, expected);
    assert!((150..200).contains(&read.len()), "{}", read.len());
    let order = intake.order();
    assert!(order.reordered > 50 && order.replayed > 40 && order.given_up > 0);
}
