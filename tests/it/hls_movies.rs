//! Movies of the folder by HLS, as players ask for them over HTTP.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use reelcast::codec::Kind;
use reelcast::config::Config;
use reelcast::container::{self, Movie, ReadAt, Role};

use super::hls::{Answer, ask, get, text};
use super::support::movies::{clips, qtss};
use super::support::server::Server;

/// Everything that a playlist names, in its order.
fn uris(playlist: &str) -> Vec<&str> {
    let uri = |line| match str::strip_prefix(line, "#EXT-X-MAP:URI=\"") {
        Some(uri) => uri.strip_suffix('"'),
        None => Some(line).filter(|line| !line.starts_with('#') && !line.is_empty()),
    };
    playlist.lines().filter_map(uri).collect()
}

/// All files of a media playlist, one after the other.
async fn whole(server: &Server, name: &str, playlist: &str) -> Vec<Vec<u8>> {
    let playlist = text(server.http, &format!("/{name}/{playlist}")).await;
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD"), "{playlist}");
    assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    let mut files = Vec::new();
    for uri in uris(&playlist) {
        let answer = get(server.http, &format!("/{name}/{uri}")).await;
        assert_eq!(answer.status, 200, "{name}: {uri}");
        files.push(answer.body);
    }
    files
}

/// Time from where the presentation begins, offset, whether it is a key frame, and bytes, of all
/// samples of the tracks that HLS carries.
type Samples = Vec<Vec<(i64, i32, bool, Vec<u8>)>>;

fn samples(movie: &Movie, file: &[u8]) -> Samples {
    let carried = |role: &Role| match role {
        Role::Media(format) => container::mp4::init::carries(format),
        _ => false,
    };
    let mut tracks: Vec<_> = movie
        .tracks
        .iter()
        .filter(|one| carried(&one.role))
        .collect();
    tracks.sort_by_key(|track| track.kind() != Some(Kind::Video));
    let samples = |track: &&container::Track| {
        let begin = track.edits.spans()[0].media_start;
        let mut cursor = track.samples.cursor(0);
        let all = std::iter::from_fn(|| cursor.next(&track.samples));
        all.map(|sample| {
            let mut data = vec![0; sample.size as usize];
            (&file).read_at(sample.offset, &mut data).unwrap();
            (sample.time - begin, sample.composition, sample.sync, data)
        })
        .collect()
    };
    tracks.iter().map(samples).collect()
}

#[tokio::test]
async fn fragments_hold_the_samples_of_the_file_with_their_times() {
    let mut folders = vec![clips()];
    folders.extend(qtss());
    for folder in folders {
        let server = Server::start(&folder, |config| config.hls.transcode = false);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let file = fs::read(&path).unwrap();
            let Some(movie) = container::open(&Bytes::from(file.clone())).ok() else {
                continue;
            };
            let expected = samples(&movie, &file);
            if expected.is_empty() || name.ends_with(".mp3") {
                continue;
            }
            let made = whole(&server, &name, "media.m3u8").await.concat();
            let read = container::open(&Bytes::from(made.clone())).unwrap();
            let found = samples(&read, &made);
            assert_eq!(found.len(), expected.len(), "{name}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.len(), expected.len(), "{name}");
                assert!(found == expected, "{name}");
            }
            println!("{name}: {} tracks are the same", expected.len());
        }
    }
}

#[tokio::test]
async fn segments_of_transport_streams_count_on() {
    let server = Server::start(&clips(), |_| {});
    let segments = whole(&server, "clock.mp4", "media-ts.m3u8").await;
    assert_eq!(segments.len(), 2);
    let mut counters = std::collections::HashMap::new();
    for packet in segments.concat().chunks(188) {
        assert_eq!((packet[0], packet.len()), (0x47, 188));
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let (has_payload, counter) = (packet[3] & 0x10 != 0, packet[3] & 0xf);
        if let Some(last) = counters.insert(pid, counter) {
            let expected = (last + u8::from(has_payload)) & 0xf;
            assert_eq!(counter, expected, "PID {pid:#x}");
        }
    }
    assert_eq!(counters.len(), 4, "PAT, PMT, pictures and sound");
}

