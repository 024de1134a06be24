//! A movie of two hours at 8 Mbit/s opens at once and takes little memory.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::vod::{Found, Library};
use tokio::time::Instant;

use crate::hls::text;
use crate::support::boxes::{Trak, atom, full, movie, sound_entry, table, video_entry, words};
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::viewer::{Viewer, Way};

/// Length of the movie; every second of it is a chunk of each track.
const SECONDS: u32 = 7200;
const PICTURES: u32 = 25;
const PICTURE: u32 = 40_000;
const SOUNDS: u32 = 50;
const SOUND: u32 = 320;
/// Where the media starts, well behind the movie box.
const MEDIA: u64 = 16 << 20;

#[tokio::test]
async fn a_movie_of_two_hours_opens_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("long.mp4"));
    let library = Arc::new(Library::new(folder.path().to_owned(), true));
    let opened = Instant::now();
    let path = MediaPath::from_plain("long.mp4").unwrap();
    let Found::Movie(opened_movie) = library.open(&path).await.unwrap() else {
        panic!("a movie");
    };
    let (index, opened) = (opened_movie.index(), opened.elapsed());
    let samples: Vec<u32> = index
        .tracks
        .iter()
        .map(|track| track.samples.len())
        .collect();
    assert_eq!(samples, [SECONDS * PICTURES, SECONDS * SOUNDS]);
    assert!(index.index_memory() < 8 << 20, "{}", index.index_memory());

    let server = Program::start(folder.path()).await;
    let mut viewer = Viewer::open(server.rtsp, "long.mp4", Way::Tcp).await;
    let described = Instant::now();
    let answer = viewer.ask("DESCRIBE", "Accept: application/sdp\r\n").await;
    println!(
        "opened in {opened:?}, described again in {:?}, an index of {} KB",
        described.elapsed(),
        index.index_memory() / 1024
    );
    assert!(answer.body.contains("a=range:npt=0-7200"), "{answer:?}");
    let answer = viewer.play("Range: npt=7000.5-\r\n").await;
    // The picture of second 7000, which is shown 40 ms after it is decoded.
    assert_eq!(answer.range_start(), 7000.04);
}

#[tokio::test]
async fn its_playlists_by_hls_are_there_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("long.mp4"));
    let server = Server::start(folder.path(), |_| {});
    let asked = Instant::now();
    let playlist = text(server.http, "/long.mp4/media.m3u8").await;
    let cold = asked.elapsed();
    assert_eq!(playlist.matches("#EXTINF:").count(), 1200);
    let mut warm = Vec::new();
    for target in ["/long.mp4/media.m3u8", "/long.mp4/index.m3u8"].repeat(5) {
        let asked = Instant::now();
        text(server.http, target).await;
        warm.push(asked.elapsed());
    }
    warm.sort();
    let median = warm[warm.len() / 2];
    println!("a playlist in {cold:?} at first, then in {median:?}");
    assert!(median < Duration::from_millis(50), "{median:?}");
}

/// Writes the movie; of its media only the size.
fn write(path: &Path) {
    let pictures = vec![PICTURE; (SECONDS * PICTURES) as usize];
    let mut video = track(1, b"vide", &video_entry(b"avc1", &avcc()), &pictures, 0);
    let sync: Vec<u32> = (0..SECONDS).map(|second| second * PICTURES + 1).collect();
    let shifts: Vec<u32> = (0..SECONDS * PICTURES).flat_map(|_| [1, 40]).collect();
    video.tables.push(table(b"stss", 1, &sync));
    video.tables.push(table(b"ctts", 2, &shifts));
    let opus = sound_entry(
        b"Opus",
        2,
        48_000,
        &atom(b"dOps", &[&[0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]]),
    );
    let sounds = vec![SOUND; (SECONDS * SOUNDS) as usize];
    let audio = track(2, b"soun", &opus, &sounds, PICTURES * PICTURE);
    let head = movie(&[&video.build(), &audio.build()]);
    let end = MEDIA + u64::from(SECONDS) * u64::from(PICTURES * PICTURE + SOUNDS * SOUND);
    let mut file = File::create(path).unwrap();
    let media = end - head.len() as u64;
    file.write_all(&head).unwrap();
    file.write_all(&[&[0, 0, 0, 1], b"mdat".as_slice(), &media.to_be_bytes()].concat())
        .unwrap();
    file.set_len(end).unwrap();
}

/// A track whose chunks of a second lie `within` each second's media.
fn track(id: u32, handler: &[u8; 4], entry: &[u8], sizes: &[u32], within: u32) -> Trak {
    let (count, a_second) = (sizes.len() as u32, sizes.len() as u32 / SECONDS);
    let second = u64::from(PICTURES * PICTURE + SOUNDS * SOUND);
    let offsets = (0..u64::from(SECONDS)).map(|at| MEDIA + u64::from(within) + at * second);
    let offsets: Vec<u8> = offsets.flat_map(u64::to_be_bytes).collect();
    let mut trak = Trak::new(id, handler, entry, 0, &[]);
    trak.durations = vec![count, 1000 / a_second];
    trak.tables = vec![
        table(b"stsc", 3, &[1, a_second, 1]),
        full(b"stsz", 0, 0, &[&words(&[0, count]), &words(sizes)]),
        full(b"co64", 0, 0, &[&words(&[SECONDS]), &offsets]),
    ];
    trak
}

/// A decoder configuration of one sequence and one picture parameter set.
fn avcc() -> Vec<u8> {
    let sets = [
        1, 0x42, 0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 0x1e, 1, 0, 2, 0x68, 0xce,
    ];
    atom(b"avcC", &[&sets])
}
