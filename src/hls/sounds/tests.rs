use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::*;
use crate::base::media_time::MediaTime;
use crate::codec::{aac, h264};
use crate::hls::segmenter::{Segmenter, Settings, Track};
use crate::hls::transcode::need::Need;

const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0x88];

/// Pictures, and two sounds.
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 ac3/48000/2\r\n\
    m=audio 0 RTP/AVP 98\r\na=rtpmap:98 ac3/48000/2\r\na=lang:de\r\n";

fn description(sdp: &str) -> Description {
    Description::read(sdp.as_bytes()).unwrap()
}

/// A channel with pictures and two sounds, from units to cuts.
struct Channel {
    segmenter: Segmenter,
    sounds: Sounds,
    parts: Vec<Vec<Part>>,
}

impl Channel {
    fn new() -> Self {
        let kinds = [Kind::Video, Kind::Audio, Kind::Audio];
        let tracks = kinds.map(|kind| Track {
            kind,
            language: None,
        });
        let mut segmenter = Segmenter::new(Settings::default(), &tracks).without(&[1, 2]);
        segmenter.set_format(
            0,
            Format::H264(h264::Config {
                length_size: 4,
                sps: vec![SPS.into()],
                pps: vec![Bytes::from_static(&[0x68, 0xce, 0x3c, 0x80])],
            }),
        );
        let mut sounds = Sounds::new(&description(SDP), &[1, 2], vec![None, None]);
        let format = Format::Aac(aac::Config {
            specific: Bytes::from_static(&[0x11, 0x90]),
            rate_hz: 48_000,
            channels: 2,
        });
        for track in [1, 2] {
            assert!(!sounds.set_format(track, &format));
        }
        Self {
            segmenter,
            sounds,
            parts: vec![Vec::new(); 3],
        }
    }

    fn push(&mut self, track: usize, time: MediaTime, keyframe: bool) {
        let unit = Unit {
            keyframe,
            duration: (track > 0).then_some(960),
            data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 1]),
            ..Unit::at(track, time)
        };
        self.sounds.push(&unit);
        self.segmenter.push(&unit, UNIX_EPOCH);
        while let Some(cut) = self.segmenter.pull() {
            self.sounds.push_cut(cut);
        }
        self.take();
    }

    fn take(&mut self) {
        while let Some(Cuts { main, sounds }) = self.sounds.pull() {
            let all = [Some(main)].into_iter().chain(sounds);
            for (cut, parts) in all.zip(&mut self.parts) {
                match cut {
                    Some(Cut::Part(part)) => parts.push(part),
                    Some(Cut::Segment(_)) => {}
                    None => panic!("a rendition misses a cut"),
                }
            }
        }
    }

    /// A picture of 40 ms, and two frames of each of the sounds of so many ms before.
    fn picture(&mut self, number: i64, late: [i64; 2]) {
        self.push(0, MediaTime::new(number * 3600, 90_000), number % 50 == 0);
        for (track, late) in [1, 2].into_iter().zip(late) {
            for half in [0, 960] {
                let ticks = number * 1920 + half - late * 48;
                if ticks >= 0 {
                    self.push(track, MediaTime::new(ticks, 48_000), true);
                }
            }
        }
    }

    fn lengths(&self) -> [usize; 3] {
        [0, 1, 2].map(|rendition| self.parts[rendition].len())
    }
}

#[test]
fn sounds_that_come_late_are_cut_where_the_pictures_are() {
    let mut channel = Channel::new();
    (0..500).for_each(|number| channel.picture(number, [0, 400]));
    let [pictures, first, second] = channel.lengths();
    assert!(pictures > 30 && first == pictures && second == pictures);
    for sound in [1, 2] {
        for (picture, part) in channel.parts[0].iter().zip(&channel.parts[sound]) {
            let head = &part.head;
            assert_eq!(head.sequence, picture.head.sequence);
            assert_eq!(
                (part.start, part.duration),
                (picture.start, picture.duration)
            );
            assert!(part.independent && !part.gap);
            let samples = part.samples.len() as i64;
            assert_eq!(samples * 20_000_000, part.duration.nanos());
            let begin = MediaTime::new(part.samples[0].decode as i64, 48_000);
            assert_eq!(begin.nanos(), picture.start.nanos());
        }
    }
}

