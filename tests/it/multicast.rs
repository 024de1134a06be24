//! Channels that are sent to multicast groups, on the loopback.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use reelcast::net::receiver::{Receiver, Reception, Senders};

use crate::support::channel::{AUDIO, Encoder, Reader, VIDEO};
use crate::support::client::{Client, header, numbers, status};
use crate::support::movies::clips;
use crate::support::server::Server;

const BY_GROUP: &str = "RTP/AVP;multicast";

/// A server that sends to a range of groups which no other test uses.
fn serve(groups: &str, folder: &Path) -> Server {
    let groups = groups.parse().unwrap();
    Server::start(folder, |config| {
        config.multicast.groups = Some(groups);
        config.multicast.interface = "127.0.0.1".to_owned();
    })
}

/// The group and the RTP port of an answer to SETUP.
fn place(answer: &str) -> SocketAddr {
    let transport = header(answer, "Transport").unwrap();
    let value = |name: &str| {
        let mut parameters = transport.split(';');
        let found = parameters.find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("{name} in {transport}"))
    };
    assert!(transport.starts_with("RTP/AVP;multicast;"), "{transport}");
    assert_eq!(value("ttl"), "1");
    let (rtp, rtcp) = value("port").split_once('-').unwrap();
    let rtp: u16 = rtp.parse().unwrap();
    assert_eq!(rtcp, (rtp + 1).to_string());
    let group: IpAddr = value("destination").parse().unwrap();
    SocketAddr::new(group, rtp)
}

fn listen(address: SocketAddr) -> Receiver {
    let reception = Reception {
        address,
        senders: Senders::Any,
        interface: "127.0.0.1".to_owned(),
    };
    Receiver::bind(&reception).unwrap()
}

async fn received(receiver: &Receiver) -> Vec<u8> {
    let mut buffer = [0; 2000];
    let received = receiver.receive(&mut buffer);
    let received = tokio::time::timeout(Duration::from_secs(5), received).await;
    let (size, _) = received.expect("nothing came").unwrap();
    buffer[..size].to_vec()
}

async fn is_silent(receiver: &Receiver) -> bool {
    let mut buffer = [0; 2000];
    let received = receiver.receive(&mut buffer);
    let received = tokio::time::timeout(Duration::from_millis(300), received).await;
    received.is_err()
}

#[tokio::test]
async fn a_channel_is_sent_once_however_many_listen() {
    let server = serve("239.255.1.0/24", Path::new("no movies"));
    let mut encoder = Encoder::start(&server, "live", 100);
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reader::open(&server, "live", [BY_GROUP; 2]).await);
    }
    let places = readers.iter().map(|reader| place(&reader.set_up[VIDEO]));
    let places: Vec<_> = places.collect();
    assert!(places.iter().all(|one| *one == places[0]), "{places:?}");
    let [video, audio] = [VIDEO, AUDIO].map(|index| listen(place(&readers[0].set_up[index])));
    encoder.picture();
    assert!(is_silent(&video).await, "nobody plays yet");
    for reader in &mut readers {
        reader.play().await;
    }
    encoder.key_picture();
    encoder.sound();
    let (first, second) = (received(&video).await, received(&video).await);
    // The picture before is sent first where the ring still has it.
    let (sequence, _) = numbers(&first);
    assert_eq!(numbers(&second).0, sequence.wrapping_add(1));
    assert_eq!(received(&audio).await[1] & 0x7f, 97);
    for _ in 0..2 {
        readers.pop().unwrap().ask("TEARDOWN").await;
    }
    encoder.picture();
    while received(&video).await[12] != 0x41 {}
    assert_eq!(readers[0].ask("PAUSE").await, 200);
    encoder.key_picture();
    assert!(is_silent(&video).await, "nobody listens any more");
    readers[0].play().await;
    encoder.key_picture();
    received(&video).await;
    assert_eq!(readers[0].ask("TEARDOWN").await, 200);
    server.wait_for_sessions(0).await;
}

#[tokio::test]
async fn the_place_of_a_channel_is_the_same_after_a_restart() {
    let mut places = Vec::new();
    for _ in 0..2 {
        let server = serve("239.255.2.0/24", Path::new("no movies"));
        let _encoder = Encoder::start(&server, "news/now", 100);
        for name in ["news/now", "news/now.sdp"] {
            let reader = Reader::open(&server, name, [BY_GROUP; 2]).await;
            places.push([VIDEO, AUDIO].map(|index| place(&reader.set_up[index])));
        }
    }
    assert!(places.iter().all(|one| *one == places[0]), "{places:?}");
    let [video, audio] = places[0];
    assert_eq!((audio.ip(), audio.port()), (video.ip(), video.port() + 2));
    let range: ipnet::Ipv4Net = "239.255.2.0/24".parse().unwrap();
    assert!(matches!(video.ip(), IpAddr::V4(group) if range.contains(&group)));
}

