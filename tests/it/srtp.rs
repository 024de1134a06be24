//! Media by SRTP, to players and from publishers: keys in descriptions, packets that nobody else can read or forge.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::{sleep, timeout};

use reelcast::base::media_time::NtpTime;
use reelcast::config::{Config, Srtp};
use reelcast::wire::header::key_mgmt::KeyMgmt;
use reelcast::wire::header::transport::Transport;
use reelcast::wire::mikey::{Message, Stream};
use reelcast::wire::rtcp::{self, Block};
use reelcast::wire::srtp::{MASTER_LEN, MasterKey, Receiver, Sender};

use crate::support::channel::{Encoder, LARGE, VIDEO};
use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::movies::clips;
use crate::support::publisher::{self, Publisher, picture};
use crate::support::server::Server;
use crate::support::udp::{Ports, is_bye};

/// The key that players protect their reports with.
const OWN_KEY: [u8; MASTER_LEN] = [5; MASTER_LEN];

fn to_everybody(config: &mut Config) {
    config.rtsp.srtp = Srtp::Always;
}

/// What a player gets of one track.
struct Track {
    control: String,
    /// The key in the description.
    key: MasterKey,
    receiver: Receiver,
    /// `None` when the track comes on the connection.
    ports: Option<Ports>,
    answer: String,
}

/// A player that has set up all tracks by SRTP.
struct Player {
    client: Client,
    url: String,
    session: String,
    tracks: Vec<Track>,
    /// What came on the connection before it was asked for.
    frames: Vec<(u8, Vec<u8>)>,
}

impl Player {
    async fn over_udp(server: &Server, name: &str) -> Self {
        Self::open(server, name, true).await
    }

    async fn over_tcp(server: &Server, name: &str) -> Self {
        Self::open(server, name, false).await
    }

    async fn open(server: &Server, name: &str, udp: bool) -> Self {
        let url = format!("rtsp://{}/{name}", server.address);
        let mut client = Client::connect(server.address).await;
        let description = client.ask("DESCRIBE", &url, "").await;
        assert_eq!(status(&description), 200, "{description}");
        let (mut session, mut tracks) = (String::new(), Vec::new());
        for (media, channel) in description.split("\r\nm=").skip(1).zip((0..).step_by(2)) {
            assert!(media.contains(" RTP/SAVP "), "{media}");
            let control = attribute(media, "control:").to_owned();
            let key = key_of(
                &STANDARD
                    .decode(attribute(media, "key-mgmt:mikey "))
                    .unwrap(),
            );
            let ports = match udp {
                true => Some(Ports::bind(server.address.ip()).await),
                false => None,
            };
            let transport = match &ports {
                Some(ports) => ports.transport().replace("RTP/AVP", "RTP/SAVP"),
                None => format!(
                    "Transport: RTP/SAVP/TCP;interleaved={channel}-{}\r\n",
                    channel + 1
                ),
            };
            let headers = format!("{transport}KeyMgmt: {}\r\n{session}", own_key_mgmt());
            let answer;
            (answer, session) = client.set_up(&control, &headers).await;
            tracks.push(Track {
                control,
                receiver: Receiver::new(&key, Vec::new()),
                key,
                ports,
                answer,
            });
        }
        Self {
            client,
            url,
            session,
            tracks,
            frames: Vec::new(),
        }
    }

    async fn play(&mut self) -> String {
        let answer = self.client.ask("PLAY", &self.url, &self.session).await;
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }

    /// The next RTP packet of a track, as it was before it was protected.
    async fn rtp(&mut self, track: usize) -> Vec<u8> {
        let packet = self.protected(track, 0).await;
        let plain = self.tracks[track].receiver.unprotect_rtp(&packet).unwrap();
        assert_ne!(plain[12..], packet[12..plain.len()], "encrypted");
        plain
    }

    /// The next RTCP packet of a track, as it was before it was protected.
    async fn rtcp(&mut self, track: usize) -> Vec<u8> {
        let packet = self.protected(track, 1).await;
        self.tracks[track].receiver.unprotect_rtcp(&packet).unwrap()
    }

