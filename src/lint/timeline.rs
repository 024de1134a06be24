//! What holds from segment to segment: times, formats, and what the playlists promise of them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::content::{Content, Kind, Picture, Track};
use super::finding::Findings;
use super::media::{Media, Part, Segment};
use super::multivariant::Variant;
use super::rule::rules;
use crate::base::media_time::MediaTime;

rules! {
    KEY "key-frame-first" Error "Apple 7.4; bis 4.4.2.1"
        "begin every segment with an IDR picture: have the encoder send one at least every target duration";
    PART_KEY "part-independent" Error "bis 4.4.4.9"
        "mark a part INDEPENDENT=YES if and only if it holds an IDR picture";
    GAP "timeline-gap" Error "Apple 7.1, 7.2; bis 4.4.4.3"
        "let each segment begin where the one before ended, or write #EXT-X-DISCONTINUITY before it";
    SUM "extinf-sum" Warning "Apple 8.1; bis 4.4.4.1"
        "compute the durations of segments from the times of their media, without rounding errors that add up";
    PART_LENGTH "part-duration" Error "bis 4.4.4.9"
        "tell the duration of the media in DURATION of parts";
    SETUP "format-change" Error "Apple 2.11, 8.13 to 8.15; bis 4.4.4.3"
        "write #EXT-X-DISCONTINUITY where the format of the media changes";
    CODECS "codecs-wrong" Error "Apple 9.1; bis 4.4.6.2"
        "name in CODECS the formats that the segments hold";
    SIZE "resolution-wrong" Error "Apple 9.14; bis 4.4.6.2"
        "tell in RESOLUTION the size of the pictures in the segments";
    RATE "frame-rate-wrong" Warning "Apple 9.15; bis 4.4.6.2"
        "tell in FRAME-RATE the most pictures a second of the segments, to three decimals";
    RANGE "video-range-wrong" Error "bis 4.4.6.2"
        "tell in VIDEO-RANGE whether the pictures are SDR, HLG or PQ, as the parameter sets in the segments do: without it they count as SDR";
    SEVERAL_SOUNDS "audio-streams" Warning "Apple 2.24"
        "put one audio stream into a segment, and others into renditions of their own";
    APART "audio-video-apart" Warning "Apple 7.1"
        "begin the sound of each segment where its pictures begin";
    INTERVAL "key-frame-interval" Advice "Apple 1.13"
        "have the encoder send a key frame every 2 s";
    FAST "frame-rate-high" Advice "Apple 1.14, 1.15"
        "encode at most 60 pictures a second";
    LEVEL "h264-level" Advice "Apple 1.3"
        "encode H.264 at level 5.2 at most";
    SURROUND "stereo" Advice "Apple 2.3"
        "offer stereo sound too";
}

/// What the segments of one media playlist have shown so far.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: Option<Seen>,
    /// Where the segments began that follow one another without a break, and how long they were
    /// meant to be since.
    run: Option<Run>,
    advised: bool,
}

#[derive(Debug)]
struct Seen {
    sequence: u64,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    begin: MediaTime,
    /// By how many seconds another track begins earlier.
    before: f64,
    /// Seconds of the segments since.
    told: f64,
}

impl Timeline {
    /// Adds what `segment` holds; segments may be left out, but do not go back.
    pub(super) fn add(
        &mut self,
        segment: &Segment,
        content: Content,
        media: &Media,
        findings: &mut Findings,
    ) {
        let place = segment.place();
        check_alone(&content, media, &place, findings);
        if !media.i_frames_only && !std::mem::replace(&mut self.advised, true) {
            advise(&content, &place, findings);
        }
        let before = self.last.take();
        let before = before.filter(|before| before.sequence + 1 == segment.sequence);
        // Between key frames that stand alone is what was left out.
        match before.filter(|_| !segment.discontinuity && !media.i_frames_only) {
            Some(before) => {
                check_continuity(&before.content, &content, &place, findings);
                self.check_sum(&content, &place, findings);
            }
            None => self.run = None,
        }
        if let (None, Some(lead)) = (self.run, content.lead()) {
            let tracks = content.tracks.iter();
            let apart = tracks.map(|track| content.apart(track.shown, lead.shown));
            self.run = Some(Run {
                begin: lead.shown,
                before: apart.fold(0.0, f64::max),
                told: 0.0,
            });
        }
        if let Some(run) = &mut self.run {
            run.told += segment.duration;
        }
        self.last = Some(Seen {
            sequence: segment.sequence,
            content,
        });
    }