#[tokio::test]
async fn reports_to_the_group_are_signs_of_life_and_the_end_is_told() {
    let server = serve("239.255.3.0/24", Path::new("no movies"));
    let mut encoder = Encoder::start(&server, "live", 100);
    let mut reader = Reader::open(&server, "live", [BY_GROUP; 2]).await;
    let video = place(&reader.set_up[VIDEO]);
    let control = SocketAddr::new(video.ip(), video.port() + 1);
    let reports = listen(control);
    encoder.key_picture();
    reader.play().await;
    let report = received(&reports).await;
    assert_eq!(report[1], 200, "a sender report");
    let own = server.sessions.list();
    let own = own
        .iter()
        .find(|one| one.facts().transport == "multicast")
        .unwrap()
        .clone();
    let seen = own.last_seen();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let options = socket2::SockRef::from(&socket);
    options.set_multicast_if_v4(&[127, 0, 0, 1].into()).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    socket
        .send_to(&[0x80, 201, 0, 1, 0, 0, 0, 9], control)
        .await
        .unwrap();
    let heard = async {
        while own.last_seen() == seen {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), heard)
        .await
        .unwrap();
    reader.ask("TEARDOWN").await;
    loop {
        let report = received(&reports).await;
        if report.windows(2).any(|bytes| bytes == [0x81, 203]) {
            break;
        }
    }
}

#[tokio::test]
async fn multicast_is_refused_where_there_are_no_groups_and_for_movies() {
    let transport = "Transport: RTP/AVP;multicast\r\n";
    let server = Server::start(&clips(), |_| {});
    let _encoder = Encoder::start(&server, "live", 100);
    let other = serve("239.255.4.0/24", &clips());
    for (server, name) in [(&server, "live"), (&other, "clock.mp4")] {
        let mut client = Client::connect(server.address).await;
        let url = format!("rtsp://{}/{name}", server.address);
        let control = &client.controls(&url).await[0];
        assert_eq!(client.status_of("SETUP", control, transport).await, 461);
    }
}

#[tokio::test]
async fn a_session_comes_by_multicast_as_a_whole_and_its_client_chooses_no_group() {
    let server = serve("239.255.5.0/24", Path::new("no movies"));
    server.configure(|_| {});
    let _encoder = Encoder::start(&server, "live", 100);
    let mut client = Client::connect(server.address).await;
    let url = format!("rtsp://{}/live", server.address);
    let controls = client.controls(&url).await;
    let wish = "Transport: RTP/AVP;multicast;destination=224.0.0.1;port=9-10;ttl=255\r\n";
    let (answer, session) = client.set_up(&controls[0], wish).await;
    assert!(place(&answer).ip().to_string().starts_with("239.255.5."));
    let mixed = format!("Transport: RTP/AVP/TCP;interleaved=0-1\r\n{session}");
    let answer = client.ask("SETUP", &controls[1], &mixed).await;
    assert_eq!(status(&answer), 461, "{answer}");
}

#[tokio::test]
async fn listeners_are_told_to_listen_to_this_server_alone_where_that_is_configured() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.multicast.groups = Some("232.7.0.0/24".parse().unwrap());
        config.multicast.interface = "127.0.0.1".to_owned();
        config.multicast.source_specific = true;
    });
    let mut encoder = Encoder::start(&server, "live", 100);
    let mut reader = Reader::open(&server, "live", [BY_GROUP; 2]).await;
    let answer = &reader.set_up[VIDEO];
    let transport = header(answer, "Transport").unwrap();
    assert!(
        transport.split(';').any(|one| one == "source=127.0.0.1"),
        "{transport}"
    );
    let receiver = Receiver::bind(&Reception {
        address: place(answer),
        senders: Senders::Only(vec!["127.0.0.1".parse().unwrap()]),
        interface: "127.0.0.1".to_owned(),
    });
    let receiver = receiver.unwrap();
    reader.play().await;
    encoder.key_picture();
    assert_eq!(received(&receiver).await[12], 0x67);
}

#[tokio::test]
async fn what_one_server_announces_another_one_receives_until_it_is_withdrawn() {
    let sender = Server::start(Path::new("no movies"), |config| {
        config.multicast.groups = Some("239.255.6.0/24".parse().unwrap());
        config.multicast.interface = "127.0.0.1".to_owned();
        config.sap.announce = true;
        // It hears itself, and knows that it does.
        config.sap.listen = true;
    });
    let receiver = Server::start(Path::new("no movies"), |config| {
        config.multicast.interface = "127.0.0.1".to_owned();
        config.sap.listen = true;
        config.sap.groups = vec!["239.255.6.0/24".parse().unwrap()];
    });
    let mut encoder = Encoder::start(&sender, "news/now", 100);
    let mut own = Reader::open(&sender, "news/now", [BY_GROUP; 2]).await;
    own.play().await;
    let mut client = Client::connect(receiver.address).await;
    let url = format!("rtsp://{}/news/now", receiver.address);
    let answers = async |client: &mut Client, wanted: u16| {
        let answered = async {
            while client.status_of("DESCRIBE", &url, "").await != wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let answered = tokio::time::timeout(Duration::from_secs(10), answered).await;
        answered.unwrap_or_else(|_| panic!("never {wanted}"));
    };
    answers(&mut client, 200).await;
    let mut reader = Reader::over_tcp(&receiver, "news/now").await;
    reader.play().await;
    encoder.key_picture();
    assert_eq!(reader.packet(0).await[12], 0x67);
    assert_eq!(own.ask("TEARDOWN").await, 200);
    answers(&mut client, 404).await;
}
