//! Faults of delivery by HTTP.

use std::time::{Duration, UNIX_EPOCH};

use super::{Fault, assert_sound};
use crate::lint::delivery::{self, Asked, Delivery};
use crate::lint::finding::Findings;

fn playlist() -> Delivery {
    Delivery {
        status: 200,
        content_type: "application/vnd.apple.mpegurl".to_owned(),
        content_encoding: "gzip".to_owned(),
        cache_control: "max-age=3".to_owned(),
        cross_origin: true,
        date: Some(UNIX_EPOCH + Duration::from_secs(100)),
        modified: Some(UNIX_EPOCH + Duration::from_secs(97)),
        size: 1000,
        ..Delivery::default()
    }
}

fn segment() -> Delivery {
    Delivery {
        content_type: "video/mp2t".to_owned(),
        content_encoding: String::new(),
        cache_control: "max-age=86400".to_owned(),
        ..playlist()
    }
}

const LIVE: Asked = Asked::Playlist(Some(Duration::from_secs(6)));

fn check(asked: Asked, delivery: &Delivery, place: &str) -> Findings {
    let mut findings = Findings::default();
    delivery::check(asked, delivery, place, &mut findings);
    findings
}

#[test]
fn sound_answers_are_found_sound() {
    assert_sound(&check(LIVE, &playlist(), "/media.m3u8"));
    assert_sound(&check(Asked::Media, &segment(), "/7.ts"));
}

pub(super) fn faults() -> Vec<Fault> {
    let of_playlist = |rule, change: fn(&mut Delivery)| {
        let mut delivery = playlist();
        change(&mut delivery);
        (rule, check(LIVE, &delivery, "/media.m3u8"))
    };
    let of_segment = |rule, change: fn(&mut Delivery)| {
        let mut delivery = segment();
        change(&mut delivery);
        (rule, check(Asked::Media, &delivery, "/7.ts"))
    };
    let mut connection = Findings::default();
    delivery::check_connection(false, false, true, &mut connection);
    let mut plain = Findings::default();
    delivery::check_connection(false, true, true, &mut plain);
    vec![
        of_playlist("status", |answer| answer.status = 404),
        of_playlist("media-type-playlist", |answer| {
            answer.content_type = "text/plain".to_owned()
        }),
        of_playlist("gzip", |answer| answer.content_encoding.clear()),
        of_playlist("playlist-cached", |answer| {
            answer.cache_control = "max-age=60".to_owned()
        }),
        of_playlist("last-modified", |answer| answer.modified = Some(UNIX_EPOCH)),
        of_playlist("redirect", |answer| answer.redirects = 1),
        of_playlist("cross-origin", |answer| answer.cross_origin = false),
        of_playlist("empty-media", |answer| answer.size = 0),
        of_segment("media-type", |answer| {
            answer.content_type = "video/mp4".to_owned()
        }),
        of_segment("media-uncached", |answer| {
            answer.cache_control = "no-store".to_owned()
        }),
        of_segment("byte-ranges", |answer| answer.ranged = true),
        ("http2", connection),
        ("tls", plain),
    ]
}
