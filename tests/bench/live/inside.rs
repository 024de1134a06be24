//! Channel and fan alone, without the RTSP around them, in a process of their own.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reelcast::base::clock::Clock;
use reelcast::base::id::SessionId;
use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::channel::Channel;
use reelcast::media::description::Description;
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::publisher::Publisher;
use reelcast::media::ring::Start;
use reelcast::media::sessions::{Role, Session, SessionFacts, Sessions};
use reelcast::net::fan::{Fan, Member, Membership, Settings};
use reelcast::net::host::Host;
use reelcast::net::interleaved::Interleaved;
use reelcast::net::outlet::{PacketOutlet, TrackOutlet};
use reelcast::net::udp_ports::{ClientPorts, Feedback, UdpPorts};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::traffic::{FRAME, RATE, SDP, Traffic};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Stage {
    clock: Clock,
    channel: Arc<Channel>,
    publisher: Publisher,
    fan: Arc<Fan>,
    sessions: Sessions,
}

/// Accepts `readers` connections and sends them pictures until it is killed.
pub(crate) async fn tcp(readers: usize, traffic: Traffic) {
    let stage = Stage::new();
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    super::say_port(listener.local_addr().expect("bound").port());
    let mut members = Vec::new();
    for number in 0..readers {
        let (stream, _) = listener.accept().await.expect("a reader");
        members.push(stage.join(number, framed(stream)));
    }
    stage.publish(traffic).await;
}

/// The same without the fan: a task for each reader, woken for each burst.
pub(crate) async fn tasks(readers: usize, traffic: Traffic) {
    let stage = Stage::new();
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    super::say_port(listener.local_addr().expect("bound").port());
    for number in 0..readers {
        let (mut stream, _) = listener.accept().await.expect("a reader");
        let session = session(&stage.sessions, number, stage.clock.now());
        let (mut cursor, mut head) = (stage.channel.cursor(Start::Live), stage.channel.head());
        tokio::spawn(async move {
            let mut bursts = Vec::new();
            while head.changed().await.is_ok() {
                cursor.take(&mut bursts, 8);
                for burst in bursts.drain(..) {
                    let sent = stream.write_all(burst.framed()).await;
                    sent.expect("the reader reads");
                    let (packets, bytes) = (burst.packets().len(), burst.framed().len());
                    let counters = session.counters();
                    counters.sent(packets as u64, bytes as u64, Duration::ZERO);
                }
            }
        });
    }
    stage.publish(traffic).await;
}

/// Sends pictures to the ports named on standard input until it is killed.
pub(crate) async fn udp(traffic: Traffic) {
    super::say_port(0);
    let stage = Stage::new();
    let ports = UdpPorts::new(0..=0, Ipv4Addr::UNSPECIFIED.into(), stage.clock);
    let mut members = Vec::new();
    for (number, port) in super::read_ports().into_iter().enumerate() {
        let client = ClientPorts {
            host: Host::of((HOST, 0).into()),
            rtp: port,
            rtcp: port,
        };
        let lease = ports.claim(client, HOST, Arc::new(Silent));
        let outlet = PacketOutlet::Client(lease.expect("ports"));
        members.push(stage.join(number, TrackOutlet::Packets(outlet)));
    }
    stage.publish(traffic).await;
}

impl Stage {
    fn new() -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("bench").expect("a path");
        let description = Description::read(SDP.as_bytes()).expect("a description");
        let publisher = mounts.publish(&path, description, "bench".into(), Takeover::Refuse);
        let publisher = publisher.expect("the name is free");
        Self {
            clock,
            channel: Arc::clone(publisher.channel()),
            publisher,
            fan: Fan::new(Settings::default(), clock),
            sessions: Sessions::new(),
        }
    }

    fn join(&self, number: usize, outlet: TrackOutlet) -> Membership {
        let member = Member {
            session: session(&self.sessions, number, self.clock.now()),
            tracks: vec![(0, outlet)],
        };
        let prepared = self.fan.prepare(&self.channel, member, Start::Keyframe);
        prepared.start()
    }

    async fn publish(mut self, mut traffic: Traffic) {
        let mut pictures = tokio::time::interval(Duration::from_secs(1) / RATE);
        loop {
            pictures.tick().await;
            let size = traffic.size();
            for packet in traffic.next().chunks(FRAME + size) {
                let (packet, now) = (&packet[FRAME..], self.clock.now());
                let pushed = self.publisher.push(0, PacketKind::Rtp, packet, now);
                pushed.expect("sound packets");
            }
        }
    }
}

fn session(sessions: &Sessions, number: usize, now: Instant) -> Arc<Session> {
    sessions.open(SessionFacts {
        id: SessionId::from_random(number as u64),
        path: MediaPath::from_plain("bench").expect("a path"),
        peer: (HOST, 9).into(),
        user_agent: String::new(),
        transport: "tcp",
        opened: now,
        role: Role::Viewer,
    })
}

fn framed(stream: TcpStream) -> TrackOutlet {
    let (mut reader, writer) = stream.into_split();
    let outlet = Arc::new(Interleaved::new(writer, 1_000_000));
    let drained = Arc::clone(&outlet);
    tokio::spawn(async move {
        let mut silence = tokio::io::sink();
        tokio::select! {
            _ = drained.drain() => {}
            _ = tokio::io::copy(&mut reader, &mut silence) => {}
        }
    });
    TrackOutlet::Interleaved {
        outlet,
        rtp_channel: 0,
        rtcp_channel: 1,
    }
}

/// Nobody reports here.
struct Silent;

impl Feedback for Silent {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        0
    }
    fn alive(&self, _: Instant) {}
}
