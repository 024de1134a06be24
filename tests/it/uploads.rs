//! Encoders that upload over HTTP, written by hand: radio as to Icecast, and transport streams.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use http_body_util::{Full, StreamBody};
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reelcast::base::path::MediaPath;
use reelcast::log::access::AccessLog;
use reelcast::media::channel::{Channel, End, State};
use reelcast::net::addresses::of_this_machine;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::hls::{get, text};
use crate::support::client::{Client, header, numbers, status};
use crate::support::publisher::{SDP, announce};
use crate::support::server::Server;

const PUT: &str = "PUT /radio HTTP/1.1\r\nContent-Type: audio/mpeg\r\nExpect: 100-continue\r\n\
    ice-name: Z\u{fc}rich\r\nIce-Genre: Jazz\r\nice-url: http://radio.example/\r\n\r\n";

fn serve() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

/// Layer 3 at 128 kbit/s: 26.1 ms at 44.1 kHz, 24 ms at 48 kHz.
fn mp3(fill: u8, rate_hz: u32) -> Vec<u8> {
    let (size, third) = if rate_hz == 48_000 {
        (384, 0x94)
    } else {
        (417, 0x90)
    };
    let mut frame = vec![fill; size];
    frame[..4].copy_from_slice(&[0xff, 0xfb, third, 0]);
    frame
}

/// AAC LC at 48 kHz, or at 44.1 kHz, behind its ADTS header.
fn adts(fill: u8, rate_hz: u32) -> Vec<u8> {
    let mut frame = vec![fill; 0x40];
    let third = if rate_hz == 48_000 { 0x4c } else { 0x50 };
    frame[..7].copy_from_slice(&[0xff, 0xf1, third, 0x80, 0x08, 0x1f, 0xfc]);
    frame
}

async fn send(server: &Server, bytes: &[u8]) -> Client {
    let mut client = Client::connect(server.http).await;
    client.send(bytes).await;
    client
}

/// The status of the whole answer to `request`.
async fn status_of(server: &Server, request: &str) -> u16 {
    let mut client = send(server, request.as_bytes()).await;
    status(&client.rest().await)
}

/// The channel `name` as soon as somebody feeds it.
async fn live(server: &Server, name: &str) -> Arc<Channel> {
    let path = MediaPath::from_plain(name).unwrap();
    eventually(|| {
        server
            .mounts
            .open(&path)
            .filter(|one| one.state() == State::Live)
    })
    .await
}

