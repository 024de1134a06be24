//! Hostile movies cost nobody but their own viewers anything; links and movies in parts are served.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::boxes::{Trak, atom, full, hint_entry, movie, sound_entry, table, words};
use crate::support::movies;
use crate::support::program::Program;
use crate::support::received::ReceivedPacket;
use crate::support::viewer::{Viewer, Way};

/// What must come of a movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// 415 and a warning.
    Refused,
    /// It plays as far as it goes, with a warning.
    Flawed,
    /// Either; a warning when it is refused.
    Survived,
}

#[tokio::test]
async fn hostile_movies_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let clip = fs::read(movies::clips().join("clock.mp4")).unwrap();
    fs::write(folder.path().join("good.mp4"), &clip).unwrap();
    fs::write(folder.path().join("shrinking.mp4"), &clip).unwrap();
    let hostile = hostile(&clip);
    for (name, bytes, _) in &hostile {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let server = Program::start(folder.path()).await;
    let names = hostile.iter().map(|(name, _, _)| name);
    let watched = futures::future::join_all(names.map(|name| watch(server.rtsp, name)));
    let shrinking = folder.path().join("shrinking.mp4");
    let shrunk = watch_shrinking(server.rtsp, &shrinking);
    let (statuses, (), ()) = tokio::join!(watched, shrunk, watch_undisturbed(server.rtsp));
    let log = server.log();
    let mut wrong: Vec<_> = (hostile.iter().zip(statuses))
        .filter(|((name, _, fate), status)| !is_met(*fate, *status, warnings(&log, name)))
        .map(|((name, _, fate), status)| format!("{name}: {status}, not {fate:?}"))
        .collect();
    if warnings(&log, "shrinking.mp4") != 1 {
        wrong.push("shrinking.mp4: not one warning".to_owned());
    }
    assert!(wrong.is_empty(), "{wrong:#?} in\n{}", log.join("\n"));
}

#[tokio::test]
async fn links_lead_to_movies_elsewhere_where_they_may() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clip = movies::clips().join("tone.m4a");
    fs::copy(&clip, elsewhere.path().join("a.m4a")).unwrap();
    fs::copy(&clip, folder.path().join("own.m4a")).unwrap();
    let link = |to: &Path, name| symlink(to, folder.path().join(name)).unwrap();
    link(&elsewhere.path().join("a.m4a"), "link.m4a");
    link(elsewhere.path(), "linked");
    for (follow, status) in [("true", 200), ("false", 404)] {
        let settings = [("REELCAST_SERVER_FOLLOW_LINKS", follow)];
        let server = Program::start_with(folder.path(), &settings).await;
        assert_eq!(describe(server.rtsp, "own.m4a").await, 200);
        for path in ["link.m4a", "linked/a.m4a"] {
            assert_eq!(
                describe(server.rtsp, path).await,
                status,
                "{path}, {follow}"
            );
        }
    }
}

#[tokio::test]
async fn a_movie_plays_the_media_of_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let media: Vec<u8> = (0..8000u16).flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("sound.raw"), &media).unwrap();
    let mut trak = sound(1, 0, 8000);
    trak.references = vec![full(b"url ", 0, 0, &[b"sound.raw\0"])];
    fs::write(folder.path().join("movie.mov"), movie(&[&trak.build()])).unwrap();
    // What may be watched in another folder is not known from the movie.
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/sound.raw"), &media).unwrap();
    symlink("other/sound.raw", folder.path().join("link.raw")).unwrap();
    trak.references = vec![full(b"url ", 0, 0, &[b"link.raw\0"])];
    fs::write(folder.path().join("linked.mov"), movie(&[&trak.build()])).unwrap();
    let server = Program::start(folder.path()).await;
    assert_eq!(describe(server.rtsp, "linked.mov").await, 415);
    let mut viewer = Viewer::open(server.rtsp, "movie.mov", Way::Tcp).await;
    viewer.play("Range: npt=0-\r\n").await;
    viewer.watch_to_the_end().await;
    let packets = viewer.tracks[0].packets.iter();
    let received: Vec<u8> = packets.flat_map(|packet| packet.payload.clone()).collect();
    let sent: Vec<u8> = (0..8000u16).flat_map(u16::to_be_bytes).collect();
    assert!(received == sent, "{} bytes", received.len());
}

