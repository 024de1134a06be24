//! One viewer: plays a movie and notes when its packets arrive, whose headers SRTP leaves readable.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use reelcast::base::clock::Clock;
use reelcast::base::id::TrackId;
use reelcast::wire::rtsp::{Limits, Message, Method, Parser, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::Transport;
use super::lateness::Arrivals;
use super::schedule::{Authored, Schedule};

/// How often a viewer over UDP shows that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How a viewer watches.
pub(crate) struct Watching {
    pub(crate) transport: Transport,
    /// When it begins.
    pub(crate) delay: Duration,
    /// How long it goes on.
    pub(crate) length: Duration,
    pub(crate) authored: Arc<Authored>,
}

/// Watches `url`; returns how late the packets were.
pub(crate) async fn watch(url: String, watching: Watching) -> Arrivals {
    let Watching {
        transport,
        delay,
        length,
        authored,
    } = watching;
    tokio::time::sleep(delay).await;
    let mut viewer = Viewer::connect(&url).await;
    let tracks = viewer.describe(&url).await;
    let mut sockets = Vec::new();
    for (number, track) in tracks.iter().enumerate() {
        let profile = if transport.is_secure() { "SAVP" } else { "AVP" };
        let way = match transport.is_datagrams() {
            true => {
                let pair = port_pair().await;
                let port = pair.0.local_addr().expect("bound").port();
                sockets.push(pair);
                format!("RTP/{profile};unicast;client_port={port}-{}", port + 1)
            }
            false => {
                let channel = 2 * number;
                let channels = format!("{channel}-{}", channel + 1);
                format!("RTP/{profile}/TCP;unicast;interleaved={channels}")
            }
        };
        viewer.set_up(track, &way).await;
    }
    viewer.ask(Method::Play, &url, &[("Range", "npt=0-")]).await;
    let end = Clock::start().now() + length;
    let mut schedules: HashMap<u8, Schedule> = (0u8..)
        .step_by(2)
        .zip(&tracks)
        .map(|(channel, track)| (channel, Schedule::new(&authored, track.id, track.rate)))
        .collect();
    let mut arrivals = Arrivals::default();
    match transport.is_datagrams() {
        false => viewer.read(end, &mut schedules, &mut arrivals).await,
        true => {
            viewer
                .receive(&url, &sockets, end, &mut schedules, &mut arrivals)
                .await;
            viewer.ask(Method::Teardown, &url, &[]).await;
        }
    }
    arrivals
}

struct Track {
    id: TrackId,
    control: String,
    /// RTP clock rate in Hz.
    rate: f64,
}

struct Viewer {
    stream: TcpStream,
    parser: Parser,
    buffer: BytesMut,
    sequence: u32,
    session: Option<String>,
}

impl Viewer {
    async fn connect(url: &str) -> Self {
        let host = url.split('/').nth(2).expect("a host");
        let stream = TcpStream::connect(host).await.expect("the server listens");
        let parser = Parser::new(Limits::default());
        Self {
            stream,
            parser,
            buffer: BytesMut::new(),
            sequence: 0,
            session: None,
        }
    }

    async fn describe(&mut self, url: &str) -> Vec<Track> {
        let body = self.ask(Method::Describe, url, &[]).await.body;
        let text = String::from_utf8_lossy(&body).into_owned();
        text.split("\r\nm=").skip(1).map(track).collect()
    }

    async fn set_up(&mut self, track: &Track, transport: &str) {
        let response = self
            .ask(Method::Setup, &track.control, &[("Transport", transport)])
            .await;
        let session = response.headers.get("Session").expect("a session");
        self.session = session.split(';').next().map(str::to_owned);
    }

    async fn ask(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Response {
        let mut request = Request::new(method, url);
        self.sequence += 1;
        request.headers.push("CSeq", self.sequence.to_string());
        if let Some(session) = &self.session {
            request.headers.push("Session", session.as_str());
        }
        for (name, value) in headers {
            request.headers.push(*name, *value);
        }
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.stream
            .write_all(&bytes)
            .await
            .expect("the server reads");
        loop {
            match self.parser.next(&mut self.buffer).expect("sound answers") {
                Some(Message::Response(response)) => {
                    assert_eq!(response.status.0, 200, "{response:?}");
                    return response;
                }
                Some(_) => {}
                None => assert_ne!(
                    self.stream
                        .read_buf(&mut self.buffer)
                        .await
                        .expect("an answer"),
                    0
                ),
            }
        }
    }

    async fn read(
        &mut self,
        end: Instant,
        schedules: &mut HashMap<u8, Schedule>,
        arrivals: &mut Arrivals,
    ) {
        let clock = Clock::start();
        let deadline = tokio::time::sleep_until(end.into());
        tokio::pin!(deadline);
        loop {
            let now = clock.now();
            while let Ok(Some(message)) = self.parser.next(&mut self.buffer) {
                let Message::Frame { channel, data } = message else {
                    continue;
                };
                let late = schedules
                    .get_mut(&channel)
                    .and_then(|schedule| schedule.late(&data, now));
                late.into_iter().for_each(|late| arrivals.record(late));
            }
            tokio::select! {
                () = &mut deadline => return,
                read = self.stream.read_buf(&mut self.buffer) => {
                    if !matches!(read, Ok(1..)) {
                        arrivals.cut_short += 1;
                        return;
                    }
                }
            }
        }
    }

    /// Receives datagrams, and tells the server now and then that it is still there.
    async fn receive(
        &mut self,
        url: &str,
        sockets: &[(UdpSocket, UdpSocket)],
        end: Instant,
        schedules: &mut HashMap<u8, Schedule>,
        arrivals: &mut Arrivals,
    ) {
        let clock = Clock::start();
        let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
        let mut packet = [0; 2048];
        while clock.now() < end {
            let readable = sockets.iter().map(|(rtp, _)| Box::pin(rtp.readable()));
            tokio::select! {
                () = tokio::time::sleep_until(end.into()) => return,
                _ = futures::future::select_all(readable) => {}
                _ = keep_alive.tick() => {
                    self.ask(Method::GetParameter, url, &[]).await;
                }
            }
            for (number, (rtp, _)) in sockets.iter().enumerate() {
                while let Ok(size) = rtp.try_recv(&mut packet) {
                    let schedule = schedules.get_mut(&(2 * number as u8));
                    let late =
                        schedule.and_then(|schedule| schedule.late(&packet[..size], clock.now()));
                    late.into_iter().for_each(|late| arrivals.record(late));
                }
            }
        }
    }
}

fn track(text: &str) -> Track {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let control = value("a=control:").expect("a control URL").to_owned();
    let rate = value("a=rtpmap:")
        .and_then(|map| map.split('/').nth(1))
        .and_then(|rate| rate.parse().ok());
    let id = control.rsplit('=').next().and_then(|id| id.parse().ok());
    Track {
        id: TrackId(id.expect("trackID=N")),
        control,
        rate: rate.unwrap_or(90_000.0),
    }
}

/// Two sockets on an even port and the next.
async fn port_pair() -> (UdpSocket, UdpSocket) {
    loop {
        let rtp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = rtp.local_addr().expect("bound").port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1)).await
        {
            return (rtp, rtcp);
        }
    }
}
