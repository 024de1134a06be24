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

/// The clip, again and again on one channel.
pub(crate) struct Clip {
    publisher: Option<Publisher>,
    packetiser: Packetiser,
    /// The samples with their tracks, in the order of their times.
    samples: Vec<(usize, Frame)>,
    length: Duration,
    next: usize,
    /// How often it was sent.
    rounds: u32,
    start: Instant,
}

impl Clip {
    /// Begins to publish `movies/clock.mp4`: 12 s of H.264 with a key frame every 2 s, and AAC.
    pub(crate) fn publish(server: &Server, name: &str) -> Self {
        Self::publish_from(server, name, 0.0)
    }

    /// The same without what is due in the first `seconds`.
    pub(crate) fn publish_from(server: &Server, name: &str, seconds: f64) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
        let bytes = std::fs::read(file).unwrap();
        let movie = container::open(&&bytes[..]).unwrap();
        let (mut samples, mut formats) = (Vec::new(), Vec::new());
        for (index, track) in movie.tracks.iter().enumerate() {
            let Role::Media(format) = &track.role else {
                panic!("{:?}", track.role);
            };
            formats.push(format.clone());
            let mut cursor = track.samples.cursor(0);
            while let Some(sample) = cursor.next(&track.samples) {
                let mut data = vec![0; sample.size as usize];
                bytes.as_slice().read_at(sample.offset, &mut data).unwrap();
                let time = MediaTime::new(sample.time, track.timescale);
                samples.push((index, Frame { data, time }));
            }
        }
        samples.sort_by_key(|(_, frame)| frame.time.nanos());
        let begin = Duration::from_secs_f64(seconds).as_nanos() as i64;
        let next = samples.partition_point(|(_, frame)| frame.time.nanos() < begin);
        let description = Description::of_formats("clip", &formats).unwrap();
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
            length: Duration::from_secs(12),
            next,
            rounds: 0,
            start: server.clock.now(),
        }
    }

    /// Sends what there is until `seconds` after the beginning.
    pub(crate) fn send_until(&mut self, seconds: f64) {
        let until = Duration::from_secs_f64(seconds);
        let publisher = self.publisher.as_mut().expect("it is not over");
        loop {
            let Some((track, frame)) = self.samples.get(self.next) else {
                self.next = 0;
                self.rounds += 1;
                continue;
            };
            let nanos = frame.time.nanos();
            let at = self.rounds * self.length + Duration::from_nanos(nanos as u64);
            if at >= until {
                break;
            }
            let rate = frame.time.rate;
            let shifted = Frame {
                data: frame.data.clone(),
                time: MediaTime::from_nanos(at.as_nanos() as i64, rate),
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
