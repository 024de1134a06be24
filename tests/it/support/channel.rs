//! A publisher in the test's own process, and readers of what it sends: when, is the test's decision.

use std::sync::Arc;

use reelcast::base::clock::Clock;
use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::channel::Channel;
use reelcast::media::description::Description;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;

use super::client::{Client, header, status};
use super::server::Server;

/// H.264 and AAC, as an encoder would announce them.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=Test\r\n\
    c=IN IP4 192.0.2.9\r\nt=0 0\r\na=tool:encoder\r\n\
    m=video 5000 RTP/AVP 96\r\nb=AS:800\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n\
    m=audio 5002 RTP/AVP 97\r\nb=AS:100\r\na=rtpmap:97 mpeg4-generic/44100/2\r\n\
    a=fmtp:97 mode=AAC-hbr;config=1210;sizelength=13;indexlength=3;indexdeltalength=3\r\n\
    a=control:streamid=1\r\n";

pub(crate) const VIDEO: usize = 0;
pub(crate) const AUDIO: usize = 1;

/// RTP ticks from one picture to the next.
const PICTURE_TICKS: u32 = 3000;

/// RTP ticks of one AAC frame.
const SOUND_TICKS: u32 = 1024;

/// Packets of a large picture.
pub(crate) const LARGE: u16 = 50;

/// A publisher of [`SDP`].
pub(crate) struct Encoder {
    pub(crate) publisher: Publisher,
    clock: Clock,
    next: [(u16, u32); 2],
}

impl Encoder {
    /// Begins to publish `name`; its own numbers start at `sequence`.
    pub(crate) fn start(server: &Server, name: &str, sequence: u16) -> Self {
        let path = MediaPath::from_plain(name).unwrap();
        let description = Description::read(SDP.as_bytes()).unwrap();
        let origin = "the test".to_owned();
        let publisher = server
            .mounts
            .publish(&path, description, origin, Takeover::Replace);
        Self {
            publisher: publisher.unwrap(),
            clock: server.clock,
            next: [(sequence, 77), (sequence.wrapping_add(500), 99)],
        }
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        self.publisher.channel()
    }

    /// Sends a picture that a decoder may start with, in two packets.
    pub(crate) fn key_picture(&mut self) {
        self.push(VIDEO, false, &[0x67, 0x42, 0, 30]);
        self.push(VIDEO, true, &[0x65; 900]);
        self.next[VIDEO].1 += PICTURE_TICKS;
    }

    /// Sends a picture that needs the one before.
    pub(crate) fn picture(&mut self) {
        self.push(VIDEO, true, &[0x41; 300]);
        self.next[VIDEO].1 += PICTURE_TICKS;
    }

    /// Sends a picture of [`LARGE`] packets that needs the one before.
    pub(crate) fn large_picture(&mut self) {
        for number in 1..=LARGE {
            self.push(VIDEO, number == LARGE, &[0x41; 1200]);
        }
        self.next[VIDEO].1 += PICTURE_TICKS;
    }

    /// Sends a frame of sound, and does not wait for more.
    pub(crate) fn sound(&mut self) {
        self.push(AUDIO, true, &[0, 16, 1, 0, 0x21]);
        self.next[AUDIO].1 += SOUND_TICKS;
        self.publisher.flush(self.clock.now());
    }

    fn push(&mut self, track: usize, marker: bool, payload: &[u8]) {
        let (sequence, time) = self.next[track];
        let payload_type = 96 + track as u8;
        let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
        packet.extend(sequence.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend([9; 4]);
        packet.extend(payload);
        let now = self.clock.now();
        let pushed = self.publisher.push(track, PacketKind::Rtp, &packet, now);
        pushed.unwrap();
        self.next[track].0 = sequence.wrapping_add(1);
    }
}

/// A reader of both tracks over one connection.
pub(crate) struct Reader {
    pub(crate) client: Client,
    pub(crate) url: String,
    /// The line that names the session.
    pub(crate) session: String,
    pub(crate) controls: Vec<String>,
    /// The answers to SETUP.
    pub(crate) set_up: Vec<String>,
}

impl Reader {
    /// Sets both tracks up by the headers in `transports`.
    pub(crate) async fn open(server: &Server, name: &str, transports: [&str; 2]) -> Self {
        let url = format!("rtsp://{}/{name}", server.address);
        let mut client = Client::connect(server.address).await;
        let controls = client.controls(&url).await;
        let (mut session, mut set_up) = (String::new(), Vec::new());
        for (control, transport) in controls.iter().zip(transports) {
            let answer;
            let headers = format!("Transport: {transport}\r\n{session}");
            (answer, session) = client.set_up(control, &headers).await;
            set_up.push(answer);
        }
        Self {
            client,
            url,
            session,
            controls,
            set_up,
        }
    }

    /// The same on the usual channels of the connection.
    pub(crate) async fn over_tcp(server: &Server, name: &str) -> Self {
        let transports = ["0-1", "2-3"].map(|pair| format!("RTP/AVP/TCP;interleaved={pair}"));
        Self::open(server, name, [&transports[0], &transports[1]]).await
    }

    /// Plays; returns the answer, before which nothing came.
    pub(crate) async fn play(&mut self) -> String {
        let (url, session) = (&self.url, &self.session);
        let request = format!("PLAY {url} RTSP/1.0\r\nCSeq: 7\r\n{session}\r\n");
        self.client.send(request.as_bytes()).await;
        assert!(
            self.client.is_answer_next().await,
            "media before the answer"
        );
        let answer = self.client.answer().await;
        assert_eq!(status(&answer), 200, "{answer}");
        assert_eq!(header(&answer, "Range"), Some("npt=now-"));
        answer
    }

    /// The status of the answer to a request of the session.
    pub(crate) async fn ask(&mut self, method: &str) -> u16 {
        let (url, session) = (&self.url, &self.session);
        self.client.status_of(method, url, session).await
    }

    /// The next RTP packet on `channel` of the connection.
    pub(crate) async fn packet(&mut self, channel: u8) -> Vec<u8> {
        loop {
            let (found, packet) = self.client.frame().await;
            if found == channel {
                return packet;
            }
        }
    }
}
