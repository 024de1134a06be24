//! Events by HLS: channels whose playlists lose nothing.

use std::process::{Output, Stdio};
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{Config, PlaylistType, SettingsSource, load};
use reelcast::hls::object::Flavour;
use reelcast::hls::packager::{Directives, Packager, Rendition};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::hls::text;
use super::hls_dvr::{STEP, are_there, clock, files, packager, segments, send, start, wait};
use super::support::clip::Clip;
use super::support::server::Server;

/// The settings that a file with this text has.
fn configured(text: &str) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let source = SettingsSource {
        file: Some(file.path().to_owned()),
        ..SettingsSource::default()
    };
    load(&source).unwrap().config
}

/// The playlist of a packager, also when the channel has another one.
async fn playlist_of(packager: &Packager) -> String {
    let wait = Duration::from_secs(20);
    let playlist = packager.media(0, Flavour::Cmaf, Directives::default(), wait);
    String::from_utf8(playlist.await.unwrap().plain().to_vec()).unwrap()
}

async fn end_of(packager: &Packager) -> String {
    let ended = async {
        loop {
            let playlist = playlist_of(packager).await;
            if playlist.ends_with("#EXT-X-ENDLIST\n") {
                break playlist;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), ended)
        .await
        .expect("an end")
}

/// What `reelcast lint` finds in a playlist of the channel, but for what depends on the encoder and on TLS.
async fn lint(server: &Server, flavour: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelcast"));
    command.arg("lint");
    command.arg(format!("http://{}/live/{flavour}.m3u8", server.http));
    for rule in [
        "several-bit-rates",
        "cellular-variant",
        "i-frame-playlist",
        "tls",
    ] {
        command.args(["--allow", rule]);
    }
    command.stdin(Stdio::null()).output().await.unwrap()
}

#[tokio::test]
async fn an_event_offers_everything_until_its_publisher_is_gone_for_good() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), Duration::ZERO, |config| {
        let text = "[hls]\ntarget_duration = '2s'\nwindow = '6s'\npackage = 'always'\n\
                    [[hls.channel]]\nchannel = 'live'\nplaylist_type = 'event'\n";
        let configured = configured(text);
        config.hls = configured.hls;
        config.hls_channels = configured.hls_channels;
    });
    let mut clip = Clip::publish(&server, "live");
    let packager = packager(&server).await;
    send(&mut clip, &packager, STEP..=40).await;
    let before = playlist_of(&packager).await;
    assert!(before.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{before}");
    let before = segments(&before);
    assert!(before.len() >= 17);
    wait(|| files(state.path()) >= before.len()).await;

    clip.stop();
    let mut next = Clip::publish_at(&server, "live", &clock(), clip.at(45.0));
    next.send_until(5.0);
    next.send_until(10.0);
    wait(|| packager.time() >= Duration::from_secs(45)).await;
    let playlist = playlist_of(&packager).await;
    assert!(!playlist.contains("#EXT-X-ENDLIST"), "{playlist}");
    assert_eq!(segments(&playlist)[..before.len()], before);
    assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1);

    next.stop();
    server.give_up();
    let playlist = end_of(&packager).await;
    assert!(
        playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
        "{playlist}"
    );
    assert_eq!(segments(&playlist)[..before.len()], before);
    assert!(are_there(&server, &segments(&playlist)).await);
    for flavour in ["index", "cmaf", "ts"] {
        let run = lint(&server, flavour).await;
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{flavour}: {said}");
    }

    let mut other = Clip::publish(&server, "other");
    other.send_until(9.0);
    let playlist = text(server.http, "/other/media-cmaf.m3u8").await;
    assert!(!playlist.contains("#EXT-X-PLAYLIST-TYPE"), "{playlist}");
}

#[tokio::test]
async fn an_event_that_fills_its_budget_ends_and_another_begins() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), Duration::ZERO, |config| {
        config.hls.playlist_type = PlaylistType::Event;
        config.hls.dvr_bytes = 1_000_000;
    });
    let mut clip = Clip::publish(&server, "live");
    let old = packager(&server).await;
    let filled = async {
        for end in (STEP..).step_by(STEP as usize) {
            clip.send_until(end.into());
            let offered = Duration::from_secs(u64::from(end - STEP));
            while old.time() < offered {
                if playlist_of(&old).await.contains("#EXT-X-ENDLIST") {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
    };
    timeout(Duration::from_secs(60), filled)
        .await
        .expect("it is full");
    let ended = end_of(&old).await;
    assert!(ended.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{ended}");

    let path = MediaPath::from_plain("live").unwrap();
    let newest = || server.hls.packagers.newest(&path, Rendition::Own);
    wait(|| newest().is_some_and(|newest| newest.number() != old.number())).await;
    let begun = text(server.http, "/live/media-cmaf.m3u8").await;
    assert!(begun.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{begun}");
    assert!(!begun.contains("#EXT-X-ENDLIST"), "{begun}");
    // Who is still in the old one goes on there.
    assert_eq!(playlist_of(&old).await, ended);
    for playlist in [&begun, &ended] {
        assert!(are_there(&server, &segments(playlist)).await);
    }
}
