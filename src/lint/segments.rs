//! What one media playlist must tell of its segments (rfc8216bis, 4.4.3 and 4.4.4; the authoring
//! specification, 7, 8 and 13).

use std::collections::BTreeMap;

use super::finding::{Findings, Line};
use super::media::{DateRange, Media, PlaylistType, Segment};
use super::rule::rules;

rules! {
    NO_TARGET "target-duration-missing" Error "bis 4.4.3.1"
        "write #EXT-X-TARGETDURATION";
    TOO_LONG "segment-too-long" Error "Apple 7.6; bis 4.4.3.1"
        "cut segments earlier, or announce a longer target duration from the beginning; have the encoder send key frames at least as often";
    TARGET "target-duration" Advice "Apple 7.5"
        "use a target duration of 6 s";
    PRECISION "extinf-precision" Warning "Apple 8.1"
        "write the durations of segments with at least three decimals";
    ZERO "extinf-zero" Warning "bis 4.4.4.1"
        "leave out segments without media";
    NOTHING "no-segments" Error "bis 4.1"
        "answer with 503 and Retry-After until there is a segment or a part";
    NO_DATE "program-date-time" Warning "Apple 8.4"
        "write #EXT-X-PROGRAM-DATE-TIME for the first segment of every live playlist, better for each";
    DATE_DRIFT "program-date-time-drift" Warning "Apple 8.5; bis 4.4.4.6"
        "compute the dates of segments from the times of their media, and write a discontinuity where they jump";
    NO_TYPE "playlist-type" Warning "Apple 8.6"
        "write #EXT-X-PLAYLIST-TYPE:VOD where nothing changes any more";
    OPEN_VOD "vod-without-end" Error "bis 4.4.3.5"
        "write #EXT-X-ENDLIST at the end of playlists of the type VOD";
    NO_COUNT "discontinuity-sequence" Warning "Apple 8.17; bis 4.4.3.3"
        "write #EXT-X-DISCONTINUITY-SEQUENCE in every live playlist";
    NO_MAP "map-missing" Error "bis 3.1.2"
        "write #EXT-X-MAP before the first segment of fragmented MP4";
    MAP_CHANGE "map-change" Warning "Apple 8.13 to 8.15"
        "write #EXT-X-DISCONTINUITY where another initialisation segment begins";
    MAP_IV "map-iv" Error "bis 4.4.4.5"
        "give IV in the #EXT-X-KEY that an initialisation segment is encrypted with";
    KEY_CHANGE "key-systems" Warning "Apple 13.10"
        "encrypt every segment for the same key systems";
    FAIRPLAY "key-fairplay" Warning "Apple 13.1 to 13.3"
        "use METHOD=SAMPLE-AES without IV for FairPlay";
    VERSION "version" Error "Apple 8.20; bis 8"
        "announce the version of the protocol that the tags of the playlist need";
    GAP "gap" Warning "bis 4.4.4.7"
        "find out why media is missing";
    DATE_RANGE "date-range" Error "bis 4.4.5.1"
        "mend the attributes of #EXT-X-DATERANGE";
    SKIP_WITHOUT_REQUEST "skip-unasked" Error "bis 4.4.5.2"
        "leave segments out for requests with _HLS_skip only";
}

/// Checks a playlist that was asked for without `_HLS_skip`.
pub(super) fn check(media: &Media, findings: &mut Findings) {
    check_head(media, findings);
    for segment in &media.segments {
        check_segment(segment, media, findings);
    }
    for pair in media.segments.windows(2) {
        if let [before, after] = pair {
            check_neighbours(before, after, findings);
        }
    }
    check_map(media, findings);
    check_dates(media, findings);
    check_date_ranges(&media.date_ranges, findings);
    check_version(media, findings);
    if let Some((line, skipped)) = media.skip {
        let found = format!("{skipped} segments are left out, which was not asked for");
        findings.add(&SKIP_WITHOUT_REQUEST, line, found);
    }
}

