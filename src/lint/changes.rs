//! How a media playlist may change while it is watched (rfc8216bis, 6.2.1 and 6.2.2).

use std::time::Duration;

use super::finding::Findings;
use super::media::{Media, PlaylistType, Segment};
use super::rule::rules;

rules! {
    TARGET "target-duration-changed" Error "Apple 7.7; bis 6.2.1"
        "keep the target duration: announce the longest that can come from the beginning";
    BACK "sequence-back" Error "bis 6.2.2"
        "never let #EXT-X-MEDIA-SEQUENCE go back, not even when the server or the encoder begins anew";
    REMOVED_COUNT "sequence-step" Error "bis 6.2.2"
        "raise #EXT-X-MEDIA-SEQUENCE by 1 for every segment that is removed";
    CHANGED "segment-changed" Error "bis 6.2.1"
        "never change what a playlist has told of a segment";
    SHORTER "segments-vanished" Error "bis 6.2.1"
        "append segments, and remove them from the beginning only; let caches keep live playlists for less than a target duration";
    DISCONTINUITIES "discontinuity-count" Error "bis 6.2.2"
        "raise #EXT-X-DISCONTINUITY-SEQUENCE by 1 for every discontinuity that is removed";
    SHORT_WINDOW "window-too-short" Error "bis 6.2.2"
        "keep segments listed until three target durations remain without them";
    FEW_SEGMENTS "live-window" Warning "Apple 8.11"
        "list at least six segments of a live program";
    SHORT_DVR "live-window-length" Advice "Apple 8.12"
        "list at least 15 minutes of a live program, so that viewers can go back";
    TYPED "playlist-type-live" Error "Apple 8.8; bis 6.2.2"
        "leave #EXT-X-PLAYLIST-TYPE out of playlists from which segments are removed";
    UNTYPED "event-untyped" Error "bis 6.2.1"
        "keep #EXT-X-PLAYLIST-TYPE:EVENT: who has read it counts on everything to stay";
    CHANGED_VOD "vod-changed" Error "bis 6.2.1"
        "never change a playlist of the type VOD, or one that has ended, but for removing segments";
    STALLED "segment-late" Error "bis 6.2.1"
        "add a segment at least every 1.5 target durations: check the encoder and the network to it";
    PART_LATE "part-late" Warning "bis 6.2.1"
        "add a part within one part target of the one before: check the encoder and the network to it";
    PARTS "part-changed" Error "bis 6.2.1"
        "never change what a playlist has told of a part, and remove the oldest parts only";
    HINT "preload-hint-abandoned" Warning "bis 6.2.6"
        "publish the part that was announced, under the URI that was announced";
}

/// A playlist that is looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Option<Media>,
    /// When it was looked at last, since any beginning.
    looked: Duration,
    /// When the newest segment was seen first; `None` until one has been seen to come.
    segment: Option<Duration>,
    part: Option<Duration>,
}

impl Watch {
    /// Compares `media`, which was received at `now`, with what was seen before.
    pub(super) fn see(&mut self, media: &Media, now: Duration, findings: &mut Findings) {
        if let Some(before) = &self.last {
            check(before, media, findings);
            if media.is_live() && before.is_live() {
                let step = Step {
                    before,
                    after: media,
                    now,
                    slack: now.saturating_sub(self.looked).as_secs_f64(),
                };
                self.segment = step.segment(self.segment, findings);
                self.part = step.part(self.part, findings);
            }
        }
        self.looked = now;
        self.last = Some(media.clone());
    }

    /// What was seen last.
    pub(super) fn last(&self) -> Option<&Media> {
        self.last.as_ref()
    }
}

/// Two looks at a live playlist.
struct Step<'a> {
    before: &'a Media,
    after: &'a Media,
    now: Duration,
    /// Seconds since the look before, by which an observed time can be wrong.
    slack: f64,
}

