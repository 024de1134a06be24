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

/// A channel of that many pictures of a kilobyte.
fn publish(pictures: u16) -> Publisher {
    let clock = Clock::start();
    let path = MediaPath::from_plain("old").unwrap();
    let description = Description::read(SDP).unwrap();
    let mut publisher = Mounts::new(Limits::default(), clock)
        .publish(&path, description, "test".to_owned(), Takeover::Refuse)
        .unwrap();
    let picture = [KEY_PICTURE, &[0; 1000]].concat();
    let now = clock.now();
    for number in 0..=pictures {
        let payload = if number == 0 { SIZE } else { &picture };
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, true, 96, number, u32::from(number) * 3000, 1);
        let packet = [&header, payload].concat();
        publisher.push(0, PacketKind::Rtp, &packet, now).unwrap();
    }
    publisher.flush(now);
    publisher
}

/// Whether a process that was given so many pictures, and no more, is found to be of no use within an hour.
async fn is_given_up(stand_in: &StandIn, pictures: u16) -> bool {
    let publisher = publish(pictures);
    let channel = publisher.channel();
    let need = Need::of(&channel.description().unwrap(), Rendition::Own);
    let _transcoder = Transcoder::begin(&stand_in.shared, channel, &need);
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
