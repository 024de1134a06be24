//! Keys that a multivariant playlist tells of, held against those of its media playlists (rfc8216bis,
//! 4.4.6.5).

use super::finding::Findings;
use super::media::{Key, Media, absolute};
use super::multivariant::Multivariant;
use super::rule::rules;

rules! {
    MISSING "session-key" Advice "Apple, CMAF"
        "tell of the key by #EXT-X-SESSION-KEY, so that players load it early";
    pub(super) NONE "session-key-none" Error "bis 4.4.6.5"
        "leave #EXT-X-SESSION-KEY out where there is no key";
    REPEATED "session-key-repeated" Error "bis 4.4.6.5"
        "tell of each key once";
    MISMATCH "session-key-mismatch" Error "bis 4.4.6.5"
        "tell of a key by the METHOD, KEYFORMAT and KEYFORMATVERSIONS of the #EXT-X-KEY with the same URI";
}

/// Checks the keys of `playlist`, which is at `own`; all its media playlists have their URLs.
pub(super) fn check(
    own: &str,
    playlist: &Multivariant,
    all: &[(String, &Media)],
    findings: &mut Findings,
) {
    let told = &playlist.session_keys;
    let is_encrypted = |media: &Media| media.all().any(|segment| !segment.keys.is_empty());
    if told.is_empty() && all.iter().any(|(_, media)| is_encrypted(media)) {
        let found = "segments are encrypted, and it is not there";
        findings.add(&MISSING, "", found);
    }
    for (number, key) in told.iter().enumerate() {
        if told.iter().take(number).any(|other| is_same(key, other)) {
            findings.add(&REPEATED, key.line, "the same stands there before");
        }
        let other = all.iter().find_map(|(url, media)| {
            let used = media.all().flat_map(|segment| segment.keys.iter());
            let mut used = used.filter(|other| place(url, other) == place(own, key));
            used.find(|other| manner(other) != manner(key))
        });
        if let Some(other) = other {
            let found = format!(
                "it is {}, and the media playlist's is {}",
                manner(key).join(" "),
                manner(other).join(" ")
            );
            findings.add(&MISMATCH, key.line, found);
        }
    }
}

fn is_same(one: &Key, other: &Key) -> bool {
    manner(one) == manner(other) && one.uri == other.uri && one.iv == other.iv
}

/// What must be the same of all keys that are at one place.
fn manner(key: &Key) -> [&str; 3] {
    [&key.method, &key.format, &key.versions]
}

/// Where a key is that the playlist at `url` tells of.
fn place(url: &str, key: &Key) -> Option<String> {
    key.uri.as_deref().map(|uri| absolute(url, uri))
}
