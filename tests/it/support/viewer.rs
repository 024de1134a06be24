//! A viewer of movies that keeps every packet it gets, over each way that RTSP knows.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::incoming::{Event, read_connection, read_datagrams};
use super::received::{Answer, ReceivedPacket};

/// Between two requests, well below the session's timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How requests and media travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Interleaved in the RTSP connection.
    Tcp,
    /// Media in datagrams.
    Udp,
    /// Everything inside an HTTP GET and an HTTP POST.
    Tunnel,
}

/// One track of the movie that is being watched.
#[derive(Debug, Default)]
pub(crate) struct WatchedTrack {
    /// The URL that the track is set up with.
    pub(crate) control: String,
    /// The lines of its media section in the SDP.
    pub(crate) lines: Vec<String>,
    /// What came since the last [`Viewer::play`].
    pub(crate) packets: Vec<ReceivedPacket>,
    /// Packets sent, as the last sender report before BYE tells.
    sent: Option<u32>,
}

impl WatchedTrack {
    /// The `N` of `trackID=N`.
    pub(crate) fn id(&self) -> u32 {
        self.control
            .rsplit('=')
            .next()
            .unwrap()
            .parse()
            .expect("a control of trackID=N")
    }

    /// The RTP clock's rate in Hz, from `a=rtpmap`.
    pub(crate) fn clock_rate(&self) -> u32 {
        let mut lines = self.lines.iter();
        let map = lines.find(|line| line.starts_with("a=rtpmap:")).unwrap();
        map.split('/').nth(1).unwrap().parse().unwrap()
    }

    /// Whether BYE came and every packet that was sent before it.
    pub(crate) fn is_over(&self) -> bool {
        self.sent
            .is_some_and(|sent| self.packets.len() >= sent as usize)
    }

    fn handle_rtcp(&mut self, compound: &[u8]) {
        let (mut rest, mut sent) = (compound, None);
        while rest.len() >= 4 {
            let length = 4 + 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            match rest[1] {
                200 => sent = Some(u32::from_be_bytes(rest[20..24].try_into().unwrap())),
                203 => self.sent = Some(sent.expect("a sender report before BYE")),
                _ => {}
            }
            rest = &rest[length..];
        }
    }
}

/// A client with one connection and one session.
pub(crate) struct Viewer {
    way: Way,
    url: String,
    requests: OwnedWriteHalf,
    cseq: u32,
    asked: Instant,
    session: Option<String>,
    pub(crate) tracks: Vec<WatchedTrack>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    readers: JoinSet<()>,
}

impl Viewer {
    /// Connects to `server` and sets up every track of `movie`, a path without leading slash.
    pub(crate) async fn open(server: SocketAddr, movie: &str, way: Way) -> Self {
        let (sender, events) = channel(1024);
        let mut readers = JoinSet::new();
        let (answers, requests) = match way {
            Way::Tunnel => tunnel(server, movie).await,
            Way::Tcp | Way::Udp => TcpStream::connect(server).await.unwrap().into_split(),
        };
        readers.spawn(read_connection(
            BufReader::new(answers),
            sender.clone(),
            way == Way::Tunnel,
        ));
        let url = format!("rtsp://{server}/{movie}");
        let (cseq, asked, session, tracks) = (0, Instant::now(), None, Vec::new());
        let mut viewer = Self {
            way,
            url,
            requests,
            cseq,
            asked,
            session,
            tracks,
            events,
            sender,
            readers,
        };
        viewer.describe().await;
        for track in 0..viewer.tracks.len() {
            viewer.setup(track).await;
        }
        viewer
    }

    /// Sends a request for the whole movie and returns its answer.
    pub(crate) async fn ask(&mut self, method: &str, headers: &str) -> Answer {
        self.ask_url(method, &self.url.clone(), headers).await
    }

    /// Plays with `headers` (each line with its CRLF), forgetting all earlier packets.
    pub(crate) async fn play(&mut self, headers: &str) -> Answer {
        let answer = self.ask("PLAY", headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for track in &mut self.tracks {
            track.packets.clear();
            track.sent = None;
        }
        answer
    }

    /// Takes what comes until `enough` of the tracks is true or nothing came for 10 s.
    ///
    /// Keeps the session alive meanwhile, as a client must that gets its media by UDP.
    pub(crate) async fn watch_until(&mut self, enough: impl Fn(&[WatchedTrack]) -> bool) {
        while !enough(&self.tracks) {
            if self.asked.elapsed() > KEEP_ALIVE {
                assert_eq!(self.ask("GET_PARAMETER", "").await.status, 200);
            }
            let Ok(event) = timeout(Duration::from_secs(10), self.events.recv()).await else {
                return;
            };
            self.handle(event.expect("the viewer holds a sender itself"));
        }
    }

    /// Takes what comes for so long.
    pub(crate) async fn watch_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(event) = timeout_at(end, self.events.recv()).await {
            self.handle(event.expect("the viewer holds a sender itself"));
        }
    }

