use std::time::Duration;

use tokio::net::UdpSocket as Peer;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A receiver report without blocks (RFC 3550, 6.4.2), as players send it to open a NAT.
const EMPTY_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 0];

/// What a client sent back: RTCP, or nothing for a sign of life.
struct Heard(mpsc::Sender<Vec<u8>>);

impl Feedback for Heard {
    fn rtcp(&self, bytes: &[u8], _: Instant) {
        self.0.try_send(bytes.to_vec()).unwrap();
    }
    fn ssrc(&self) -> u32 {
        7
    }
    fn alive(&self, _: Instant) {
        self.0.try_send(Vec::new()).unwrap();
    }
}

/// What a publisher sent.
struct Media(mpsc::Sender<Vec<u8>>);

impl Feedback for Media {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        8
    }
    fn alive(&self, _: Instant) {}
    fn rtp(&self, bytes: &[u8], _: Instant) {
        self.0.try_send(bytes.to_vec()).unwrap();
    }
}

fn ports(bind_ip: &str) -> UdpPorts {
    UdpPorts::new(0..=0, bind_ip.parse().unwrap(), Clock::start())
}

fn claim(ports: &UdpPorts, client: SocketAddr, local: IpAddr) -> (UdpLease, Hearing) {
    let (heard, hearing) = mpsc::channel(8);
    let lease = ports.claim(client_at(client), local, Arc::new(Heard(heard)));
    (lease.unwrap(), hearing)
}

fn client_at(address: SocketAddr) -> ClientPorts {
    ClientPorts {
        host: Host::of(address),
        rtp: address.port(),
        rtcp: address.port(),
    }
}

type Hearing = mpsc::Receiver<Vec<u8>>;

async fn peer(ip: &str) -> (Peer, SocketAddr) {
    let peer = Peer::bind((ip, 0)).await.unwrap();
    let address = peer.local_addr().unwrap();
    (peer, address)
}

async fn receive(peer: &Peer) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2000];
    let receiving = timeout(Duration::from_secs(5), peer.recv_from(&mut buffer));
    let (length, from) = receiving.await.expect("nothing arrived").unwrap();
    (buffer[..length].to_vec(), from)
}

#[tokio::test]
async fn packets_leave_from_the_servers_ports() {
    let ports = ports("::");
    let (peer, address) = peer("127.0.0.1").await;
    let (lease, _) = claim(&ports, address, LOCAL);
    let (rtp, rtcp) = lease.server_ports();
    assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
    assert_eq!(lease.send_rtp(b"rtp"), Sent::All);
    assert_eq!(
        receive(&peer).await,
        (b"rtp".to_vec(), SocketAddr::new(LOCAL, rtp))
    );
    assert_eq!(lease.send_rtcp(b"rtcp"), Sent::All);
    assert_eq!(
        receive(&peer).await,
        (b"rtcp".to_vec(), SocketAddr::new(LOCAL, rtcp))
    );
}

#[tokio::test]
async fn packets_leave_from_the_address_that_the_client_knows() {
    let ports = ports("::");
    let (peer, address) = peer("127.0.0.1").await;
    let local = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let (lease, _) = claim(&ports, address, local);
    lease.send_rtp(b"one");
    assert_eq!(receive(&peer).await.1.ip(), local);
    assert_eq!(lease.send_run(b"aabb", 2), 2);
    assert_eq!(receive(&peer).await.1.ip(), local);
}

#[tokio::test]
async fn a_publisher_s_datagrams_arrive_whole_and_those_of_another_host_not_at_all() {
    let ports = ports("127.0.0.1");
    let (publisher, address) = peer("127.0.0.1").await;
    let (media, mut arriving) = mpsc::channel(8);
    let claimed = ports.claim(client_at(address), LOCAL, Arc::new(Media(media)));
    let lease = claimed.unwrap();
    let to = SocketAddr::new(LOCAL, lease.server_ports().0);
    let stranger = Peer::bind(("127.0.0.2", address.port())).await.unwrap();
    stranger.send_to(b"forged", to).await.unwrap();
    publisher.send_to(&[7; 8000], to).await.unwrap();
    assert_eq!(arriving.recv().await.unwrap(), [7; 8000]);
    assert_eq!(ports.strangers(), 1);
}