    /// The durations that were told since the run began must lead to where `content` begins.
    fn check_sum(&mut self, content: &Content, place: &str, findings: &mut Findings) {
        let (Some(run), Some(lead)) = (self.run, content.lead()) else {
            return;
        };
        let real = content.apart(run.begin, lead.shown);
        let frame = lead.sample_length().max(0.001);
        // The first segment may begin with its pictures, or with what is before them.
        let off = [real - run.told, real + run.before - run.told];
        if off.iter().all(|off| off.abs() > frame + ROUNDING) {
            let found = format!(
                "the segments before are {real:.3} s long, and told to be {:.3} s",
                run.told
            );
            findings.add(&SUM, place, found);
            self.run = None;
        }
    }
}

/// Checks a part, of which `content` is what it holds.
pub(super) fn check_part(part: &Part, content: &Content, findings: &mut Findings) {
    let Some(lead) = content.lead() else {
        return;
    };
    let frame = lead.sample_length();
    if (lead.length() - part.duration).abs() > frame + ROUNDING {
        let found = format!(
            "it holds {:.3} s, DURATION is {:.3}",
            lead.length(),
            part.duration
        );
        findings.add(&PART_LENGTH, part.line, found);
    }
    if lead.kind != Kind::Video {
        return;
    }
    match (part.independent, !lead.keys.is_empty()) {
        (true, false) => findings.add(
            &PART_KEY,
            part.line,
            "it is marked, and holds no IDR picture",
        ),
        (false, true) => findings.add(
            &PART_KEY,
            part.line,
            "it holds an IDR picture, and is not marked",
        ),
        _ => {}
    }
}

/// Checks what a multivariant playlist tells of a variant whose segments hold `content`.
pub(super) fn check_variant(variant: &Variant, content: &Content, findings: &mut Findings) {
    for track in content
        .tracks
        .iter()
        .filter(|track| !track.codec.is_empty())
    {
        let is_told = variant
            .codecs
            .iter()
            .any(|told| is_same(told, &track.codec));
        if !variant.codecs.is_empty() && !is_told {
            let told = variant.codecs.join(",");
            let found = format!("the segments hold {}, CODECS is {told:?}", track.codec);
            findings.add(&CODECS, variant.line, found);
        }
    }
    let video = content
        .tracks
        .iter()
        .find(|track| track.kind == Kind::Video);
    let Some(video) = video else {
        return;
    };
    if let (Some((width, height)), Some(picture)) = (variant.resolution, video.picture)
        && (width, height) != (picture.width, picture.height)
    {
        let Picture {
            width: real,
            height: high,
            ..
        } = picture;
        let found = format!("the pictures are {real}x{high}, RESOLUTION is {width}x{height}");
        findings.add(&SIZE, variant.line, found);
    }
    let range = video.picture.and_then(|picture| picture.range);
    let told = variant.video_range.as_deref().unwrap_or("SDR");
    if let Some(range) = range.filter(|range| range.to_string() != told) {
        let found = format!("the pictures are {range}, VIDEO-RANGE is {told}");
        findings.add(&RANGE, variant.line, found);
    }
    let real = 1.0 / video.sample_length().max(1e-6);
    let told = variant.frame_rate.filter(|_| video.samples > 10);
    if let Some(told) = told.filter(|told| real > told * 1.05 + 0.1) {
        let found = format!("there are {real:.3} pictures a second, FRAME-RATE is {told}");
        findings.add(&RATE, variant.line, found);
    }
}

/// Formats are the same when one is the beginning of the other, and profile, constraints and
/// level of H.264 may be told higher than they are.
fn is_same(told: &str, real: &str) -> bool {
    let told = told.to_ascii_lowercase();
    let real = real.to_ascii_lowercase();
    // Headers of files do not tell the layer.
    let mpeg = [
        "mp4a.40.34",
        "mp4a.40.33",
        "mp4a.40.32",
        "mp4a.6b",
        "mp4a.69",
        "mp3",
    ];
    told.starts_with(&real) || real.starts_with(&told) || {
        let both = |names: &[&str]| names.contains(&&told[..]) && names.contains(&&real[..]);
        // A decoder finds out by itself whether AAC has spectral band replication.
        both(&mpeg) || both(&["mp4a.40.2", "mp4a.40.5", "mp4a.40.29"]) || both(&["hvc1", "hev1"])
    }
}