    /// Takes what comes until each track has said BYE.
    pub(crate) async fn watch_to_the_end(&mut self) {
        self.watch_until(|tracks| tracks.iter().all(WatchedTrack::is_over))
            .await;
    }

    fn handle(&mut self, event: Event) -> Option<Answer> {
        match event {
            Event::Answer(answer) => return Some(answer),
            Event::Rtp(track, bytes) => {
                self.tracks[track]
                    .packets
                    .push(ReceivedPacket::read(&bytes));
            }
            Event::Rtcp(track, bytes) => self.tracks[track].handle_rtcp(&bytes),
        }
        None
    }

    async fn describe(&mut self) {
        let answer = self.ask("DESCRIBE", "Accept: application/sdp\r\n").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for line in answer.body.lines() {
            if line.starts_with("m=") {
                self.tracks.push(WatchedTrack::default());
            }
            let Some(track) = self.tracks.last_mut() else {
                continue;
            };
            track.lines.push(line.to_owned());
            if let Some(control) = line.strip_prefix("a=control:") {
                let whole = control.starts_with("rtsp://");
                track.control = if whole {
                    control.to_owned()
                } else {
                    format!("{}/{control}", self.url)
                };
            }
        }
    }

    async fn setup(&mut self, track: usize) {
        let transport = match self.way {
            Way::Tcp | Way::Tunnel => {
                format!(
                    "RTP/AVP/TCP;unicast;interleaved={}-{}",
                    track * 2,
                    track * 2 + 1
                )
            }
            Way::Udp => format!("RTP/AVP;unicast;client_port={}", self.bind(track).await),
        };
        let control = self.tracks[track].control.clone();
        let answer = self
            .ask_url("SETUP", &control, &format!("Transport: {transport}\r\n"))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.header("Session").expect("a Session");
        self.session = Some(session.split(';').next().unwrap().to_owned());
    }

    /// Binds a pair of ports for `track`; returns them as `client_port` wants them.
    async fn bind(&mut self, track: usize) -> String {
        loop {
            let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let port = rtp.local_addr().unwrap().port();
            if port % 2 == 1 {
                continue;
            }
            let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1)).await else {
                continue;
            };
            self.readers
                .spawn(read_datagrams(rtp, self.sender.clone(), track, Event::Rtp));
            self.readers.spawn(read_datagrams(
                rtcp,
                self.sender.clone(),
                track,
                Event::Rtcp,
            ));
            return format!("{port}-{}", port + 1);
        }
    }

    async fn ask_url(&mut self, method: &str, url: &str, headers: &str) -> Answer {
        self.cseq += 1;
        self.asked = Instant::now();
        let mut request = format!(
            "{method} {url} RTSP/1.0\r\nCSeq: {}\r\n{headers}",
            self.cseq
        );
        if let Some(session) = &self.session {
            request += &format!("Session: {session}\r\n");
        }
        request += "\r\n";
        if self.way == Way::Tunnel {
            request = BASE64_STANDARD.encode(request);
        }
        self.requests.write_all(request.as_bytes()).await.unwrap();
        self.answer(method).await
    }

    async fn answer(&mut self, method: &str) -> Answer {
        loop {
            let event = timeout(Duration::from_secs(10), self.events.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("no answer to {method} of {}", self.url));
            if let Some(answer) = self.handle(event.expect("the viewer holds a sender itself")) {
                assert_eq!(answer.header("CSeq"), Some(self.cseq.to_string().as_str()));
                return answer;
            }
        }
    }
}

/// Opens the two connections of a tunnel; answers come by the GET, requests go by the POST.
async fn tunnel(server: SocketAddr, movie: &str) -> (OwnedReadHalf, OwnedWriteHalf) {
    let cookie: u64 = rand::random();
    let head = |method: &str, more: &str| {
        format!(
            "{method} /{movie} HTTP/1.0\r\nx-sessioncookie: {cookie:016x}\r\n\
             Pragma: no-cache\r\nCache-Control: no-cache\r\n{more}\r\n"
        )
    };
    let (answers, mut get) = TcpStream::connect(server).await.unwrap().into_split();
    let accept = head("GET", "Accept: application/x-rtsp-tunnelled\r\n");
    get.write_all(accept.as_bytes()).await.unwrap();
    get.forget();
    let (_, mut post) = TcpStream::connect(server).await.unwrap().into_split();
    let more = "Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n";
    post.write_all(head("POST", more).as_bytes()).await.unwrap();
    (answers, post)
}
