//! A stream of datagrams over a network that loses, doubles and reorders them, up to the channel's readers.
//!
//! The network is simulated by webrtc-util; behind its `Conn` everything is as with a socket.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use reelcast::base::clock::Clock;
use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::description::Description;
use reelcast::media::intake::{Arrival, Intake};
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::ring::{Start, Taken};
use tokio::sync::Mutex;
use tokio::time::timeout;
use webrtc_util::Conn;
use webrtc_util::vnet::net::{Net, NetConfig};
use webrtc_util::vnet::router::{Router, RouterConfig};

use crate::support::publisher::{SDP, picture};

/// A network that loses every tenth datagram, with two hosts; it is there until this is dropped.
struct Network {
    hosts: Vec<Net>,
    _router: Arc<Mutex<Router>>,
}

impl Network {
    async fn start() -> Self {
        let router = RouterConfig {
            cidr: "10.0.0.0/24".to_owned(),
            ..RouterConfig::default()
        };
        let router = Arc::new(Mutex::new(Router::new(router).unwrap()));
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

#[tokio::test]
async fn readers_get_in_order_and_once_what_the_network_lets_through() {
    let clock = Clock::start();
    let mounts = Mounts::new(Limits::default(), clock);
    let path = MediaPath::from_plain("live").unwrap();
    let description = Description::read(SDP.as_bytes()).unwrap();
    let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
    let mut intake = Intake::new(publisher.unwrap(), [(0, 90_000, Arrival::Datagrams)]);
    let mut cursor = mounts.open(&path).unwrap().cursor(Start::Keyframe);

    let network = Network::start().await;
    let sender = network.socket(0, "10.0.0.1:5004").await;
    let receiver = network.socket(1, "10.0.0.2:5004").await;
    let to = receiver.local_addr().unwrap();
    // Neighbours change places, but for the first, and every third packet is sent twice.
    for number in 0..200u16 {
        let packet = picture(number ^ u16::from(number > 1), 500);
        sender.send_to(&packet, to).await.unwrap();
        if number % 3 == 0 {
            sender.send_to(&packet, to).await.unwrap();
        }
    }
    let mut arrived = BTreeSet::new();
    let mut buffer = [0; 2000];
    while let Ok(received) =
        timeout(Duration::from_millis(300), receiver.recv_from(&mut buffer)).await
    {
        let (length, _) = received.unwrap();
        let packet = &buffer[..length];
        arrived.insert(u16::from_be_bytes([packet[2], packet[3]]));
        // Whether it fits is told by what the reader gets.
        let _ = intake.push(0, PacketKind::Rtp, packet, clock.now());
    }
    intake.advance(clock.now());

    let mut bursts = Vec::new();
    while cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
    let mut read = Vec::new();
    for burst in &bursts {
        let packets = burst.packets().iter();
        let media = packets.filter(|packet| packet.kind == PacketKind::Rtp);
        read.extend(media.map(|packet| burst.bytes_of(packet)[13]));
    }
    let expected: Vec<u8> = arrived.iter().map(|number| *number as u8).collect();
    assert_eq!(read, expected);
    assert!((150..200).contains(&read.len()), "{}", read.len());
    let order = intake.order();
    assert!(order.reordered > 50 && order.replayed > 40 && order.given_up > 0);
}
