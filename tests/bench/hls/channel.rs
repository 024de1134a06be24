//! A channel in this very process: pictures and sound of known size, sent when the bench says so.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use reelcast::base::clock::Clock;
use reelcast::base::media_time::MediaTime;
use reelcast::base::path::MediaPath;
use reelcast::codec::elementary::Frame;
use reelcast::codec::{Format, aac, h264};
use reelcast::media::channel::Channel;
use reelcast::media::description::Description;
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::publisher::Publisher;
use reelcast::source::packetiser::Packetiser;

/// Pictures a second.
pub(crate) const RATE: i64 = 25;

/// What is sent, in Mbit/s: 8 of pictures and 0.128 of sound.
pub(crate) const MEGABITS: f64 = 8.128;

const PICTURE: usize = 8_000_000 / 8 / RATE as usize;
const SAMPLES: i64 = 1024;
const SOUND_HZ: i64 = 48_000;
const FRAME: usize = 128_000 / 8 * SAMPLES as usize / SOUND_HZ as usize;

/// Who publishes.
pub(crate) struct Camera {
    publisher: Publisher,
    packetiser: Packetiser,
    pictures: i64,
    frames: i64,
    _mounts: Arc<Mounts>,
}

impl Camera {
    /// Begins to publish.
    pub(crate) fn start(clock: Clock) -> Self {
        let formats = formats();
        let description = Description::of_formats("bench", &formats).expect("two tracks");
        let packetiser = Packetiser::new(&description, &formats, 1200, clock);
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("bench").expect("a name");
        let origin = "the bench".to_owned();
        let publisher = mounts.publish(&path, description, origin, Takeover::Refuse);
        Self {
            publisher: publisher.expect("a free name"),
            packetiser,
            pictures: 0,
            frames: 0,
            _mounts: mounts,
        }
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        self.publisher.channel()
    }

    /// Sends the next picture, with the sound that comes before its end, as at `now`; returns its
    /// number, which stands in its last eight bytes. Every two seconds one is a key frame.
    pub(crate) fn send(&mut self, now: Instant) -> i64 {
        let number = self.pictures;
        self.pictures += 1;
        while self.frames * SAMPLES * RATE < self.pictures * SOUND_HZ {
            let time = MediaTime::new(self.frames * SAMPLES, SOUND_HZ as u32);
            self.push(1, vec![0x21; FRAME], time, now);
            self.frames += 1;
        }
        let mut data = vec![0x5a; PICTURE];
        data[..4].copy_from_slice(&(PICTURE as u32 - 4).to_be_bytes());
        data[4] = if number % (2 * RATE) == 0 { 0x65 } else { 0x41 };
        data[PICTURE - 8..].copy_from_slice(&number.to_be_bytes());
        self.push(0, data, MediaTime::new(number * 90_000 / RATE, 90_000), now);
        self.publisher.flush(now);
        number
    }

    fn push(&mut self, track: usize, data: Vec<u8>, time: MediaTime, now: Instant) {
        let frame = Frame { data, time };
        let pushed = self
            .packetiser
            .push(track, &[frame], &mut self.publisher, now);
        pushed.expect("sound packets");
    }
}

fn formats() -> [Format; 2] {
    let video = Format::H264(h264::Config {
        length_size: 4,
        sps: vec![Bytes::from_static(SPS)],
        pps: vec![Bytes::from_static(&[0x68, 0xeb, 0xe3, 0xc4, 0x48, 0x44])],
    });
    let audio = aac::Config::from_specific(&[0x11, 0x90]).expect("48 kHz, stereo");
    [video, Format::Aac(audio)]
}

/// 320 by 180 pixels, 25 pictures a second.
const SPS: &[u8] = &[
    0x67, 0xf4, 0x00, 0x0a, 0x91, 0x9b, 0x28, 0x8f, 0x60, 0x22, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00,
    0x00, 0x03, 0x00, 0x64, 0x1e, 0x24, 0x4b, 0x2c,
];
