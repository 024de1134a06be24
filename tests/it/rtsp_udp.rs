//! Media over UDP: what arrives first, who survives what, and who is told goodbye.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use reelcast::base::clock::Clock;
use reelcast::log::access::AccessLog;

use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::movies::clips;
use crate::support::server::Server;
use crate::support::udp::Ports;

/// Seconds from the epoch of NTP to that of Unix.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A client that has set up every track of a movie over UDP.
struct Viewer {
    client: Client,
    url: String,
    session: String,
    controls: Vec<String>,
    ports: Vec<Ports>,
    /// The answers to SETUP.
    answers: Vec<String>,
}

impl Viewer {
    async fn open(server: &Server, movie: &str) -> Self {
        let url = format!("rtsp://{}/{movie}", server.address);
        let mut client = Client::connect(server.address).await;
        let controls = client.controls(&url).await;
        let (mut session, mut answers, mut ports) = (String::new(), Vec::new(), Vec::new());
        for control in &controls {
            let pair = Ports::bind(server.address.ip()).await;
            let headers = pair.transport() + &session;
            let answer;
            (answer, session) = client.set_up(control, &headers).await;
            answers.push(answer);
            ports.push(pair);
        }
        Self {
            client,
            url,
            session,
            controls,
            ports,
            answers,
        }
    }

    /// Plays the whole movie; returns the answer.
    async fn play(&mut self) -> String {
        let headers = format!("{}Range: npt=0-\r\n", self.session);
        let answer = self.client.ask("PLAY", &self.url, &headers).await;
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }
}

/// A parameter of an answer's Transport.
fn parameter<'a>(answer: &'a str, name: &str) -> &'a str {
    let transport = header(answer, "Transport").unwrap();
    let mut parameters = transport.split(';').filter_map(|one| one.split_once('='));
    let (_, value) = parameters.find(|(found, _)| *found == name).unwrap();
    value
}

#[tokio::test]
async fn packetised_movies_start_with_the_announced_packet_and_a_report() {
    starts_well(&Server::start(&clips(), |_| {}), "clock.mp4").await;
}

#[tokio::test]
async fn hinted_movies_start_with_the_announced_packet_and_a_report() {
    starts_well(&Server::start(&clips(), |_| {}), "clock-hinted.mov").await;
}

#[tokio::test]
async fn clients_of_ipv6_are_served() {
    let local = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let server = Server::start_at(local, &clips(), AccessLog::disabled(), |_| {});
    starts_well(&server, "clock.mp4").await;
}

/// Each track starts with the packet of RTP-Info, and has a true sender report within a second.
async fn starts_well(server: &Server, movie: &str) {
    let clock = Clock::start();
    let mut viewer = Viewer::open(server, movie).await;
    let started = Instant::now();
    let answer = viewer.play().await;
    for (track, (control, pair)) in viewer.controls.iter().zip(&viewer.ports).enumerate() {
        let (packet, from) = pair.rtp().await;
        let first = announced(&answer, control);
        assert_eq!(numbers(&packet), first, "{control}");
        assert_eq!(from.ip(), server.address.ip());
        let ports = parameter(&viewer.answers[track], "server_port");
        assert!(ports.starts_with(&format!("{}-", from.port())), "{ports}");
        let (report, _) = pair.rtcp().await;
        assert!(started.elapsed() < Duration::from_secs(1), "{control}");
        assert_eq!(report[1], 200, "a sender report");
        assert_eq!(report[4..8], packet[8..12], "of the same source");
        let ntp = u64::from(u32::from_be_bytes(report[8..12].try_into().unwrap()));
        let now = clock.wall(clock.now()).duration_since(UNIX_EPOCH).unwrap();
        assert!((ntp - NTP_TO_UNIX).abs_diff(now.as_secs()) <= 2, "{ntp}");
        let time = u32::from_be_bytes(report[16..20].try_into().unwrap());
        let ahead = time.wrapping_sub(first.1).cast_signed();
        assert!(ahead.abs() < 90_000, "{ahead} ticks after the first packet");
    }
}