impl Step<'_> {
    fn segment(&self, last: Option<Duration>, findings: &mut Findings) -> Option<Duration> {
        let is_new = self.after.next_sequence() > self.before.next_sequence();
        let limit = 1.5 * self.after.target();
        let is_late = self.report_late(&STALLED, limit, last, "segment", is_new, findings);
        // One stall is told of once.
        if is_new || is_late {
            Some(self.now)
        } else {
            last
        }
    }

    fn part(&self, last: Option<Duration>, findings: &mut Findings) -> Option<Duration> {
        let target = self.after.part_target?;
        let is_new = end_of_parts(self.after) > end_of_parts(self.before);
        let limit = target + PART_JITTER;
        let is_late = self.report_late(&PART_LATE, limit, last, "part", is_new, findings);
        if is_new || is_late {
            Some(self.now)
        } else {
            last
        }
    }

    fn report_late(
        &self,
        rule: &'static super::rule::Rule,
        limit: f64,
        last: Option<Duration>,
        what: &str,
        is_new: bool,
        findings: &mut Findings,
    ) -> bool {
        let Some(last) = last else {
            return false;
        };
        let waited = self.now.saturating_sub(last).as_secs_f64();
        // What has not come yet is late for certain; what has come can have come since the last look.
        let slack = if is_new { self.slack.min(limit) } else { 0.0 };
        let is_late = waited - slack > limit;
        if is_late {
            let verb = if is_new { "came" } else { "has not come" };
            let found = format!("a {what} {verb} {waited:.2} s after the one before");
            findings.add(
                rule,
                format!("segment {}", self.after.next_sequence()),
                found,
            );
        }
        is_late
    }
}

/// Checks that `after` is what `before` may become.
fn check(before: &Media, after: &Media, findings: &mut Findings) {
    if before.target_duration != after.target_duration {
        let found = format!("from {} s to {} s", before.target(), after.target());
        findings.add(&TARGET, "", found);
    }
    if after.media_sequence < before.media_sequence {
        let found = format!("from {} to {}", before.media_sequence, after.media_sequence);
        return findings.add(&BACK, "", found);
    }
    if before.playlist_type == Some(PlaylistType::Event) && after.playlist_type.is_none() {
        findings.add(&UNTYPED, "", "the playlist was of the type EVENT");
    }
    if before.playlist_type == Some(PlaylistType::Vod) && before.segments != after.segments {
        findings.add(
            &CHANGED_VOD,
            "",
            "the playlist is of the type VOD and has changed",
        );
    }
    if before.ended && after.next_sequence() > before.next_sequence() {
        findings.add(&CHANGED_VOD, "", "segments came after the end");
    }
    if after.next_sequence() < before.next_sequence() {
        let (old, new) = (before.next_sequence(), after.next_sequence());
        let found = format!(
            "the last was {}, and is {}",
            old.saturating_sub(1),
            new.saturating_sub(1)
        );
        findings.add(&SHORTER, "", found);
    }
    if !check_numbers(before, after, findings) {
        check_segments(before, after, findings);
    }
    check_discontinuities(before, after, findings);
    if after.media_sequence > before.media_sequence {
        check_window(before, after, findings);
    }
    check_hint(before, after, findings);
}

/// Whether the segments are called by other numbers than before.
fn check_numbers(before: &Media, after: &Media, findings: &mut Findings) -> bool {
    let known = before.segments.iter().find_map(|old| {
        let same = |new: &&Segment| new.uri == old.uri && new.byte_range == old.byte_range;
        let new = after.segments.iter().find(same)?;
        Some((old.sequence, new.sequence))
    });
    match known {
        Some((old, new)) if old != new => {
            let found = format!("segment {old} is segment {new} now");
            findings.add(&REMOVED_COUNT, "", found);
            true
        }
        _ => false,
    }
}

fn check_segments(before: &Media, after: &Media, findings: &mut Findings) {
    for old in before.all() {
        let Some(new) = after.segment(old.sequence) else {
            continue;
        };
        let is_whole = !old.uri.is_empty();
        let map = |segment: &Segment| segment.map.as_ref().map(|map| map.uri.clone());
        let key = |segment: &Segment| segment.keys.first().map(|key| (key.uri.clone(), key.iv));
        let changed = [
            ("URI", is_whole && old.uri != new.uri),
            (
                "duration",
                is_whole && (old.duration - new.duration).abs() > 1e-9,
            ),
            ("byte range", is_whole && old.byte_range != new.byte_range),
            ("discontinuity", old.discontinuity != new.discontinuity),
            ("date", old.date.is_some() && old.date != new.date),
            ("initialisation segment", map(old) != map(new)),
            ("key", key(old) != key(new)),
        ];
        for (what, _) in changed.iter().filter(|(_, has_changed)| *has_changed) {
            findings.add(&CHANGED, new.place(), format!("its {what} has changed"));
        }
        check_parts(old, new, findings);
    }
}