#[tokio::test]
async fn sound_alone_is_packed_behind_its_time() {
    let server = Server::start(&clips(), |_| {});
    let segments = whole(&server, "tone.m4a", "media-ts.m3u8").await;
    let time = |segment: &[u8]| u64::from_be_bytes(segment[65..73].try_into().unwrap());
    assert!(segments.iter().all(|segment| segment.starts_with(b"ID3")));
    // What the encoder put before the sound comes before the 10 s at which streams begin.
    assert_eq!(time(&segments[0]), 900_000 - 2090);
    let frames = (time(&segments[1]) - time(&segments[0])) * 44_100 / 90_000;
    assert!((frames + 1) % 1024 <= 2, "{frames}");
    assert_eq!(segments[0][73..75], [0xff, 0xf1]);
}

#[tokio::test]
async fn what_there_is_not_is_said_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let clip = fs::read(clips().join("clock.mp4")).unwrap();
    fs::write(folder.path().join("whole.mp4"), &clip).unwrap();
    fs::write(folder.path().join("text.mp4"), "no movie at all").unwrap();
    let server = Server::start(folder.path(), |config| config.hls.transcode = false);
    for (target, status, reason) in [
        ("/nothing.mp4/index.m3u8", 404, "no such channel or movie"),
        ("/text.mp4/index.m3u8", 415, "not a movie"),
        ("/whole.mp4/audio1.m3u8", 404, "cannot carry"),
        ("/whole.mp4/00000000-0.m4s", 404, "no such segment"),
        ("/whole.mp4/../index.m3u8", 400, "no name"),
    ] {
        let Answer {
            status: found,
            body,
            ..
        } = get(server.http, target).await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(found, status, "{target}: {body}");
        assert!(body.contains(reason), "{target}: {body}");
    }
    let playlist = text(server.http, "/whole.mp4.m3u8").await;
    assert!(
        playlist.contains("\n./whole.mp4/media.m3u8\n"),
        "{playlist}"
    );
    let key_frames = ",URI=\"./whole.mp4/iframes.m3u8\"\n";
    assert!(playlist.ends_with(key_frames), "{playlist}");
    let playlist = text(server.http, "/whole.mp4/media.m3u8").await;
    let segment = format!("/whole.mp4/{}", uris(&playlist)[1]);
    let beyond = segment.replace("-0.", "-7.");
    let other = segment.replace(".m4s", ".ts");
    for target in [
        beyond,
        segment.replace("-0.", "-0.0."),
        other.replace(".ts", ".aac"),
    ] {
        assert_eq!(get(server.http, &target).await.status, 404, "{target}");
    }
    assert_eq!(get(server.http, &other).await.status, 200);
}

#[tokio::test]
async fn a_file_that_ends_early_plays_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let clip = fs::read(clips().join("clock.mp4")).unwrap();
    let path = folder.path().join("a.mp4");
    fs::write(&path, &clip).unwrap();
    let server = Server::start(folder.path(), |_| {});
    let playlist = text(server.http, "/a.mp4/media.m3u8").await;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(clip.len() as u64 / 2).unwrap();
    let last = format!("/a.mp4/{}", uris(&playlist)[2]);
    let answer = get(server.http, &last).await;
    assert_eq!(answer.status, 500);
    assert!(
        String::from_utf8(answer.body)
            .unwrap()
            .contains("cannot be read")
    );
    // A moment later the file is looked at again.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let changed = get(server.http, "/a.mp4/media.m3u8").await;
    let body = String::from_utf8(changed.body).unwrap();
    assert!(
        changed.status == 415 || uris(&body) != uris(&playlist),
        "{body}"
    );
}