#[tokio::test]
async fn two_clients_of_one_host_are_served() {
    let server = Server::start(&clips(), |_| {});
    let mut one = Viewer::open(&server, "clock.mp4").await;
    let mut other = Viewer::open(&server, "clock-hinted.mov").await;
    for viewer in [&mut one, &mut other] {
        let answer = viewer.play().await;
        let first = announced(&answer, &viewer.controls[0]);
        assert_eq!(numbers(&viewer.ports[0].rtp().await.0), first);
    }
}

#[tokio::test]
async fn a_client_behind_a_nat_gets_every_track() {
    let server = Server::start(&clips(), |_| {});
    let url = format!("rtsp://{}/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let (mut session, mut tracks) = (String::new(), Vec::new());
    for (control, declared) in client.controls(&url).await.iter().zip([5000, 5002]) {
        let translated = Ports::bind(server.address.ip()).await;
        let ports = format!("client_port={declared}-{}", declared + 1);
        let headers = format!("Transport: RTP/AVP;unicast;{ports}\r\n{session}");
        let answer;
        (answer, session) = client.set_up(control, &headers).await;
        let ssrc = u32::from_str_radix(parameter(&answer, "ssrc"), 16).unwrap();
        let server_ports = parameter(&answer, "server_port").split_once('-').unwrap();
        tracks.push((translated, server_ports.0.parse().unwrap(), ssrc));
    }
    for (translated, server_port, _) in &tracks {
        let rtp = (server.address.ip(), *server_port).into();
        translated.open_nat(rtp).await;
    }
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
    for (translated, _, ssrc) in &tracks {
        let (packet, _) = translated.rtp().await;
        assert_eq!(packet[8..12], ssrc.to_be_bytes());
        let (report, _) = translated.rtcp().await;
        assert_eq!(report[4..8], ssrc.to_be_bytes());
    }
}

#[tokio::test]
async fn a_session_survives_its_connection_and_obeys_another() {
    let server = Server::start(&clips(), |_| {});
    let mut viewer = Viewer::open(&server, "clock.mp4").await;
    viewer.play().await;
    viewer.client = Client::connect(server.address).await;
    let (client, url, session) = (&mut viewer.client, &viewer.url, &viewer.session);
    assert_eq!(client.status_of("GET_PARAMETER", url, session).await, 200);
    for _ in 0..100 {
        viewer.ports[0].rtp().await;
    }
    assert_eq!(client.status_of("PAUSE", url, session).await, 200);
    let answer = client.ask("PLAY", url, session).await;
    let next = announced(&answer, &viewer.controls[0]);
    while numbers(&viewer.ports[0].rtp().await.0) != next {}
    assert_eq!(client.status_of("TEARDOWN", url, session).await, 200);
    for pair in &viewer.ports {
        pair.bye().await;
    }
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn a_vanished_client_is_told_goodbye_and_one_that_reports_is_kept() {
    let server = Server::start(&clips(), |config| {
        config.rtsp.session_timeout = Duration::from_millis(1500);
    });
    let mut vanished = Viewer::open(&server, "tone.m4a").await;
    let mut present = Viewer::open(&server, "clock.mp4").await;
    vanished.play().await;
    present.play().await;
    let (_, reports_to) = present.ports[0].rtcp().await;
    let reporting = async {
        loop {
            present.ports[0].rtp().await;
            present.ports[0].report_to(reports_to).await;
        }
    };
    tokio::select! {
        () = vanished.ports[0].bye() => {}
        () = reporting => {}
    }
    server.wait_for_sessions(1).await;
    let (client, session) = (&mut present.client, &present.session);
    assert_eq!(
        client
            .status_of("GET_PARAMETER", &present.url, session)
            .await,
        200
    );
}
