//! How many viewers there may be, and how fast they may ask: by RTSP, by HLS, and both at once.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use reelcast::log::access::AccessLog;
use reelcast::net::addresses::of_this_machine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::channel::Encoder;
use crate::support::client::{Client, header, status};
use crate::support::movies::clips;
use crate::support::server::Server;

const CLIENTS: usize = 500;
const ROOM: usize = 300;

const TCP: &str = "Transport: RTP/AVP/TCP\r\n";
const PLAYLIST: &str = "/clock.mp4/index.m3u8";

/// Lets this process have as many connections as the system allows; whether that are enough.
fn has_descriptors() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).unwrap();
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let is_enough = allowed >= 4 * CLIENTS as u64;
    if !is_enough {
        println!("skipped: only {allowed} descriptors");
    }
    is_enough
}

/// The address of the client with that number.
fn address(number: usize) -> String {
    format!("127.0.{}.{}", 1 + number / 200, 1 + number % 200)
}

/// A client by RTSP, and the status of the answer to its SETUP.
async fn set_up(from: String, server: SocketAddr, control: String) -> (u16, Client) {
    let mut client = Client::connect_from(&from, server).await;
    let status = client.status_of("SETUP", &control, TCP).await;
    (status, client)
}

/// The answer to a request for a playlist.
async fn ask(from: String, server: SocketAddr, agent: usize) -> String {
    let client = Client::connect_from(&from, server).await;
    let agent = format!("User-Agent: player {agent}\r\n");
    client.ask_http("GET", PLAYLIST, &agent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_find_the_limit_of_connections() {
    if !has_descriptors() {
        return;
    }
    let server = Server::start(&clips(), |config| config.limits.connections = ROOM as u32);
    let _encoder = Encoder::start(&server, "live", 100);
    let control = format!("rtsp://{}/live/trackID=1", server.address);
    let (mut by_rtsp, mut by_http) = (JoinSet::new(), JoinSet::new());
    for number in 0..CLIENTS {
        let from = address(number);
        match number % 2 {
            0 => drop(by_rtsp.spawn(set_up(from, server.address, control.clone()))),
            _ => drop(by_http.spawn(async move {
                let answer = ask(from, server.http, number).await;
                (number, answer)
            })),
        }
    }
    let (by_rtsp, by_http) = (by_rtsp.join_all().await, by_http.join_all().await);
    for (number, answer) in &by_http {
        let told = (status(answer), header(answer, "Retry-After"));
        assert!(
            matches!(told, (200, None) | (503, Some("10"))),
            "{number}: {answer}"
        );
    }
    assert!(
        by_rtsp
            .iter()
            .all(|(status, _)| matches!(status, 200 | 453))
    );
    let (mut refused, admitted): (Vec<_>, Vec<_>) =
        by_rtsp.into_iter().partition(|(status, _)| *status == 453);
    let playing = by_http.iter().filter(|(_, answer)| status(answer) == 200);
    assert_eq!(admitted.len() + playing.count(), ROOM);
    assert_eq!(server.sessions.len(), ROOM);

    // Whoever is there stays; all others may come as soon as the limit is lifted.
    server.configure(|config| config.limits.connections = 1);
    let first = by_http.iter().find(|(_, answer)| status(answer) == 200);
    if let Some((number, _)) = first {
        let again = ask(address(*number), server.http, *number).await;
        assert_eq!(status(&again), 200);
    }
    server.configure(|config| config.limits.connections = CLIENTS as u32);
    for (_, client) in &mut refused {
        assert_eq!(client.status_of("SETUP", &control, TCP).await, 200);
    }
    for (number, _) in by_http {
        let answer = ask(address(number), server.http, number).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    assert_eq!(server.sessions.len(), CLIENTS);
    let late = ask(address(CLIENTS), server.http, CLIENTS).await;
    assert_eq!(status(&late), 503);
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_and_throughput() {
    let server = Server::start(&clips(), |config| {
        config.limits.connections_per_address = 2;
    });
    // Its description promises 900 kbit/s.
    let _encoder = Encoder::start(&server, "live", 100);
    let url = format!("rtsp://{}/live", server.address);
    let control = format!("{url}/trackID=1");
    let of_guest = |number| ask(address(1), server.http, number);
    let (first, mut guest) = set_up(address(1), server.address, control.clone()).await;
    assert_eq!(first, 200);
    assert_eq!(status(&of_guest(1).await), 200);
    assert_eq!(status(&of_guest(1).await), 200, "it is the same viewer");
    let refused = of_guest(2).await;
    assert_eq!(
        (status(&refused), header(&refused, "Retry-After")),
        (503, Some("10"))
    );
    assert!(refused.contains("connections of one address"), "{refused}");
    let (second, mut second_guest) = set_up(address(1), server.address, control.clone()).await;
    assert_eq!(second, 453);
    assert_eq!(second_guest.status_of("DESCRIBE", &url, "").await, 453);
    let (other, _other) = set_up(address(2), server.address, control.clone()).await;
    assert_eq!(other, 200);

    server.configure(|config| {
        config.limits.connections_per_address = 0;
        config.limits.throughput_per_address = 1_500_000;
    });
    assert_eq!(second_guest.status_of("SETUP", &control, TCP).await, 453);
    server.configure(|config| config.limits.throughput_per_address = 0);
    assert_eq!(second_guest.status_of("SETUP", &control, TCP).await, 200);
    assert_eq!(guest.status_of("OPTIONS", &url, "").await, 200);
}

#[tokio::test]
async fn who_asks_too_fast_has_to_wait() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.limits.requests_per_address = 1;
    });
    let one = |method: &'static str| async move {
        let client = Client::connect_from(&address(1), server.http).await;
        client.ask_http(method, "/", "").await
    };
    for method in ["GET", "OPTIONS", "PUT"] {
        let mut answer = one(method).await;
        for _ in 0..100 {
            if status(&answer) == 429 {
                break;
            }
            answer = one(method).await;
        }
        let told = (status(&answer), header(&answer, "Retry-After"));
        assert_eq!(told, (429, Some("1")), "{method}: {answer}");
    }
    let other = Client::connect_from(&address(2), server.http).await;
    assert_eq!(status(&other.ask_http("GET", "/", "").await), 200);
    server.configure(|config| config.limits.requests_per_address = 0);
    for _ in 0..3 {
        assert_eq!(status(&one("GET").await), 200);
    }
}

