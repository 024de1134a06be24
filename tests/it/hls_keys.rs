//! Encrypted channels and titles by HLS, as players ask for them over HTTP.

use std::path::Path;
use std::time::Duration;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use cbc::Decryptor;
use reelcast::base::path::MediaPath;
use reelcast::config::{Config, KeyCount, Method};
use reelcast::container::{self, Role};
use reelcast::lint::finding::Findings;
use reelcast::lint::stream::Stream;

use super::hls::{get, number, text};
use super::support::clip::Clip;
use super::support::server::Server;

fn start(encryption: impl FnOnce(&mut Config)) -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.window = Duration::from_secs(20);
        config.hls.start_wait = Duration::from_secs(5);
        encryption(config);
    })
}

/// A file that a playlist tells of, and how it is encrypted.
struct Listed<'p> {
    uri: &'p str,
    is_part: bool,
    key: &'p str,
    iv: [u8; 16],
}

fn quoted<'p>(line: &'p str, name: &str) -> &'p str {
    let value = line.split_once(&format!("{name}=\"")).unwrap().1;
    value.split_once('"').unwrap().0
}

/// The parts and segments of a playlist.
fn listed(playlist: &str) -> Vec<Listed<'_>> {
    let (mut key, mut iv, mut files) = ("", 0, Vec::new());
    for line in playlist.lines() {
        if line.starts_with("#EXT-X-KEY:METHOD=AES-128,") {
            key = quoted(line, "URI");
            let digits = line.rsplit_once("IV=0x").unwrap().1;
            iv = u128::from_str_radix(digits, 16).unwrap();
        }
        let is_part = line.starts_with("#EXT-X-PART:");
        if is_part || !line.starts_with('#') {
            files.push(Listed {
                uri: if is_part { quoted(line, "URI") } else { line },
                is_part,
                key,
                iv: iv.to_be_bytes(),
            });
        }
    }
    files
}

/// The file of that name in the clear; `None` when the key does not fit.
fn open(data: &[u8], key: [u8; 16], iv: [u8; 16]) -> Option<Vec<u8>> {
    let decryptor = Decryptor::<Aes128>::new(&key.into(), &iv.into());
    decryptor.decrypt_padded_vec::<Pkcs7>(data).ok()
}

#[tokio::test]
async fn every_file_opens_with_the_key_of_its_playlist() {
    let server = start(|config| {
        config.hls.encryption.method = Method::Aes128;
        config.hls.encryption.keys = KeyCount::Rotate;
        config.hls.encryption.rotate_after = 2;
    });
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(11.0);
    for (media, begin) in [("media.m3u8", b"styp"), ("media-cmaf.m3u8", b"styp")] {
        let playlist = text(server.http, &format!("/live/{media}")).await;
        let (mut parts, mut keys) = (Vec::new(), Vec::new());
        for file in listed(&playlist) {
            let key = get(server.http, &format!("/live/{}", file.key)).await;
            assert_eq!(
                (key.status, key.header("cache-control")),
                (200, Some("no-store"))
            );
            let key: [u8; 16] = key.body.try_into().unwrap();
            keys.push(key);
            let sealed = get(server.http, &format!("/live/{}", file.uri)).await.body;
            assert!(open(&sealed, [0; 16], file.iv).is_none_or(|clear| clear[4..8] != *begin));
            let clear = open(&sealed, key, file.iv).unwrap();
            if file.is_part {
                parts.extend(clear);
                continue;
            }
            assert_eq!(clear[4..8], *begin);
            let parts = std::mem::take(&mut parts);
            assert!(parts.is_empty() || parts == clear, "{}", file.uri);
        }
        keys.dedup();
        assert!(keys.len() >= 2, "{playlist}");
    }
    let _ = get(server.http, "/live/ts.m3u8").await;
    let playlist = text(server.http, "/live/media-ts.m3u8").await;
    for file in listed(&playlist) {
        let key = get(server.http, &format!("/live/{}", file.key)).await.body;
        let sealed = get(server.http, &format!("/live/{}", file.uri)).await.body;
        let clear = open(&sealed, key.try_into().unwrap(), file.iv).unwrap();
        assert!(clear.len().is_multiple_of(188) && clear[0] == 0x47);
    }
}

/// The places of the keys that a player can load early.
fn session_keys(program: &str) -> Vec<&str> {
    let tags = program
        .lines()
        .filter(|line| line.starts_with("#EXT-X-SESSION-KEY:METHOD=AES-128,"));
    tags.map(|tag| quoted(tag, "URI")).collect()
}

#[tokio::test]
async fn the_keys_that_a_player_begins_with_are_told_early() {
    let encrypt = |config: &mut Config| {
        config.hls.encryption.method = Method::Aes128;
        config.hls.encryption.keys = KeyCount::Rotate;
        config.hls.encryption.rotate_after = 2;
    };
    let server = start(encrypt);
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(13.0);
    let program = text(server.http, "/live/index.m3u8").await;
    let playlist = text(server.http, "/live/media.m3u8").await;
    let told = session_keys(&program);
    let mut used: Vec<_> = listed(&playlist).iter().map(|file| file.key).collect();
    used.dedup();
    assert!(used.ends_with(&told), "{program}{playlist}");
    assert!((2..=3).contains(&told.len()), "{program}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies");
    let server = Server::start(&folder, encrypt);
    for flavour in ["", "-ts"] {
        let program = match flavour {
            "" => "index",
            _ => "ts",
        };
        let program = text(server.http, &format!("/clock.mp4/{program}.m3u8")).await;
        let playlist = text(server.http, &format!("/clock.mp4/media{flavour}.m3u8")).await;
        assert_eq!(session_keys(&program), [listed(&playlist)[0].key]);
    }
}

