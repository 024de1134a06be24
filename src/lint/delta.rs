//! Playlist delta updates (rfc8216bis, 6.2.5.1).

use super::finding::Findings;
use super::media::Media;
use super::rule::rules;

rules! {
    NO_SKIP "delta-missing" Error "bis 6.2.5.1"
        "answer _HLS_skip=YES with #EXT-X-SKIP in place of all segments before the skip boundary";
    SKIPPED_RECENT "delta-too-much" Error "bis 4.4.5.2, 6.2.5.1"
        "skip only segments that are further from the end than CAN-SKIP-UNTIL";
    DIFFERENT "delta-different" Error "bis 6.2.5.1"
        "keep in delta updates everything of the playlist that is not skipped";
}

/// Compares `delta`, which was asked for by `_HLS_skip=YES`, with `whole`, which was received
/// immediately before.
pub(super) fn check(whole: &Media, delta: &Media, findings: &mut Findings) {
    let control = whole.control.unwrap_or_default();
    let Some(boundary) = control.can_skip_until.filter(|_| whole.is_live()) else {
        return;
    };
    let older: f64 = whole
        .segments
        .iter()
        .skip(1)
        .map(|segment| segment.duration)
        .sum();
    let Some((line, skipped)) = delta.skip else {
        if older > boundary && delta.is_live() {
            let found =
                format!("{older:.1} s are listed after the first segment, nothing is skipped");
            findings.add(&NO_SKIP, "", found);
        }
        return;
    };
    let first = delta.media_sequence.saturating_add(skipped);
    let after_last_skipped = whole.segments.iter().skip_while(|one| one.sequence < first);
    let known: f64 = after_last_skipped.map(|segment| segment.duration).sum();
    let came = delta
        .segments
        .iter()
        .filter(|one| one.sequence >= whole.next_sequence());
    let remaining = known + came.map(|segment| segment.duration).sum::<f64>();
    if remaining < boundary - ROUNDING {
        let found = format!("{remaining:.3} s remain, with CAN-SKIP-UNTIL={boundary}");
        findings.add(&SKIPPED_RECENT, line, found);
    }
    if delta.version < 9 {
        findings.add(&DIFFERENT, line, "#EXT-X-SKIP needs version 9");
    }
    compare(whole, delta, findings);
}

fn compare(whole: &Media, delta: &Media, findings: &mut Findings) {
    let heads = [
        (
            "target duration",
            whole.target_duration == delta.target_duration,
        ),
        ("part target", whole.part_target == delta.part_target),
        (
            "promise of independent segments",
            whole.independent_segments == delta.independent_segments,
        ),
        (
            "discontinuity sequence",
            whole.media_sequence != delta.media_sequence
                || whole.discontinuity_sequence == delta.discontinuity_sequence,
        ),
    ];
    for (what, _) in heads.iter().filter(|(_, is_same)| !is_same) {
        findings.add(&DIFFERENT, "", format!("its {what} is another"));
    }
    for new in &delta.segments {
        let Some(old) = whole
            .segment(new.sequence)
            .filter(|old| !old.uri.is_empty())
        else {
            continue;
        };
        let map = |map: &Option<std::sync::Arc<super::media::Map>>| {
            map.as_ref().map(|map| map.uri.clone())
        };
        let is_same = old.uri == new.uri
            && (old.duration - new.duration).abs() < 1e-9
            && old.discontinuity == new.discontinuity
            && old.date == new.date
            && old.gap == new.gap;
        if !is_same || map(&old.map) != map(&new.map) && new.map.is_some() {
            findings.add(&DIFFERENT, new.place(), "the segment is told of otherwise");
        }
    }
}

const ROUNDING: f64 = 0.000_01;