/// Whether the server breaks a connection off before anything is said.
async fn is_refused(server: SocketAddr) -> bool {
    let broken = match TcpStream::connect(server).await {
        Ok(mut stream) => stream.read_u8().await.map(drop),
        Err(error) => Err(error),
    };
    broken.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn an_address_has_so_many_connections_whatever_is_said_on_them() {
    let mut own = of_this_machine().into_iter();
    let Some(own) = own.find(|address| address.is_ipv4() && !address.is_loopback()) else {
        println!("skipped: this machine has no address but that of the loopback");
        return;
    };
    let everywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let log = AccessLog::disabled();
    let server = Server::start_at(everywhere, Path::new("no movies"), log, |config| {
        config.limits.tcp_connections_per_address = 2;
    });
    let connect = |address: SocketAddr| Client::connect((own, address.port()).into());
    let is_refused = |address: SocketAddr| is_refused((own, address.port()).into());
    let refused = || server.count("tcp_connections_refused_total");
    let _silent = connect(server.address).await;
    let mut asking = connect(server.address).await;
    assert_eq!(asking.status_of("OPTIONS", "*", "").await, 200);
    assert!(is_refused(server.http).await);
    assert_eq!(refused(), 1);
    // This host itself, by the name that it has for itself.
    let local = (Ipv4Addr::LOCALHOST, server.address.port()).into();
    for _ in 0..3 {
        let mut here = Client::connect(local).await;
        assert_eq!(here.status_of("OPTIONS", "*", "").await, 200);
    }
    server.configure(|config| config.limits.tcp_connections_per_address = 3);
    let mut third = connect(server.address).await;
    assert_eq!(third.status_of("OPTIONS", "*", "").await, 200);
    server.configure(|config| config.limits.tcp_connections_per_address = 1);
    assert_eq!(asking.status_of("OPTIONS", "*", "").await, 200);
    assert!(is_refused(server.address).await);
    server.configure(|config| config.limits.tcp_connections_per_address = 0);
    let mut fourth = connect(server.address).await;
    assert_eq!(fourth.status_of("OPTIONS", "*", "").await, 200);
    assert_eq!(refused(), 2);
}

#[tokio::test]
async fn who_comes_through_a_proxy_has_no_more_connections() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.limits.tcp_connections_per_address = 1;
        config.proxy.tcp = vec!["127.0.7.1/32".parse().unwrap()];
    });
    let connect = async |client: &str| {
        let mut connection = Client::connect_from("127.0.7.1", server.address).await;
        let header = format!("PROXY TCP4 {client} 10.0.0.5 4711 8554\r\n");
        connection.send(header.as_bytes()).await;
        connection
    };
    let mut first = connect("203.0.113.7").await;
    assert_eq!(first.status_of("OPTIONS", "*", "").await, 200);
    assert!(connect("203.0.113.7").await.hears_nothing().await);
    let mut other = connect("203.0.113.8").await;
    assert_eq!(other.status_of("OPTIONS", "*", "").await, 200);
    assert_eq!(server.count("tcp_connections_refused_total"), 1);
}
