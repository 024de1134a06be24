//! What a media playlist must tell for low latency (rfc8216bis, 4.4.3.7, 4.4.3.8, 4.4.4.9, 4.4.5
//! and appendix B; the authoring specification, 14).

use super::finding::Findings;
use super::media::{Control, Media, Part, Segment, absolute};
use super::rule::rules;

rules! {
    HOLD_BACK "hold-back" Error "bis 4.4.3.8"
        "set HOLD-BACK to at least three target durations";
    NO_PART_HOLD_BACK "part-hold-back-missing" Error "bis 4.4.3.8"
        "add PART-HOLD-BACK to #EXT-X-SERVER-CONTROL";
    PART_HOLD_BACK "part-hold-back" Error "Apple 14.3; bis 4.4.3.8"
        "set PART-HOLD-BACK to at least three part targets";
    SKIP_UNTIL "can-skip-until" Error "bis 4.4.3.8"
        "set CAN-SKIP-UNTIL to at least six target durations";
    SKIP_DATE_RANGES "can-skip-dateranges" Warning "Apple 14.5"
        "offer CAN-SKIP-DATERANGES=YES where playlists hold date ranges and can be skipped";
    NO_DELTA "delta-updates" Warning "Apple 14.4"
        "offer delta updates by CAN-SKIP-UNTIL, for the playlist is longer than two minutes";
    NO_BLOCKING "blocking-reload" Warning "bis B.1"
        "answer requests with _HLS_msn when the playlist holds what they ask for, and announce it by CAN-BLOCK-RELOAD=YES";
    NO_PART_TARGET "part-target-missing" Error "bis 4.4.3.7"
        "write #EXT-X-PART-INF where there are parts";
    PART_TARGET "part-target" Advice "Apple 14.2"
        "use a part target between 0.33 s and 2 s, best 1 s";
    PART_TOO_LONG "part-too-long" Error "bis 4.4.4.9"
        "cut parts so that none is longer than the part target";
    PART_TOO_SHORT "part-too-short" Error "bis 4.4.4.9"
        "make parts at least 85 % of the part target long, but for those that are independent and the last of a segment";
    PART_SUM "part-sum" Error "bis 4.4.4.9"
        "let the parts of a segment hold the same media as the segment";
    OLD_PARTS "parts-old" Warning "bis 6.2.2"
        "leave out parts that are more than three target durations from the end";
    FIRST_PART "part-independent-first" Error "bis 4.4.2.1, 4.4.4.9"
        "mark the first part of a segment INDEPENDENT=YES where segments are independent";
    PART_GAP "part-gap" Warning "bis 4.4.4.9"
        "find out why media is missing";
    I_FRAME_PARTS "part-i-frames" Warning "bis 4.4.4.9"
        "leave parts out of I-frame playlists";
    NO_HINT "preload-hint" Warning "bis B.1"
        "announce the next part by #EXT-X-PRELOAD-HINT";
    HINT "preload-hint-wrong" Error "bis 4.4.5.3"
        "write one hint for each type, PART or MAP, and none for what is listed already or after the end";
    NO_REPORT "rendition-report" Warning "bis 4.4.5.4, B.1"
        "report on every other media playlist of the program by #EXT-X-RENDITION-REPORT";
    REPORT "rendition-report-wrong" Error "bis 4.4.5.4"
        "report on other playlists only, each once, by URIs relative to this one and with LAST-MSN (and LAST-PART where there are parts)";
}

/// Checks a playlist, be it one with parts or not.
pub(super) fn check(media: &Media, findings: &mut Findings) {
    if let Some(control) = &media.control {
        check_control(control, media, findings);
    }
    let has_parts = media.all().any(|segment| !segment.parts.is_empty());
    if media.part_target.is_none() && has_parts {
        findings.add(
            &NO_PART_TARGET,
            "",
            "there are parts and no #EXT-X-PART-INF",
        );
    }
    if let Some(target) = media.part_target {
        check_low_latency(target, media, findings);
    }
    check_hints(media, findings);
    for (segment, age) in media.all().zip(media.ages()) {
        check_segment(segment, age, media, findings);
    }
}

/// Checks whether `media`, which is at `own`, reports on `others`, all its sister playlists.
pub(super) fn check_reports(own: &str, others: &[&str], media: &Media, findings: &mut Findings) {
    let reported: Vec<(String, _)> = media
        .reports
        .iter()
        .map(|report| (absolute(own, &report.uri), report))
        .collect();
    for (number, (uri, report)) in reported.iter().enumerate() {
        let earlier = reported.iter().take(number);
        let fault = if uri == own {
            "it reports on itself"
        } else if report.uri.contains("://") {
            "its URI is not relative"
        } else if report.last_sequence.is_none() {
            "it has no LAST-MSN"
        } else if media.part_target.is_some() && report.last_part.is_none() {
            "it has no LAST-PART"
        } else if earlier.into_iter().any(|(other, _)| other == uri) {
            "the playlist is reported on twice"
        } else {
            continue;
        };
        findings.add(&REPORT, report.line, fault);
    }
    if media.part_target.is_none() || media.ended {
        return;
    }
    for other in others {
        if *other != own && !reported.iter().any(|(uri, _)| uri == other) {
            findings.add(&NO_REPORT, "", format!("there is no report on {other}"));
        }
    }
}

