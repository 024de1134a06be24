use std::sync::Arc;

use super::*;
use crate::base::clock::Clock;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, h264};
use crate::hls::keys::Key;
use crate::hls::lock::{Lock, Manner};
use crate::hls::object::{File, Packing};
use crate::hls::part::{Head, Map, MapTrack, Sample, Title};

const SECOND: Duration = Duration::from_secs(1);

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(8),
    segments: 3,
    bytes: 1_000_000,
    dvr: Duration::ZERO,
    disk_bytes: 0,
};

/// A minute and a half on disk.
const DVR: Bounds = Bounds {
    dvr: Duration::from_secs(90),
    disk_bytes: 1_000_000,
    ..BOUNDS
};

const TARGETS: Targets = Targets {
    segment: Duration::from_secs(2),
    part: Duration::from_secs(1),
};

/// The file of a segment.
fn on_disk(sequence: u64) -> SegmentFile {
    SegmentFile {
        number: 0xa,
        sequence,
    }
}

/// Makes segments of two parts of a second and a thousand bytes each.
struct Maker {
    window: Window,
    map: Arc<Map>,
    sequence: u64,
    /// How it is encrypted.
    lock: Option<Manner>,
    now: Instant,
    wall: SystemTime,
    /// What each segment tells of.
    title: Option<Arc<Title>>,
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
                    layer: 3,
                    rate_hz: 44_100,
                    channels: 2,
                },
                timescale: 44_100,
            }],
            protection: None,
        };
        let mut window = Window::new(0xa, bounds, TARGETS);
        window.hurry();
        Self {
            window,
            map: Arc::new(map),
            sequence: 100,
            lock: None,
            now: clock.now(),
            wall: SystemTime::UNIX_EPOCH,
            title: None,
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
            title: self.title.clone().filter(|_| index == 0),
            data: vec![index as u8; 1000].into(),
            samples: Arc::default(),
        }
    }

    fn make(&mut self) {
        let mut parts = vec![self.part(0), self.part(1)];
        if let Some(manner) = self.lock {
            parts = parts.into_iter().map(|part| locked(part, manner)).collect();
        }
        for part in &parts {
            self.now += SECOND;
            self.wall += SECOND;
            for rendition in 0.. {
                match self.window.rendition_mut(rendition) {
                    Some(window) => window.push_part(part.clone(), self.wall),
                    None => break,
                }
            }
        }
        let segment = Segment {
            head: Arc::clone(&parts[0].head),
            duration: MediaTime::new(2, 1),
            independent: true,
            gap: false,
            parts,
            sealed: (self.lock == Some(Manner::Whole)).then(|| vec![0; 2000].into()),
        };
        for rendition in 0.. {
            match self.window.rendition_mut(rendition) {
                Some(window) => window.push_segment(segment.clone(), None, self.now, self.wall),
                None => break,
            }
        }
        self.sequence += 1;
    }

    /// Makes segments, each of which is brought to disk at once.
    fn make_on_disk(&mut self, count: usize) {
        for _ in 0..count {
            self.make();
            self.bring();
        }
    }

    fn bring(&mut self) {
        while let Some((file, [fragments, ts, _])) = self.window.unspooled() {
            assert_eq!((fragments.len(), ts.len()), (2, 0));
            self.window.spooled(file, [2000, 0], self.now, self.wall);
        }
    }

    /// Whether a segment is on disk alone.
    fn is_on_disk(&self, sequence: u64) -> bool {
        let file = File::Segment(sequence);
        let is_in_memory = self.window.file(file).is_some();
        let place = self.window.place(file);
        if let Some(place) = &place {
            assert_eq!((place.file, &place.range), (on_disk(sequence), &(0..2000)));
        }
        !is_in_memory && place.is_some()
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

/// A part of which the samples lie beside what is sent, a key frame and another picture.
fn locked(part: Part, manner: Manner) -> Part {
    let lock = Lock::new(manner, Key([3; 16]), 0, 1, part.head.sequence);
    let pictures = Map {
        tracks: vec![MapTrack {
            format: Format::H264(h264::Config {
                length_size: 4,
                sps: vec![Bytes::from_static(&[0x67])],
                pps: Vec::new(),
            }),
            ..part.head.map.tracks[0].clone()
        }],
        protection: lock.protection(),
        ..Map::clone(&part.head.map)
    };
    let sample = |at: u64| Sample {
        track: 0,
        decode: at,
        composition: 0,
        duration: 1,
        keyframe: at == 0,
        whole: at == 0,
        data: part.data.slice(at as usize * 500..(at as usize + 1) * 500),
    };
    Part {
        samples: [sample(0), sample(1)].into(),
        head: Arc::new(Head {
            lock: Some(Arc::new(lock)),
            map: Arc::new(pictures),
            ..Head::clone(&part.head)
        }),
        ..part
    }
}

#[test]
fn what_is_encrypted_is_not_kept_thrice_for_long() {
    for (manner, light, removed) in [(Manner::Whole, 4000, 3000), (Manner::Samples, 3000, 3000)] {
        let mut maker = Maker::new(Bounds {
            time: 16 * SECOND,
            ..BOUNDS
        });
        maker.lock = Some(manner);
        maker.make();
        let heavy = maker.window.bytes();
        assert_eq!(heavy, if manner == Manner::Whole { 6000 } else { 4000 });
        let first = maker.sequence - 1;
        let bytes_of = |maker: &Maker| maker.window.kept(first).map(Kept::bytes);
        let mut listed = Some(heavy);
        while maker.window.listed.front().map(Kept::sequence) == Some(first) {
            listed = bytes_of(&maker);
            maker.make();
        }
        assert_eq!(listed, Some(light));
        for _ in 0..4 {
            maker.make();
        }
        assert_eq!(bytes_of(&maker), Some(removed));
        let kept = maker.window.kept(first).unwrap();
        assert_eq!(kept.segment.size(), 2000, "all of it is there for who asks");
        assert_eq!(kept.pictures().len(), 1);
        let own: usize = maker.window.all_kept().map(Kept::bytes).sum();
        assert_eq!(maker.window.bytes(), own);
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
fn it_counts_what_leaves_before_its_time() {
    let mut maker = Maker::new(BOUNDS);
    for _ in 0..20 {
        maker.make();
        maker.window.trim(maker.now);
    }
    assert_eq!(maker.window.hastened(), 0);
    maker.window.set_bounds(Bounds {
        bytes: 7000,
        ..BOUNDS
    });
    maker.make();
    // What was listed in vain, and what players may still know of.
    assert!(maker.window.hastened() > 1);
    assert!(maker.window.listed.len() <= 3);
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
    let end = "#EXT-X-PART:DURATION=1.000000,URI=\"0000000a-100.2.m4s\",INDEPENDENT=YES\n\
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
    for name in [File::Part(101, 0), File::Part(100, 2)] {
        assert!(maker.window.file(name).is_some(), "{name:?}");
    }
}

#[test]
fn the_part_that_was_announced_comes_though_its_segment_has_ended() {
    let mut maker = Maker::new(BOUNDS);
    for _ in 0..3 {
        maker.make();
        let text = maker.text(Playlist::Media(Flavour::LowLatency));
        let (_, announced) = text.rsplit_once("PRELOAD-HINT:TYPE=PART,URI=").unwrap();
        maker.window.push_part(maker.part(0), maker.wall);
        let text = maker.text(Playlist::Media(Flavour::LowLatency));
        let came = format!("#EXT-X-PART:DURATION=1.000000,URI={}", announced.trim());
        assert_eq!(text.matches(&came).count(), 1, "{came} in {text}");
        maker.window.open.clear();
    }
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
    maker.window.is_hurried = false;
    maker.make();
    assert_eq!(has(&maker), [true, false, false], "they would end too soon");
    maker.window.push_part(maker.part(0), maker.wall);
    assert_eq!(has(&maker), [true, true, false], "the rest comes in time");
    maker.make();
    assert_eq!(has(&maker), [true, true, false]);
}

#[test]
fn no_player_starts_with_one_segment_and_parts() {
    let mut maker = Maker::new(BOUNDS);
    maker.window.is_hurried = false;
    maker.window.set_targets(Targets {
        segment: 6 * SECOND,
        ..TARGETS
    });
    maker.make();
    for index in 0..8 {
        maker.window.push_part(maker.part(index), maker.wall);
    }
    let has = Flavour::ALL.map(|flavour| maker.window.has(flavour));
    assert_eq!(has, [false; 3]);
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
    assert_eq!(text.matches("#EXT-X-PART:").count(), 4, "{text}");
    assert!(!text.contains("URI=\"0000000a-107.1.m4s\""), "{text}");
    maker.window.push_part(maker.part(0), maker.wall);
    let text = maker.text(Playlist::Media(Flavour::LowLatency));
    assert_eq!(text.matches("#EXT-X-PART:").count(), 5, "{text}");
    assert!(text.contains("URI=\"0000000a-107.2.m4s\""), "{text}");
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
    let delta = Playlist::Delta(Flavour::LowLatency, Skip::Segments);
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
fn a_delta_leaves_out_titles_that_are_old_if_it_is_asked_to() {
    let mut maker = Maker::new(Bounds {
        time: 16 * SECOND,
        ..BOUNDS
    });
    let delta = |skip| Playlist::Delta(Flavour::LowLatency, skip);
    for number in 0..11 {
        maker.title = (number > 0).then(|| {
            Arc::new(Title {
                number: number / 2,
                text: format!("title {}", number / 2),
                date: maker.wall,
            })
        });
        maker.make();
    }
    // Segments 103 to 110 are listed, of which the last six stay; the titles 1 to 5 are told of.
    let whole = maker.text(Playlist::Media(Flavour::LowLatency));
    assert!(whole.contains("CAN-SKIP-DATERANGES=YES"), "{whole}");
    assert_eq!(whole.matches("#EXT-X-DATERANGE").count(), 5, "{whole}");
    let text = maker.text(delta(Skip::Segments));
    assert!(text.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n"), "{text}");
    assert_eq!(text.matches("#EXT-X-DATERANGE").count(), 5, "{text}");
    let text = maker.text(delta(Skip::Titles));
    let skip = "#EXT-X-SKIP:SKIPPED-SEGMENTS=2,RECENTLY-REMOVED-DATERANGES=\"0000000a-0\"\n";
    assert!(text.contains(skip), "{text}");
    assert!(text.contains("#EXT-X-VERSION:10\n"), "{text}");
    let told: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let (_, title) = line.split_once("X-TITLE=")?;
            Some(title)
        })
        .collect();
    assert_eq!(told, ["\"title 3\"", "\"title 4\"", "\"title 5\""]);
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

#[test]
fn old_segments_leave_the_memory_for_the_disk() {
    let mut maker = Maker::new(DVR);
    maker.make_on_disk(40);
    // Six target durations stay in memory.
    assert_eq!(maker.window.bytes(), 6 * 2000);
    assert_eq!(maker.window.disk_bytes(), 40 * 2000);
    assert!(maker.is_on_disk(100) && maker.is_on_disk(133));
    assert!(!maker.is_on_disk(134));
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:100\n"), "{text}");
    assert_eq!(text.matches("#EXTINF").count(), 40);
    assert_eq!(text.matches("#EXT-X-MAP").count(), 1);
    let delta = maker.text(Playlist::Delta(Flavour::LowLatency, Skip::Segments));
    assert!(delta.contains("SKIPPED-SEGMENTS=34\n"), "{delta}");
    // The playlist reaches back for 90 s, and what has gone from there stays for those who know of it.
    maker.make_on_disk(10);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert_eq!(text.matches("#EXTINF").count(), 45);
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:105\n"), "{text}");
    assert!(maker.is_on_disk(100));
    assert!(maker.window.take_gone().is_empty());
    // Its own two seconds, and the 92 of the longest playlist that told of it.
    maker.now += 94 * SECOND;
    maker.window.trim(maker.now);
    assert_eq!(
        maker.window.take_gone(),
        (100..105).map(on_disk).collect::<Vec<_>>()
    );
    assert_eq!(maker.window.disk_bytes(), 45 * 2000);
}

#[test]
fn a_segment_stays_in_memory_until_it_is_on_disk() {
    let bytes = 20_000;
    let mut maker = Maker::new(Bounds { bytes, ..DVR });
    for _ in 0..9 {
        maker.make();
    }
    assert_eq!(maker.window.bytes(), 18_000);
    // The disk is too slow: the oldest goes from the playlists, and what follows is unbroken.
    for _ in 0..5 {
        maker.make();
    }
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:104\n"), "{text}");
    assert_eq!(maker.window.bytes(), 20_000);
    maker.bring();
    assert!(maker.is_on_disk(104));
    // What came to disk when the window had it no longer is deleted.
    maker
        .window
        .spooled(on_disk(103), [2000, 0], maker.now, maker.wall);
    assert_eq!(maker.window.take_gone(), [on_disk(103)]);
}

#[test]
fn parts_stay_for_their_time_when_much_comes_at_once() {
    let mut maker = Maker::new(DVR);
    maker.make_on_disk(6);
    let now = maker.now;
    for _ in 0..6 {
        maker.make_on_disk(1);
        maker.now = now;
    }
    assert!(maker.window.file(File::Part(105, 1)).is_some());
    maker.now += 6 * SECOND;
    maker.make_on_disk(1);
    assert!(maker.is_on_disk(105));
}

#[test]
fn the_disk_has_a_budget() {
    let disk_bytes = 40_000;
    let mut maker = Maker::new(Bounds { disk_bytes, ..DVR });
    maker.make_on_disk(30);
    assert_eq!(maker.window.disk_bytes(), 40_000);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:120\n"), "{text}");
    // As much is there that has gone from the playlists.
    assert!(maker.is_on_disk(110));
    assert_eq!(
        maker.window.take_gone(),
        (100..110).map(on_disk).collect::<Vec<_>>()
    );
    assert_eq!(maker.window.given_up(), 0);
}

#[test]
fn the_disk_takes_nothing_from_the_window() {
    let disk_bytes = 3000;
    let mut maker = Maker::new(Bounds { disk_bytes, ..DVR });
    maker.make_on_disk(10);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert_eq!(text.matches("#EXTINF").count(), 4);
}

#[test]
fn sounds_stay_as_long_as_what_leads() {
    let disk_bytes = 80_000;
    let mut maker = Maker::new(Bounds { disk_bytes, ..DVR });
    let choice = |number| Choice {
        number,
        language: None,
    };
    let sound = (0xb, choice(1));
    maker.window.set_sounds(Some(choice(0)), vec![sound]);
    maker.make_on_disk(30);
    assert_eq!(maker.window.bytes(), 2 * 6 * 2000);
    assert_eq!(maker.window.disk_bytes(), 80_000);
    let first = |maker: &Maker, rendition| {
        let window = maker.window.rendition(rendition).unwrap();
        let listed = window.listed.front().unwrap().sequence();
        (listed, window.removed.front().unwrap().0.sequence())
    };
    assert_eq!(first(&maker, 0), (120, 110));
    assert_eq!(first(&maker, 1), (120, 110));
    let place = maker.window.rendition(1).unwrap();
    let place = place.place(File::Segment(110)).unwrap();
    assert_eq!((place.file.number, place.file.sequence), (0xb, 110));
    assert_eq!(maker.window.take_gone().len(), 20);
    // Room for one segment is that of both renditions.
    assert_eq!(maker.window.give_up(3000, maker.wall), 1);
    let gone = maker.window.take_gone();
    assert!(gone.iter().all(|file| file.sequence == 110) && gone.len() == 2);
}

#[test]
fn the_first_sound_can_become_the_windows_own() {
    let mut maker = Maker::new(BOUNDS);
    let sounds = [("deu", 1), ("fra", 2), ("ita", 3)].map(|(language, number)| {
        let language = Some(language.to_owned());
        (10 + u32::from(number), Choice { number, language })
    });
    maker.window.set_sounds(None, sounds.into());
    maker.window.take_first_sound();
    let told = |window: &Window| {
        let choice = window.choice.clone().unwrap();
        (
            choice.number,
            choice.language.unwrap(),
            window.others.clone(),
        )
    };
    let window = &maker.window;
    assert_eq!(told(window), (0, "deu".to_owned(), vec![1, 2]));
    let first = window.rendition(1).unwrap();
    assert_eq!(told(first), (1, "fra".to_owned(), vec![0, 2]));
    let second = window.rendition(2).unwrap();
    assert_eq!(told(second), (2, "ita".to_owned(), vec![0, 1]));
    assert!(window.leads() && window.rendition(3).is_none());
    assert!(window.with_files(11).is_none() && window.with_files(13).is_some());
}

#[test]
fn an_event_loses_nothing_and_is_full_when_its_budget_is() {
    let disk_bytes = 60_000;
    let mut maker = Maker::new(Bounds {
        disk_bytes,
        ..BOUNDS
    });
    maker.window.keeps_all = true;
    maker.make_on_disk(30);
    assert_eq!(maker.window.bytes(), 6 * 2000);
    assert!(maker.is_on_disk(100));
    assert!(!maker.window.is_full());
    maker.make_on_disk(1);
    assert!(maker.window.is_full());
    assert_eq!(maker.window.give_up(10_000, maker.wall), 0);
    maker.window.trim(maker.now + 3600 * SECOND);
    maker.window.end(maker.wall);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{text}");
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:100\n"), "{text}");
    assert_eq!(text.matches("#EXTINF").count(), 31);
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    assert!(maker.window.take_gone().is_empty());
}

#[test]
fn an_event_without_a_disk_is_full_when_the_memory_is() {
    let bytes = 20_000;
    let mut maker = Maker::new(Bounds { bytes, ..BOUNDS });
    maker.window.keeps_all = true;
    for _ in 0..10 {
        maker.make();
    }
    assert!(!maker.window.is_full());
    maker.make();
    assert!(maker.window.is_full());
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert_eq!(text.matches("#EXTINF").count(), 11);
}

#[test]
fn a_full_disk_costs_the_oldest() {
    let mut maker = Maker::new(DVR);
    maker.make_on_disk(20);
    assert_eq!(maker.window.give_up(3000, maker.wall), 2);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:102\n"), "{text}");
    assert_eq!(maker.window.take_gone(), [100, 101].map(on_disk));
    // What is in memory stays.
    assert_eq!(maker.window.give_up(1_000_000, maker.wall), 12);
    let text = maker.text(Playlist::Media(Flavour::Cmaf));
    assert_eq!(text.matches("#EXTINF").count(), 6);
    assert_eq!(maker.window.give_up(1, maker.wall), 0);
    assert_eq!(maker.window.given_up(), 14);
}

fn of_sound(number: u16) -> Choice {
    Choice {
        number,
        language: None,
    }
}

/// The rates that the playlist tells which players open.
fn told_rates(window: &Window, flavour: Flavour) -> Option<(u64, u64)> {
    let text = window.text(Playlist::Multivariant(flavour))?;
    let text = std::str::from_utf8(text.plain()).unwrap().to_owned();
    let rate = |tag: &str| {
        let (_, value) = text.split_once(tag)?;
        value.split([',', '\n']).next()?.parse().ok()
    };
    Some((rate(":BANDWIDTH=")?, rate("AVERAGE-BANDWIDTH=")?))
}

#[test]
fn a_part_is_enough_to_tell_of_what_cannot_be_played_yet() {
    let mut maker = Maker::new(BOUNDS);
    for flavour in Flavour::ALL {
        assert!(!maker.window.tells(flavour));
        assert_eq!(told_rates(&maker.window, flavour), None);
    }
    maker.window.push_part(maker.part(0), maker.wall);
    for flavour in Flavour::ALL {
        assert!(maker.window.tells(flavour) && !maker.window.has(flavour));
        assert_eq!(told_rates(&maker.window, flavour), Some((16_000, 16_000)));
        assert!(maker.window.text(Playlist::Media(flavour)).is_none());
        assert!(maker.window.variant(flavour, "a/").is_none());
    }
}

#[test]
fn rates_are_twice_those_of_what_has_come_until_it_can_be_played() {
    let mut maker = Maker::new(BOUNDS);
    let rich = Part {
        data: vec![0; 10_000].into(),
        ..maker.part(0)
    };
    maker.window.push_part(rich, maker.wall);
    let told = |maker: &Maker| told_rates(&maker.window, Flavour::LowLatency);
    assert_eq!(told(&maker), Some((160_000, 160_000)));
    let gap = Part {
        gap: true,
        data: Bytes::new(),
        ..maker.part(1)
    };
    maker.window.push_part(gap, maker.wall);
    assert_eq!(told(&maker), Some((160_000, 160_000)));
    maker.window.push_part(maker.part(2), maker.wall);
    assert_eq!(told(&maker), Some((88_000, 88_000)));
}

#[test]
fn nothing_is_told_of_before_something_of_each_track_has_come() {
    let mut maker = Maker::new(BOUNDS);
    maker.window.expect_tracks(2);
    maker.window.push_part(maker.part(0), maker.wall);
    assert!(!maker.window.tells(Flavour::Cmaf));
    maker.window.expect_tracks(1);
    assert!(maker.window.tells(Flavour::Cmaf));
    let gap = Part {
        gap: true,
        ..maker.part(0)
    };
    let mut maker = Maker::new(BOUNDS);
    maker.window.push_part(gap, maker.wall);
    assert!(!maker.window.tells(Flavour::Cmaf));
}

#[test]
fn nothing_is_told_of_before_each_sound_has_come() {
    let mut maker = Maker::new(BOUNDS);
    let sound = (0xb, of_sound(1));
    maker.window.set_sounds(Some(of_sound(0)), vec![sound]);
    maker.window.push_part(maker.part(0), maker.wall);
    assert!(!maker.window.tells(Flavour::Cmaf));
    let part = maker.part(0);
    let sound = maker.window.rendition_mut(1).unwrap();
    sound.push_part(part, maker.wall);
    assert!(maker.window.tells(Flavour::Cmaf));
    let text = maker.window.text(Playlist::Multivariant(Flavour::Cmaf));
    let text = text.unwrap();
    let text = std::str::from_utf8(text.plain()).unwrap();
    assert!(text.contains("URI=\"audio1-cmaf.m3u8\""), "{text}");
}

#[test]
fn pictures_that_may_still_come_are_waited_for_when_the_sound_leads() {
    let mut maker = Maker::new(BOUNDS);
    let sound = (0xb, of_sound(1));
    maker.window.set_sounds(None, vec![sound]);
    maker.window.take_first_sound();
    maker.window.push_part(maker.part(0), maker.wall);
    assert!(!maker.window.tells(Flavour::Cmaf));
}

#[test]
fn who_may_choose_between_formats_is_told_when_rates_are_known() {
    let mut maker = Maker::new(BOUNDS);
    maker.window.compat = true;
    maker.window.push_part(maker.part(0), maker.wall);
    assert!(maker.window.tells(Flavour::Cmaf), "all players know these");
    let mut map = Map::clone(&maker.map);
    map.tracks[0].format = Format::Opus { channels: 2 };
    maker.map = Arc::new(map);
    maker.window = Window::new(0xa, BOUNDS, TARGETS).with_compat(true);
    maker.window.push_part(maker.part(0), maker.wall);
    assert!(!maker.window.tells(Flavour::Cmaf));
    maker.make();
    maker.make();
    assert!(maker.window.tells(Flavour::LowLatency));
}

#[test]
fn transport_streams_that_are_still_to_be_made_of_much_are_waited_for() {
    let mut maker = Maker::new(BOUNDS);
    for _ in 0..3 {
        maker.make();
    }
    assert!(maker.window.has(Flavour::Cmaf));
    assert!(!maker.window.tells(Flavour::Ts));
}
