//! A camera as small as one can be, with the manners that a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use reelcast::wire::rtsp::{Limits, Message, Method, Parser, Request, Response, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// What a camera shows and how it behaves.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// What it describes.
    pub(crate) sdp: String,
    /// What it says that its description is.
    pub(crate) content_type: &'static str,
    /// What it asks for when a request has no credentials.
    pub(crate) challenge: Option<&'static str>,
    /// How many packets it sends before it closes the connection; without a number it goes on.
    pub(crate) packets: Option<u16>,
    /// The payload type of its packets.
    pub(crate) payload_type: u8,
    /// The sequence number of the packet that is sent at a turn, counted from 0.
    pub(crate) number: fn(u16) -> u16,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            sdp: sdp("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"),
            content_type: "application/sdp",
            challenge: None,
            packets: None,
            payload_type: 96,
            number: |turn| turn,
        }
    }
}

/// A description with those `media`.
pub(crate) fn sdp(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Camera\r\nt=0 0\r\na=control:*\r\n{media}")
}

/// A running camera; ends when dropped.
pub(crate) struct Camera {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _task: JoinSet<()>,
}

impl Camera {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let mut task = JoinSet::new();
        task.spawn(serve(listener, manners, Arc::clone(&requests)));
        Self {
            address,
            requests,
            _task: task,
        }
    }

    /// What it was asked so far, as method and URI.
    pub(crate) fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let asked = requests
            .iter()
            .map(|one| format!("{} {}", one.method.name(), one.uri));
        asked.collect()
    }

    /// The credentials that came with the last request.
    pub(crate) fn authorization(&self) -> String {
        let requests = self.requests.lock().unwrap();
        let last = requests
            .last()
            .and_then(|one| one.headers.get("Authorization"));
        last.unwrap_or_default().to_owned()
    }
}

async fn serve(listener: TcpListener, manners: Manners, requests: Arc<Mutex<Vec<Request>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(attend(stream, manners.clone(), Arc::clone(&requests)));
    }
}

async fn attend(mut stream: TcpStream, manners: Manners, requests: Arc<Mutex<Vec<Request>>>) {
    let (mut parser, mut buffer) = (Parser::new(Limits::default()), BytesMut::new());
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let (mut playing, mut turn) = (false, 0_u16);
    let mut datagrams = None;
    loop {
        tokio::select! {
            read = stream.read_buf(&mut buffer) => if !matches!(read, Ok(1..)) {
                return;
            },
            _ = ticks.tick(), if playing => {
                if manners.packets == Some(turn) {
                    return;
                }
                let frame = frame((manners.number)(turn), manners.payload_type);
                match &datagrams {
                    Some(socket) => UdpSocket::send(socket, &frame[4..]).await.map(drop).ok(),
                    None => stream.write_all(&frame).await.ok(),
                };
                turn += 1;
            }
        }
        while let Some(message) = parser.next(&mut buffer).unwrap() {
            let Message::Request(request) = message else {
                continue;
            };
            let mut response = answer(&request, &manners);
            if let Some(to) = client_port(&request) {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let port = socket.local_addr().unwrap().port();
                socket.connect(("127.0.0.1", to)).await.unwrap();
                let transport = format!("RTP/AVP;unicast;server_port={port}-{}", port + 1);
                response.headers.push("Transport", transport);
                datagrams = Some(socket);
            }
            let mut bytes = BytesMut::new();
            response.write(&mut bytes);
            playing |= request.method == Method::Play;
            requests.lock().unwrap().push(request);
            stream.write_all(&bytes).await.ok();
        }
    }
}

fn answer(request: &Request, manners: &Manners) -> Response {
    let known = request.headers.get("Authorization").is_some();
    let challenge = manners.challenge.filter(|_| !known);
    let status = if challenge.is_some() {
        Status(401)
    } else {
        Status::OK
    };
    let mut response = Response::new(status);
    response
        .headers
        .push("CSeq", request.cseq().unwrap_or_default());
    if let Some(challenge) = challenge {
        response.headers.push("WWW-Authenticate", challenge);
        return response;
    }
    match request.method {
        Method::Describe => {
            response.headers.push("Content-Type", manners.content_type);
            response.body = manners.sdp.clone().into();
        }
        Method::Setup => {
            response.headers.push("Session", "17");
            let transport = request.headers.get("Transport").unwrap_or_default();
            if client_port(request).is_none() {
                response.headers.push("Transport", transport);
            }
        }
        _ => {}
    }
    response
}

/// Where the client wants the RTP of the track that the request sets up, if by UDP.
fn client_port(request: &Request) -> Option<u16> {
    let transport = request.headers.get("Transport")?;
    let (_, ports) = transport.split_once("client_port=")?;
    ports.split(['-', ';']).next()?.parse().ok()
}

/// An interleaved packet that holds a key picture.
fn frame(sequence: u16, payload_type: u8) -> Vec<u8> {
    let mut bytes = vec![b'$', 0, 0, 14, 0x80, 0x80 | payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 900).to_be_bytes());
    bytes.extend([0, 0, 0, 7, 0x65, 0x88]);
    bytes
}