#[tokio::test]
async fn ipv6_clients_share_the_pair() {
    let ports = ports("::");
    let Ok(peer) = Peer::bind("[::1]:0").await else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let local = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let (lease, mut hearing) = claim(&ports, peer.local_addr().unwrap(), local);
    let (other, _) = claim(&ports, SocketAddr::new(LOCAL, 9), LOCAL);
    assert_eq!(lease.server_ports(), other.server_ports());
    let (rtp, rtcp) = lease.server_ports();
    assert_eq!(lease.send_run(b"aab", 2), 2);
    assert_eq!(
        receive(&peer).await,
        (b"aa".to_vec(), SocketAddr::new(local, rtp))
    );
    assert_eq!(receive(&peer).await.0, b"b");
    peer.send_to(&EMPTY_REPORT, (local, rtcp)).await.unwrap();
    assert_eq!(hearing.recv().await.unwrap(), EMPTY_REPORT);
}

#[tokio::test]
async fn a_run_arrives_as_single_packets_also_where_it_must_be_cut_here() {
    let ports = ports("127.0.0.1");
    let (peer, address) = peer("127.0.0.1").await;
    let (lease, _) = claim(&ports, address, LOCAL);
    let run: Vec<u8> = (0..70).flat_map(|number| [number; 1000]).collect();
    for segmented in [true, false] {
        lease.segmented.store(segmented, Relaxed);
        assert_eq!(lease.send_run(&run[..69_500], 1000), 70);
        for number in 0..70 {
            let size = if number == 69 { 500 } else { 1000 };
            assert_eq!(receive(&peer).await.0, vec![number; size]);
        }
    }
}

#[tokio::test]
async fn a_taken_client_address_opens_the_next_pair_for_as_long_as_it_is_needed() {
    let ports = ports("127.0.0.1");
    let client = SocketAddr::new(LOCAL, 5000);
    let (first, _) = claim(&ports, client, LOCAL);
    let (second, _) = claim(&ports, client, LOCAL);
    let (third, _) = claim(&ports, client, LOCAL);
    let used = [&first, &second, &third].map(UdpLease::server_ports);
    assert!(used[0] != used[1] && used[1] != used[2] && used[0] != used[2]);
    drop((first, second));
    let (again, _) = claim(&ports, client, LOCAL);
    assert_eq!(again.server_ports(), used[0]);
    assert_eq!(ports.pairs().iter().count(), 2);
}

#[tokio::test]
async fn a_host_that_nothing_came_from_yet_has_its_next_track_on_the_next_pair() {
    let ports = ports("127.0.0.1");
    let (one, _one) = claim(&ports, SocketAddr::new(LOCAL, 9), LOCAL);
    let elsewhere = "127.0.0.2:9".parse().unwrap();
    let (of_another, _) = claim(&ports, elsewhere, LOCAL);
    assert_eq!(of_another.server_ports(), one.server_ports());
    let (two, _two) = claim(&ports, SocketAddr::new(LOCAL, 11), LOCAL);
    assert_ne!(two.server_ports(), one.server_ports());
    let (nat, translated) = peer("127.0.0.1").await;
    let (other_nat, other_translated) = peer("127.0.0.1").await;
    for (lease, nat) in [(&one, &nat), (&two, &other_nat)] {
        let (rtp, rtcp) = lease.server_ports();
        nat.send_to(&[0x80; 12], (LOCAL, rtp)).await.unwrap();
        nat.send_to(&EMPTY_REPORT, (LOCAL, rtcp)).await.unwrap();
    }
    while one.client() != translated || two.client() != other_translated {
        tokio::task::yield_now().await;
    }
    two.send_rtp(b"two");
    assert_eq!(receive(&other_nat).await.0, b"two");
}

#[tokio::test]
async fn a_host_that_is_heard_from_has_all_its_tracks_on_one_pair() {
    let ports = ports("127.0.0.1");
    let (client, address) = peer("127.0.0.1").await;
    let (one, mut hearing) = claim(&ports, address, LOCAL);
    let rtcp = one.server_ports().1;
    client.send_to(&EMPTY_REPORT, (LOCAL, rtcp)).await.unwrap();
    hearing.recv().await.unwrap();
    let (two, _) = claim(&ports, SocketAddr::new(LOCAL, 11), LOCAL);
    assert_eq!(two.server_ports(), one.server_ports());
}

#[tokio::test]
async fn many_tracks_of_one_host_take_few_pairs() {
    let ports = ports("127.0.0.1");
    let track = |number: u16| claim(&ports, SocketAddr::new(LOCAL, 5000 + 2 * number), LOCAL);
    let leases: Vec<_> = (0..100).map(track).collect();
    assert_eq!(ports.pairs().iter().count(), MOST_AWAITING);
    let (last, first) = (&leases[99].0, &leases[0].0);
    assert_eq!(last.server_ports(), first.server_ports());
}

