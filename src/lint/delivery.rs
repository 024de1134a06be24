//! How playlists and segments are delivered by HTTP (the authoring specification, 8.18, 8.24, 10
//! and 11; rfc8216bis, 4 and 6.2.1).

use std::time::{Duration, SystemTime};

use super::finding::Findings;
use super::rule::rules;

rules! {
    pub STATUS "status" Error "bis 6.2.1"
        "serve everything that a playlist tells of, at the latest when it tells of it";
    PLAYLIST_TYPE "media-type-playlist" Error "Apple 10.4; bis 4"
        "send playlists as application/vnd.apple.mpegurl";
    MEDIA_TYPE "media-type" Warning "Apple 10.4"
        "send video/mp2t for transport streams, video/mp4, audio/mp4 or video/iso.segment for fragmented MP4, audio/aac and audio/mpeg for packed audio";
    NOT_PACKED "gzip" Warning "Apple 10.1; bis 6.2.1"
        "send playlists with Content-Encoding: gzip to clients that accept it";
    REDIRECT "redirect" Warning "Apple 8.18"
        "let playlists tell of media where it is, without redirects";
    STALE "last-modified" Warning "Apple 8.24"
        "send Date, and as Last-Modified when the playlist has changed last";
    CACHED "playlist-cached" Error "bis 6.3.4"
        "let caches keep live playlists for at most half a target duration";
    UNCACHED "media-uncached" Advice "bis B.1"
        "let caches keep segments: send Cache-Control with max-age";
    CORS "cross-origin" Advice "Fetch 3.2"
        "send Access-Control-Allow-Origin, so that pages of other sites can play";
    RANGES "byte-ranges" Error "bis 4.4.4.2"
        "answer requests for byte ranges with 206";
    EMPTY "empty-media" Error "bis 6.2.1"
        "send the bytes of every segment";
    PLAIN_HTTP "tls" Advice "Apple 11.1"
        "serve by HTTPS";
    HTTP2 "http2" Warning "bis B.1"
        "offer HTTP/2 for low latency";
}

/// What was answered to a request for something that is there.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The status, after redirects.
    pub status: u16,
    /// How many redirects led there.
    pub redirects: usize,
    /// Whether the request had a `Range`.
    pub ranged: bool,
    /// `Content-Type` without parameters, in small letters.
    pub content_type: String,
    /// `Content-Encoding`, in small letters.
    pub content_encoding: String,
    /// `Cache-Control`.
    pub cache_control: String,
    /// Whether there is `Access-Control-Allow-Origin`.
    pub cross_origin: bool,
    /// `Date`.
    pub date: Option<SystemTime>,
    /// `Last-Modified`.
    pub modified: Option<SystemTime>,
    /// How many bytes the body has, unpacked.
    pub size: usize,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A playlist, which is live with this target duration or does not change.
    Playlist(Option<Duration>),
    /// A segment or a part.
    Media,
    /// An initialisation segment.
    Map,
    /// A key.
    Key,
}

/// Checks the answer to a request for `asked` at `place`.
pub fn check(asked: Asked, delivery: &Delivery, place: &str, findings: &mut Findings) {
    if delivery.redirects > 0 && asked != Asked::Key {
        let found = format!("{} redirects", delivery.redirects);
        findings.add(&REDIRECT, place, found);
    }
    let wanted = if delivery.ranged { 206 } else { 200 };
    if delivery.ranged && delivery.status == 200 {
        findings.add(&RANGES, place, "all of it was sent, with status 200");
    } else if delivery.status != wanted {
        findings.add(&STATUS, place, format!("the answer is {}", delivery.status));
        return;
    }
    if delivery.size == 0 {
        findings.add(&EMPTY, place, "the answer has no content");
    }
    if !delivery.cross_origin {
        findings.add(&CORS, place, "it is not there");
    }
    match asked {
        Asked::Playlist(live) => check_playlist(live, delivery, place, findings),
        Asked::Media | Asked::Map => check_media(delivery, place, findings),
        Asked::Key => {}
    }
}

fn check_playlist(
    live: Option<Duration>,
    delivery: &Delivery,
    place: &str,
    findings: &mut Findings,
) {
    let kind = delivery.content_type.as_str();
    let is_named = place
        .split('?')
        .next()
        .is_some_and(|path| path.ends_with(".m3u8") || path.ends_with(".m3u"));
    let is_typed = ["application/vnd.apple.mpegurl", "audio/mpegurl"].contains(&kind);
    if !is_typed {
        let named = if is_named {
            ""
        } else {
            ", and the URL does not end in .m3u8"
        };
        findings.add(
            &PLAYLIST_TYPE,
            place,
            format!("the type is {kind:?}{named}"),
        );
    }
    if delivery.content_encoding != "gzip" {
        findings.add(
            &NOT_PACKED,
            place,
            "it was sent without, though gzip was accepted",
        );
    }
    let Some(target) = live else {
        return;
    };
    let age = max_age(&delivery.cache_control);
    if let Some(age) = age.filter(|age| *age > target.as_secs().max(1)) {
        let found = format!(
            "max-age={age}, with a target duration of {} s",
            target.as_secs()
        );
        findings.add(&CACHED, place, found);
    }
    if let (Some(date), Some(modified)) = (delivery.date, delivery.modified) {
        let behind = date.duration_since(modified).unwrap_or_default();
        if behind > 3 * target {
            let found = format!("Last-Modified is {} s before Date", behind.as_secs());
            findings.add(&STALE, place, found);
        }
    }
}

fn check_media(delivery: &Delivery, place: &str, findings: &mut Findings) {
    let kind = delivery.content_type.as_str();
    let path = place.split('?').next().unwrap_or_default();
    let extension = path.rsplit('.').next().unwrap_or_default();
    let allowed: &[&str] = match extension {
        "ts" => &["video/mp2t"],
        "mp4" | "m4s" | "m4v" | "m4a" | "cmfv" | "cmfa" => &[
            "video/mp4",
            "audio/mp4",
            "video/iso.segment",
            "audio/iso.segment",
        ],
        "aac" => &["audio/aac"],
        "mp3" => &["audio/mpeg"],
        _ => return,
    };
    if !allowed.contains(&kind) {
        let found = format!("the type is {kind:?}, not {}", allowed.join(" or "));
        findings.add(&MEDIA_TYPE, place, found);
    }
    let is_forbidden = ["no-store", "no-cache", "private"]
        .iter()
        .any(|word| delivery.cache_control.contains(word));
    if is_forbidden || max_age(&delivery.cache_control) == Some(0) {
        let found = format!("Cache-Control is {:?}", delivery.cache_control);
        findings.add(&UNCACHED, place, found);
    }
}

/// Checks how the connection was made.
pub fn check_connection(
    is_secure: bool,
    is_http2: bool,
    is_low_latency: bool,
    findings: &mut Findings,
) {
    if !is_secure {
        findings.add(&PLAIN_HTTP, "", "it was reached by HTTP");
    }
    if is_low_latency && !is_http2 {
        findings.add(&HTTP2, "", "the server did not agree to HTTP/2");
    }
}

fn max_age(cache_control: &str) -> Option<u64> {
    let mut directives = cache_control.split(',').map(str::trim);
    directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok())
}
