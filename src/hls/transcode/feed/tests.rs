use std::time::Duration;

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::publisher::Publisher;
use crate::media::ring::Start;
use crate::wire::rtp::{HEADER_LEN, write_header};

const SDP: &[u8] = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";

/// The first byte of each payload.
#[derive(Default)]
struct Seen {
    payloads: Vec<u8>,
    /// The packet with this one is for the next process.
    turn: Option<u8>,
}

impl Form for Seen {
    fn write(&mut self, packet: &Packet, data: &[u8], _into: &mut BytesMut) -> Written {
        if packet.kind == PacketKind::Rtcp {
            return Written::Taken;
        }
        if self.turn == Some(data[HEADER_LEN]) {
            return Written::Turn;
        }
        self.payloads.push(data[HEADER_LEN]);
        Written::Taken
    }

    fn finish(&mut self, _into: &mut BytesMut) {}
}

/// A channel that keeps a second.
fn publisher(clock: Clock) -> Publisher {
    let limits = Limits {
        ring_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let path = MediaPath::from_plain("radio").unwrap();
    let description = Description::read(SDP).unwrap();
    Mounts::new(limits, clock)
        .publish(&path, description, "test".to_owned(), Takeover::Refuse)
        .unwrap()
}

/// Publishes packets with those payloads, a tenth of a second apart.
fn publish(publisher: &mut Publisher, clock: Clock, payloads: std::ops::Range<u8>) {
    for payload in payloads {
        let mut header = [0; HEADER_LEN];
        let time = u32::from(payload) * 800;
        write_header(&mut header, true, 0, payload.into(), time, 1);
        let now = clock.started() + Duration::from_millis(100) * payload.into();
        let packet = [&header[..], &[payload]].concat();
        publisher.push(0, PacketKind::Rtp, &packet, now).unwrap();
        publisher.flush(now);
    }
}

/// Lets a process have what is there.
fn feed_all(feed: &mut Feed, seen: &mut Seen) -> Step {
    let mut bytes = BytesMut::new();
    loop {
        let step = feed.take(seen, &mut bytes);
        if step != Step::Packets {
            return step;
        }
    }
}

#[test]
fn what_was_there_is_not_lost_while_a_process_begins() {
    let clock = Clock::start();
    let mut publisher = publisher(clock);
    publish(&mut publisher, clock, 0..10);
    let cursor = publisher.channel().cursor(Start::Past);
    let (mut held, mut left) = (Feed::new(cursor.clone()), Feed::new(cursor));
    held.take_hold();
    publish(&mut publisher, clock, 10..15);
    let (mut seen, mut rest) = (Seen::default(), Seen::default());
    assert_eq!(feed_all(&mut held, &mut seen), Step::Nothing);
    assert_eq!(seen.payloads, Vec::from_iter(0..15));
    assert_eq!(feed_all(&mut left, &mut rest), Step::Turn);
    assert!(rest.payloads.is_empty());
}

#[test]
fn no_more_is_held_than_a_channel_keeps() {
    let clock = Clock::start();
    let mut publisher = publisher(clock);
    publish(&mut publisher, clock, 0..5);
    let mut feed = Feed::new(publisher.channel().cursor(Start::Past));
    feed.take_hold();
    publish(&mut publisher, clock, 5..30);
    feed.take_hold();
    assert_eq!(feed.taken.len(), 5);
    feed.let_go();
    // What lies between is gone.
    feed.take_hold();
    let mut seen = Seen::default();
    assert_eq!(feed_all(&mut feed, &mut seen), Step::Nothing);
    assert_eq!(seen.payloads, [29]);
}

#[test]
fn the_next_process_begins_with_the_packet_that_was_for_it() {
    let clock = Clock::start();
    let mut publisher = publisher(clock);
    publish(&mut publisher, clock, 0..5);
    let mut feed = Feed::new(publisher.channel().cursor(Start::Past));
    feed.take_hold();
    let mut seen = Seen {
        turn: Some(2),
        ..Seen::default()
    };
    assert_eq!(feed_all(&mut feed, &mut seen), Step::Turn);
    assert!(feed.has(0));
    let mut next = Seen::default();
    assert_eq!(feed_all(&mut feed, &mut next), Step::Nothing);
    let both = (&seen.payloads[..], &next.payloads[..]);
    assert_eq!(both, (&[0, 1][..], &[2, 3, 4][..]));
}
