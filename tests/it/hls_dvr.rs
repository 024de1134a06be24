//! Going back on a channel further than its memory reaches: to segments on disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{Config, KeyCount, Method};
use reelcast::hls::packager::{Packager, Rendition};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::hls::{Answer, ask, get, number, text};
use super::support::clip::Clip;
use super::support::server::Server;

/// So much is sent at a time, in seconds; a channel's ring holds more.
pub(super) const STEP: u32 = 5;

/// A server whose channels go back for `dvr`, with its files below `state`.
pub(super) fn start(state: &Path, dvr: Duration, change: impl FnOnce(&mut Config)) -> Server {
    Server::start(Path::new("no movies"), |config| {
        config.server.state = state.to_owned();
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.window = Duration::from_secs(6);
        config.hls.dvr = dvr;
        change(config);
    })
}

/// The packager of the channel `live`.
pub(super) async fn packager(server: &Server) -> Arc<Packager> {
    let path = MediaPath::from_plain("live").unwrap();
    let come = async {
        loop {
            match server.hls.packagers.newest(&path, Rendition::Own) {
                Some(packager) => break packager,
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(Duration::from_secs(20), come).await.expect("one")
}

/// Sends the clip until that second, as fast as it is packaged.
pub(super) async fn send(
    clip: &mut Clip,
    packager: &Packager,
    seconds: std::ops::RangeInclusive<u32>,
) {
    for end in seconds.step_by(STEP as usize) {
        clip.send_until(end.into());
        let offered = Duration::from_secs(u64::from(end - STEP));
        wait(|| packager.time() >= offered).await;
    }
}

pub(super) async fn wait(is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), so).await.expect("in time");
}

/// The clip.
pub(super) fn clock() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4")
}

/// The files of all packagers.
pub(super) fn files(state: &Path) -> usize {
    let folders = std::fs::read_dir(state.join("dvr")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let counts = folders.filter(|path| path.is_dir());
    counts
        .map(|path| std::fs::read_dir(path).unwrap().count())
        .sum()
}

/// The segments that a playlist tells of.
pub(super) fn segments(playlist: &str) -> Vec<&str> {
    let lines = playlist.lines();
    lines.filter(|line| !line.starts_with('#')).collect()
}

async fn segment(server: &Server, name: &str) -> Answer {
    let answer = get(server.http, &format!("/live/{name}")).await;
    assert_eq!(answer.status, 200, "{name}");
    answer
}

/// The checksums of the first pictures of what ffmpeg reads; `None` where there is no ffmpeg.
async fn pictures(arguments: &[&str]) -> Option<Vec<String>> {
    let run = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(arguments)
        .args(["-map", "0:v:0", "-frames:v", "75", "-f", "framemd5", "-"])
        .stdin(Stdio::null())
        .output();
    let Output { stdout, stderr, .. } = run.await.ok()?;
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8(stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sum = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
    Some(lines.map(sum).collect())
}

#[tokio::test]
async fn players_go_back_ten_minutes() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), Duration::from_secs(900), |_| {});
    let mut clip = Clip::publish(&server, "live");
    let packager = packager(&server).await;
    send(&mut clip, &packager, STEP..=605).await;
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let listed = segments(&playlist);
    assert!(listed.len() >= 300, "{}", listed.len());
    wait(|| files(state.path()) >= 300).await;
    // Twelve seconds or so are in memory, in both forms, when nobody needs the parts any more.
    wait(|| packager.bytes() < 3_000_000).await;
    assert!(packager.disk_bytes() > 30_000_000);

    let whole = segment(&server, listed[0]).await;
    assert_eq!(&whole.body[4..8], b"styp");
    let target = format!("/live/{}", listed[0]);
    let range = ask(server.http, "GET", &target, "Range: bytes=4-7\r\n").await;
    assert_eq!((range.status, &range.body[..]), (206, &b"styp"[..]));
    let playlist = text(server.http, "/live/media-ts.m3u8").await;
    assert_eq!(segments(&playlist).len(), listed.len());
    let stream = segment(&server, segments(&playlist)[0]).await.body;
    assert!(stream.len() % 188 == 0 && stream.iter().step_by(188).all(|byte| *byte == 0x47));
    let playlist = text(server.http, "/live/iframes-cmaf.m3u8").await;
    let i_frames = segments(&playlist);
    assert!(i_frames.len() >= listed.len(), "{playlist}");
    assert!(!playlist.contains("#EXT-X-GAP"), "{playlist}");
    segment(&server, i_frames[0]).await;
    let delta = text(server.http, "/live/media.m3u8?_HLS_skip=YES").await;
    assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=2"), "{delta}");

    let sent = pictures(&["-i", clock().to_str().unwrap()]).await;
    for flavour in ["index", "cmaf", "ts"] {
        let url = format!("http://{}/live/{flavour}.m3u8", server.http);
        let read = pictures(&["-live_start_index", "0", "-i", &url]).await;
        assert_eq!(read, sent, "{flavour}");
    }
    server.hls.stop().await;
    assert_eq!(files(state.path()), 0);
}