#[test]
fn sounds_are_at_their_time_wherever_their_frames_begin() {
    for ahead in [-700, -480, -1, 0, 1, 300, 959] {
        let mut channel = Channel::new();
        for number in 0..200 {
            channel.push(0, MediaTime::new(number * 3600, 90_000), number % 50 == 0);
            for track in [1, 2] {
                for frame in 2 * number..2 * number + 2 {
                    channel.push(track, MediaTime::new(ahead + 960 * frame, 48_000), true);
                }
            }
        }
        let samples: Vec<_> = channel.parts[1]
            .iter()
            .flat_map(|part| &*part.samples)
            .collect();
        for pair in samples.windows(2) {
            let end = pair[0].decode + u64::from(pair[0].duration);
            assert_eq!(pair[1].decode, end, "{ahead}");
        }
        // The frame of which more than half is heard before the pictures are seen is left out.
        let left_out = i64::from(ahead < -480);
        assert!(samples[0].decode >= 480_000, "{ahead}");
        for (frame, sample) in (left_out + 1..).zip(&samples[1..]) {
            assert_eq!(
                sample.decode as i64,
                480_000 + ahead + 960 * frame,
                "{ahead}"
            );
        }
    }
}

#[test]
fn a_sound_that_stays_away_is_waited_for_once() {
    let mut channel = Channel::new();
    let away = i64::MAX / 48 / 2;
    (0..20).for_each(|number| channel.picture(number, [0, away]));
    assert_eq!(channel.lengths(), [0; 3]);
    (20..500).for_each(|number| channel.picture(number, [0, away]));
    let last = channel.parts[0].last().unwrap();
    let end = last.start.nanos() + last.duration.nanos();
    // The first picture is shown at 10 s.
    assert!(end >= 29_000_000_000, "{end}");
    assert!(channel.parts[2].iter().all(|part| part.gap));
    assert!(channel.parts[1].iter().all(|part| !part.gap));
    channel.segmenter.finish();
    channel.sounds.finish();
    channel.take();
    let [pictures, first, second] = channel.lengths();
    assert!(first == pictures && second == pictures);
}

#[test]
fn a_sound_that_comes_back_late_is_waited_for_again() {
    let mut channel = Channel::new();
    let away = i64::MAX / 48 / 2;
    (0..200).for_each(|number| channel.picture(number, [0, 400]));
    (200..300).for_each(|number| channel.picture(number, [0, away]));
    (300..600).for_each(|number| channel.picture(number, [0, 400]));
    let parts = &channel.parts[2];
    let gaps = parts.iter().filter(|part| part.gap);
    let missing = gaps.map(|part| part.duration.nanos()).sum::<i64>();
    assert!(
        (2_000_000_000..5_000_000_000).contains(&missing),
        "{missing}"
    );
    let second = |part: &Part| part.start.nanos() / 1_000_000_000 - 10;
    let late = parts.iter().filter(|part| second(part) >= 15);
    assert!(late.clone().count() > 5);
    for part in late {
        let samples = part.samples.len() as i64;
        assert_eq!(samples * 20_000_000, part.duration.nanos());
    }
}

#[test]
fn channels_with_one_sound_have_none_apart() {
    let apart = |sdp: &str| {
        let description = description(sdp);
        let encoded = Need::of(&description, Rendition::Own).all();
        apart(&description, Rendition::Own, &encoded)
    };
    let none: [usize; 0] = [];
    let pictures = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    assert_eq!(apart(SDP), [1, 2]);
    assert_eq!(apart(&SDP.replace(pictures, "")), [1]);
    assert_eq!(apart(&SDP.replace("98 ac3/", "98 X-OWN/")), none);
    for encoded in ["97 ac3", "98 ac3"] {
        let coded = encoded.replace("ac3", "L16");
        let sdp = SDP.replace(encoded, &coded);
        assert_eq!(apart(&sdp), [1, 2]);
        assert_eq!(apart(&sdp.replace(pictures, "")), [1]);
    }
}

#[test]
fn what_nobody_encodes_is_no_choice() {
    let apart = |sdp: &str| apart(&description(sdp), Rendition::Own, &[]);
    let none: [usize; 0] = [];
    assert_eq!(apart(&SDP.replace("98 ac3", "98 L16")), none);
    assert_eq!(apart(&SDP.replace("96 H264", "96 JPEG")), none);
    let third = "m=audio 0 RTP/AVP 99\r\na=rtpmap:99 ac3/48000/2\r\n";
    let sdp = format!("{}{third}", SDP.replace("97 ac3", "97 L16"));
    assert_eq!(apart(&sdp), [2, 3]);
}