/// The movies, with their names; `clip` is a good one.
fn hostile(clip: &[u8]) -> Vec<(String, Vec<u8>, Fate)> {
    let good = sound(1, 0, 800).build();
    let media = atom(b"mdat", &[&[0x55; 4096]]);
    let mut all = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, fate| all.push((name.to_owned(), bytes, fate));
    for (name, size) in [("0", 0), ("1", 1), ("2-63", 1 << 63)] {
        let outer = [&movie(&[])[..16], &claiming(size, b"mdat"), &good].concat();
        add(&format!("box-{name}.mov"), outer, Fate::Refused);
        let inner = [movie(&[&claiming(size, b"trak"), &good]), media.clone()].concat();
        add(&format!("inner-box-{name}.mov"), inner, Fate::Survived);
    }
    for table in [b"stts", b"stsc", b"stsz", b"stco", b"stsd", b"dref"] {
        let mut bytes = [movie(&[&good]), media.clone()].concat();
        let at = bytes.windows(4).position(|kind| kind == table).unwrap();
        let count = if table == b"stsz" { at + 12 } else { at + 8 };
        bytes[count..count + 4].fill(0xff);
        let name = String::from_utf8_lossy(table);
        add(&format!("count-{name}.mov"), bytes, Fate::Survived);
    }
    let past = movie(&[&sound(1, 0xffff_ff00, 800).build()]);
    add("past-the-end.mov", past, Fate::Refused);
    for (name, ids) in [("itself", [2, 2]), ("each-other", [3, 2])] {
        let hints = [(2, ids[0]), (3, ids[1])];
        let hints = hints.map(|(id, to)| hints_of(id, to, 600).build());
        let bytes = [movie(&[&good, &hints.concat()]), media.clone()].concat();
        add(&format!("hints-of-{name}.mov"), bytes, Fate::Survived);
    }
    add(
        "constructors.mov",
        with_constructors_outside(&good),
        Fate::Flawed,
    );
    for cut in [10, 100, 2000, clip.len() / 2, clip.len() - 1] {
        add(
            &format!("cut-{cut}.mp4"),
            clip[..cut].to_vec(),
            Fate::Survived,
        );
    }
    add("text.mov", b"This is no movie.".to_vec(), Fate::Refused);
    add("empty.mov", Vec::new(), Fate::Refused);
    all
}

/// A box that claims `size` bytes, in 64 bits where that takes them.
fn claiming(size: u64, kind: &[u8; 4]) -> Vec<u8> {
    let mut bytes = u32::from(size != 0).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    if size != 0 {
        bytes.extend_from_slice(&size.to_be_bytes());
    }
    bytes
}

/// A track of `count` 16 bit samples at 8 kHz from `offset`.
fn sound(id: u32, offset: u32, count: u32) -> Trak {
    let entry = sound_entry(b"sowt", 1, 8000, &[]);
    let mut trak = Trak::new(id, b"soun", &entry, offset, &[]);
    trak.timescale = 8000;
    trak.durations = vec![count, 1];
    trak.tables = vec![
        table(b"stsc", 3, &[1, count, 1]),
        full(b"stsz", 0, 0, &[&words(&[2, count])]),
        table(b"stco", 1, &[offset]),
    ];
    trak
}

/// A hint track number `id` for track number `media`, its one sample of `HINTS` bytes at `offset`.
fn hints_of(id: u32, media: u32, offset: u32) -> Trak {
    let mut trak = Trak::new(id, b"hint", &hint_entry(8000, &[]), offset, &[HINTS]);
    let sdp = b"m=audio 0 RTP/AVP 96\r\na=rtpmap:96 X/8000\r\n";
    trak.others = vec![
        atom(b"tref", &[&atom(b"hint", &[&media.to_be_bytes()])]),
        atom(b"udta", &[&atom(b"hnti", &[&atom(b"sdp ", &[sdp])])]),
    ];
    trak
}