#[tokio::test]
async fn a_segment_on_disk_is_read_once_and_not_for_its_head() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), Duration::from_secs(60), |_| {});
    let mut clip = Clip::publish(&server, "live");
    let packager = packager(&server).await;
    send(&mut clip, &packager, STEP..=50).await;
    wait(|| files(state.path()) >= 16).await;
    wait(|| packager.bytes() < 3_000_000).await;
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let (first, second) = (segments(&playlist)[0], segments(&playlist)[1]);
    let read = segment(&server, first).await.body;
    for folder in std::fs::read_dir(state.path().join("dvr")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
    assert!(segment(&server, first).await.body == read);
    for (name, status) in [(first, 200), (second, 404)] {
        let target = format!("/live/{name}");
        assert_eq!(get(server.http, &target).await.status, status, "{name}");
        let head = ask(server.http, "HEAD", &target, "").await;
        assert_eq!(head.status, 200, "{name}");
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert!(length > 10_000, "{name}: {length}");
        assert!(name != first || length == read.len(), "{name}: {length}");
        let known = format!("If-None-Match: \"{name}\"\r\n");
        let known = ask(server.http, "GET", &target, &known).await;
        assert_eq!(known.status, 304, "{name}");
    }
}

#[tokio::test]
async fn a_segment_on_disk_is_what_it_was_and_so_is_its_key() {
    for method in [Method::None, Method::Aes128, Method::SampleAes] {
        let state = tempfile::tempdir().unwrap();
        let server = start(state.path(), Duration::from_secs(60), |config| {
            config.hls.encryption.method = method;
            config.hls.encryption.keys = KeyCount::Rotate;
            config.hls.encryption.rotate_after = 3;
        });
        let mut clip = Clip::publish(&server, "live");
        let packager = packager(&server).await;
        send(&mut clip, &packager, STEP..=10).await;
        let flavours = match method {
            Method::SampleAes => &["media-cmaf.m3u8", "iframes-cmaf.m3u8"][..],
            _ => &[
                "media-cmaf.m3u8",
                "iframes-cmaf.m3u8",
                "media-ts.m3u8",
                "iframes-ts.m3u8",
            ],
        };
        let mut first = Vec::new();
        for media in flavours {
            let playlist = text(server.http, &format!("/live/{media}")).await;
            first.push(segments(&playlist)[0].to_owned());
            let keys = playlist.lines().filter_map(|line| {
                let key = line.strip_prefix("#EXT-X-KEY:METHOD=")?.split('"').nth(1)?;
                Some(key.to_owned())
            });
            first.extend(keys.take(1));
        }
        assert_eq!(first.len() > flavours.len(), method != Method::None);
        let mut before = Vec::new();
        for name in &first {
            before.push(segment(&server, name).await.body);
        }
        let in_memory = packager.bytes();
        send(&mut clip, &packager, 15..=50).await;
        wait(|| files(state.path()) >= 24).await;
        wait(|| packager.bytes() < 3 * in_memory).await;
        for (name, before) in first.iter().zip(before) {
            assert!(segment(&server, name).await.body == before, "{name}");
        }
        server.hls.stop().await;
    }
}