#[tokio::test]
async fn where_no_further_pair_may_be_opened_the_first_is_shared() {
    let any = ports("127.0.0.1");
    let (lease, _) = claim(&any, SocketAddr::new(LOCAL, 9), LOCAL);
    let (rtp, rtcp) = lease.server_ports();
    drop((lease, any));
    // The task that holds the ports ends at its next turn.
    let only = loop {
        let only = UdpPorts::new(rtp..=rtcp, LOCAL, Clock::start());
        let (heard, _hearing) = mpsc::channel(1);
        let ports = ClientPorts {
            host: Host::of((LOCAL, 9).into()),
            rtp: 9,
            rtcp: 9,
        };
        match only.claim(ports, LOCAL, Arc::new(Heard(heard))) {
            Ok(lease) => break (only, lease),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let (second, _) = claim(&only.0, SocketAddr::new(LOCAL, 11), LOCAL);
    assert_eq!(second.server_ports(), only.1.server_ports());
}

#[tokio::test]
async fn ports_are_taken_from_the_range_in_order() {
    let any = ports("127.0.0.1");
    let (lease, _) = claim(&any, SocketAddr::new(LOCAL, 9), LOCAL);
    let taken = lease.server_ports().0;
    let range = taken - 1..=taken.saturating_add(200);
    let ports = UdpPorts::new(range.clone(), LOCAL, Clock::start());
    let (lease, _) = claim(&ports, SocketAddr::new(LOCAL, 9), LOCAL);
    let found = lease.server_ports().0;
    assert!(found != taken && found % 2 == 0 && range.contains(&found));
}

#[tokio::test]
async fn a_full_range_says_so() {
    let any = ports("127.0.0.1");
    let client = SocketAddr::new(LOCAL, 9);
    let (lease, _) = claim(&any, client, LOCAL);
    let (rtp, rtcp) = lease.server_ports();
    let full = UdpPorts::new(rtp..=rtcp, LOCAL, Clock::start());
    let (heard, _hearing) = mpsc::channel(1);
    let ports = ClientPorts {
        host: Host::of((LOCAL, 9).into()),
        rtp: 9,
        rtcp: 10,
    };
    let error = full.claim(ports, LOCAL, Arc::new(Heard(heard)));
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_client_behind_a_nat_is_found_by_its_first_datagram() {
    let ports = ports("::");
    let (nat, _) = peer("127.0.0.1").await;
    let (lease, mut hearing) = claim(&ports, SocketAddr::new(LOCAL, 9), LOCAL);
    let (rtp, rtcp) = lease.server_ports();
    nat.send_to(&[0x80; 12], (LOCAL, rtp)).await.unwrap();
    assert_eq!(hearing.recv().await.unwrap(), b"");
    nat.send_to(&EMPTY_REPORT, (LOCAL, rtcp)).await.unwrap();
    assert_eq!(hearing.recv().await.unwrap(), EMPTY_REPORT);
    lease.send_rtp(b"rtp");
    assert_eq!(receive(&nat).await.0, b"rtp");
    lease.send_rtcp(b"rtcp");
    assert_eq!(receive(&nat).await.0, b"rtcp");
}

#[tokio::test]
async fn a_client_that_is_gone_disturbs_nobody() {
    let ports = ports("127.0.0.1");
    let (gone, nowhere) = peer("127.0.0.1").await;
    drop(gone);
    let (peer, address) = peer("127.0.0.1").await;
    let (dead, _) = claim(&ports, nowhere, LOCAL);
    let (lease, mut hearing) = claim(&ports, address, LOCAL);
    for _ in 0..3 {
        dead.send_rtp(b"lost");
        assert_eq!(lease.send_rtp(b"rtp"), Sent::All);
        assert_eq!(receive(&peer).await.0, b"rtp");
    }
    let rtcp = lease.server_ports().1;
    peer.send_to(&EMPTY_REPORT, (LOCAL, rtcp)).await.unwrap();
    assert_eq!(hearing.recv().await.unwrap(), EMPTY_REPORT);
}

#[tokio::test]
async fn addresses_that_cannot_be_reached_are_refused() {
    let v4 = ports("127.0.0.1");
    let any = ports("::");
    for (ports, ip, rtp) in [
        (&any, "192.0.2.1", 0),
        (&any, "fe80::1", 5000),
        (&v4, "2001:db8::1", 5000),
    ] {
        let ip: IpAddr = ip.parse().unwrap();
        let client = ClientPorts {
            host: Host::of((ip, rtp).into()),
            rtp,
            rtcp: 5001,
        };
        let (heard, _hearing) = mpsc::channel(1);
        let refused = ports.claim(client, LOCAL, Arc::new(Heard(heard)));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
