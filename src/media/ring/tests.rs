use super::*;
use crate::media::mounts::Limits;
use crate::media::tests::{Live, MS, movie, take_all};

const KEY: &[u8] = &[0x65, 1];
const OTHER: &[u8] = &[0x41, 1];

fn live(ring_bytes: usize, ring_time: Duration) -> Live {
    let limits = Limits {
        ring_bytes,
        ring_time,
        ..Limits::default()
    };
    Live::new(movie(), limits)
}

fn times(cursor: &mut Cursor) -> Vec<u32> {
    let bursts = take_all(cursor);
    let packets = bursts.iter().flat_map(|burst| burst.packets());
    packets
        .filter(|packet| packet.kind == PacketKind::Rtp)
        .map(|packet| packet.time / 3600)
        .collect()
}

#[test]
fn readers_start_at_the_newest_key_frame_or_live() {
    let mut live = live(1 << 20, 10_000 * MS);
    let channel = Arc::clone(live.channel());
    let mut early = channel.cursor(Start::Keyframe);
    assert!(early.at_head());
    for number in 0..10 {
        live.picture(number, if number % 4 == 0 { &[KEY] } else { &[OTHER] });
    }
    let mut keyframe = channel.cursor(Start::Keyframe);
    let mut head = channel.cursor(Start::Live);
    assert_eq!(keyframe.first_of(0).map(|(_, time)| time), Some(8 * 3600));
    assert_eq!((keyframe.first_of(1), head.first_of(0)), (None, None));
    assert_eq!(times(&mut early), (0..10).collect::<Vec<_>>());
    assert_eq!(times(&mut keyframe), [8, 9]);
    assert!(times(&mut head).is_empty());
    assert!(head.at_head());
    assert_eq!(head.take(&mut Vec::new(), 1), Taken::Nothing);
    live.picture(10, &[OTHER]);
    assert_eq!(times(&mut head), [10]);
}

#[test]
fn whoever_falls_off_goes_on_at_the_newest_key_frame() {
    let mut live = live(1 << 20, 400 * MS);
    let channel = Arc::clone(live.channel());
    live.picture(0, &[KEY]);
    let mut slow = channel.cursor(Start::Keyframe);
    for number in 1..30 {
        live.picture(number, if number % 10 == 5 { &[KEY] } else { &[OTHER] });
    }
    let reports = 1;
    assert_eq!(slow.take(&mut Vec::new(), 9), Taken::Missed(25 + reports));
    assert_eq!(times(&mut slow), [25, 26, 27, 28, 29]);
    assert_eq!(channel.stats().snapshot().missed, 25 + reports);
}

#[test]
fn the_ring_keeps_within_bytes_and_time() {
    let mut by_time = live(1 << 20, 400 * MS);
    let mut by_bytes = live(1000, 10_000 * MS);
    for number in 0..100 {
        by_time.picture(number, &[OTHER]);
        by_bytes.picture(number, &[&[OTHER, &[0; 80]].concat()]);
    }
    let counts = by_time.channel().stats().snapshot();
    assert_eq!((counts.ring_bursts, counts.ring_time), (11, 400 * MS));
    let counts = by_bytes.channel().stats().snapshot();
    assert!(
        counts.ring_bytes <= 1000 && counts.ring_bytes > 800,
        "{counts:?}"
    );
    let mut behind = by_bytes.channel().cursor(Start::Keyframe);
    assert!(times(&mut behind).is_empty(), "there is no key frame");
}

#[test]
fn a_rare_key_frame_is_kept_beyond_the_time() {
    let mut live = live(1 << 20, 400 * MS);
    live.picture(0, &[OTHER]);
    live.picture(1, &[KEY]);
    for number in 2..100 {
        live.picture(number, &[OTHER]);
    }
    let mut joining = live.channel().cursor(Start::Keyframe);
    assert_eq!(times(&mut joining), (1..100).collect::<Vec<_>>());
    live.picture(100, &[KEY]);
    live.picture(101, &[OTHER]);
    let counts = live.channel().stats().snapshot();
    assert_eq!((counts.ring_bursts, counts.ring_time), (11, 400 * MS));
}

#[test]
fn the_end_comes_after_everything_else() {
    let mut live = live(1 << 20, 400 * MS);
    let channel = Arc::clone(live.channel());
    let mut cursor = channel.cursor(Start::Live);
    let mut head = channel.head();
    live.picture(0, &[KEY]);
    assert!(head.has_changed().unwrap());
    head.borrow_and_update();
    live.mounts.stop();
    assert!(head.has_changed().unwrap());
    assert_eq!(cursor.take(&mut Vec::new(), 9), Taken::Bursts);
    let end = cursor.take(&mut Vec::new(), 9);
    assert_eq!(end, Taken::Ended(End::Stopped));
    assert_eq!(channel.ended(), Some(End::Stopped));
}
