use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::hls::packager::Rendition;
use crate::hls::transcode::stand_in::StandIn;
use crate::media::burst::PacketKind;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::publisher::Publisher;
use crate::wire::rtp::{HEADER_LEN, write_header};

/// Pictures that go into the process by its standard input.
const SDP: &[u8] = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 X-SV3V-ES/90000\r\n";

const SIZE: &[u8] = b"\x70\0\xe1\x80\x1e\x5d\xc0";

/// The head of a whole key frame in a packet.
const KEY_PICTURE: &[u8] = b"\x30\0\x21\x02\x60";

/// A channel without packets.
fn announce(sdp: &[u8], clock: Clock) -> Publisher {
    let path = MediaPath::from_plain("old").unwrap();
    let description = Description::read(sdp).unwrap();
    Mounts::new(Limits::default(), clock)
        .publish(&path, description, "test".to_owned(), Takeover::Refuse)
        .unwrap()
}

fn packet(payload_type: u8, number: u16, time: u32, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; HEADER_LEN];
    write_header(&mut header, true, payload_type, number, time, 1);
    [&header, payload].concat()
}

/// A channel of that many pictures of a kilobyte.
fn publish(pictures: u16) -> Publisher {
    let clock = Clock::start();
    let mut publisher = announce(SDP, clock);
    let picture = [KEY_PICTURE, &[0; 1000]].concat();
    let now = clock.now();
    for number in 0..=pictures {
        let payload = if number == 0 { SIZE } else { &picture };
        let packet = packet(96, number, u32::from(number) * 3000, payload);
        publisher.push(0, PacketKind::Rtp, &packet, now).unwrap();
    }
    publisher.flush(now);
    publisher
}

/// A channel of twelve seconds of sound, and of a picture of which nothing tells how to decode it.
fn publish_untold() -> Publisher {
    let clock = Clock::start();
    let sdp = [SDP, b"m=audio 0 RTP/AVP 0\r\n"].concat();
    let mut publisher = announce(&sdp, clock);
    let now = clock.now();
    let picture = packet(96, 0, 0, KEY_PICTURE);
    publisher.push(0, PacketKind::Rtp, &picture, now).unwrap();
    for number in 0..600 {
        let sound = packet(0, number, u32::from(number) * 160, &[0; 160]);
        publisher.push(1, PacketKind::Rtp, &sound, now).unwrap();
    }
    publisher.flush(now);
    publisher
}

/// Whether a process that was given so many pictures, and no more, is found to be of no use within an hour.
async fn is_given_up(stand_in: &StandIn, pictures: u16) -> bool {
    let publisher = publish(pictures);
    let channel = publisher.channel();
    let need = Need::of(&channel.description().unwrap(), Rendition::Own);
    let seat = Arc::new(ChannelSeat::new(&stand_in.shared));
    let _source = Source::begin(channel, &need, &seat);
    let fails = async {
        while stand_in.shared.counts().failed == 0 {
            sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(Duration::from_secs(3600), fails).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_process_that_takes_nothing_more_is_given_up() {
    let stand_in = StandIn::new("exec sleep 3600", "");
    // More than a pipe holds.
    assert!(is_given_up(&stand_in, 200).await);
}

#[tokio::test(start_paused = true)]
async fn a_process_may_wait_for_a_silent_publisher() {
    let stand_in = StandIn::new("exec sleep 3600", "");
    assert!(!is_given_up(&stand_in, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_track_that_tells_nothing_does_not_cost_the_others() {
    let stand_in = StandIn::new("exec sleep 3600", "");
    let publisher = publish_untold();
    let channel = publisher.channel();
    let mut work = Work {
        channel: Arc::clone(channel),
        seat: Arc::new(ChannelSeat::new(&stand_in.shared)),
        way: Way::File,
        first: 2,
        tracks: vec![0, 1],
        feed: Feed::new(channel.cursor(Start::Past)),
        has_made: false,
        outlet: Outlet::new(),
    };
    let apart = work.encode().await;
    assert_eq!(stand_in.shared.counts().begun, 1);
    let [one, other] = apart.unwrap();
    assert_eq!(one, (Way::Packets, vec![1]));
    assert_eq!(other, (Way::File, vec![0]));
    let part = work.part(one);
    assert_eq!((part.first, &part.tracks[..]), (1, &[1][..]));
}