async fn eventually<T>(look: impl Fn() -> Option<T>) -> T {
    let found = async {
        loop {
            match look() {
                Some(found) => return found,
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(Duration::from_secs(10), found)
        .await
        .expect("in time")
}

/// A reader of the channel's only track.
async fn read(server: &Server, name: &str) -> Client {
    let url = format!("rtsp://{}/{name}", server.address);
    let mut client = Client::connect(server.address).await;
    let control = client.controls(&url).await.remove(0);
    let transport = "Transport: RTP/AVP/TCP;unicast\r\n";
    let (_, session) = client.set_up(&control, transport).await;
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
    client
}

async fn packet(reader: &mut Client) -> Vec<u8> {
    loop {
        let (channel, packet) = reader.frame().await;
        if channel == 0 {
            return packet;
        }
    }
}

#[tokio::test]
async fn radio_is_read_frame_by_frame_with_its_station_and_time() {
    let server = serve();
    let mut encoder = send(&server, PUT.as_bytes()).await;
    assert_eq!(status(&encoder.answer().await), 100);
    // The end of a frame that began before, a tag, and rubbish between frames.
    let join = [&mp3(9, 44_100)[300..], b"ID3\x04\0\0\0\0\0\x05xxxxx"].concat();
    encoder.send(&join).await;
    encoder
        .send(&[mp3(0, 44_100), mp3(1, 44_100)].concat())
        .await;
    live(&server, "radio").await;

    let url = format!("rtsp://{}/radio", server.address);
    let mut client = Client::connect(server.address).await;
    let sdp = client.ask("DESCRIBE", &url, "").await;
    for line in [
        "s=Z\u{fc}rich",
        "i=Jazz",
        "u=http://radio.example/",
        "m=audio 0 RTP/AVP 14",
    ] {
        assert!(sdp.lines().any(|one| one == line), "{line} in {sdp}");
    }

    let mut reader = read(&server, "radio").await;
    let mut last = numbers(&packet(&mut reader).await);
    encoder
        .send(&[mp3(2, 44_100), b"rubbish".to_vec()].concat())
        .await;
    // Rates may change: the payload type, its clock and the readers stay.
    encoder
        .send(&[mp3(3, 48_000), mp3(4, 48_000)].concat())
        .await;
    loop {
        let packet = packet(&mut reader).await;
        let (sequence, time) = numbers(&packet);
        assert_eq!(sequence, last.0.wrapping_add(1));
        let step = time.wrapping_sub(last.1);
        assert!([2160, 2351, 2352].contains(&step), "{step}");
        let fill = packet[20];
        let rate_hz = if fill < 3 { 44_100 } else { 48_000 };
        assert_eq!(packet[16..], mp3(fill, rate_hz), "{fill}");
        if fill == 4 {
            return;
        }
        last = (sequence, time);
    }
}

#[tokio::test]
async fn radio_in_mp3_is_packed_for_all_players() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.http.source_timeout = Duration::from_secs(60);
    });
    let put = PUT.replace("Expect: 100-continue\r\n", "");
    // Five seconds are there at once, the others come as they play.
    let frames = mp3(0, 44_100).repeat(600);
    let mut encoder = send(&server, &[put.as_bytes(), &frames].concat()).await;
    live(&server, "radio").await;
    for name in ["index", "cmaf", "ts"] {
        let playlist = text(server.http, &format!("/radio/{name}.m3u8")).await;
        assert!(playlist.contains("CODECS=\"mp4a.40.34\""), "{playlist}");
        assert!(playlist.contains("\nmedia-ts.m3u8\n"), "{name}: {playlist}");
    }
    for name in ["media", "media-cmaf", "media-ts"] {
        let playlist = text(server.http, &format!("/radio/{name}.m3u8")).await;
        let mut lines = playlist.lines();
        let first = lines.find(|line| !line.starts_with('#')).unwrap();
        assert!(first.ends_with(".mp3"), "{name}: {playlist}");
        assert!(!playlist.contains("EXT-X-PART:"), "{name}: {playlist}");
        let segment = get(server.http, &format!("/radio/{first}")).await;
        assert_eq!((segment.status, &segment.body[..3]), (200, &b"ID3"[..]));
    }
    encoder.send(b"the end").await;
}

#[tokio::test]
async fn old_source_clients_are_answered_as_they_expect() {
    let server = serve();
    for (name, version) in [("a", "ICE/1.0"), ("b", "HTTP/1.0")] {
        let head = format!(
            "SOURCE /{name} {version}\r\nAuthorization: Basic c291cmNlOng=\r\nContent-Type: audio/aacp\r\n\r\n"
        );
        let mut encoder = send(&server, head.as_bytes()).await;
        assert!(encoder.answer().await.starts_with("HTTP/1.0 200 OK\r\n"));
        encoder
            .send(&[adts(1, 48_000), adts(2, 48_000)].concat())
            .await;
        let channel = live(&server, name).await;
        let description = channel.description().unwrap();
        assert_eq!(description.tracks()[0].encoding, "mpeg4-generic/48000/2");
    }
}

/// As libshout speaks to Icecast 1, which is not HTTP.
#[tokio::test]
async fn a_source_client_of_icecast_1_is_answered_with_a_plain_ok() {
    let server = serve();
    let login = "SOURCE hackme /radio\nx-audiocast-name: Jazz\nx-audiocast-bitrate: 128\n\n";
    let mut encoder = send(&server, login.as_bytes()).await;
    assert_eq!(encoder.line().await, "OK\r\n");
    encoder.send(&mp3(1, 44_100).repeat(4)).await;
    let channel = live(&server, "radio").await;
    assert_eq!(channel.description().unwrap().tracks()[0].clock_hz, 90_000);
    let url = format!("rtsp://{}/radio", server.address);
    let mut client = Client::connect(server.address).await;
    assert!(
        client
            .ask("DESCRIBE", &url, "")
            .await
            .contains("\r\ns=Jazz\r\n")
    );
    let mut second = send(&server, login.as_bytes()).await;
    assert!(second.rest().await.starts_with("HTTP/1.0 403 "));
}