/// The parts that are still there must be the last of those that were, and those that came.
fn check_parts(old: &Segment, new: &Segment, findings: &mut Findings) {
    let Some(first) = new.parts.first() else {
        return;
    };
    if old.parts.is_empty() {
        return;
    }
    let is_same =
        |old: &&super::media::Part| old.uri == first.uri && old.byte_range == first.byte_range;
    let kept = old.parts.iter().skip_while(|old| !is_same(old));
    let is_whole = !old.uri.is_empty();
    let (mut number, mut has_changed) = (0, false);
    for part in kept {
        let other = new.parts.get(number);
        let same = other.is_some_and(|other| {
            other.uri == part.uri
                && (other.duration - part.duration).abs() < 1e-9
                && other.independent == part.independent
        });
        has_changed |= !same;
        number += 1;
    }
    let came = is_whole && new.parts.len() > number;
    if number == 0 || has_changed || came {
        let found = "its parts are others than they were";
        findings.add(&PARTS, new.place(), found);
    }
}

/// The number of discontinuities before each segment must stay.
fn check_discontinuities(before: &Media, after: &Media, findings: &mut Findings) {
    let (Some(old), Some(new)) = (before.discontinuity_sequence, after.discontinuity_sequence)
    else {
        return;
    };
    let is_removed = |segment: &&Segment| segment.sequence < after.media_sequence;
    let removed = before.all().take_while(is_removed);
    let count = removed.filter(|segment| segment.discontinuity).count() as u64;
    // Those of segments that came and went between two looks are not known.
    let is_known = after.media_sequence <= before.next_sequence();
    let is_wrong = new < old || is_known && new != old.saturating_add(count);
    if is_wrong {
        let found = format!("from {old} to {new}, and {count} discontinuities were removed");
        findings.add(&DISCONTINUITIES, "", found);
    }
}

/// Segments have been removed.
fn check_window(before: &Media, after: &Media, findings: &mut Findings) {
    if let Some(kind) = after.playlist_type {
        findings.add(
            &TYPED,
            "",
            format!("segments were removed, and the type is {kind:?}"),
        );
    }
    if !after.is_live() || !before.is_live() {
        return;
    }
    let duration = after.duration();
    if duration < 3.0 * after.target() - 0.001 {
        let found = format!(
            "{duration:.1} s remain, with a target duration of {} s",
            after.target()
        );
        findings.add(&SHORT_WINDOW, "", found);
    }
    let count = after.segments.len();
    if count < 6 {
        findings.add(&FEW_SEGMENTS, "", format!("{count} segments are listed"));
    }
    if duration < 15.0 * 60.0 {
        findings.add(&SHORT_DVR, "", format!("{duration:.0} s are listed"));
    }
}

/// The part that was announced must be the next that came.
fn check_hint(before: &Media, after: &Media, findings: &mut Findings) {
    let Some(hint) = before.hints.iter().find(|hint| hint.kind == "PART") else {
        return;
    };
    let (sequence, number) = end_of_parts(before);
    let next = |(sequence, number): (u64, usize)| after.segment(sequence)?.parts.get(number);
    let came = next((sequence, number)).or_else(|| {
        let is_over = after.next_sequence() > sequence;
        is_over.then(|| next((sequence + 1, 0))).flatten()
    });
    if let Some(part) = came.filter(|part| part.uri != hint.uri) {
        let found = format!("{} was announced, {} came", hint.uri, part.uri);
        findings.add(&HINT, part.line, found);
    }
}

/// The segment and the number in it of the part that comes next.
fn end_of_parts(media: &Media) -> (u64, usize) {
    let parts = media.open.as_ref().map_or(0, |open| open.parts.len());
    (media.next_sequence(), parts)
}

/// How much later than the part target a part may come, in seconds: encoders and networks are
/// not even.
const PART_JITTER: f64 = 0.25;