    async fn protected(&mut self, track: usize, channel: u8) -> Vec<u8> {
        match (&self.tracks[track].ports, channel) {
            (Some(ports), 0) => ports.rtp().await.0,
            (Some(ports), _) => ports.rtcp().await.0,
            (None, _) => self.frame(2 * track as u8 + channel).await,
        }
    }

    async fn frame(&mut self, channel: u8) -> Vec<u8> {
        loop {
            let mut frames = self.frames.iter();
            if let Some(at) = frames.position(|(found, _)| *found == channel) {
                return self.frames.remove(at).1;
            }
            let frame = self.client.frame().await;
            self.frames.push(frame);
        }
    }
}

fn attribute<'a>(media: &'a str, name: &str) -> &'a str {
    let mut lines = media.lines().filter_map(|line| line.strip_prefix("a="));
    let found = lines.find_map(|line| line.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {media}"))
}

fn key_of(message: &[u8]) -> MasterKey {
    Message::read(message).unwrap().key
}

fn own_key_mgmt() -> KeyMgmt {
    let message = Message {
        key: MasterKey::new(OWN_KEY),
        streams: vec![Stream {
            ssrc: 1,
            rollovers: 0,
        }],
    };
    KeyMgmt {
        uri: None,
        data: message.write(NtpTime(0), 1),
    }
}

/// A player begins with the packets and times that the answer to PLAY announces, of both tracks, and is
/// told goodbye.
async fn plays_to_the_end(server: &Server, mut player: Player) {
    let answer = player.play().await;
    for track in 0..player.tracks.len() {
        let first = player.rtp(track).await;
        assert_eq!(
            numbers(&first),
            announced(&answer, &player.tracks[track].control)
        );
        let report = player.rtcp(track).await;
        assert_eq!(report[4..8], first[8..12], "of the same source");
        let told = header(&player.tracks[track].answer, "KeyMgmt").unwrap();
        let told = Message::read(&KeyMgmt::read(told).unwrap().data).unwrap();
        let ssrc = u32::from_be_bytes(first[8..12].try_into().unwrap());
        assert_eq!(told.key, player.tracks[track].key);
        assert_eq!(told.streams, [Stream { ssrc, rollovers: 0 }]);
    }
    let torn_down = player.client.ask("TEARDOWN", &player.url, &player.session);
    assert_eq!(status(&torn_down.await), 200);
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn movies_go_by_srtp_over_udp_and_tcp() {
    let server = Server::start(&clips(), to_everybody);
    for movie in ["clock.mp4", "clock-hinted.mov"] {
        plays_to_the_end(&server, Player::over_udp(&server, movie).await).await;
        plays_to_the_end(&server, Player::over_tcp(&server, movie).await).await;
    }
}

#[tokio::test]
async fn channels_go_by_srtp_over_udp_and_tcp_beside_plain_readers() {
    let server = Server::start(Path::new("no movies"), to_everybody);
    // Its numbers begin anew with the third packet.
    let mut encoder = Encoder::start(&server, "live", 0xfffe);
    encoder.key_picture();
    encoder.sound();
    for udp in [true, false] {
        plays_to_the_end(&server, Player::open(&server, "live", udp).await).await;
    }
    let mut player = Player::over_udp(&server, "live").await;
    let url = player.url.clone();
    let mut plain = Client::connect(server.address).await;
    let video = plain.controls(&url).await[VIDEO].clone();
    let ports = Ports::bind(server.address.ip()).await;
    let (_, session) = plain.set_up(&video, &ports.transport()).await;
    assert_eq!(plain.status_of("PLAY", &url, &session).await, 200);
    player.play().await;
    for _ in 0..30 {
        encoder.picture();
    }
    for _ in 0..32 {
        let (protected, (readable, _)) = (player.rtp(VIDEO).await, ports.rtp().await);
        assert_eq!(
            protected[4..],
            readable[4..],
            "the same time, source and payload"
        );
    }
}

#[tokio::test]
async fn every_player_has_keys_of_its_own_and_each_for_one_stream() {
    let server = Server::start(&clips(), to_everybody);
    let one = Player::over_udp(&server, "clock.mp4").await;
    let mut other = Player::over_udp(&server, "clock.mp4").await;
    let mut keys: Vec<_> = one
        .tracks
        .iter()
        .chain(&other.tracks)
        .map(|track| &track.key)
        .collect();
    let again = other.tracks[0].ports.as_ref().unwrap().transport();
    let headers = format!("{}{}", again.replace("/AVP", "/SAVP"), other.session);
    let (answer, _) = other
        .client
        .set_up(&other.tracks[0].control, &headers)
        .await;
    let told = header(&answer, "KeyMgmt").unwrap();
    let told = key_of(&KeyMgmt::read(told).unwrap().data);
    keys.push(&told);
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "key {at} was used before");
    }
}