fn check_alone(content: &Content, media: &Media, place: &str, findings: &mut Findings) {
    if content.count(Kind::Audio) > 1 {
        let found = format!("there are {}", content.count(Kind::Audio));
        findings.add(&SEVERAL_SOUNDS, place, found);
    }
    let video = content
        .tracks
        .iter()
        .find(|track| track.kind == Kind::Video);
    let audio = content
        .tracks
        .iter()
        .find(|track| track.kind == Kind::Audio);
    if let Some(video) = video.filter(|video| !video.begins_with_key) {
        let promise = match media.independent_segments {
            true => "the playlist promises independent segments, and ",
            false => "",
        };
        findings.add(
            &KEY,
            place,
            format!(
                "{promise}the first of {} pictures is no IDR picture",
                video.samples
            ),
        );
    }
    if let (Some(video), Some(audio)) = (video, audio) {
        let apart = content.apart(video.shown, audio.shown);
        if apart.abs() > MOST_APART {
            let found = format!("the sound begins {apart:+.3} s from the pictures");
            findings.add(&APART, place, found);
        }
    }
}

fn advise(content: &Content, place: &str, findings: &mut Findings) {
    for track in &content.tracks {
        let intervals = track.keys.windows(2).filter_map(|pair| {
            let [before, after] = pair else { return None };
            Some(content.apart(*before, *after))
        });
        let to_end = track
            .keys
            .last()
            .map(|last| content.apart(*last, track.end));
        let longest = intervals.chain(to_end).fold(0.0, f64::max);
        if longest > 2.1 {
            let found = format!("there are {longest:.1} s between two");
            findings.add(&INTERVAL, place, found);
        }
        let rate = 1.0 / track.sample_length().max(1e-6);
        if track.kind == Kind::Video && rate > 60.5 {
            findings.add(&FAST, place, format!("there are {rate:.2}"));
        }
        let level = track.picture.map_or(0, |picture| picture.level);
        if track.codec.starts_with("avc") && level > 52 {
            findings.add(
                &LEVEL,
                place,
                format!("the level is {}.{}", level / 10, level % 10),
            );
        }
    }
    let sounds = || content.tracks.iter().filter_map(|track| track.sound);
    let most = sounds().map(|sound| sound.channels).min();
    if let Some(channels) = most.filter(|channels| *channels > 2) {
        findings.add(&SURROUND, place, format!("there are {channels} channels"));
    }
}

fn check_continuity(before: &Content, after: &Content, place: &str, findings: &mut Findings) {
    let earlier: BTreeMap<u32, &Track> = before.tracks.iter().map(|one| (one.id, one)).collect();
    for track in &after.tracks {
        let Some(last) = earlier.get(&track.id) else {
            let found = format!("track {} is new", track.id);
            findings.add(&SETUP, place, found);
            continue;
        };
        let setup = |track: &Track| -> Bytes { track.setup.clone() };
        if setup(last) != setup(track) && !setup(track).is_empty() {
            let found = format!("the format of track {} is another", track.id);
            findings.add(&SETUP, place, found);
        }
        let apart = after.apart(last.end, track.begin);
        let tolerance = tolerance(after, track);
        if apart.abs() > tolerance {
            let found = format!(
                "track {} begins {apart:+.4} s from where it ended before",
                track.id
            );
            findings.add(&GAP, place, found);
        }
    }
}

/// Fragments tell durations; where only times are told, the last picture's is not known.
fn tolerance(content: &Content, track: &Track) -> f64 {
    match (content.wraps, track.kind) {
        (false, _) => 0.002,
        // Encoders that send RTP round times, and overlap a frame where a file begins again.
        (true, Kind::Audio) => 0.01_f64.max(track.sample_length() * 1.5),
        (true, _) => 0.1_f64.max(track.sample_length() * 2.0),
    }
}

/// What the last decimals of a playlist may be off, in seconds.
const ROUNDING: f64 = 0.002;

/// How far sound and pictures of a segment may begin from each other, in seconds.
const MOST_APART: f64 = 0.5;