fn check_control(control: &Control, media: &Media, findings: &mut Findings) {
    let target = media.target();
    if let Some(hold_back) = control.hold_back.filter(|told| *told < 3.0 * target) {
        let found = format!("{hold_back} s, with a target duration of {target} s");
        findings.add(&HOLD_BACK, control.line, found);
    }
    if let Some(until) = control.can_skip_until.filter(|told| *told < 6.0 * target) {
        let found = format!("{until} s, with a target duration of {target} s");
        findings.add(&SKIP_UNTIL, control.line, found);
    }
    let can_skip = control.can_skip_until.is_some();
    if can_skip && !control.can_skip_date_ranges && !media.date_ranges.is_empty() {
        let found = "there are date ranges, and segments can be skipped, but not date ranges";
        findings.add(&SKIP_DATE_RANGES, control.line, found);
    }
}

fn check_low_latency(target: f64, media: &Media, findings: &mut Findings) {
    let control = media.control.unwrap_or_default();
    match control.part_hold_back {
        None => findings.add(&NO_PART_HOLD_BACK, control.line, "it is not there"),
        Some(back) if back < 3.0 * target => {
            let found = format!("{back} s, with a part target of {target} s");
            findings.add(&PART_HOLD_BACK, control.line, found);
        }
        Some(_) => {}
    }
    if !(0.33..=2.0).contains(&target) {
        findings.add(&PART_TARGET, "", format!("it is {target} s"));
    }
    if media.i_frames_only {
        findings.add(&I_FRAME_PARTS, "", "the I-frame playlist has parts");
    }
    if !media.is_live() {
        return;
    }
    if !control.can_block_reload {
        findings.add(&NO_BLOCKING, "", "CAN-BLOCK-RELOAD=YES is not there");
    }
    if control.can_skip_until.is_none() && media.duration() > 120.0 {
        findings.add(
            &NO_DELTA,
            "",
            format!("{:.0} s are listed", media.duration()),
        );
    }
    if !media.hints.iter().any(|hint| hint.kind == "PART") {
        findings.add(&NO_HINT, "", "the next part is not announced");
    }
}

fn check_hints(media: &Media, findings: &mut Findings) {
    for (number, hint) in media.hints.iter().enumerate() {
        let mut parts = media.all().flat_map(|segment| &segment.parts);
        let earlier = media.hints.iter().take(number);
        let starts_at = |part: &Part| part.byte_range.as_ref().map_or(0, |range| range.start);
        let fault = if !["PART", "MAP"].contains(&hint.kind.as_str()) {
            "its type is neither PART nor MAP"
        } else if earlier.into_iter().any(|other| other.kind == hint.kind) {
            "it is the second of its type"
        } else if media.ended {
            "the playlist has ended"
        } else if parts.any(|part| part.uri == hint.uri && starts_at(part) == hint.start) {
            "the part is listed already"
        } else {
            continue;
        };
        findings.add(&HINT, hint.line, fault);
    }
}

fn check_segment(segment: &Segment, age: f64, media: &Media, findings: &mut Findings) {
    let Some(first) = segment.parts.first() else {
        return;
    };
    // Those that are left of a whole segment are its last.
    let after: f64 = segment.parts.iter().skip(1).map(|part| part.duration).sum();
    let first_age = age + after;
    if first_age > 3.0 * media.target() + ROUNDING && media.target_duration.is_some() {
        let found = format!("its parts are up to {first_age:.1} s from the end");
        findings.add(&OLD_PARTS, segment.place(), found);
    }
    if let Some(target) = media.part_target {
        check_lengths(&segment.parts, target, findings);
    }
    if age + segment.length() > 3.0 * media.target() {
        // The first parts of it may be gone.
        return;
    }
    if media.independent_segments && !first.independent {
        findings.add(&FIRST_PART, first.line, "it is not marked as independent");
    }
    let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
    let tolerance = 0.001 * (segment.parts.len() as f64 + 1.0);
    if (sum - segment.length()).abs() > tolerance {
        let found = format!(
            "the parts are {sum:.5} s, the segment {:.5} s",
            segment.duration
        );
        findings.add(&PART_SUM, segment.place(), found);
    }
}

fn check_lengths(parts: &[Part], target: f64, findings: &mut Findings) {
    for (number, part) in parts.iter().enumerate() {
        if part.gap {
            findings.add(&PART_GAP, part.line, "the part is a gap");
        }
        if part.duration > target + ROUNDING {
            let found = format!("{} s, with a part target of {target} s", part.duration);
            findings.add(&PART_TOO_LONG, part.line, found);
        }
        // The last part of an open segment can still turn out to be its last.
        let next = parts.get(number + 1);
        let may_be_short = part.gap || part.independent || next.is_none_or(|next| next.gap);
        if !may_be_short && part.duration < 0.85 * target - ROUNDING {
            let found = format!("{} s, with a part target of {target} s", part.duration);
            findings.add(&PART_TOO_SHORT, part.line, found);
        }
    }
}

/// What the last decimal of a playlist may be off, in seconds.
const ROUNDING: f64 = 0.000_01;