/// A server with the channel `live` and a player that watches it by SRTP over UDP.
async fn watched() -> (Server, Encoder, Player) {
    let server = Server::start(Path::new("no movies"), to_everybody);
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut player = Player::over_udp(&server, "live").await;
    player.play().await;
    (server, encoder, player)
}

#[tokio::test]
async fn a_long_pause_leaves_a_stream_that_can_be_followed() {
    let (_server, mut encoder, mut player) = watched().await;
    let control = player.tracks[VIDEO].control.clone();
    let first = numbers(&player.rtp(VIDEO).await).0;
    let (second, _) = numbers(&player.rtp(VIDEO).await);
    assert_eq!(second, first.wrapping_add(1));
    assert_eq!(
        player
            .client
            .status_of("PAUSE", &player.url, &player.session)
            .await,
        200
    );
    for _ in 0..40_000 / LARGE {
        encoder.large_picture();
    }
    encoder.key_picture();
    let answer = player.play().await;
    assert_eq!(announced(&answer, &control).0, second.wrapping_add(1));
    assert_eq!(
        numbers(&player.rtp(VIDEO).await),
        announced(&answer, &control)
    );
}

/// A receiver report that misses `lost` packets of the stream that `packet` is of.
fn report(packet: &[u8], lost: i32) -> Vec<u8> {
    let block = Block {
        ssrc: u32::from_be_bytes(packet[8..12].try_into().unwrap()),
        fraction_lost: 0,
        cumulative_lost: lost,
        highest_sequence: 0,
        jitter: 0,
        last_sr: 0,
        delay: 0,
    };
    let mut report = Vec::new();
    rtcp::write_receiver_report(&mut report, 1, &[block], "player");
    report
}

fn protected_by(key: [u8; MASTER_LEN], report: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(Sender::new(&MasterKey::new(key)).protect_rtcp(report, &mut out));
    out
}

/// The server's port for the reports on a track.
fn reports_go_to(server: &Server, track: &Track) -> SocketAddr {
    let transport = header(&track.answer, "Transport").unwrap();
    let (_, port) = Transport::read(transport).unwrap().server_port.unwrap();
    (server.address.ip(), port).into()
}