#[tokio::test]
async fn another_rate_of_aac_is_another_channel() {
    let server = serve();
    let head = "SOURCE /radio HTTP/1.0\r\nContent-Type: audio/aac\r\n\r\n";
    let mut encoder = send(&server, head.as_bytes()).await;
    encoder.send(&adts(1, 48_000).repeat(3)).await;
    let before = live(&server, "radio").await;
    encoder.send(&adts(1, 44_100).repeat(3)).await;
    eventually(|| before.ended()).await;
    assert_eq!(before.ended(), Some(End::Replaced));
    let after = live(&server, "radio").await;
    assert_eq!(after.description().unwrap().tracks()[0].clock_hz, 44_100);
}

#[tokio::test]
async fn titles_are_kept_until_the_next_encoder() {
    let server = serve();
    let mut encoder = send(&server, PUT.as_bytes()).await;
    assert_eq!(status(&encoder.answer().await), 100);
    let early = "GET /admin/metadata?mount=/radio&mode=updinfo&song=first HTTP/1.0\r\n\r\n";
    assert_eq!(status_of(&server, early).await, 200);
    encoder.send(&mp3(1, 44_100).repeat(2)).await;
    let title = live(&server, "radio").await.title();
    let kept = || title.borrow().as_deref().map(str::to_owned);
    eventually(|| kept().filter(|title| title == "first")).await;
    for (request, status, expected) in [
        (
            "GET /admin/metadata?mount=/radio&mode=updinfo&song=Bj%F6rk HTTP/1.0\r\n\r\n",
            200,
            Some("Bj\u{f6}rk"),
        ),
        (
            "GET /admin.cgi?pass=x&mode=updinfo&song=A+-+B HTTP/1.0\r\nUser-Agent: Mozilla\r\n\r\n",
            200,
            Some("A - B"),
        ),
        (
            "POST /admin/metadata HTTP/1.1\r\nContent-Length: 39\r\n\r\nmode=updinfo&mount=%2Fradio&song=%C3%BC",
            200,
            Some("\u{fc}"),
        ),
        (
            "GET /admin/metadata?mount=/tv&song=x HTTP/1.0\r\n\r\n",
            404,
            None,
        ),
        (
            "GET /admin/metadata?mount=/radio HTTP/1.0\r\n\r\n",
            400,
            None,
        ),
        (
            "GET /admin/metadata?mount=/radio&song= HTTP/1.0\r\n\r\n",
            200,
            None,
        ),
    ] {
        let before = kept();
        assert_eq!(status_of(&server, request).await, status, "{request}");
        match (expected, status) {
            (None, 200) => assert_eq!(kept(), None),
            (None, _) => assert_eq!(kept(), before),
            (expected, _) => assert_eq!(kept().as_deref(), expected),
        }
    }
}

#[tokio::test]
async fn who_may_not_publish_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("movie.mp4"), b"no movie, but a file").unwrap();
    let server = Server::start(folder.path(), |_| {});
    let mut encoder = send(&server, PUT.as_bytes()).await;
    encoder.send(&mp3(1, 44_100).repeat(2)).await;
    live(&server, "radio").await;
    for (request, status) in [
        (PUT, 403),
        (
            "PUT /movie.mp4 HTTP/1.1\r\nContent-Type: video/mp2t\r\n\r\n",
            409,
        ),
        (
            "PUT /tv HTTP/1.1\r\nContent-Type: application/ogg\r\n\r\n",
            415,
        ),
        (
            "PUT /tv HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
            400,
        ),
        ("PUT / HTTP/1.1\r\n\r\n", 403),
        ("PUT /tv\r\n\r\n", 400),
    ] {
        assert_eq!(status_of(&server, request).await, status, "{request}");
    }
    server.configure(|config| config.live.takeover = true);
    let mut second = send(&server, PUT.as_bytes()).await;
    assert_eq!(status(&second.answer().await), 100);
    second.send(&mp3(1, 44_100).repeat(2)).await;
    let channel = live(&server, "radio").await;
    eventually(|| (channel.stats().snapshot().publishers == 2).then_some(())).await;
    encoder.send(&mp3(1, 44_100).repeat(2)).await;
    encoder.rest().await;
    assert_eq!(channel.state(), State::Live);
}