fn check_head(media: &Media, findings: &mut Findings) {
    match media.target_duration {
        None => findings.add(&NO_TARGET, "", "there is no target duration"),
        // A short movie has no segment that long.
        Some(6) => {}
        Some(_) if media.i_frames_only => {}
        Some(_) if media.ended && media.segments.len() < 3 => {}
        Some(target) => findings.add(&TARGET, "", format!("it is {target} s")),
    }
    if media.all().next().is_none() && media.skipped() == 0 {
        findings.add(&NOTHING, "", "the playlist is empty");
    }
    if media.ended && media.playlist_type.is_none() && media.media_sequence == 0 {
        let found = "the playlist has ended and begins with segment 0, but has no type";
        findings.add(&NO_TYPE, "", found);
    }
    if !media.ended && media.playlist_type == Some(PlaylistType::Vod) {
        findings.add(
            &OPEN_VOD,
            "",
            "the playlist is of the type VOD and has no end",
        );
    }
    if media.is_live() && media.discontinuity_sequence.is_none() {
        findings.add(&NO_COUNT, "", "the tag is not there");
    }
    if media.is_live() && media.all().next().is_some_and(|first| first.date.is_none()) {
        findings.add(&NO_DATE, "", "the first segment has no date");
    }
}

fn check_segment(segment: &Segment, media: &Media, findings: &mut Findings) {
    let place = segment.place();
    let duration = segment.duration;
    if duration.round() > media.target() && media.target_duration.is_some() {
        let found = format!(
            "{duration} s, with a target duration of {} s",
            media.target()
        );
        findings.add(&TOO_LONG, &place, found);
    }
    let is_rounded = segment.decimals < 3 && (duration.fract() != 0.0 || segment.decimals == 0);
    if is_rounded && media.version >= 3 {
        let found = format!("#EXTINF has {} decimals", segment.decimals);
        findings.add(&PRECISION, &place, found);
    }
    if duration <= 0.0 {
        findings.add(&ZERO, &place, "#EXTINF is 0");
    }
    // Where a live program has no key frame, its playlist of key frames has a gap.
    if segment.gap && !media.i_frames_only {
        findings.add(&GAP, &place, "the segment is a gap");
    }
    for key in segment
        .keys
        .iter()
        .filter(|key| key.format == FAIRPLAY_FORMAT)
    {
        if key.method != "SAMPLE-AES" || key.iv.is_some() {
            let found = format!(
                "METHOD={} {}",
                key.method,
                if key.iv.is_some() { "with IV" } else { "" }
            );
            findings.add(&FAIRPLAY, key.line, found.trim_end());
        }
    }
}

fn check_neighbours(before: &Segment, after: &Segment, findings: &mut Findings) {
    let uri = |segment: &Segment| {
        let map = segment.map.as_ref();
        map.map(|map| (map.uri.clone(), map.byte_range.clone()))
    };
    // Another key can need another one, for that tells of the keys too.
    let is_same_key = before.keys == after.keys;
    if uri(before) != uri(after) && is_same_key && !after.discontinuity {
        let found = "another initialisation segment begins without a discontinuity";
        findings.add(&MAP_CHANGE, after.place(), found);
    }
    let formats = |segment: &Segment| {
        let mut formats: Vec<String> = segment.keys.iter().map(|key| key.format.clone()).collect();
        formats.sort();
        formats
    };
    let (old, new) = (formats(before), formats(after));
    if !old.is_empty() && !new.is_empty() && old != new {
        let found = format!("{} after {}", new.join(", "), old.join(", "));
        findings.add(&KEY_CHANGE, after.place(), found);
    }
}

fn check_map(media: &Media, findings: &mut Findings) {
    let is_fragment = |uri: &str| {
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        let extension = path.rsplit('.').next().unwrap_or_default();
        ["m4s", "mp4", "m4v", "m4a", "cmfv", "cmfa"].contains(&extension)
    };
    let lacking = media.all().find(|segment| {
        let first_part = segment.parts.first().map_or("", |part| &part.uri);
        segment.map.is_none() && (is_fragment(&segment.uri) || is_fragment(first_part))
    });
    if let Some(segment) = lacking {
        findings.add(&NO_MAP, segment.place(), "there is no #EXT-X-MAP before it");
    }
    let mut told = Line(0);
    for map in media.all().filter_map(|segment| segment.map.as_ref()) {
        let lacks = |key: &super::media::Key| key.method == "AES-128" && key.iv.is_none();
        if map.line != told && map.keys.iter().any(lacks) {
            findings.add(&MAP_IV, map.line, "the key in force has no IV");
        }
        told = map.line;
    }
}

