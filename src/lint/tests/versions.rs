//! Faults that show when a playlist is read again, or with delivery directives.

use std::time::Duration;

use super::playlists::{URL, low_latency, plain, read};
use super::{Fault, assert_sound};
use crate::lint::finding::Findings;
use crate::lint::reload::{self, Reload};
use crate::lint::stream::{self, Stream};

/// The same playlist after a segment has come and one has gone.
fn later(text: &str) -> String {
    let text = text
        .replace("#EXT-X-MEDIA-SEQUENCE:7", "#EXT-X-MEDIA-SEQUENCE:8")
        .replace(
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:00:42.000Z\n#EXTINF:6.00000,\n7.ts\n",
            "",
        );
    text + "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:01:30.000Z\n#EXTINF:6.00000,\n15.ts\n"
}

/// Reads versions of a playlist, each so many seconds after the beginning.
fn watch(versions: &[(f64, &str)]) -> Findings {
    let mut findings = Findings::default();
    let mut stream = Stream::default();
    for (at, text) in versions {
        let now = Duration::from_secs_f64(*at);
        stream.playlist(text.as_bytes(), URL, &[URL], now, &mut findings);
    }
    findings
}

#[test]
fn a_playlist_may_move_on() {
    let (first, next) = (plain(), later(&plain()));
    assert_sound(&watch(&[
        (0.0, &first),
        (3.0, &first),
        (6.0, &next),
        (9.0, &next),
    ]));
    let first = low_latency();
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.2.m4s\"\n";
    let next = first.replace(
        hint,
        "#EXT-X-PART:DURATION=1.00000,URI=\"15.2.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.3.m4s\"\n",
    );
    assert_sound(&watch(&[(0.0, &first), (1.0, &next)]));
}

#[test]
fn an_event_may_grow_and_end() {
    let first = event(&plain());
    let next = first.clone()
        + "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:01:30.000Z\n#EXTINF:6.00000,\n15.ts\n";
    let last = next.clone() + "#EXT-X-ENDLIST\n";
    assert_sound(&watch(&[(0.0, &first), (6.0, &next), (9.0, &last)]));
}

fn event(text: &str) -> String {
    text.replace(
        "#EXT-X-VERSION",
        "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-VERSION",
    )
}

pub(super) fn faults() -> Vec<Fault> {
    let first = plain();
    let next = later(&first);
    let moved = |rule: &'static str, old: &str, new: &str| {
        let broken = next.replacen(old, new, 1);
        assert_ne!(broken, next, "{rule}");
        (rule, watch(&[(0.0, &first), (6.0, &broken)]))
    };
    let cut: String = next.split_inclusive('\n').take(20).collect();
    let mut faults = vec![
        moved("target-duration-changed", "DURATION:6", "DURATION:7"),
        moved("sequence-back", "SEQUENCE:8", "SEQUENCE:2"),
        moved("sequence-step", "SEQUENCE:8", "SEQUENCE:9"),
        moved("segment-changed", "9.ts", "9b.ts"),
        moved("segment-changed", "6.00000,\n9.ts", "5.90000,\n9.ts"),
        moved("segment-changed", "07:00:54.000", "07:00:54.100"),
        moved(
            "discontinuity-count",
            "DISCONTINUITY-SEQUENCE:0",
            "DISCONTINUITY-SEQUENCE:1",
        ),
        moved(
            "playlist-type-live",
            "#EXT-X-VERSION",
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-VERSION",
        ),
        (
            "event-untyped",
            watch(&[(0.0, &event(&first)), (6.0, &next)]),
        ),
        ("live-window-length", watch(&[(0.0, &first), (6.0, &next)])),
        ("segments-vanished", watch(&[(0.0, &next), (6.0, &cut)])),
    ];
    faults.extend(windows(&first));
    faults.extend(timings(&first, &next));
    faults.extend(parts());
    faults.extend(deltas());
    faults.extend(reloads());
    faults
}

fn windows(first: &str) -> Vec<Fault> {
    let head: String = first.split_inclusive('\n').take(7).collect();
    let short = |from: u64, count: u64| {
        let segments: String = (from..from + count)
            .map(|number| format!("#EXTINF:6.00000,\n{number}.ts\n"))
            .collect();
        head.replace("SEQUENCE:7", &format!("SEQUENCE:{from}")) + &segments
    };
    let ended = first.to_owned() + "#EXT-X-ENDLIST\n";
    let more = first.to_owned() + "#EXTINF:6.00000,\n15.ts\n#EXT-X-ENDLIST\n";
    vec![
        (
            "live-window",
            watch(&[(0.0, &short(7, 5)), (6.0, &short(8, 5))]),
        ),
        (
            "window-too-short",
            watch(&[(0.0, &short(7, 2)), (6.0, &short(8, 2))]),
        ),
        ("vod-changed", watch(&[(0.0, &ended), (6.0, &more)])),
    ]
}

