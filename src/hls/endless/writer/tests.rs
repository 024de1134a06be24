use std::time::Duration;

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::container::ts::{Demux, Event};
use crate::media::burst::PacketKind;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::publisher::Publisher;
use crate::media::ring::{Start, Taken};
use crate::wire::rtp::{HEADER_LEN, write_header};

const VIDEO: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z/QACpGbKI9gIgAAAwACAAADAGQeJEss,aOvjxEhE\r\n";
const AUDIO: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n\
    a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\n";

fn description(medias: &str) -> Description {
    let sdp =
        format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n{medias}");
    Description::read(sdp.as_bytes()).unwrap()
}

/// A publisher whose bursts a writer takes.
struct Sender {
    publisher: Publisher,
    writer: Writer,
    clock: Clock,
    sequences: [u16; 2],
}

impl Sender {
    fn new(medias: &str, packing: Packing) -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("live").unwrap();
        let publisher = mounts
            .publish(&path, description(medias), String::new(), Takeover::Refuse)
            .unwrap();
        Self {
            publisher,
            writer: Writer::new(packing, &description(medias)),
            clock,
            sequences: [7, 9],
        }
    }

    /// Sends seconds of the channel: 25 pictures a second, a key frame each second, and sound.
    fn send(&mut self, seconds: u32) {
        let has_video = self
            .publisher
            .channel()
            .description()
            .unwrap()
            .tracks()
            .len()
            > 1;
        let start = self.clock.now();
        for millis in 0..1000 * seconds {
            let now = start + Duration::from_millis(millis.into());
            if has_video && millis % 40 == 0 {
                let header = if millis % 1000 == 0 { 0x65 } else { 0x41 };
                self.packet(0, millis * 90, &[header, 0x80, 1, 2, 3], now);
            }
            // Frames of 1024 samples at 48 kHz last for 21⅓ ms.
            if millis % 64 == 0 {
                let track = usize::from(has_video);
                for frame in 0..3 {
                    let time = millis * 48 + frame * 1024;
                    self.packet(track, time, &[0, 16, 0, 5 << 3, 0x21, 1, 2, 3, 4], now);
                }
            }
        }
        self.publisher.flush(self.clock.now());
        let mut cursor = self.publisher.channel().cursor(Start::Past);
        let mut bursts = Vec::new();
        while cursor.take(&mut bursts, 64) == Taken::Bursts {}
        bursts.iter().for_each(|burst| self.writer.push(burst));
    }

    fn packet(&mut self, track: usize, time: u32, payload: &[u8], now: Instant) {
        let mut header = [0; HEADER_LEN];
        let sequence = &mut self.sequences[track];
        write_header(&mut header, true, 96 + track as u8, *sequence, time, 1);
        *sequence = sequence.wrapping_add(1);
        let packet = [&header, payload].concat();
        let pushed = self.publisher.push(track, PacketKind::Rtp, &packet, now);
        pushed.unwrap();
    }

    fn pull(&mut self) -> Vec<Chunk> {
        self.writer.flush(self.clock.now());
        std::iter::from_fn(|| self.writer.pull()).collect()
    }
}

#[test]
fn a_player_can_begin_at_each_key_frame_of_a_transport_stream() {
    let mut sender = Sender::new(&format!("{VIDEO}{AUDIO}"), Packing::Ts);
    sender.send(4);
    let chunks = sender.pull();
    assert!((38..50).contains(&chunks.len()), "{}", chunks.len());
    let starts: Vec<_> = chunks.iter().filter(|chunk| chunk.is_start).collect();
    assert_eq!(starts.len(), 4);
    // The tables, and then a key frame.
    assert!(starts.iter().all(|chunk| chunk.bytes[1..3] == [0x40, 0]));
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.bytes.len().is_multiple_of(188))
    );

    let bytes: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.clone())
        .collect();
    let (mut demux, mut events) = (Demux::new(None), Vec::new());
    demux.push(&bytes, &mut events);
    demux.finish(&mut events);
    assert_eq!(demux.counts().faults().iter().sum::<u64>(), 0);
    let tables = bytes.chunks(188).filter(|packet| packet[1..3] == [0x40, 0]);
    assert!((8..=9).contains(&tables.count()), "twice a second");
    let times = |is_seen: bool| -> Vec<u64> {
        let units = events.iter().filter_map(|event| match event {
            Event::Unit(unit) if (unit.pid == 0x100) == is_seen => unit.pts,
            _ => None,
        });
        units.map(|pts| pts as u64).collect()
    };
    let (pictures, sounds) = (times(true), times(false));
    assert_eq!(pictures.len(), 100);
    assert!(pictures.windows(2).all(|pair| pair[1] - pair[0] == 3600));
    assert!(sounds.windows(2).all(|pair| pair[0] < pair[1]));
    let apart = pictures[0].abs_diff(sounds[0]);
    assert!(apart < 9000, "{apart}");
}

#[test]
fn sound_is_one_frame_after_the_other() {
    let mut sender = Sender::new(&format!("{VIDEO}{AUDIO}"), Packing::Aac);
    sender.send(2);
    let chunks = sender.pull();
    assert!((15..=21).contains(&chunks.len()), "{}", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk.is_start));
    let bytes: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.clone())
        .collect();
    let frames: Vec<_> = bytes.chunks(7 + 5).collect();
    assert_eq!(frames.len(), 32 * 3);
    assert!(frames.iter().all(|frame| frame[..2] == [0xff, 0xf1]));
    assert!(frames.iter().all(|frame| frame[7..] == [0x21, 1, 2, 3, 4]));
}

#[test]
fn what_a_packing_cannot_carry_is_known() {
    let fits = |medias: &str, packing| Writer::new(packing, &description(medias)).is_fit();
    let g711 = "m=audio 0 RTP/AVP 0\r\n";
    let h265 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n";
    assert!(fits(AUDIO, Packing::Aac) && fits(AUDIO, Packing::Ts));
    assert!(!fits(AUDIO, Packing::Mp3));
    assert!(fits("m=audio 0 RTP/AVP 14\r\n", Packing::Mp3));
    assert!(!fits(VIDEO, Packing::Aac));
    assert!(!fits(g711, Packing::Ts) && !fits(g711, Packing::Aac));
    assert!(!fits(&format!("{VIDEO}{g711}"), Packing::Ts));
    // Its parameter sets may come with its first picture.
    assert!(fits(
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        Packing::Ts
    ));
    assert!(!fits(h265, Packing::Mp3));
}
