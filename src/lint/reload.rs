//! Answers to playlist requests with delivery directives (rfc8216bis, 6.2.5.2 and 6.2.6).

use std::fmt::{self, Display};

use super::finding::Findings;
use super::media::Media;
use super::rule::rules;

rules! {
    PART_ALONE "reload-part-alone" Error "bis 6.2.5.2"
        "answer 400 to _HLS_part without _HLS_msn";
    TOO_FAR "reload-too-far" Warning "bis 6.2.5.2"
        "answer 400 at once when _HLS_msn is more than two beyond the last segment, or _HLS_part beyond the advance part limit";
    REFUSED "reload-refused" Error "bis 6.2.5.2"
        "answer 200 to what players ask for: the next segment or part, and what is listed already or no longer";
    EARLY "reload-early" Error "bis 6.2.5.2"
        "hold the answer back until the playlist holds what was asked for";
    LATE "reload-late" Error "bis 6.2.5.2"
        "answer when the playlist holds what was asked for, and 503 after three target durations";
    HINTED "preload-hint-unavailable" Error "bis 6.2.6"
        "hold requests for the hinted part back until it is there, and send it then";
    TRICKLED "preload-hint-slow" Warning "bis 6.2.6"
        "send no byte of a part before all of it can be sent";
    REMOVED "removed-media" Error "bis 6.2.2"
        "keep removed segments for their duration and that of the longest playlist since they came, and parts for three target durations";
}

/// What a playlist was asked for, and what came.
#[derive(Clone, Debug)]
pub struct Reload<'a> {
    /// `_HLS_msn`.
    pub sequence: Option<u64>,
    /// `_HLS_part`.
    pub part: Option<u64>,
    /// The status of the answer.
    pub status: u16,
    /// What came, if it was a playlist.
    pub media: Option<&'a Media>,
    /// How long it took, in seconds.
    pub waited: f64,
}

impl Display for Reload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.sequence.map(|number| format!("_HLS_msn={number}"));
        let part = self.part.map(|number| format!("_HLS_part={number}"));
        let directives: Vec<String> = sequence.into_iter().chain(part).collect();
        f.write_str(&directives.join("&"))
    }
}

/// Directives that must be refused, given the newest playlist.
pub fn forbidden(media: &Media) -> Vec<(Option<u64>, Option<u64>)> {
    let next = media.next_sequence();
    let mut list = vec![(Some(next.saturating_add(10)), None)];
    if let Some(target) = media.part_target {
        list.push((None, Some(0)));
        let limit = if target < 1.0 {
            (3.0 / target).ceil()
        } else {
            3.0
        };
        let listed = media.open.as_ref().map_or(0, |open| open.parts.len());
        let far = (listed as u64)
            .saturating_add(limit as u64)
            .saturating_add(100);
        list.push((Some(next), Some(far)));
    }
    list
}

/// Checks the answer to what must be refused.
pub fn check_forbidden(reload: &Reload<'_>, findings: &mut Findings) {
    // What was too far ahead may have come meanwhile.
    let came = |media: &Media| Some(media.next_sequence()) > reload.sequence;
    if reload.status == 400 || reload.sequence.is_some() && reload.media.is_some_and(came) {
        return;
    }
    let rule = if reload.sequence.is_none() {
        &PART_ALONE
    } else {
        &TOO_FAR
    };
    findings.add(rule, reload, format!("the answer is {}", reload.status));
}

/// Checks the answer to what a player may ask for while the playlist's target duration is `target`.
pub fn check(reload: &Reload<'_>, target: f64, findings: &mut Findings) {
    if reload.waited > 3.0 * target + 1.0 {
        let found = format!("the answer took {:.1} s", reload.waited);
        findings.add(&LATE, reload, found);
    }
    let Some(media) = reload.media.filter(|_| reload.status == 200) else {
        // Giving up after that time is what the protocol asks for.
        if reload.status != 503 || reload.waited < 2.5 * target {
            let found = format!(
                "the answer is {} after {:.1} s",
                reload.status, reload.waited
            );
            findings.add(&REFUSED, reload, found);
        }
        return;
    };
    let Some(sequence) = reload.sequence.filter(|_| !media.ended) else {
        return;
    };
    let listed = media.open.as_ref().map_or(0, |open| open.parts.len()) as u64;
    let next = media.next_sequence();
    let is_there = match reload.part {
        None => next > sequence,
        Some(part) => next > sequence || next == sequence && listed > part,
    };
    if !is_there {
        let found = format!("it came after {:.2} s, and ends before", reload.waited);
        findings.add(&EARLY, reload, found);
    }
}

/// Checks the answer to a request for a hinted part of at most `target` seconds, of which the
/// first byte came after `waited` seconds and the last `trickled` seconds later.
pub fn check_hinted(
    uri: &str,
    status: u16,
    was_published: bool,
    trickled: f64,
    target: f64,
    findings: &mut Findings,
) {
    let is_success = matches!(status, 200 | 206);
    if was_published && !is_success {
        findings.add(
            &HINTED,
            uri,
            format!("the answer is {status}, and the part came"),
        );
    }
    if is_success && trickled > 0.8 * target {
        let found = format!("its bytes came over {trickled:.2} s");
        findings.add(&TRICKLED, uri, found);
    }
}

/// Checks the answer to a request for what has left the playlist and must be there still.
pub fn check_removed(what: &str, status: u16, since: f64, findings: &mut Findings) {
    if !matches!(status, 200 | 206) {
        let found = format!("the answer is {status}, {since:.1} s after it left the playlist");
        findings.add(&REMOVED, what, found);
    }
}
