//! The inflow over a network that loses, doubles and reorders as the test says.

use std::any::Any;
use std::collections::VecDeque;

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use webrtc_util::Conn;

use super::*;
use crate::base::media_time::NtpTime;
use crate::base::path::MediaPath;
use crate::media::channel::Channel;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::ring::{Start, Taken};
use crate::net::{self, receiver::Senders};
use crate::wire::rtcp::{Feedback, SenderReport};
use crate::wire::rtp;

type Delivery = (SocketAddr, Vec<u8>);

/// A network that delivers what it was given, in that order, and then nothing, to the address
/// `local`; it keeps what is sent.
struct Network {
    local: SocketAddr,
    deliveries: AsyncMutex<VecDeque<Delivery>>,
    sent: Sender<Delivery>,
}

#[async_trait]
impl Conn for Network {
    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> webrtc_util::Result<usize> {
        Ok(self.recv_from(buffer).await?.0)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        let next = self.deliveries.lock().await.pop_front();
        let Some((sender, datagram)) = next else {
            return std::future::pending().await;
        };
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok((datagram.len(), sender))
    }

    async fn send(&self, bytes: &[u8]) -> webrtc_util::Result<usize> {
        Ok(bytes.len())
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> webrtc_util::Result<usize> {
        // Whoever is not interested has dropped the other end.
        let _ = self.sent.send((to, bytes.to_vec())).await;
        Ok(bytes.len())
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Ok(self.local)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

const SDP: &[u8] = b"v=0\r\nm=audio 5004 RTP/AVP 0\r\n";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut header = [0; rtp::HEADER_LEN];
    let time = u32::from(sequence) * 160;
    rtp::write_header(&mut header, false, 0, sequence, time, ssrc);
    [&header[..], &sequence.to_be_bytes()].concat()
}

/// A feed of one track that arrives with its RTCP at `local`, running, and what it sends.
fn run(
    local: &str,
    carries: Carries,
    deliveries: Vec<Delivery>,
) -> (
    Arc<Channel>,
    Arc<Status>,
    Receiver<Delivery>,
    AbortOnDropHandle<Failure>,
) {
    let clock = Clock::start();
    let mounts = Mounts::new(Limits::default(), clock);
    let path = MediaPath::from_plain("feed").unwrap();
    let description = Description::read(SDP).unwrap();
    let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
    let publisher = publisher.unwrap();
    let channel = Arc::clone(publisher.channel());
    let status = Arc::new(Status::new(path, "test".to_owned()));
    let (sent, outgoing) = mpsc::channel(10);
    let network = Network {
        local: at(local),
        deliveries: AsyncMutex::new(deliveries.into()),
        sent,
    };
    let inlet = Inlet {
        receiver: net::receiver::Receiver::over(Arc::new(network), Senders::Any),
        track: 0,
        carries,
    };
    let inflow = RtpInflow::new(publisher, &status, clock);
    let running = tokio::spawn(async move { inflow.run(&[inlet]).await });
    (channel, status, outgoing, AbortOnDropHandle::new(running))
}

/// What readers get, by the number that each packet holds, of `deliveries`; and how many were ignored.
async fn received(carries: Carries, deliveries: Vec<Delivery>, count: usize) -> (Vec<u16>, u64) {
    let (channel, status, _, _running) = run("10.0.0.9:5004", carries, deliveries);
    let mut cursor = channel.cursor(Start::Live);
    let mut head = channel.head();
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let mut bursts = Vec::new();
        if let Taken::Nothing = cursor.take(&mut bursts, 10) {
            head.changed().await.unwrap();
        }
        for burst in &bursts {
            let packets = burst.packets().iter();
            let media = packets.filter(|packet| packet.kind == PacketKind::Rtp);
            let media = media.map(|packet| burst.bytes_of(packet));
            numbers.extend(media.map(|bytes| u16::from_be_bytes([bytes[12], bytes[13]])));
        }
    }
    (numbers, status.counts().ignored)
}

#[tokio::test]
async fn loss_doubling_and_reordering_are_made_good_as_far_as_can_be() {
    let sender = at("10.0.0.1:6000");
    // 5 is lost; the others come twice, or late.
    let numbers = [1, 2, 2, 4, 3, 1, 6, 7, 8, 7, 10, 9, 11];
    let deliveries = numbers.map(|number| (sender, packet(number, 9)));
    let (numbers, _) = received(Carries::Rtp, deliveries.to_vec(), 10).await;
    assert_eq!(numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
}

#[tokio::test]
async fn of_two_senders_the_first_feeds() {
    let (own, other) = (at("10.0.0.1:6000"), at("10.0.0.2:6000"));
    let deliveries =
        (1..6).flat_map(|number| [(own, packet(number, 9)), (other, packet(number + 1000, 8))]);
    let (numbers, ignored) = received(Carries::Rtp, deliveries.collect(), 5).await;
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(ignored >= 4, "{ignored}");
}

#[tokio::test]
async fn rtcp_is_told_from_rtp_on_a_port_that_both_use() {
    let sender = at("10.0.0.1:6000");
    let report = vec![0x81, 201, 0, 1, 0, 0, 0, 9];
    let deliveries = vec![
        (sender, packet(1, 9)),
        (sender, report),
        (sender, packet(2, 9)),
    ];
    let (numbers, ignored) = received(Carries::Both, deliveries, 2).await;
    assert_eq!((numbers, ignored), (vec![1, 2], 0));
}

/// The sender's report of source 9.
fn sender_report() -> Vec<u8> {
    let report = SenderReport {
        ssrc: 9,
        ntp: NtpTime(5 << 32),
        rtp_time: 0,
        packets: 2,
        bytes: 4,
    };
    let mut bytes = Vec::new();
    rtcp::write_sender_report(&mut bytes, report, "test", false);
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_told_where_its_reports_come_from_how_its_packets_arrive() {
    let sender = at("10.0.0.1:6000");
    let media = vec![(sender, packet(1, 9)), (sender, packet(2, 9))];
    let report = vec![(at("10.0.0.1:6001"), sender_report())];
    let reported = [media.clone(), report].concat();
    for (local, deliveries, to) in [
        ("10.0.0.9:5004", reported, Some("10.0.0.1:6001")),
        ("10.0.0.9:5004", media.clone(), None),
        ("239.1.2.3:5004", media, Some("239.1.2.3:5004")),
    ] {
        let (_, _, mut sent, _running) = run(local, Carries::Both, deliveries);
        let report = timeout(4 * REPORT_INTERVAL, sent.recv()).await;
        let Some(to) = to else {
            assert!(report.is_err(), "nobody wants it");
            continue;
        };
        let (target, report) = report.unwrap().unwrap();
        assert_eq!(target, at(to));
        match rtcp::parse(&report).unwrap().next() {
            Some(Feedback::ReceiverReport { blocks, .. }) => {
                let told = blocks
                    .iter()
                    .map(|block| (block.ssrc, block.highest_sequence));
                assert_eq!(told.collect::<Vec<_>>(), [(9, 2)]);
            }
            other => panic!("{other:?}"),
        }
    }
}