#[tokio::test]
async fn segments_answer_to_ranges_and_caches() {
    let server = Server::start(&clips(), |_| {});
    let playlist = text(server.http, "/clock.mp4/media.m3u8").await;
    let segment = format!("/clock.mp4/{}", uris(&playlist)[1]);
    let all = get(server.http, &segment).await;
    assert!(all.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(all.header("content-type"), Some("video/iso.segment"));
    let part = ask(server.http, "GET", &segment, "Range: bytes=100-199\r\n").await;
    assert_eq!((part.status, part.body), (206, all.body[100..200].to_vec()));
    let tag = format!("If-None-Match: {}\r\n", all.header("etag").unwrap());
    assert_eq!(ask(server.http, "GET", &segment, &tag).await.status, 304);
    let head = ask(server.http, "HEAD", &segment, "").await;
    let length = all.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    let packed = ask(
        server.http,
        "GET",
        "/clock.mp4/media.m3u8",
        "Accept-Encoding: gzip\r\n",
    );
    assert_eq!(packed.await.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn files_can_be_fetched_where_that_is_allowed() {
    let closed = Server::start(&clips(), |_| {});
    assert_eq!(get(closed.http, "/clock.mp4?download").await.status, 403);
    let server = Server::start(&clips(), |config: &mut Config| config.http.download = true);
    let file = fs::read(clips().join("clock.mp4")).unwrap();
    let all = get(server.http, "/clock.mp4?download").await;
    assert_eq!(all.header("content-type"), Some("video/mp4"));
    assert!(
        all.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    assert!(all.body == file);
    let ranged = |range: &str, tag: &str| {
        let fields = format!("Range: bytes={range}\r\nIf-Range: {tag}\r\n");
        async move { ask(server.http, "GET", "/clock.mp4?download", &fields).await }
    };
    let tag = all.header("etag").unwrap();
    let part = ranged("262100-262200", tag).await;
    assert_eq!(
        (part.status, part.body),
        (206, file[262_100..=262_200].to_vec())
    );
    assert_eq!(ranged("1-2", "\"other\"").await.status, 200);
    assert_eq!(ranged("99999999-", tag).await.status, 416);
    let head = ask(server.http, "HEAD", "/clock.mp4?download", "").await;
    let length = file.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    assert_eq!(get(server.http, "/nothing.mp4?download").await.status, 404);
}

#[tokio::test]
async fn broken_movies_harm_nobody() {
    let clip = fs::read(clips().join("clock.mp4")).unwrap();
    let moov = clip.windows(4).position(|four| four == b"moov").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), |config| config.hls.transcode = false);
    let mut state = 7_u32;
    for round in 0..60 {
        let mut broken = clip.clone();
        for _ in 0..=round % 4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = moov + (state >> 8) as usize % (clip.len() - moov).min(9000);
            broken[at] = [0, 0xff, 0x7f, 1][(state >> 4) as usize % 4];
        }
        let name = format!("{round}.mp4");
        fs::write(folder.path().join(&name), &broken).unwrap();
        take_all(&server, &name).await;
    }
    fs::write(folder.path().join("good.mp4"), &clip).unwrap();
    assert_eq!(whole(&server, "good.mp4", "media.m3u8").await.len(), 3);
}

/// Asks for everything of a movie; each answer comes, whatever it is.
async fn take_all(server: &Server, name: &str) {
    for flavour in ["", "-ts"] {
        let answer = get(server.http, &format!("/{name}/media{flavour}.m3u8")).await;
        assert!([200, 404, 415].contains(&answer.status), "{name}");
        if answer.status != 200 {
            continue;
        }
        let playlist = String::from_utf8(answer.body).unwrap();
        for uri in uris(&playlist).into_iter().take(20) {
            let answer = get(server.http, &format!("/{name}/{uri}")).await;
            assert!([200, 500].contains(&answer.status), "{name}: {uri}");
        }
    }
}
