use std::sync::Arc;

use super::*;
use crate::base::clock::Clock;
use crate::base::media_time::MediaTime;
use crate::codec::Format;
use crate::hls::object::{File, Packing};
use crate::hls::part::{Head, Map, MapTrack};

const SECOND: Duration = Duration::from_secs(1);

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(8),
    segments: 3,
    bytes: 1_000_000,
};

const TARGETS: Targets = Targets {
    segment: Duration::from_secs(2),
    part: Duration::from_secs(1),
};

/// Makes segments of two parts of a second and a thousand bytes each.
struct Maker {
    window: Window,
    map: Arc<Map>,
    sequence: u64,
    now: Instant,
    wall: SystemTime,
}

impl Maker {
    fn new(bounds: Bounds) -> Self {
        let clock = Clock::start();
        let map = Map {
            version: 0,
            data: Bytes::from("map"),
            tracks: vec![MapTrack {
                id: 1,
                format: Format::MpegAudio {
                    rate_hz: 44_100,
                    channels: 2,
                },
                timescale: 44_100,
            }],
            protection: None,
        };
        Self {
            window: Window::new(0xa, bounds, TARGETS),
            map: Arc::new(map),
            sequence: 100,
            now: clock.now(),
            wall: SystemTime::UNIX_EPOCH,
        }
    }

    fn part(&self, index: u32) -> Part {
        let head = Head {
            sequence: self.sequence,
            discontinuity_sequence: 100,
            discontinuity: false,
            start: MediaTime::new(0, 1),
            presented: MediaTime::new(0, 1),
            shift: MediaTime::new(0, 1),
            date: self.wall,
            map: Arc::clone(&self.map),
            lock: None,
        };
        Part {
            head: Arc::new(head),
            index,
            start: MediaTime::new(0, 1),
            duration: MediaTime::new(90_000, 90_000),
            independent: index == 0,
            gap: false,
            title: None,
            data: vec![index as u8; 1000].into(),
            samples: Arc::default(),
        }
    }

    fn make(&mut self) {
        let parts = vec![self.part(0), self.part(1)];
        for part in &parts {
            self.now += SECOND;
            self.wall += SECOND;
            self.window.push_part(part.clone(), self.wall);
        }
        let segment = Segment {
            head: Arc::clone(&parts[0].head),
            duration: MediaTime::new(2, 1),
            independent: true,
            gap: false,
            parts,
            sealed: None,
        };
        self.window.push_segment(segment, None, self.now, self.wall);
        self.sequence += 1;
    }

    fn text(&self, playlist: Playlist) -> String {
        let text = self.window.text(playlist).unwrap();
        String::from_utf8(text.plain().to_vec()).unwrap()
    }

    fn has(&self, sequence: u64) -> bool {
        let segment = self.window.file(File::Segment(sequence)).is_some();
        let part = self.window.file(File::Part(sequence, 1)).is_some();
        assert_eq!(segment, part);
        segment
    }
}

#[test]
fn segments_stay_for_those_who_read_of_them() {
    let mut maker = Maker::new(BOUNDS);
    for _ in 0..5 {
        maker.make();
    }
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:101\n"), "{text}");
    assert!(!text.contains("0000000a-100.m4s"), "{text}");
    assert!(text.ends_with("0000000a-104.m4s\n"), "{text}");
    // Its own two seconds, and ten of the playlist that it stood in.
    maker
        .window
        .trim(maker.now + 12 * SECOND - Duration::from_millis(1));
    assert!(maker.has(100));
    maker.window.trim(maker.now + 12 * SECOND);
    assert!(!maker.has(100));
    assert!(maker.has(101));
    assert_eq!(maker.window.bytes(), 8000);
}

#[test]
fn a_playlist_holds_six_seconds_of_target_durations_whatever_is_asked_for() {
    let mut maker = Maker::new(Bounds {
        time: SECOND,
        segments: 1,
        ..BOUNDS
    });
    for _ in 0..9 {
        maker.make();
    }
    assert_eq!(maker.window.time(), 6 * SECOND);
}

#[test]
fn bytes_are_bounded() {
    let mut maker = Maker::new(Bounds {
        bytes: 5000,
        ..BOUNDS
    });
    for _ in 0..9 {
        maker.make();
        assert!(maker.window.bytes() <= 6000, "{}", maker.window.bytes());
    }
    assert_eq!(maker.window.bytes(), 4000);
    assert!(!maker.has(106) && maker.has(107) && maker.has(108));
}

#[test]
fn parts_come_before_their_segment() {
    let mut maker = Maker::new(BOUNDS);
    assert_eq!(maker.window.progress(), None);
    maker.make();
    maker.window.push_part(maker.part(0), maker.wall);
    let text = maker.text(Playlist::Media(Flavour::LowLatency));
    let end = "#EXT-X-PART:DURATION=1.000000,URI=\"0000000a-101.0.m4s\",INDEPENDENT=YES\n\
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"0000000a-101.1.m4s\"\n";
    assert!(text.ends_with(end), "{text}");
    assert!(
        text.contains("#EXT-X-MAP:URI=\"0000000a-init0.mp4\"\n"),
        "{text}"
    );
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:100\n"), "{text}");
    let progress = maker.window.progress().unwrap();
    assert!(progress.is_next(101, 1));
    assert_eq!(maker.window.file(File::Init(0)).unwrap(), ["map"]);
    assert_eq!(maker.window.file(File::Init(1)), None);
    assert_eq!(maker.window.file(File::Part(101, 1)), None);
    assert!(maker.window.file(File::Part(101, 0)).is_some());
}