#[tokio::test]
async fn a_channel_goes_on_where_there_is_no_disk() {
    let state = tempfile::NamedTempFile::new().unwrap();
    let server = start(state.path(), Duration::from_secs(60), |config| {
        config.hls.window_bytes = 1_200_000;
    });
    let mut clip = Clip::publish(&server, "live");
    let packager = packager(&server).await;
    send(&mut clip, &packager, STEP..=10).await;
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let first = segments(&playlist)[0].to_owned();
    clip.send_until(20.0);
    // The ninth segment needs room that the first has.
    wait(|| packager.counts().segments >= 9).await;
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let listed = segments(&playlist);
    assert!(listed.len() >= 3 && listed[0] != first, "{playlist}");
    segment(&server, listed[0]).await;
    // That much, and the segment that is being made.
    assert!(packager.bytes() <= 1_400_000, "{}", packager.bytes());
    assert_eq!(packager.disk_bytes(), 0);
}

/// Names the folder of a small disk, to the test that is run there.
const DISK: &str = "REELCAST_TEST_DISK";

/// Runs [`on_a_full_disk`] where a file system of 8 MB is mounted, which nobody else sees.
#[test]
fn a_full_disk_costs_the_oldest_and_nothing_else() {
    let disk = tempfile::tempdir().unwrap();
    let mounted = |command: &[&OsStr]| {
        let mount = "mount -t tmpfs -o size=8m none \"$0\" && exec \"$@\"";
        let mut unshare = process::Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]);
        let unshare = unshare.arg(disk.path()).args(command);
        unshare.env(DISK, disk.path()).output()
    };
    if !mounted(&["true".as_ref()]).is_ok_and(|run| run.status.success()) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let name = "hls_dvr::on_a_full_disk".as_ref();
    let arguments = ["--exact", "--include-ignored", "--nocapture"];
    let mut command = vec![program.as_os_str(), name];
    command.extend(arguments.iter().map(OsStr::new));
    let run = mounted(&command).unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the test above runs it on a disk of its own"]
async fn on_a_full_disk() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let state = Path::new(&disk);
    let server = start(state, Duration::from_secs(900), |_| {});
    let mut clip = Clip::publish(&server, "live");
    let packager = packager(&server).await;
    clip.send_until(10.0);
    let first = next_sequence(&server).await;
    let sent = async {
        for end in (15..=120_u32).step_by(STEP as usize) {
            clip.send_until(end.into());
            // Segments last for 2 s; the newest may not have been whole at first, nor be now.
            let made = u64::from((end - 14) / 2);
            while next_sequence(&server).await < first + made {
                sleep(Duration::from_millis(2)).await;
            }
        }
    };
    let sent = timeout(Duration::from_secs(120), sent);
    sent.await.expect("the live edge goes on");
    wait(|| packager.counts().given_up > 0).await;
    assert!(packager.disk_bytes() <= 8 << 20);
    // Far more than the memory has, and all of it can be fetched once the newest have their places.
    let settled = async {
        loop {
            let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
            let listed = segments(&playlist);
            assert!(listed.len() > 20, "{playlist}");
            if are_there(&server, &listed).await {
                break;
            }
        }
    };
    timeout(Duration::from_secs(60), settled)
        .await
        .expect("it settles");
    server.hls.stop().await;
    assert_eq!(files(state), 0);
}

/// The number of the segment after the newest that is whole.
async fn next_sequence(server: &Server) -> u64 {
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    number(&playlist, "#EXT-X-MEDIA-SEQUENCE:") + segments(&playlist).len() as u64
}

pub(super) async fn are_there(server: &Server, names: &[&str]) -> bool {
    for name in names {
        if get(server.http, &format!("/live/{name}")).await.status != 200 {
            return false;
        }
    }
    true
}
