//! Readers of a live channel: over UDP, too many, too eager, and gone.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::channel::{Encoder, LARGE, Reader, VIDEO};
use crate::support::client::{Client, announced, header, numbers, status};
use crate::support::server::Server;
use crate::support::udp::Ports;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A reader over UDP with the ports of its two tracks.
async fn over_udp(server: &Server, name: &str) -> (Reader, [Ports; 2]) {
    let ports = [Ports::bind(LOCAL).await, Ports::bind(LOCAL).await];
    let transports = ports.each_ref().map(Ports::transport);
    let value = |header: &str| header.trim().trim_start_matches("Transport: ").to_owned();
    let transports = transports.map(|header| value(&header));
    let reader = Reader::open(server, name, [&transports[0], &transports[1]]).await;
    (reader, ports)
}

#[tokio::test]
async fn readers_over_udp_get_the_same() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    encoder.sound();
    let (mut reader, ports) = over_udp(&server, "live").await;
    let answer = reader.play().await;
    for (control, ports) in reader.controls.iter().zip(&ports) {
        let (packet, _) = ports.rtp().await;
        assert_eq!(numbers(&packet), announced(&answer, control));
        let (report, _) = ports.rtcp().await;
        assert_eq!(report[1], 200, "a sender report");
        assert_eq!(report[4..8], packet[8..12], "of the same source");
    }
    for _ in 0..20 {
        encoder.picture();
    }
    let first = announced(&answer, &reader.controls[VIDEO]).0;
    for count in 1..22 {
        let (packet, _) = ports[VIDEO].rtp().await;
        assert_eq!(numbers(&packet).0, first.wrapping_add(count));
    }
    assert_eq!(reader.ask("TEARDOWN").await, 200);
    for ports in &ports {
        ports.bye().await;
    }
}

#[tokio::test]
async fn readers_that_vanish_are_noticed() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.rtsp.session_timeout = Duration::from_secs(1);
    });
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let (mut udp, _ports) = over_udp(&server, "live").await;
    let mut tcp = Reader::over_tcp(&server, "live").await;
    udp.play().await;
    tcp.play().await;
    assert_eq!(encoder.channel().readers(), 2);
    drop(tcp);
    server.wait_for_sessions(1).await;
    drop(udp);
    server.wait_for_sessions(0).await;
    assert_eq!(encoder.channel().readers(), 0);
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_cut_off_and_nobody_else_notices() {
    // More than the buffers of both sockets take.
    const PICTURES: u16 = 300;
    let server = Server::start(Path::new("no movies"), |config| {
        config.live.slow_reader = Duration::from_secs(1);
    });
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut stopped = Reader::over_tcp(&server, "live").await;
    stopped.play().await;
    let mut watching = Reader::over_tcp(&server, "live").await;
    watching.play().await;
    watching.packet(0).await;
    let mut before = numbers(&watching.packet(0).await).0;
    for _ in 0..PICTURES {
        encoder.large_picture();
        for _ in 0..LARGE {
            let sequence = numbers(&watching.packet(0).await).0;
            assert_eq!(sequence, before.wrapping_add(1));
            before = sequence;
        }
    }
    server.wait_for_sessions(1).await;
    encoder.picture();
    watching.packet(0).await;
    assert_eq!(encoder.channel().readers(), 1);
}

#[tokio::test]
async fn limits_hold_for_readers_and_change_while_they_watch() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.limits.connections = 1;
    });
    // Its description promises 900 kbit/s.
    let mut encoder = Encoder::start(&server, "live", 100);
    let mut first = Reader::over_tcp(&server, "live").await;
    first.play().await;
    let url = first.url.clone();
    let control = &first.controls[VIDEO];
    let mut client = Client::connect(server.address).await;
    let tcp = "Transport: RTP/AVP/TCP\r\n";
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 453);
    assert_eq!(client.status_of("SETUP", control, tcp).await, 453);
    server.configure(|config| {
        config.limits.connections = 0;
        config.limits.throughput = 1_700_000;
    });
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 200);
    let answer = client.ask("SETUP", control, tcp).await;
    assert_eq!(status(&answer), 453, "{answer}");
    assert_eq!(header(&answer, "Session"), None);
    server.configure(|config| config.limits.throughput = 1_800_000);
    assert_eq!(client.status_of("SETUP", control, tcp).await, 200);
    encoder.key_picture();
    first.packet(0).await;
}

#[tokio::test]
async fn a_flood_of_keep_alives_disturbs_nobody_else() {
    const FLOOD: usize = 1500;
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut watching = Reader::over_tcp(&server, "live").await;
    watching.play().await;
    let mut flooding = Reader::over_tcp(&server, "live").await;
    let begun = Instant::now();
    let flood = async {
        let (url, session) = (flooding.url.clone(), flooding.session.clone());
        let request = format!("GET_PARAMETER {url} RTSP/1.0\r\n{session}\r\n");
        for _ in 0..FLOOD / 50 {
            let requests = request.repeat(50);
            flooding.client.send(requests.as_bytes()).await;
        }
        for _ in 0..FLOOD {
            assert_eq!(status(&flooding.client.answer().await), 200);
        }
        begun.elapsed()
    };
    let watch = async {
        watching.packet(0).await;
        let mut before = numbers(&watching.packet(0).await).0;
        for _ in 0..20 {
            encoder.picture();
            let next = timeout(Duration::from_secs(1), watching.packet(0)).await;
            let sequence = numbers(&next.expect("a picture in time")).0;
            assert_eq!(sequence, before.wrapping_add(1));
            before = sequence;
            let answered = timeout(Duration::from_secs(1), watching.ask("OPTIONS")).await;
            assert_eq!(answered, Ok(200));
        }
    };
    let (flooded, ()) = tokio::join!(flood, watch);
    // A hundred at once, the others one a millisecond.
    assert!(flooded >= Duration::from_millis(1399), "{flooded:?}");
    assert!(server.totals.throttled_requests() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_come_together_do_not_pass_the_limits() {
    const ROOM: usize = 10;
    let server = Server::start(Path::new("no movies"), |config| {
        config.limits.connections = ROOM as u32;
    });
    let _encoder = Encoder::start(&server, "live", 100);
    let control = format!("rtsp://{}/live/trackID=1", server.address);
    let mut comers = JoinSet::new();
    for number in 0..100 {
        let (address, control) = (server.address, control.clone());
        comers.spawn(async move {
            let mut client = Client::connect(address).await;
            // One in four wants what it cannot have, and must not keep a place.
            let transport = match number % 4 {
                0 => "Transport: RTP/AVP;unicast;client_port=0-1\r\n",
                _ => "Transport: RTP/AVP/TCP\r\n",
            };
            let status = client.status_of("SETUP", &control, transport).await;
            (status, client)
        });
    }
    let comers = comers.join_all().await;
    let with = |wanted| {
        comers
            .iter()
            .filter(|(status, _)| *status == wanted)
            .count()
    };
    assert_eq!(with(200), ROOM);
    assert!(with(453) >= 65, "{}", with(453));
    assert_eq!(server.sessions.len(), ROOM);
    drop(comers);
    server.wait_for_sessions(0).await;
    let mut client = Client::connect(server.address).await;
    let tcp = "Transport: RTP/AVP/TCP\r\n";
    assert_eq!(client.status_of("SETUP", &control, tcp).await, 200);
}
