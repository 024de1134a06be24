use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::base::id::SessionId;
use crate::media::burst::PacketKind;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::publisher::Publisher;
use crate::media::sessions::{Role, SessionFacts, Sessions};
use crate::net::host::Host;
use crate::net::interleaved::Interleaved;
use crate::net::protected::Way;
use crate::net::udp_ports::{ClientPorts, Feedback, UdpPorts};
use crate::wire::rtcp;
use crate::wire::srtp::{MASTER_LEN, MasterKey, Receiver};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PICTURE_PACKETS: usize = 3;
const VIDEO: usize = 0;
const AUDIO: usize = 1;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:1\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:2\r\n";

/// A channel with its publisher, and a fan for it.
struct Stage {
    clock: Clock,
    mounts: Arc<Mounts>,
    publisher: Publisher,
    fan: Arc<Fan>,
    sessions: Sessions,
    pictures: u16,
    sounds: u16,
}

impl Stage {
    fn new(settings: Settings, limits: Limits) -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(limits, clock);
        let path = MediaPath::from_plain("stage").unwrap();
        let description = Description::read(SDP.as_bytes()).unwrap();
        let publisher = mounts
            .publish(&path, description, "test".into(), Takeover::Refuse)
            .unwrap();
        Self {
            clock,
            mounts,
            publisher,
            fan: Fan::new(settings, clock),
            sessions: Sessions::new(),
            pictures: 0,
            sounds: 0,
        }
    }

    fn plain() -> Self {
        Self::new(Settings::default(), Limits::default())
    }

    /// Publishes a picture of [`PICTURE_PACKETS`] packets, whose payloads say which picture it is.
    fn picture(&mut self, key: bool, size: usize) {
        self.parts(0..PICTURE_PACKETS, key, size);
    }

    /// Publishes some packets of a picture.
    fn parts(&mut self, parts: Range<usize>, key: bool, size: usize) {
        let complete = parts.end == PICTURE_PACKETS;
        for part in parts {
            let (first, last) = (part == 0, part + 1 == PICTURE_PACKETS);
            let sequence = self.pictures * PICTURE_PACKETS as u16 + part as u16;
            let fragment = u8::from(first) << 7 | u8::from(last) << 6 | if key { 5 } else { 1 };
            let mut packet = header(96, last, sequence, u32::from(self.pictures) * 3000);
            packet.extend([0x7c, fragment]);
            packet.extend(self.pictures.to_be_bytes());
            packet.resize(size.max(packet.len()), 0);
            self.push(VIDEO, &packet);
        }
        self.pictures += u16::from(complete);
    }

    fn sound(&mut self) {
        let mut packet = header(0, false, self.sounds, u32::from(self.sounds) * 160);
        packet.extend(self.sounds.to_be_bytes());
        self.sounds += 1;
        self.push(AUDIO, &packet);
        let now = self.clock.now();
        self.publisher.flush(now);
    }

    fn push(&mut self, index: usize, packet: &[u8]) {
        let now = self.clock.now();
        let pushed = self.publisher.push(index, PacketKind::Rtp, packet, now);
        pushed.unwrap();
    }

    fn session(&self) -> Arc<Session> {
        self.sessions.open(SessionFacts {
            id: SessionId::from_random(self.sessions.opened() + 1),
            path: MediaPath::from_plain("stage").unwrap(),
            role: Role::Viewer,
            peer: (HOST, 9).into(),
            user_agent: String::new(),
            transport: "tcp",
            opened: self.clock.now(),
        })
    }

    fn prepare(&self, start: Start, tracks: Vec<(usize, TrackOutlet)>) -> Prepared {
        let session = self.session();
        let member = Member { session, tracks };
        self.fan.prepare(self.publisher.channel(), member, start)
    }
}

/// An RTP header without a publisher's habits.
fn header(payload_type: u8, marker: bool, sequence: u16, time: u32) -> Vec<u8> {
    let mut header = vec![0x80, payload_type | u8::from(marker) << 7];
    header.extend(sequence.to_be_bytes());
    header.extend(time.to_be_bytes());
    header.extend([0, 0, 0, 7]);
    header
}

/// A reader's end of a connection.
struct Peer(TcpStream);

