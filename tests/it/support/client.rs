//! An RTSP client that sends what the test wrote, byte for byte, and skips media.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long the server may take to answer or to close.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Connects from the address `own` of this host, of which 127.0.0.0/8 are all.
    pub(crate) async fn connect_from(own: &str, address: SocketAddr) -> Self {
        let own: IpAddr = own.parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((own, 0).into()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Asks for something by HTTP, on a connection that ends with the answer, and returns that.
    pub(crate) async fn ask_http(mut self, method: &str, target: &str, headers: &str) -> String {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );
        self.send(request.as_bytes()).await;
        self.rest().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends to a server that may have hung up; whether the system knew nothing of that.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends a request with a CSeq of 7 and returns the head and body of its answer.
    pub(crate) async fn ask(&mut self, method: &str, url: &str, headers: &str) -> String {
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n");
        self.send(request.as_bytes()).await;
        self.answer().await
    }

    /// The URLs that set up the tracks of the movie at `url`.
    pub(crate) async fn controls(&mut self, url: &str) -> Vec<String> {
        let answer = self
            .ask("DESCRIBE", url, "Accept: application/sdp\r\n")
            .await;
        assert_eq!(status(&answer), 200, "{answer}");
        let base = format!("{url}/");
        assert_eq!(header(&answer, "Content-Base"), Some(base.as_str()));
        let control = |media: &str| {
            let mut lines = media.lines();
            let control = lines.find_map(|line| line.strip_prefix("a=control:"));
            let control = control.unwrap();
            if control.starts_with("rtsp://") {
                control.to_owned()
            } else {
                format!("{base}{control}")
            }
        };
        answer.split("\r\nm=").skip(1).map(control).collect()
    }

    /// Sets one track up; returns the answer and the line that names its session.
    pub(crate) async fn set_up(&mut self, control: &str, headers: &str) -> (String, String) {
        let answer = self.ask("SETUP", control, headers).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let session = header(&answer, "Session").unwrap();
        let session = session.split(';').next().unwrap();
        let line = format!("Session: {session}\r\n");
        (answer, line)
    }

    /// The status of the answer to a request.
    pub(crate) async fn status_of(&mut self, method: &str, url: &str, headers: &str) -> u16 {
        status(&self.ask(method, url, headers).await)
    }

    /// The next answer; frames before it are skipped.
    pub(crate) async fn answer(&mut self) -> String {
        let read = async {
            while !self.is_answer_next().await {
                self.frame().await;
            }
            self.message().await
        };
        timeout(PATIENCE, read).await.expect("an answer in time")
    }

    /// Whether what comes next is no frame.
    pub(crate) async fn is_answer_next(&mut self) -> bool {
        let next = timeout(PATIENCE, self.stream.fill_buf()).await;
        next.expect("something in time").unwrap().first() != Some(&b'$')
    }

    /// The next frame: channel and packet.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        let read = async {
            self.stream.read_exact(&mut head).await.unwrap();
            assert_eq!(head[0], b'$', "a frame");
            let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
            self.stream.read_exact(&mut packet).await.unwrap();
            (head[1], packet)
        };
        timeout(PATIENCE, read).await.expect("a frame in time")
    }

    /// The next line.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        timeout(PATIENCE, read)
            .await
            .expect("a line in time")
            .unwrap();
        line
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        timeout(PATIENCE, read)
            .await
            .expect("the end in time")
            .unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Whether the server closes the connection, or breaks it, before it has said anything.
    pub(crate) async fn hears_nothing(&mut self) -> bool {
        let mut said = [0; 1];
        let read = timeout(PATIENCE, self.stream.read(&mut said));
        !matches!(read.await.expect("the end in time"), Ok(1))
    }

    async fn message(&mut self) -> String {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut text).await.unwrap();
            assert!(read > 0, "closed after {text:?}");
        }
        let length = header(&text, "Content-Length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        text + &String::from_utf8_lossy(&body)
    }
}

/// The value of a header of an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = answer.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// The status code of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// `seq` and `rtptime` that `RTP-Info` announces for the track of `control`.
pub(crate) fn announced(answer: &str, control: &str) -> (u16, u32) {
    let info = header(answer, "RTP-Info").unwrap();
    let of_track = |entry: &&str| entry.contains(&format!("url={control};"));
    let entry = info.split(',').find(of_track).unwrap();
    let value = |name: &str| {
        let (_, value) = entry.split_once(name).unwrap();
        value.split(';').next().unwrap().parse::<u32>().unwrap()
    };
    (u16::try_from(value("seq=")).unwrap(), value("rtptime="))
}

/// Sequence number and timestamp of an RTP packet.
pub(crate) fn numbers(packet: &[u8]) -> (u16, u32) {
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    (
        sequence,
        u32::from_be_bytes(packet[4..8].try_into().unwrap()),
    )
}