#[tokio::test]
async fn keys_are_there_as_long_as_something_needs_them() {
    let server = start(|config| config.hls.encryption.method = Method::Aes128);
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let playlist = text(server.http, "/live/media.m3u8").await;
    let key = listed(&playlist)[0].key;
    assert_eq!(get(server.http, &format!("/live/{key}")).await.status, 200);
    let other = key.replace("-0.key", "-1.key");
    assert_eq!(
        get(server.http, &format!("/live/{other}")).await.status,
        404
    );
    assert_eq!(get(server.http, &format!("/other/{key}")).await.status, 404);
}

#[tokio::test]
async fn nothing_goes_out_in_the_clear_when_the_key_file_is_missing() {
    let server = start(|config| {
        config.hls.encryption.method = Method::Aes128;
        config.hls.encryption.key_file = Path::new("/nowhere/key").to_owned();
    });
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    assert_eq!(get(server.http, "/live/media.m3u8").await.status, 503);
}

#[tokio::test]
async fn encrypted_samples_have_their_size_and_another_content() {
    let clear = start(|_| {});
    let sealed = start(|config| config.hls.encryption.method = Method::SampleAes);
    let mut movies = Vec::new();
    for server in [&clear, &sealed] {
        let mut clip = Clip::publish(server, "live");
        clip.send_until(5.0);
        let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
        let map = quoted(&playlist, "MAP:URI");
        let mut movie = get(server.http, &format!("/live/{map}")).await.body;
        let segment = playlist
            .lines()
            .find(|line| line.ends_with(".m4s"))
            .unwrap();
        movie.extend(get(server.http, &format!("/live/{segment}")).await.body);
        movies.push(movie);
    }
    let [clear, sealed] = [&movies[0], &movies[1]];
    for name in [
        b"encv", b"enca", b"sinf", b"tenc", b"senc", b"saiz", b"saio",
    ] {
        let has = |movie: &[u8]| movie.windows(4).any(|found| found == name);
        assert!(!has(clear) && has(sealed), "{name:?}");
    }
    let media = container::open(&&clear[..]).unwrap();
    assert!(
        media
            .tracks
            .iter()
            .all(|track| matches!(track.role, Role::Media(_)))
    );
    assert_ne!(clear[clear.len() - 1000..], sealed[sealed.len() - 1000..]);
}

#[tokio::test]
async fn titles_are_told_in_playlists_and_in_fragments() {
    let server = start(|_| {});
    let mut clip = Clip::publish(&server, "live");
    let path = MediaPath::from_plain("live").unwrap();
    let channel = server.mounts.open(&path).unwrap();
    channel.set_title("First");
    clip.send_until(5.0);
    let playlist = text(server.http, "/live/media.m3u8").await;
    let sequence = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:");
    // The last part that five seconds of the clip fill.
    let last = format!("/live/media.m3u8?_HLS_msn={}&_HLS_part=1", sequence + 2);
    let playlist = text(server.http, &last).await;
    assert_eq!(
        playlist.matches("X-TITLE=\"First\"").count(),
        1,
        "{playlist}"
    );
    let mut findings = Findings::default();
    let own = "http://h/live/media.m3u8";
    Stream::default().playlist(playlist.as_bytes(), own, &[], Duration::ZERO, &mut findings);
    let rules: Vec<_> = findings.into_iter().map(|one| one.rule.name).collect();
    assert!(!rules.contains(&"can-skip-dateranges"), "{rules:?}");
    let next = playlist.lines().last().unwrap();
    let next = format!("/live/{}", quoted(next, "URI"));
    channel.set_title("Second");
    clip.send_until(7.0);
    let part = get(server.http, &next).await.body;
    let has = |text: &[u8]| part.windows(text.len()).any(|found| found == text);
    assert!(has(b"https://aomedia.org/emsg/ID3") && has(b"\x03Second"));
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let _ = get(server.http, "/live/ts.m3u8").await;
    let streams = text(server.http, "/live/media-ts.m3u8").await;
    let segment = streams.lines().last().unwrap();
    let segment = get(server.http, &format!("/live/{segment}")).await.body;
    let has = |text: &[u8]| segment.windows(text.len()).any(|found| found == text);
    assert!(has(b"TIT2\0\0\0\x06\0\0\x03First") && has(b"\x03Second"));
    let ranges: Vec<_> = playlist
        .lines()
        .filter(|line| line.starts_with("#EXT-X-DATERANGE:"))
        .collect();
    assert_eq!(ranges.len(), 2, "{playlist}");
    assert!(
        ranges[1].contains("END-ON-NEXT=YES,X-TITLE=\"Second\""),
        "{playlist}"
    );
}

#[tokio::test]
async fn a_movie_is_encrypted_as_channels_are() {
    let movies = tempfile::tempdir().unwrap();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    std::fs::copy(clip, movies.path().join("clock.mp4")).unwrap();
    let clear = Server::start(movies.path(), |_| {});
    let sealed = Server::start(movies.path(), |config| {
        config.hls.encryption.method = Method::Aes128;
    });
    for media in ["media.m3u8", "media-ts.m3u8"] {
        let target = format!("/clock.mp4/{media}");
        let plain = text(clear.http, &target).await;
        let playlist = text(sealed.http, &target).await;
        for (file, original) in listed(&playlist).iter().zip(listed(&plain)) {
            let key = get(sealed.http, &format!("/clock.mp4/{}", file.key)).await;
            let key = key.body.try_into().unwrap();
            let data = get(sealed.http, &format!("/clock.mp4/{}", file.uri)).await;
            let original = get(clear.http, &format!("/clock.mp4/{}", original.uri)).await;
            assert_eq!(open(&data.body, key, file.iv), Some(original.body));
        }
    }
}