#[tokio::test]
async fn rubbish_and_silence_come_to_an_end() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.http.source_timeout = Duration::from_millis(300);
    });
    let chunk = format!("{:x}\r\n{}\r\n", 400_000, "U".repeat(400_000));
    let untold = format!("PUT /tv HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(status_of(&server, &untold).await, 415);

    let mut barren = send(&server, PUT.as_bytes()).await;
    barren.send(&[0x55; 10_000]).await;
    let answers = barren.rest().await;
    assert!(answers.contains("HTTP/1.1 415 "), "{answers}");

    let mut silent = send(&server, PUT.as_bytes()).await;
    silent.send(&mp3(1, 44_100).repeat(2)).await;
    let channel = live(&server, "radio").await;
    let answers = silent.rest().await;
    assert!(answers.contains("HTTP/1.1 408 "), "{answers}");
    assert!(matches!(channel.state(), State::Waiting { .. }));

    for reason in ["unknown", "barren", "silent"] {
        let failures = format!("upload_failures_total{{reason=\"{reason}\"}}");
        assert_eq!(server.count(&failures), 1, "{reason}");
    }
}

/// What a program sends that was given the wrong file: the whole of it, in one request.
#[tokio::test]
async fn whole_requests_of_rubbish_are_refused_with_the_reason() {
    let server = serve();
    let text = "Dear server, this is no media at all.\n";
    for media_type in ["video/mp2t", "audio/mpeg", "audio/aac", ""] {
        for body in [text.to_owned(), text.repeat(1000)] {
            let length = body.len();
            let head = format!(
                "PUT /tv HTTP/1.1\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
            );
            let mut encoder = send(&server, head.as_bytes()).await;
            encoder.send(body.as_bytes()).await;
            let answer = encoder.rest().await;
            assert_eq!(status(&answer), 415, "{media_type} {length}");
            assert!(answer.ends_with("neither an MPEG transport stream nor MP3 nor AAC\n"));
        }
    }
    assert_eq!(server.count("upload_failures_total{reason=\"unknown\"}"), 8);
    assert!(server.mounts.list().is_empty());
}

/// Whoever comes to another address of this machine than the loopback comes from that, too.
#[tokio::test]
async fn only_programs_of_the_servers_own_host_may_publish() {
    let addresses = of_this_machine();
    let Some(outside) = addresses.into_iter().find(|ip| !ip.is_loopback()) else {
        println!("skipped: this machine has no address but the loopback's");
        return;
    };
    let server = Server::start_at(
        outside,
        Path::new("no movies"),
        AccessLog::disabled(),
        |_| {},
    );
    for request in [
        PUT,
        "SOURCE /radio HTTP/1.0\r\nContent-Type: audio/aac\r\n\r\n",
        "POST /tv HTTP/1.1\r\nContent-Type: video/mp2t\r\nContent-Length: 188\r\n\r\n",
        "GET /admin/metadata?mount=/radio&song=x HTTP/1.0\r\n\r\n",
    ] {
        let mut encoder = send(&server, request.as_bytes()).await;
        let answer = encoder.rest().await;
        assert_eq!(status(&answer), 403, "{request}");
        assert!(
            answer.contains("only this host itself may publish"),
            "{answer}"
        );
    }
    let mut client = Client::connect(server.address).await;
    let url = format!("rtsp://{}/live", server.address);
    let answer = announce(&mut client, &url, SDP).await;
    assert_eq!(status(&answer), 403, "{answer}");
    assert_eq!(server.count("uploads_refused_total"), 3);
    assert!(server.mounts.list().is_empty());
}

