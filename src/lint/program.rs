//! A multivariant playlist, and what must be the same in all its media playlists (rfc8216bis,
//! 6.2.4).

use super::finding::Findings;
use super::lines::{self, Content};
use super::media::Media;
use super::multivariant::{self, Multivariant};
use super::rule::rules;
use super::{session_keys, variants};

rules! {
    TARGETS "target-durations" Error "Apple 8.2; bis 6.2.4"
        "use the same target duration in all media playlists";
    TYPES "playlist-types" Error "bis 6.2.4"
        "give all media playlists the same #EXT-X-PLAYLIST-TYPE";
    DATES "program-date-times" Error "bis 6.2.4"
        "write #EXT-X-PROGRAM-DATE-TIME in all media playlists or in none";
    CONTROLS "server-controls" Error "bis 6.2.4"
        "write the same #EXT-X-SERVER-CONTROL in all media playlists";
    LENGTHS "content-durations" Warning "Apple 8.3; bis 6.2.4"
        "let all media playlists span the same content";
    DISCONTINUITIES "discontinuity-sequences" Error "Apple 8.13; bis 6.2.4"
        "write discontinuities at the same points of all media playlists, and count them alike";
}

/// What a URL leads to.
#[derive(Clone, Debug)]
pub enum Playlist {
    /// The playlist of a program.
    Multivariant(Multivariant),
    /// A media playlist, to be read by [`super::stream::Stream`].
    Media,
}

/// Tells what the playlist `bytes` is, and checks it if it is a multivariant one; `None` when it
/// is no playlist.
pub fn read(bytes: &[u8], findings: &mut Findings) -> Option<Playlist> {
    let mut faults = Findings::default();
    let entries = lines::read(bytes, &mut faults);
    let names: Vec<&str> = entries
        .iter()
        .flatten()
        .filter_map(|entry| match entry.content {
            Content::Tag { name, .. } => Some(name),
            Content::Uri(_) => None,
        })
        .collect();
    let is_media = names
        .iter()
        .any(|name| ["EXTINF", "EXT-X-TARGETDURATION"].contains(name));
    let is_multivariant = names.iter().any(|name| multivariant::TAGS.contains(name));
    if entries.is_some() && (is_media || !is_multivariant) {
        return Some(Playlist::Media);
    }
    for fault in faults {
        findings.add(fault.rule, fault.place, fault.found);
    }
    let playlist = Multivariant::read(&entries?, findings);
    variants::check(&playlist, findings);
    Some(Playlist::Multivariant(playlist))
}

/// Checks all media playlists of a program together; each has its URL, and `own` is that of the program.
pub fn check(
    own: &str,
    playlist: &Multivariant,
    all: &[(String, &Media)],
    findings: &mut Findings,
) {
    let promised = all.iter().all(|(_, media)| media.independent_segments);
    variants::check_promise(promised && !all.is_empty(), playlist, findings);
    session_keys::check(own, playlist, all, findings);
    let regular: Vec<&(String, &Media)> = all
        .iter()
        .filter(|(_, media)| !media.i_frames_only)
        .collect();
    let Some((first, rest)) = regular.split_first() else {
        return;
    };
    for other in rest {
        compare(first, other, findings);
    }
}

fn compare((_, one): &(String, &Media), (url, two): &(String, &Media), findings: &mut Findings) {
    if one.target_duration != two.target_duration {
        let found = format!("{} s, another has {} s", two.target(), one.target());
        findings.add(&TARGETS, url, found);
    }
    if one.playlist_type != two.playlist_type {
        findings.add(&TYPES, url, "it has another type, or none");
    }
    let has_date = |media: &Media| media.all().any(|segment| segment.date.is_some());
    if has_date(one) != has_date(two) {
        findings.add(&DATES, url, "some playlists have dates, others do not");
    }
    let control = |media: &Media| {
        media.control.map(|control| super::media::Control {
            line: super::finding::Line(0),
            ..control
        })
    };
    if control(one) != control(two) {
        findings.add(&CONTROLS, url, "its #EXT-X-SERVER-CONTROL is another");
    }
    let apart = (one.duration() - two.duration()).abs();
    if one.ended && two.ended && apart > one.target().max(1.0) {
        findings.add(&LENGTHS, url, format!("its length differs by {apart:.1} s"));
    }
    let together = one.media_sequence == two.media_sequence;
    if together && one.discontinuity_sequence != two.discontinuity_sequence {
        findings.add(&DISCONTINUITIES, url, "it counts other discontinuities");
    }
}
