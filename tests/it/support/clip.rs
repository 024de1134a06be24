//! A publisher of a clip in the test's own process: as much at a time as the test wants, as if it came in real time.

use std::path::Path;
use std::time::{Duration, Instant};

use reelcast::base::media_time::MediaTime;
use reelcast::base::path::MediaPath;
use reelcast::codec::Format;
use reelcast::codec::elementary::Frame;
use reelcast::container::{self, ReadAt, Role};
use reelcast::media::description::Description;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;
use reelcast::source::packetiser::Packetiser;

use super::server::Server;

/// A sound that the clip does not have: its frames, each of so many ticks of the format's clock.
pub(crate) struct Beside {
    pub(crate) format: Format,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) ticks: u32,
}

/// The clip, again and again on one channel.
pub(crate) struct Clip {
    publisher: Option<Publisher>,
    packetiser: Packetiser,
    /// The samples in the order in which they are decoded, with that time in nanoseconds and their tracks.
    samples: Vec<(i64, usize, Frame)>,
    length: Duration,
    next: usize,
    /// How often it was sent.
    rounds: u32,
    start: Instant,
    leap: Duration,
}

impl Clip {
    /// Begins to publish `movies/clock.mp4`: 12 s of H.264 with a key frame every 2 s, and AAC.
    pub(crate) fn publish(server: &Server, name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
        Self::publish_at(server, name, &file, server.clock.now())
    }

    /// The same without what is due in the first `seconds`.
    pub(crate) fn publish_from(server: &Server, name: &str, seconds: f64) -> Self {
        let mut clip = Self::publish(server, name);
        let begin = (seconds * 1e9) as i64;
        let due = |(decoded, ..): &(i64, usize, Frame)| *decoded < begin;
        clip.next = clip.samples.partition_point(due);
        clip
    }

    /// The same with its sound once in each of these languages.
    pub(crate) fn publish_in(server: &Server, name: &str, languages: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
        Self::begin(server, name, &file, server.clock.now(), languages, None)
    }

    /// The same with that sound beside its own.
    pub(crate) fn publish_beside(server: &Server, name: &str, beside: Beside) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
        let now = server.clock.now();
        Self::begin(server, name, &file, now, &[], Some(beside))
    }

    /// Begins to publish the movie `file` at the time `start`.
    pub(crate) fn publish_at(server: &Server, name: &str, file: &Path, start: Instant) -> Self {
        Self::begin(server, name, file, start, &[], None)
    }

    fn begin(
        server: &Server,
        name: &str,
        file: &Path,
        start: Instant,
        languages: &[&str],
        beside: Option<Beside>,
    ) -> Self {
        let bytes = std::fs::read(file).unwrap();
        let movie = container::open(&&bytes[..]).unwrap();
        let (mut samples, mut formats) = (Vec::new(), Vec::new());
        let mut length = Duration::ZERO;
        for (index, track) in movie.tracks.iter().enumerate() {
            let Role::Media(format) = &track.role else {
                panic!("{:?}", track.role);
            };
            formats.push(format.clone());
            let mut cursor = track.samples.cursor(0);
            while let Some(sample) = cursor.next(&track.samples) {
                let mut data = vec![0; sample.size as usize];
                bytes.as_slice().read_at(sample.offset, &mut data).unwrap();
                let decoded = MediaTime::new(sample.time, track.timescale).nanos();
                let shown = sample.time + i64::from(sample.composition);
                let time = MediaTime::new(shown, track.timescale);
                samples.push((decoded, index, Frame { data, time }));
            }
            let ticks = track.samples.duration();
            let nanos = MediaTime::new(ticks, track.timescale).nanos();
            length = length.max(Duration::from_nanos(nanos.unsigned_abs()));
        }
        let sound: Vec<_> = samples
            .iter()
            .filter(|(_, track, _)| *track == 1)
            .cloned()
            .collect();
        for track in 2..=languages.len() {
            formats.push(formats[1].clone());
            samples.extend(
                sound
                    .iter()
                    .cloned()
                    .map(|(decoded, _, frame)| (decoded, track, frame)),
            );
        }
        if let Some(beside) = beside {
            let (track, rate) = (formats.len(), beside.format.clock_rate());
            let frames = (0..).step_by(beside.ticks as usize).zip(beside.frames);
            samples.extend(frames.map(|(ticks, data)| {
                let time = MediaTime::new(ticks, rate);
                (time.nanos(), track, Frame { data, time })
            }));
            formats.push(beside.format);
        }
        samples.sort_by_key(|(decoded, ..)| *decoded);
        let description = Description::of_formats("clip", &formats).unwrap();
        let told = languages
            .iter()
            .map(|language| Some((*language).to_owned()));
        let told: Vec<_> = std::iter::once(None).chain(told).collect();
        let description = description.in_languages(&told);
        let packetiser = packetiser(&description, &formats, server);
        let path = MediaPath::from_plain(name).unwrap();
        let origin = "the test".to_owned();
        let publisher = server
            .mounts
            .publish(&path, description, origin, Takeover::Replace);
        Self {
            publisher: Some(publisher.unwrap()),
            packetiser,
            samples,
            length,
            next: 0,
            rounds: 0,
            start,
            leap: Duration::ZERO,
        }
    }

    /// After so many seconds it begins anew.
    pub(crate) fn seconds(&self) -> f64 {
        self.length.as_secs_f64()
    }

    /// The time at which what belongs to `seconds` is sent.
    pub(crate) fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    /// Leaves out the pictures until `seconds` after the beginning, as if they had been lost.
    pub(crate) fn lose_pictures_until(&mut self, seconds: f64) {
        let until = (seconds * 1e9) as i64;
        self.samples
            .retain(|(decoded, track, _)| *track != 0 || *decoded >= until);
    }

    /// From now on all media times are so much later than before.
    pub(crate) fn leap(&mut self, by: Duration) {
        self.leap += by;
    }

    /// Sends what there is until `seconds` after the beginning.
    pub(crate) fn send_until(&mut self, seconds: f64) {
        let until = Duration::from_secs_f64(seconds);
        let publisher = self.publisher.as_mut().expect("it is not over");
        loop {
            let Some((decoded, track, frame)) = self.samples.get(self.next) else {
                self.next = 0;
                self.rounds += 1;
                continue;
            };
            let round = self.rounds * self.length;
            let at = round + Duration::from_nanos(*decoded as u64);
            if at >= until {
                break;
            }
            let rate = frame.time.rate;
            let shift = (round + self.leap).as_nanos() as i64;
            let shifted = Frame {
                data: frame.data.clone(),
                time: MediaTime::from_nanos(frame.time.nanos() + shift, rate),
            };
            let now = self.start + at;
            self.packetiser
                .push(*track, &[shifted], publisher, now)
                .unwrap();
            self.next += 1;
        }
        publisher.flush(self.start + until);
    }

    /// Publishes no longer.
    pub(crate) fn stop(&mut self) {
        self.publisher = None;
    }
}

fn packetiser(description: &Description, formats: &[Format], server: &Server) -> Packetiser {
    Packetiser::new(description, formats, 1400, server.clock)
}