#[tokio::test]
async fn what_comes_too_fast_is_held_back() {
    let server = serve();
    let mut encoder = send(&server, PUT.as_bytes()).await;
    // A minute of radio, which is more than a lead of one second.
    let minute = mp3(1, 44_100).repeat(2300);
    let sending = tokio::spawn(async move { encoder.send(&minute).await });
    let channel = live(&server, "radio").await;
    sleep(Duration::from_millis(500)).await;
    let packets = channel.stats().snapshot().packets;
    assert!((30..90).contains(&packets), "{packets} of 38 a second");
    sending.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_stream_may_come_in_any_number_of_requests() {
    let server = serve();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/ts_demux");
    let stream = std::fs::read(seeds.join("avc_adts.ts")).unwrap().repeat(2);
    // Cut where packets do not end.
    send_in_pieces(&server, &stream, |_| true).await;
    let channel = live(&server, "tv").await;
    let description = channel.description().unwrap();
    let encodings: Vec<_> = description
        .tracks()
        .iter()
        .map(|track| &*track.encoding)
        .collect();
    assert_eq!(encodings, ["H264/90000", "mpeg4-generic/8000/1"]);
    assert_eq!(channel.stats().snapshot().publishers, 1);
    assert_eq!(server.count("uploads_total{kind=\"untold\"}"), 1);
}

/// Sends `stream` to the channel `tv` in requests on connections of their own, but for those whose number is not `wanted`.
async fn send_in_pieces(server: &Server, stream: &[u8], wanted: impl Fn(usize) -> bool) {
    let mut sent = 0;
    for (number, piece) in stream.chunks(1500).enumerate() {
        let (first, length) = (sent, piece.len());
        sent += length;
        if !wanted(number) {
            continue;
        }
        let last = sent - 1;
        let head = format!(
            "PUT /tv HTTP/1.1\r\nContent-Length: {length}\r\nContent-Range: bytes {first}-{last}/*\r\n\r\n"
        );
        let mut encoder = send(server, &[head.as_bytes(), piece].concat()).await;
        let answer = encoder.answer().await;
        assert_eq!(
            (status(&answer), header(&answer, "Content-Length")),
            (200, Some("0"))
        );
    }
}

#[tokio::test]
async fn a_request_that_is_missing_breaks_a_stream_once() {
    let server = serve();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/ts_demux");
    let stream = std::fs::read(seeds.join("avc_adts.ts")).unwrap().repeat(4);
    send_in_pieces(&server, &stream, |number| number != 2).await;
    live(&server, "tv").await;
    assert_eq!(server.count("uploads_total{kind=\"untold\"}"), 2);
}

/// A connection by HTTP/2, and the task that carries it.
async fn http2<B>(server: &Server) -> (http2::SendRequest<B>, AbortOnDropHandle<()>)
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let stream = TokioIo::new(TcpStream::connect(server.http).await.unwrap());
    let handshake = http2::handshake(TokioExecutor::new(), stream).await;
    let (sender, connection) = handshake.unwrap();
    let carrying = tokio::spawn(async move { connection.await.unwrap() });
    (sender, AbortOnDropHandle::new(carrying))
}

/// A PUT for `name` with `body`, without a length.
fn put<B>(server: &Server, name: &str, media_type: &str, body: B) -> Request<B> {
    let uri = format!("http://{}/{name}", server.http);
    let request = Request::put(uri).header(CONTENT_TYPE, media_type);
    request.body(body).unwrap()
}

#[tokio::test]
async fn an_upload_by_http2_is_a_channel_until_its_body_ends() {
    let server = serve();
    let (mut sender, _connection) = http2(&server).await;
    let (to_body, body) = mpsc::unbounded();
    let request = put(&server, "radio", "audio/mpeg", StreamBody::new(body));
    let answer = tokio::spawn(sender.send_request(request));
    let send = |frames: Vec<u8>| Ok::<_, Infallible>(Frame::data(Bytes::from(frames)));
    to_body
        .unbounded_send(send(mp3(1, 44_100).repeat(2)))
        .unwrap();
    let channel = live(&server, "radio").await;
    let mut reader = read(&server, "radio").await;
    to_body.unbounded_send(send(mp3(7, 44_100))).unwrap();
    while packet(&mut reader).await[20] != 7 {}
    // One that goes on is no hindrance for others.
    let nothing = StreamBody::new(mpsc::unbounded().1);
    let second = put(&server, "radio", "audio/mpeg", nothing);
    let refused = sender.send_request(second).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    drop(to_body);
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(channel.stats().snapshot().publishers, 1);
    assert_eq!(server.count("uploads_refused_total"), 1);
}

