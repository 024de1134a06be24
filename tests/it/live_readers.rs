//! Readers of a live channel: over UDP, too many, too eager, and gone.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

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
    for reason in ["hung_up", "silent"] {
        let ended = format!("sessions_ended_total{{reason=\"{reason}\"}}");
        assert_eq!(server.count(&ended), 1, "{reason}");
    }
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
    assert_eq!(server.count("sessions_ended_total{reason=\"slow\"}"), 1);
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

/// How often a reader shows that it lives, in the tests that follow, and for how long.
const KEEP_ALIVES_A_SECOND: usize = 10_000;
const FLOOD: Duration = Duration::from_secs(2);

/// Sends `what` so often until the flood is over, or the server takes no more of it.
async fn flood(mut to: OwnedWriteHalf, what: Vec<u8>) {
    const TICKS_A_SECOND: usize = 100;
    let together = what.repeat(KEEP_ALIVES_A_SECOND / TICKS_A_SECOND);
    let mut ticks = interval(Duration::from_secs(1) / TICKS_A_SECOND as u32);
    let sending = async {
        loop {
            ticks.tick().await;
            to.write_all(&together).await.unwrap();
        }
    };
    let _ = timeout(FLOOD, sending).await;
}

/// The number of answers that come by `from` until the flood is over, all of them good.
async fn answers(from: OwnedReadHalf) -> u32 {
    let (mut lines, mut count) = (BufReader::new(from).lines(), 0);
    let counting = async {
        while let Ok(Some(line)) = lines.next_line().await {
            assert!(
                !line.starts_with("RTSP/") || line.ends_with(" 200 OK"),
                "{line}"
            );
            count += u32::from(line.starts_with("RTSP/"));
        }
    };
    let _ = timeout(FLOOD, counting).await;
    count
}

/// Sends a picture now and then until the flood is over; `watching` gets each of them in time, and answers too.
async fn watch(mut encoder: Encoder, watching: &mut Reader) {
    let begun = Instant::now();
    watching.packet(0).await;
    let mut before = numbers(&watching.packet(0).await).0;
    while begun.elapsed() < FLOOD {
        encoder.picture();
        let next = timeout(Duration::from_secs(1), watching.packet(0)).await;
        let sequence = numbers(&next.expect("a picture in time")).0;
        assert_eq!(sequence, before.wrapping_add(1));
        before = sequence;
        let answered = timeout(Duration::from_secs(1), watching.ask("OPTIONS")).await;
        assert_eq!(answered, Ok(200));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_keep_alives_a_second_are_answered_at_the_servers_pace() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut watching = Reader::over_tcp(&server, "live").await;
    watching.play().await;
    let flooding = Reader::over_tcp(&server, "live").await;
    let (url, session) = (&flooding.url, &flooding.session);
    let request = format!("GET_PARAMETER {url} RTSP/1.0\r\n{session}\r\n");
    let connection = TcpStream::connect(server.address).await.unwrap();
    let (from, to) = connection.into_split();
    let (answered, (), ()) = tokio::join!(
        answers(from),
        flood(to, request.into()),
        watch(encoder, &mut watching)
    );
    // A hundred at once, the others one a millisecond; a busy machine may be slower.
    let most = 100 + FLOOD.as_millis() as u32 + 10;
    assert!((500..most).contains(&answered), "{answered} answers");
    assert!(server.count("throttled_requests_total") >= 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_reports_a_second_disturb_nobody_else() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let mut encoder = Encoder::start(&server, "live", 100);
    encoder.key_picture();
    let mut watching = Reader::over_tcp(&server, "live").await;
    watching.play().await;
    let (mut flooding, ports) = over_udp(&server, "live").await;
    flooding.play().await;
    let (_, from) = ports[VIDEO].rtcp().await;
    let datagrams = async {
        let begun = Instant::now();
        while begun.elapsed() < FLOOD {
            for _ in 0..KEEP_ALIVES_A_SECOND / 100 {
                ports[VIDEO].report_to(from).await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(datagrams, watch(encoder, &mut watching));
    assert_eq!(flooding.ask("GET_PARAMETER").await, 200);
    assert_eq!(server.sessions.len(), 2);
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