#[test]
fn players_start_when_there_is_enough_for_them() {
    let mut maker = Maker::new(BOUNDS);
    let targets = Targets {
        segment: 6 * SECOND,
        ..TARGETS
    };
    maker.window.set_targets(targets);
    maker.window.push_part(maker.part(0), maker.wall);
    let low = Playlist::Media(Flavour::LowLatency);
    assert!(maker.window.text(low).is_none(), "parts alone");
    let has = |maker: &Maker| Flavour::ALL.map(|flavour| maker.window.has(flavour));
    let mut maker = Maker::new(BOUNDS);
    maker.window.set_targets(targets);
    maker.make();
    maker.window.add_ts(maker.wall, |_| Some(Bytes::from("ts")));
    assert_eq!(has(&maker), [false; 3]);
    maker.window.end(maker.wall);
    assert_eq!(has(&maker), [true; 3]);
    let mut maker = Maker::new(BOUNDS);
    maker.window.set_targets(targets);
    maker.make();
    maker.make();
    assert_eq!(has(&maker), [true, false, false]);
    maker.make();
    assert_eq!(has(&maker), [true, true, false], "nobody wants the last");
}

#[test]
fn old_parts_are_not_told_of() {
    let mut maker = Maker::new(Bounds {
        time: 60 * SECOND,
        ..BOUNDS
    });
    for _ in 0..10 {
        maker.make();
    }
    let text = maker.text(Playlist::Media(Flavour::LowLatency));
    assert_eq!(text.matches("#EXT-X-PART:").count(), 6, "{text}");
    assert!(text.contains("URI=\"0000000a-107.0.m4s\""), "{text}");
    // With the next part the first of these is seven seconds old.
    maker.window.push_part(maker.part(0), maker.wall);
    let text = maker.text(Playlist::Media(Flavour::LowLatency));
    assert_eq!(text.matches("#EXT-X-PART:").count(), 5, "{text}");
    assert!(!text.contains("URI=\"0000000a-107.1.m4s\""), "{text}");
    assert!(
        text.contains("PART-HOLD-BACK=3.00100,HOLD-BACK=6.00000\n"),
        "{text}"
    );
    assert!(!maker.text(Playlist::Media(Flavour::Cmaf)).contains("PART"));
}

#[test]
fn a_delta_leaves_out_what_is_old() {
    let mut maker = Maker::new(Bounds {
        time: 60 * SECOND,
        ..BOUNDS
    });
    for _ in 0..6 {
        maker.make();
    }
    let delta = Playlist::Delta(Flavour::LowLatency);
    assert!(!maker.text(delta).contains("EXT-X-SKIP"));
    for _ in 0..4 {
        maker.make();
    }
    let text = maker.text(delta);
    assert!(text.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n"), "{text}");
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:100\n"), "{text}");
    assert!(!text.contains("0000000a-103.m4s"), "{text}");
    assert!(text.contains("#EXT-X-MAP"), "{text}");
    assert!(text.contains("\n0000000a-104.m4s\n"), "{text}");
    maker.window.end(maker.wall);
    let text = maker.text(delta);
    assert!(
        !text.contains("EXT-X-SKIP") && text.ends_with("#EXT-X-ENDLIST\n"),
        "{text}"
    );
}

#[test]
fn a_playlist_is_written_once_a_change() {
    let mut maker = Maker::new(BOUNDS);
    maker.make();
    let (cmaf, low) = (
        Playlist::Media(Flavour::Cmaf),
        Playlist::Media(Flavour::LowLatency),
    );
    let text = |maker: &Maker, playlist| maker.window.text(playlist).unwrap();
    let before = (text(&maker, cmaf), text(&maker, low));
    assert!(Arc::ptr_eq(&before.0, &text(&maker, cmaf)));
    maker.window.push_part(maker.part(0), maker.wall);
    let after = (text(&maker, cmaf), text(&maker, low));
    assert!(Arc::ptr_eq(&before.0, &after.0));
    assert_ne!(before.1.tag(), after.1.tag());
}

#[test]
fn the_other_flavour_is_made_when_it_is_wanted() {
    let mut maker = Maker::new(BOUNDS);
    maker.make();
    assert!(!maker.window.has(Flavour::Ts));
    maker.window.add_ts(maker.wall, |segment| {
        Some(vec![0; segment.size() * 2].into())
    });
    assert_eq!(maker.window.bytes(), 6000);
    let text = maker.text(Playlist::Media(Flavour::Ts));
    assert!(text.ends_with("\n0000000a-100.mp3\n"), "{text}");
    assert!(text.contains("#EXT-X-VERSION:3\n"), "{text}");
    let rate = maker.text(Playlist::Multivariant(Flavour::Ts));
    assert!(
        rate.contains(":BANDWIDTH=16000,AVERAGE-BANDWIDTH=16000,"),
        "{rate}"
    );
    let rate = maker.text(Playlist::Multivariant(Flavour::Cmaf));
    assert!(
        rate.contains(":BANDWIDTH=8000,AVERAGE-BANDWIDTH=8000,CODECS="),
        "{rate}"
    );
    assert!(maker.window.file(File::Ts(100, Packing::Aac)).is_none());
    assert!(maker.window.file(File::Ts(100, Packing::Mp3)).is_some());
}