#[tokio::test]
async fn an_upload_by_http2_may_come_in_any_number_of_requests() {
    let server = serve();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/ts_demux");
    let stream = std::fs::read(seeds.join("avc_adts.ts")).unwrap().repeat(2);
    let (mut sender, _connection) = http2(&server).await;
    let mut sent = 0;
    for piece in stream.chunks(1500) {
        let (first, last) = (sent, sent + piece.len() - 1);
        sent += piece.len();
        let body = Full::new(Bytes::copy_from_slice(piece));
        let mut request = put(&server, "tv", "", body);
        let range = format!("bytes {first}-{last}/*").parse().unwrap();
        request.headers_mut().insert(CONTENT_RANGE, range);
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let channel = live(&server, "tv").await;
    assert_eq!(channel.stats().snapshot().publishers, 1);
    assert_eq!(server.count("uploads_total{kind=\"untold\"}"), 1);
}

#[tokio::test]
async fn an_encoder_that_gives_up_by_http2_leaves_its_channel() {
    let server = Server::start(Path::new("no movies"), |_| {});
    let (mut sender, connection) = http2(&server).await;
    let (to_body, body) = mpsc::unbounded();
    let request = put(&server, "radio", "audio/mpeg", StreamBody::new(body));
    let answer = tokio::spawn(sender.send_request(request));
    let frames = Frame::data(Bytes::from(mp3(1, 44_100).repeat(2)));
    to_body.unbounded_send(Ok::<_, Infallible>(frames)).unwrap();
    let channel = live(&server, "radio").await;
    answer.abort();
    drop(connection);
    eventually(|| matches!(channel.state(), State::Waiting { .. }).then_some(())).await;
    let gone = "upload_failures_total{reason=\"receive\"}";
    eventually(|| (server.count(gone) == 1).then_some(())).await;
}

#[tokio::test]
async fn what_may_not_be_uploaded_is_refused_by_http2_as_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("movie.mp4"), b"no movie, but a file").unwrap();
    let server = Server::start(folder.path(), |_| {});
    let (mut sender, _connection) = http2(&server).await;
    let rubbish = Bytes::from("this is no media at all\n".repeat(1000));
    for (name, media_type, expected) in [
        ("movie.mp4", "video/mp2t", 409),
        ("tv", "application/ogg", 415),
        ("tv", "audio/mpeg", 415),
        ("", "audio/mpeg", 403),
        (".tv", "audio/mpeg", 403),
    ] {
        let request = put(&server, name, media_type, Full::new(rubbish.clone()));
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{name} {media_type}");
    }
    // Who calls the server by a name may come from a web page.
    let uri = "http://media.example/tv";
    let request = Request::post(uri).body(Full::new(rubbish)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let title = Bytes::from("mode=updinfo&mount=/tv&song=x");
    let uri = format!("http://{}/admin/metadata", server.http);
    let request = Request::post(uri).body(Full::new(title)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(server.mounts.list().is_empty());
}

#[tokio::test]
async fn an_upload_may_follow_other_requests_on_a_connection() {
    let server = serve();
    let get = "GET /?json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = send(&server, get.as_bytes()).await;
    assert_eq!(status(&client.answer().await), 200);
    let frames = mp3(1, 44_100).repeat(4);
    let length = frames.len();
    let head = format!(
        "PUT /radio HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/mpeg\r\nContent-Length: {length}\r\n\r\n"
    );
    client.send(head.as_bytes()).await;
    client.send(&frames).await;
    assert_eq!(status(&client.answer().await), 200);
    live(&server, "radio").await;
    client.send(get.as_bytes()).await;
    assert_eq!(status(&client.answer().await), 200);
    client
        .send(b"PUT /tv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert_eq!(status(&client.answer().await), 411);
}