fn timings(first: &str, next: &str) -> Vec<Fault> {
    let parts = low_latency();
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.2.m4s\"\n";
    let third = "#EXT-X-PART:DURATION=1.00000,URI=\"15.2.m4s\"\n";
    let more = parts.replace(hint, third);
    vec![
        // It came at 6 s, and nothing after that.
        (
            "segment-late",
            watch(&[(0.0, first), (6.0, next), (14.0, next), (15.1, next)]),
        ),
        (
            "part-late",
            watch(&[(0.0, &parts), (1.0, &more), (2.0, &more), (3.0, &more)]),
        ),
    ]
}

fn parts() -> Vec<Fault> {
    let parts = low_latency();
    let other = parts.replace("\"15.1.m4s\"", "\"15.1b.m4s\"");
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.2.m4s\"\n";
    let abandoned = parts.replace(hint, "#EXT-X-PART:DURATION=1.00000,URI=\"15.2b.m4s\"\n");
    vec![
        ("part-changed", watch(&[(0.0, &parts), (1.0, &other)])),
        (
            "preload-hint-abandoned",
            watch(&[(0.0, &parts), (1.0, &abandoned)]),
        ),
    ]
}

/// A playlist and its delta update: all but six of eight segments can be skipped.
fn delta() -> (String, String) {
    let whole = plain();
    let update = whole
        .replace("VERSION:3", "VERSION:9")
        .replace(
            "HOLD-BACK=18.0\n",
            "HOLD-BACK=18.0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n",
        )
        .replace(
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:00:42.000Z\n#EXTINF:6.00000,\n7.ts\n",
            "",
        )
        .replace(
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:00:48.000Z\n#EXTINF:6.00000,\n8.ts\n",
            "",
        );
    (whole, update)
}

fn check_delta(whole: &str, update: &str) -> Findings {
    let mut findings = Findings::default();
    stream::check_delta(whole.as_bytes(), update.as_bytes(), &mut findings);
    findings
}

#[test]
fn a_delta_update_may_skip_what_is_old() {
    let (whole, update) = delta();
    assert_sound(&check_delta(&whole, &update));
}

fn deltas() -> Vec<Fault> {
    let (whole, update) = delta();
    let more = update
        .replace("SEGMENTS=2", "SEGMENTS=3")
        .replace("#EXTINF:6.00000,\n9.ts\n", "");
    vec![
        ("delta-missing", check_delta(&whole, &whole)),
        ("delta-too-much", check_delta(&whole, &more)),
        (
            "delta-different",
            check_delta(&whole, &update.replace("9.ts", "9b.ts")),
        ),
        (
            "delta-different",
            check_delta(&whole, &update.replace("VERSION:9", "VERSION:8")),
        ),
    ]
}

fn reloads() -> Vec<Fault> {
    let media = read(low_latency().as_bytes()).0.unwrap();
    let asked = |sequence, part, status, waited| Reload {
        sequence,
        part,
        status,
        media: (status == 200).then_some(&media),
        waited,
    };
    let forbidden = |reload: Reload<'_>| {
        let mut findings = Findings::default();
        reload::check_forbidden(&reload, &mut findings);
        findings
    };
    let allowed = |reload: Reload<'_>| {
        let mut findings = Findings::default();
        reload::check(&reload, 6.0, &mut findings);
        findings
    };
    let mut hinted = [
        Findings::default(),
        Findings::default(),
        Findings::default(),
    ];
    let [missing, slow, removed] = &mut hinted;
    reload::check_hinted("p", 404, true, 0.0, 1.0, missing);
    reload::check_hinted("p", 200, true, 0.9, 1.0, slow);
    reload::check_removed("segment 7", 404, 1.0, removed);
    let [missing, slow, removed] = hinted;
    vec![
        (
            "reload-part-alone",
            forbidden(asked(None, Some(0), 200, 0.0)),
        ),
        (
            "reload-too-far",
            forbidden(asked(Some(25), None, 503, 18.0)),
        ),
        (
            "reload-refused",
            allowed(asked(Some(15), Some(2), 400, 0.0)),
        ),
        ("reload-early", allowed(asked(Some(15), Some(2), 200, 0.0))),
        ("reload-late", allowed(asked(Some(15), Some(1), 200, 20.0))),
        ("preload-hint-unavailable", missing),
        ("preload-hint-slow", slow),
        ("removed-media", removed),
    ]
}

#[test]
fn what_must_be_refused_is_asked_for() {
    let media = read(low_latency().as_bytes()).0.unwrap();
    let asked = reload::forbidden(&media);
    assert_eq!(
        asked,
        [(Some(25), None), (None, Some(0)), (Some(15), Some(105))]
    );
}