impl Peer {
    /// The next interleaved frame: its channel and packet.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        soon(self.0.read_exact(&mut head)).await.unwrap();
        assert_eq!(head[0], b'$');
        let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        soon(self.0.read_exact(&mut packet)).await.unwrap();
        (head[1], packet)
    }

    /// The next frame that is not RTCP.
    async fn media(&mut self, rtcp_channels: &[u8]) -> (u8, Vec<u8>) {
        loop {
            let (channel, packet) = self.frame().await;
            if !rtcp_channels.contains(&channel) {
                return (channel, packet);
            }
        }
    }

    /// Which picture comes next; all of its packets must be there.
    async fn picture(&mut self) -> u16 {
        let (_, first) = self.media(&[1, 3]).await;
        for _ in 1..PICTURE_PACKETS {
            let (_, packet) = self.media(&[1, 3]).await;
            assert_eq!(number(&packet), number(&first));
        }
        number(&first)
    }
}

/// Which picture a packet is of.
fn number(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[14], packet[15]])
}

fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future)
        .await
        .expect("it comes soon")
}

/// A connection's way out, with a task that drains it, and the reader's end; its buffers are small if `narrow`.
async fn connection(narrow: bool) -> (Arc<Interleaved>, Peer) {
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    if narrow {
        socket.set_recv_buffer_size(4096).unwrap();
    }
    let to = listener.local_addr().unwrap();
    let (peer, accepted) = tokio::join!(socket.connect(to), listener.accept());
    let stream = accepted.unwrap().0;
    if narrow {
        let small = socket2::SockRef::from(&stream).set_send_buffer_size(4096);
        small.unwrap();
    }
    let (reader, writer) = stream.into_split();
    let outlet = Arc::new(Interleaved::new(writer, 1 << 20));
    let drained = Arc::clone(&outlet);
    tokio::spawn(async move {
        drained.drain().await;
        drop(reader);
    });
    (outlet, Peer(peer.unwrap()))
}

/// Both tracks on the channels that players choose.
fn both(outlet: &Arc<Interleaved>) -> Vec<(usize, TrackOutlet)> {
    [VIDEO, AUDIO]
        .map(|index| (index, lane(outlet, 2 * index as u8)))
        .into()
}

fn lane(outlet: &Arc<Interleaved>, rtp_channel: u8) -> TrackOutlet {
    TrackOutlet::Interleaved {
        outlet: Arc::clone(outlet),
        rtp_channel,
        rtcp_channel: rtp_channel + 1,
    }
}

struct Silent;

impl Feedback for Silent {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        0
    }
    fn alive(&self, _: Instant) {}
}

#[tokio::test]
async fn a_new_reader_starts_at_the_newest_key_frame_and_gets_all_from_there() {
    let mut stage = Stage::plain();
    for (number, key) in [true, false, false, true, false].into_iter().enumerate() {
        stage.picture(key, 1000);
        assert_eq!(usize::from(stage.pictures), number + 1);
    }
    let (outlet, mut peer) = connection(false).await;
    let prepared = stage.prepare(Start::Keyframe, both(&outlet));
    let (first, time) = prepared.first(VIDEO).unwrap();
    assert_eq!(prepared.first(AUDIO), None);
    stage.picture(false, 1000);
    let _membership = prepared.start();
    let (channel, packet) = peer.media(&[1, 3]).await;
    assert_eq!((channel, number(&packet)), (0, 3));
    assert_eq!(sequence(&packet), first);
    let sent_time = u32::from_be_bytes(packet[4..8].try_into().unwrap());
    assert_eq!(Some(sent_time), time);
    for _ in 1..PICTURE_PACKETS {
        peer.media(&[1, 3]).await;
    }
    assert_eq!(peer.picture().await, 4);
    assert_eq!(peer.picture().await, 5);
    stage.sound();
    stage.picture(false, 1000);
    let (channel, _) = peer.media(&[1, 3]).await;
    assert_eq!(channel, 2);
    assert_eq!(peer.picture().await, 6);
}

#[tokio::test]
async fn the_first_packet_is_named_though_its_picture_is_still_coming_in() {
    let mut stage = Stage::plain();
    stage.picture(true, 100);
    stage.parts(0..2, false, 100);
    let (outlet, mut peer) = connection(false).await;
    let prepared = stage.prepare(Start::Live, both(&outlet));
    let first = prepared.first(VIDEO).unwrap();
    let _membership = prepared.start();
    stage.parts(2..PICTURE_PACKETS, false, 100);
    let (_, packet) = peer.media(&[1, 3]).await;
    assert_eq!(first, (sequence(&packet), None));
}

#[tokio::test]
async fn reports_go_before_media() {
    let mut stage = Stage::plain();
    stage.picture(true, 1000);
    let (outlet, mut peer) = connection(false).await;
    let _membership = stage.prepare(Start::Keyframe, both(&outlet)).start();
    let (channel, report) = peer.frame().await;
    assert_eq!(channel, 1);
    let mut compound = rtcp::parse(&report).unwrap();
    let Some(rtcp::Feedback::SenderReport { report, .. }) = compound.next() else {
        panic!("a sender report comes first");
    };
    assert_eq!(report.ssrc, stage.publisher.channel().ssrc(VIDEO));
    assert_eq!(peer.picture().await, 0);
}