/// How many packets the only player misses, as soon as it has reported.
async fn missed(server: &Server) -> i64 {
    let sessions = server.sessions.list();
    let missed = async {
        loop {
            if let Some(reception) = sessions[0].reception() {
                return reception.lost_packets;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let missed = timeout(Duration::from_secs(5), missed).await;
    missed.expect("a report that counts")
}

#[tokio::test]
async fn only_the_player_itself_can_report() {
    let (server, _encoder, mut player) = watched().await;
    let packet = player.rtp(VIDEO).await;
    let to = reports_go_to(&server, &player.tracks[VIDEO]);
    let ports = player.tracks[VIDEO].ports.as_ref().unwrap();
    let forged = report(&packet, 7);
    for forged in [protected_by([6; MASTER_LEN], &forged), forged] {
        ports.send_rtcp(&forged, to).await;
    }
    let own = protected_by(OWN_KEY, &report(&packet, 3));
    ports.send_rtcp(&own, to).await;
    assert_eq!(missed(&server).await, 3);
}

#[tokio::test]
async fn a_player_whose_ports_a_nat_has_changed_is_known_by_its_key() {
    let (server, encoder, mut player) = watched().await;
    let packet = player.rtp(VIDEO).await;
    let to = reports_go_to(&server, &player.tracks[VIDEO]);
    let changed = Ports::bind(server.address.ip()).await;
    let own = protected_by(OWN_KEY, &report(&packet, 3));
    changed.send_rtcp(&own, to).await;
    assert_eq!(missed(&server).await, 3);
    drop(encoder);
    server.mounts.stop();
    let receiver = &mut player.tracks[VIDEO].receiver;
    while !is_bye(&receiver.unprotect_rtcp(&changed.rtcp().await.0).unwrap()) {}
}

#[tokio::test]
async fn readers_are_told_goodbye_under_their_own_keys() {
    let (server, encoder, mut player) = watched().await;
    player.rtp(VIDEO).await;
    drop(encoder);
    server.mounts.stop();
    while !is_bye(&player.rtcp(VIDEO).await) {}
}

#[tokio::test]
async fn keys_are_not_told_where_others_can_read_them() {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let description = client.ask("DESCRIBE", &url, "").await;
    assert!(description.contains(" RTP/AVP "), "{description}");
    assert!(!description.contains("key-mgmt"), "{description}");
    let control = &client.controls(&url).await[0];
    for transport in [
        "RTP/SAVP;client_port=4000-4001",
        "RTP/SAVP/TCP;interleaved=0-1",
    ] {
        let headers = format!("Transport: {transport}\r\n");
        assert_eq!(
            client.status_of("SETUP", control, &headers).await,
            461,
            "{transport}"
        );
    }
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused() {
    let server = Server::start(&clips(), to_everybody);
    let url = format!("rtsp://{}/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let control = &client.controls(&url).await[0];
    for key_mgmt in [
        "rubbish",
        "prot=mikey;data=\"AAAA\"",
        "prot=mikey;data=\"!\"",
    ] {
        let headers = format!("Transport: RTP/SAVP/TCP;interleaved=0-1\r\nKeyMgmt: {key_mgmt}\r\n");
        assert_eq!(
            client.status_of("SETUP", control, &headers).await,
            400,
            "{key_mgmt}"
        );
    }
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn a_description_with_keys_is_always_a_new_one() {
    let server = Server::start(&clips(), to_everybody);
    let url = format!("rtsp://{}/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let first = client.ask("DESCRIBE", &url, "").await;
    let since = format!(
        "If-Modified-Since: {}\r\n",
        header(&first, "Last-Modified").unwrap()
    );
    let second = client.ask("DESCRIBE", &url, &since).await;
    assert_eq!(status(&second), 200);
    assert_ne!(
        attribute(&first, "key-mgmt:"),
        attribute(&second, "key-mgmt:")
    );
}

/// A publisher of [`publisher::SDP`] that has announced it by SRTP, with a key for each track in the description.
async fn announced_by_srtp(server: &Server, name: &str) -> Publisher {
    let url = format!("rtsp://{}/{name}", server.address);
    let mut client = Client::connect(server.address).await;
    let key = STANDARD.encode(own_key_mgmt().data);
    let sdp = publisher::SDP.replace("RTP/AVP", "RTP/SAVP");
    let sdp = sdp.replace("a=control", &format!("a=key-mgmt:mikey {key}\r\na=control"));
    let answer = publisher::announce(&mut client, &url, &sdp).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let session = header(&answer, "Session").unwrap().split(';').next();
    let session = format!("Session: {}\r\n", session.unwrap());
    Publisher {
        client,
        url,
        session,
        udp: Vec::new(),
    }
}

#[tokio::test]
async fn channels_are_published_by_srtp_and_read_without() {
    let server = Server::start(Path::new("no movies"), to_everybody);
    let mut publisher = announced_by_srtp(&server, "live").await;
    // One key in its SETUP, and one in the description.
    let frames = "RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record";
    let answer = publisher
        .set_up(0, &format!("{frames}\r\nKeyMgmt: {}", own_key_mgmt()))
        .await;
    assert!(header(&answer, "KeyMgmt").is_some(), "{answer}");
    let frames = "RTP/SAVP/TCP;unicast;interleaved=2-3;mode=record";
    publisher.set_up(1, frames).await;
    publisher.record().await;

    let url = publisher.url.clone();
    let mut reader = Client::connect(server.address).await;
    let description = reader.ask("DESCRIBE", &url, "").await;
    assert_eq!(
        description.matches("a=key-mgmt:").count(),
        2,
        "no key but the reader's own"
    );
    assert!(!description.contains(&STANDARD.encode(own_key_mgmt().data)));
    let control = &reader.controls(&url).await[0];
    let (_, session) = reader
        .set_up(control, "Transport: RTP/AVP/TCP;interleaved=0-1\r\n")
        .await;
    assert_eq!(reader.status_of("PLAY", &url, &session).await, 200);

    let mut sender = Sender::new(&MasterKey::new(OWN_KEY));
    let mut protected = |packet: &[u8]| {
        let mut out = Vec::new();
        assert!(sender.protect_rtp(packet, &mut out));
        out
    };
    let (first, forged, last) = (picture(1, 900), picture(2, 800), picture(2, 700));
    publisher.send(0, &protected(&first)).await;
    publisher.send(0, &forged).await;
    publisher.send(0, &protected(&last)).await;
    for sent in [first, last] {
        let (channel, packet) = loop {
            let (channel, packet) = reader.frame().await;
            if channel == 0 {
                break (channel, packet);
            }
        };
        assert_eq!((channel, &packet[12..]), (0, &sent[12..]));
    }
    publisher.tear_down().await;
}

#[tokio::test]
async fn publishers_by_srtp_get_reports_that_are_protected_too() {
    let server = Server::start(Path::new("no movies"), to_everybody);
    let mut publisher = announced_by_srtp(&server, "live").await;
    let ports = Ports::bind(server.address.ip()).await;
    let transport = ports.transport().replace("RTP/AVP", "RTP/SAVP");
    let transport = transport.trim().strip_prefix("Transport: ").unwrap();
    let answer = publisher
        .set_up(0, &format!("{transport};mode=record"))
        .await;
    let told = KeyMgmt::read(header(&answer, "KeyMgmt").unwrap()).unwrap();
    let to = Transport::read(header(&answer, "Transport").unwrap()).unwrap();
    let to = (server.address.ip(), to.server_port.unwrap().0).into();
    publisher.record().await;
    let mut protected = Vec::new();
    let mut sender = Sender::new(&MasterKey::new(OWN_KEY));
    assert!(sender.protect_rtp(&picture(1, 900), &mut protected));
    ports.send_rtp(&protected, to).await;
    let (report, _) = ports.rtcp().await;
    let mut receiver = Receiver::new(&key_of(&told.data), Vec::new());
    let report = receiver.unprotect_rtcp(&report).unwrap();
    assert_eq!(
        (report[0], report[1]),
        (0x81, 201),
        "a receiver report of one source"
    );
    publisher.tear_down().await;
}

#[tokio::test]
async fn who_publishes_by_srtp_has_to_tell_a_key() {
    let server = Server::start(Path::new("no movies"), to_everybody);
    let mut publisher = Publisher::announce(server.address, "live").await;
    let control = format!("{}/streamid=0", publisher.url);
    let transport = "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record\r\n";
    let headers = format!("{transport}{}", publisher.session);
    assert_eq!(
        publisher
            .client
            .status_of("SETUP", &control, &headers)
            .await,
        400
    );
}