/// Compares each date with what the date before it and the durations since then lead to.
fn check_dates(media: &Media, findings: &mut Findings) {
    let mut expected: Option<time::OffsetDateTime> = None;
    for segment in media.all() {
        if segment.discontinuity {
            expected = None;
        }
        if let (Some(expected), Some(date)) = (expected, segment.date) {
            let drift = (date - expected).as_seconds_f64();
            if drift.abs() > DATE_TOLERANCE {
                let found = format!("its date is {drift:+.3} s from where the one before leads");
                findings.add(&DATE_DRIFT, segment.place(), found);
            }
        }
        let length = time::Duration::seconds_f64(segment.length().min(1e6));
        let begin = segment.date.or(expected);
        expected = begin.and_then(|begin| begin.checked_add(length));
    }
}

fn check_date_ranges(ranges: &[DateRange], findings: &mut Findings) {
    let mut starts = BTreeMap::new();
    for range in ranges {
        let is_backward =
            matches!((range.start, range.end), (Some(start), Some(end)) if end < start);
        let other = range.start.and_then(|start| {
            let known = starts.insert(&range.id, start);
            known.filter(|known| *known != start)
        });
        let faults = [
            (is_backward, "it ends before it begins"),
            (
                other.is_some(),
                "another tag of this ID has another START-DATE",
            ),
            (
                range.end_on_next && range.class.is_none(),
                "END-ON-NEXT needs CLASS",
            ),
            (
                range.end_on_next && (range.end.is_some() || range.duration.is_some()),
                "END-ON-NEXT stands with DURATION or END-DATE",
            ),
        ];
        for (_, fault) in faults.iter().filter(|(is_fault, _)| *is_fault) {
            findings.add(&DATE_RANGE, range.line, fault);
        }
    }
}

/// Each feature needs a version (rfc8216bis, 8).
fn check_version(media: &Media, findings: &mut Findings) {
    let keys = || media.all().flat_map(|segment| segment.keys.iter());
    let is_gap = |segment: &Segment| segment.gap || segment.parts.iter().any(|part| part.gap);
    let needs = [
        (2, "IV of #EXT-X-KEY", keys().any(|key| key.iv.is_some())),
        (
            3,
            "decimals of #EXTINF",
            media.segments.iter().any(|one| one.decimals > 0),
        ),
        (
            4,
            "#EXT-X-BYTERANGE or #EXT-X-I-FRAMES-ONLY",
            media.i_frames_only || media.segments.iter().any(|one| one.byte_range.is_some()),
        ),
        (
            5,
            "KEYFORMAT of #EXT-X-KEY",
            keys().any(|key| key.format != "identity"),
        ),
        (
            if media.i_frames_only { 5 } else { 6 },
            "#EXT-X-MAP",
            media.all().any(|one| one.map.is_some()),
        ),
        (8, "#EXT-X-GAP", media.all().any(is_gap)),
        (9, "#EXT-X-SKIP", media.skip.is_some()),
    ];
    let short = needs
        .iter()
        .filter(|(version, _, is_used)| *is_used && media.version < *version);
    if let Some((version, feature, _)) = short.max_by_key(|(version, ..)| *version) {
        let found = format!(
            "{feature} needs version {version}, which is {}",
            media.version
        );
        findings.add(&VERSION, "", found);
    }
}

const FAIRPLAY_FORMAT: &str = "com.apple.streamingkeydelivery";

/// How far dates may be from the durations, in seconds: those of live encoders follow a clock of
/// their own.
const DATE_TOLERANCE: f64 = 0.5;