#[tokio::test]
async fn some_tracks_on_other_channels_are_framed_anew() {
    let mut stage = Stage::plain();
    let (one, mut video_on_4) = connection(false).await;
    let (other, mut swapped) = connection(false).await;
    let _one = stage
        .prepare(Start::Live, vec![(VIDEO, lane(&one, 4))])
        .start();
    let tracks = vec![(VIDEO, lane(&other, 2)), (AUDIO, lane(&other, 0))];
    let _other = stage.prepare(Start::Live, tracks).start();
    stage.sound();
    stage.picture(true, 700);
    for part in 0..PICTURE_PACKETS {
        let (channel, packet) = video_on_4.media(&[5]).await;
        assert_eq!((channel, packet.len()), (4, 700), "packet {part}");
    }
    assert_eq!(swapped.media(&[1, 3]).await.0, 0);
    assert_eq!(swapped.media(&[1, 3]).await.0, 2);
}

#[tokio::test]
async fn datagrams_carry_the_packets_without_frames() {
    let mut stage = Stage::plain();
    stage.picture(true, 900);
    stage.picture(false, 900);
    let socket = UdpSocket::bind((HOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let ports = UdpPorts::new(0..=0, HOST, stage.clock);
    let client = ClientPorts {
        host: Host::of(SocketAddr::new(HOST, 0)),
        rtp: port,
        rtcp: port,
    };
    let lease = ports.claim(client, HOST, Arc::new(Silent)).unwrap();
    let tracks = vec![(
        VIDEO,
        TrackOutlet::Packets(crate::net::outlet::PacketOutlet::Client(lease)),
    )];
    let prepared = stage.prepare(Start::Keyframe, tracks);
    let (mut expected, _) = prepared.first(VIDEO).unwrap();
    let membership = prepared.start();
    let mut packet = [0; 2048];
    for sent in 0..2 * PICTURE_PACKETS {
        let size = loop {
            let size = soon(socket.recv(&mut packet)).await.unwrap();
            // Reports come to the same port here.
            if packet[1] & 0x7f == 96 {
                break size;
            }
        };
        assert_eq!(size, 900);
        assert_eq!(usize::from(number(&packet)), sent / PICTURE_PACKETS);
        assert_eq!(sequence(&packet), expected);
        expected = expected.wrapping_add(1);
    }
    let member = membership.pause();
    assert_eq!(member.session.counters().snapshot().packets, 6);
    assert_eq!(member.session.counters().snapshot().bytes, 6 * 900);
}

#[tokio::test]
async fn readers_by_srtp_have_shards_to_themselves() {
    let mut stage = Stage::plain();
    let (plain_outlet, mut plain) = connection(false).await;
    let (outlet, mut peer) = connection(false).await;
    let way = |connection: &Arc<Interleaved>| Way::Frames {
        connection: Arc::clone(connection),
        rtp_channel: 0,
        rtcp_channel: 1,
    };
    let key = MasterKey::new([3; MASTER_LEN]);
    let protected = TrackOutlet::protected_by(&key, way(&outlet));
    let _plain = stage
        .prepare(
            Start::Live,
            vec![(VIDEO, TrackOutlet::plain(way(&plain_outlet)))],
        )
        .start();
    let _protected = stage.prepare(Start::Live, vec![(VIDEO, protected)]).start();
    let shards = stage.fan.shards().values().flatten().count();
    assert_eq!((shards, stage.fan.members()), (2, 2));
    stage.picture(true, 700);
    let mut receiver = Receiver::new(&key, Vec::new());
    for _ in 0..PICTURE_PACKETS {
        let (_, readable) = plain.media(&[1]).await;
        let (_, protected) = peer.media(&[1]).await;
        let opened = receiver.unprotect_rtp(&protected).unwrap();
        assert_eq!(opened[12..], readable[12..]);
    }
}

#[tokio::test]
async fn a_reader_past_the_ring_goes_on_at_a_key_frame_and_holds_nobody_up() {
    let limits = Limits {
        ring_bytes: 100_000,
        ..Limits::default()
    };
    let mut stage = Stage::new(Settings::default(), limits);
    let (stuck_outlet, mut stuck) = connection(true).await;
    let (outlet, mut peer) = connection(false).await;
    let membership = stage.prepare(Start::Live, both(&stuck_outlet)).start();
    let _other = stage.prepare(Start::Live, both(&outlet)).start();
    const PICTURES: u16 = 200;
    for picture in 0..PICTURES {
        stage.picture(picture % 10 == 0, 1400);
        assert_eq!(peer.picture().await, picture);
    }
    let mut received = vec![stuck.picture().await];
    while received.last() != Some(&(PICTURES - 1)) {
        received.push(stuck.picture().await);
    }
    let gaps: Vec<_> = received
        .windows(2)
        .filter(|pair| pair[1] != pair[0] + 1)
        .collect();
    assert_eq!(gaps.len(), 1, "{received:?}");
    assert_eq!(gaps[0][1] % 10, 0);
    let member = membership.pause();
    let missed = (usize::from(PICTURES) - received.len()) * PICTURE_PACKETS;
    let counted = member.session.counters().snapshot().dropped;
    assert!(counted >= missed as u64, "{counted} of {missed}");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_for_too_long_is_ended() {
    let settings = Settings {
        slow_reader: Duration::from_millis(20),
        ..Settings::default()
    };
    let mut stage = Stage::new(settings, Limits::default());
    let (outlet, _peer) = connection(true).await;
    let prepared = stage.prepare(Start::Live, both(&outlet));
    let session = Arc::clone(&prepared.member.session);
    let membership = prepared.start();
    for _ in 0..100 {
        stage.picture(true, 1400);
    }
    soon(session.end().cancelled()).await;
    assert_eq!(membership.ended(), Some(Why::TooSlow));
    assert_eq!(stage.fan.members(), 0);
    assert_eq!(membership.pause().tracks.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_after_leaving() {
    let mut stage = Stage::plain();
    for _ in 0..20 {
        let (outlet, mut peer) = connection(false).await;
        let membership = stage.prepare(Start::Live, both(&outlet)).start();
        stage.picture(true, 100);
        stage.picture(true, 100);
        let member = membership.pause();
        outlet.send(b"$\x07\x00\x00").unwrap();
        stage.picture(true, 100);
        stage.picture(true, 100);
        outlet.close();
        let mut last = None;
        while last != Some(7) {
            last = Some(peer.frame().await.0);
        }
        let mut rest = Vec::new();
        soon(peer.0.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "{} bytes", rest.len());
        assert_eq!(member.tracks.len(), 2);
    }
}

#[tokio::test]
async fn a_paused_reader_goes_on_with_its_outlets() {
    let mut stage = Stage::plain();
    let (outlet, mut peer) = connection(false).await;
    let membership = stage.prepare(Start::Live, both(&outlet)).start();
    stage.picture(true, 100);
    assert_eq!(peer.picture().await, 0);
    let member = membership.pause();
    assert_eq!(stage.fan.members(), 0);
    stage.picture(true, 100);
    let channel = stage.publisher.channel();
    let prepared = stage.fan.prepare(channel, member, Start::Live);
    let _membership = prepared.start();
    assert_eq!(stage.fan.members(), 1);
    stage.picture(false, 100);
    assert_eq!(peer.picture().await, 2);
}

#[tokio::test]
async fn the_end_of_the_channel_is_told_with_bye() {
    let mut stage = Stage::plain();
    let (outlet, mut peer) = connection(false).await;
    let prepared = stage.prepare(Start::Live, both(&outlet));
    let session = Arc::clone(&prepared.member.session);
    let membership = prepared.start();
    stage.picture(true, 100);
    assert_eq!(peer.picture().await, 0);
    let ssrc = stage.publisher.channel().ssrc(VIDEO);
    stage.mounts.stop();
    soon(session.end().cancelled()).await;
    let goodbye = rtcp::Feedback::Bye { ssrcs: vec![ssrc] };
    loop {
        let (channel, compound) = peer.frame().await;
        if channel == 1
            && rtcp::parse(&compound)
                .unwrap()
                .any(|packet| packet == goodbye)
        {
            break;
        }
    }
    assert_eq!(membership.ended(), Some(Why::Ended(End::Stopped)));
    soon(stage.fan.stop()).await;
}

#[tokio::test]
async fn more_members_than_a_shard_has_seats_are_all_served() {
    const MEMBERS: usize = shard::SEATS + 20;
    let mut stage = Stage::plain();
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let (outlet, peer) = connection(false).await;
        let membership = stage.prepare(Start::Live, both(&outlet)).start();
        members.push((membership, peer));
    }
    assert_eq!(stage.fan.members(), MEMBERS);
    stage.picture(true, 100);
    for (_, peer) in &mut members {
        assert_eq!(peer.picture().await, 0);
    }
    members.clear();
    assert_eq!(stage.fan.members(), 0);
    soon(stage.fan.stop()).await;
    assert!(stage.fan.shards().values().all(Vec::is_empty));
}