/// Bytes of a hint sample of [`OUTSIDE`]: each constructor is a packet of its own.
const HINTS: u32 = 4 + OUTSIDE.len() as u32 * 28;

/// Constructors that lead nowhere.
const OUTSIDE: [[u32; 4]; 8] = [
    // Kind, track and length in one; sample or description, offset, block.
    [0x0200_0064, 0, 0, 0],
    [0x0200_0064, 99_999, 0, 0],
    [0x0200_0064, 1, u32::MAX, 0],
    [0x0200_ffff, 800, 0, 0xffff_ffff],
    [0x0205_0064, 1, 0, 0],
    [0x0300_0064, 9999, 0, 0],
    [0x01c8_0000, 0, 0, 0],
    [0x4d00_0064, 1, 0, 0],
];

fn with_constructors_outside(good: &[u8]) -> Vec<u8> {
    let build = |offset| movie(&[good, &hints_of(2, 1, offset).build()]);
    let offset = build(0).len() as u32 + 8;
    let mut sample = words(&[(OUTSIDE.len() as u32) << 16]);
    for (sequence, entry) in (0..).zip(OUTSIDE) {
        sample.extend(words(&[0, 0x60_0000 | sequence, 1]));
        sample.extend(words(&entry));
    }
    [build(offset), atom(b"mdat", &[&sample])].concat()
}

/// Describes `name` and plays it for a while if there is something to play; returns the status.
async fn watch(server: SocketAddr, name: &str) -> u16 {
    let status = describe(server, name).await;
    if status == 200 {
        let mut viewer = Viewer::open(server, name, Way::Tcp).await;
        viewer.ask("PLAY", "Range: npt=0-\r\n").await;
        timeout(Duration::from_secs(3), viewer.watch_to_the_end())
            .await
            .ok();
    }
    status
}

/// Watches a movie whose file loses its end meanwhile, until nothing comes any more.
async fn watch_shrinking(server: SocketAddr, file: &Path) {
    let mut viewer = Viewer::open(server, "shrinking.mp4", Way::Tcp).await;
    viewer.play("Range: npt=0-\r\n").await;
    let cut = async {
        sleep(Duration::from_millis(500)).await;
        let file = fs::OpenOptions::new().write(true).open(file).unwrap();
        let left = file.metadata().unwrap().len() / 4;
        file.set_len(left).unwrap();
    };
    let watched = timeout(Duration::from_secs(12), viewer.watch_to_the_end());
    tokio::join!(cut, async { watched.await.ok() });
    assert!(!viewer.tracks[0].packets.is_empty());
}

/// Watches six seconds of a good movie, of which not a packet may be missing.
async fn watch_undisturbed(server: SocketAddr) {
    let mut viewer = Viewer::open(server, "good.mp4", Way::Tcp).await;
    viewer.play("Range: npt=0-6\r\n").await;
    viewer.watch_to_the_end().await;
    for track in &viewer.tracks {
        let packets = &track.packets;
        assert!(packets.len() > 50, "{}: {}", track.control, packets.len());
        let follows =
            |pair: &[ReceivedPacket]| pair[1].sequence == pair[0].sequence.wrapping_add(1);
        assert!(packets.windows(2).all(follows), "{}", track.control);
    }
}

/// The status of a DESCRIBE.
async fn describe(server: SocketAddr, path: &str) -> u16 {
    let mut connection = TcpStream::connect(server).await.unwrap();
    let request = format!("DESCRIBE rtsp://{server}/{path} RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = timeout(Duration::from_secs(10), connection.read_exact(&mut answer));
    read.await.expect("an answer within 10 s").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// How many warnings the log has about a movie.
fn warnings(log: &[String], name: &str) -> usize {
    let path = format!("path={name}");
    log.iter()
        .filter(|line| line.contains("WARNING") && line.split(' ').any(|word| word == path))
        .count()
}

fn is_met(fate: Fate, status: u16, warnings: usize) -> bool {
    match (fate, status) {
        (Fate::Refused | Fate::Survived, 415) => warnings > 0,
        (Fate::Flawed, 200) => warnings == 1,
        (Fate::Survived, 200) => true,
        _ => false,
    }
}
