//! PLAY and PAUSE: where media starts, how it goes on, at which speed, and how it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::movies::clips;
use crate::support::received::{Answer, ReceivedPacket};
use crate::support::server::Server;
use crate::support::viewer::{Viewer, WatchedTrack, Way};

async fn open(movie: &str, way: Way) -> (Server, Viewer) {
    let server = Server::start(&clips(), |_| {});
    let viewer = Viewer::open(server.address, movie, way).await;
    (server, viewer)
}

#[tokio::test]
async fn play_goes_on_after_a_pause_where_it_stopped() {
    let movies = ["clock.mp4", "clock-hinted.mov", "tone.m4a"];
    let cases: JoinSet<()> = movies.into_iter().map(pause_and_go_on).collect();
    cases.join_all().await;
}

async fn pause_and_go_on(movie: &str) {
    let (_server, mut viewer) = open(movie, Way::Tcp).await;
    viewer.play("Range: npt=0-\r\n").await;
    for _ in 0..3 {
        viewer
            .watch_until(|tracks| tracks.iter().all(|track| track.packets.len() > 5))
            .await;
        assert_eq!(viewer.ask("PAUSE", "").await.status, 200);
        let last: Vec<_> = viewer.tracks.iter().map(last_numbers).collect();
        let answer = viewer.play("").await;
        for (track, (sequence, time)) in viewer.tracks.iter().zip(last) {
            let next = answer.rtp_info(&track.control);
            assert_eq!(next.0, sequence.wrapping_add(1), "{movie}");
            let step = next.1.wrapping_sub(time).cast_signed();
            assert!((0..=90_000).contains(&step), "{movie}: {step} ticks");
        }
        starts_as_announced(&mut viewer, &answer).await;
    }
}

#[tokio::test]
async fn play_goes_on_after_a_pause_over_udp() {
    let movies = ["clock.mp4", "clock-hinted.mov", "tone.m4a"];
    let cases: JoinSet<()> = movies.into_iter().map(pause_over_udp).collect();
    cases.join_all().await;
}

/// Packets overtake answers here: so all are kept, and a pause is long enough for the last to arrive.
async fn pause_over_udp(movie: &str) {
    let (_server, mut viewer) = open(movie, Way::Udp).await;
    let began = viewer.play("Range: npt=0-\r\n").await;
    let clock = Instant::now();
    for _ in 0..2 {
        let before = counts(&viewer);
        watch_for_more_than(&mut viewer, &before, 5).await;
        assert_eq!(viewer.ask("PAUSE", "").await.status, 200);
        viewer.watch_for(Duration::from_millis(300)).await;
        let paused = counts(&viewer);
        viewer.watch_for(Duration::from_millis(500)).await;
        assert_eq!(counts(&viewer), paused, "{movie}: silent while it pauses");
        let answer = viewer.ask("PLAY", "").await;
        let elapsed = clock.elapsed().as_secs_f64();
        watch_for_more_than(&mut viewer, &paused, 0).await;
        for (track, paused) in viewer.tracks.iter().zip(paused) {
            let announced = answer.rtp_info(&track.control);
            let first = &track.packets[paused];
            assert_eq!((first.sequence, first.time), announced, "{movie}");
            // RTP time is the session's time, in which pauses count, on every track alike.
            let ticks = announced.1.wrapping_sub(began.rtp_info(&track.control).1);
            let seconds = f64::from(ticks) / f64::from(track.clock_rate());
            assert!((seconds - elapsed).abs() < 0.5, "{movie}: {seconds} s");
        }
    }
    for track in &viewer.tracks {
        for pair in track.packets.windows(2) {
            let [before, after] = pair else { continue };
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "{movie}");
        }
    }
}

fn counts(viewer: &Viewer) -> Vec<usize> {
    let tracks = viewer.tracks.iter();
    tracks.map(|track| track.packets.len()).collect()
}

async fn watch_for_more_than(viewer: &mut Viewer, before: &[usize], more: usize) {
    let grown = |(track, before): (&WatchedTrack, &usize)| track.packets.len() > before + more;
    viewer
        .watch_until(|tracks| tracks.iter().zip(before).all(grown))
        .await;
}

/// Sequence number of the last packet, and the latest timestamp: pictures are sent out of order.
fn last_numbers(track: &WatchedTrack) -> (u16, u32) {
    let last = track.packets.last().unwrap();
    let ahead = |packet: &&ReceivedPacket| packet.time.wrapping_sub(last.time).cast_signed();
    let latest = track.packets.iter().max_by_key(ahead).unwrap();
    (last.sequence, latest.time)
}

async fn starts_as_announced(viewer: &mut Viewer, answer: &Answer) {
    viewer
        .watch_until(|tracks| tracks.iter().all(|track| !track.packets.is_empty()))
        .await;
    for track in &viewer.tracks {
        let first = &track.packets[0];
        let announced = answer.rtp_info(&track.control);
        assert_eq!((first.sequence, first.time), announced, "{}", track.control);
    }
}

#[tokio::test]
async fn ranges_may_be_counted_in_frames_and_have_an_end() {
    for movie in ["clock.mp4", "clock-hinted.mov"] {
        let (_server, mut viewer) = open(movie, Way::Tcp).await;
        let range = "Range: smpte-25=00:00:05:05-00:00:05:15\r\n";
        let answer = viewer.play(range).await;
        assert_eq!(
            answer.header("Range"),
            Some("npt=4.00000-5.60000"),
            "{movie}"
        );
        viewer.watch_to_the_end().await;
        let pictures = times(&viewer.tracks[0]);
        assert_eq!(pictures.len(), 40, "{movie}: from 4 s to 5.6 s");
    }
}

#[tokio::test]
async fn at_the_end_comes_bye_and_play_starts_anew() {
    let mut cases = JoinSet::new();
    cases.spawn(end_and_play_again("clock.mp4", Way::Udp));
    cases.spawn(end_and_play_again("clock-hinted.mov", Way::Tcp));
    cases.spawn(end_and_play_again("tone.m4a", Way::Tunnel));
    cases.join_all().await;
}

async fn end_and_play_again(movie: &str, way: Way) {
    let (_server, mut viewer) = open(movie, way).await;
    viewer.play("Range: npt=11.5-\r\n").await;
    viewer.watch_to_the_end().await;
    let last: Vec<_> = viewer.tracks.iter().map(last_numbers).collect();
    let answer = viewer.play("").await;
    assert_eq!(answer.range_start(), 0.0, "{movie}");
    for (track, (sequence, time)) in viewer.tracks.iter().zip(last) {
        let next = answer.rtp_info(&track.control);
        assert_eq!(next.0, sequence.wrapping_add(1), "{movie}");
        assert!(next.1.wrapping_sub(time).cast_signed() > 0, "{movie}");
    }
    viewer
        .watch_until(|tracks| tracks.iter().all(|track| track.packets.len() > 10))
        .await;
}

#[tokio::test]
async fn fast_and_backwards_only_key_frames_are_sent() {
    let mut cases = JoinSet::new();
    for movie in ["clock.mp4", "clock-hinted.mov"] {
        cases.spawn(key_frames(movie, (2, 2.0), "8-", 2));
        cases.spawn(key_frames(movie, (8, 8.0), "0-", 6));
        cases.spawn(key_frames(movie, (-1, -1.0), "3-", 2));
        cases.spawn(key_frames(movie, (-3, -1.0), "1.5-0", 1));
    }
    cases.join_all().await;
}

/// Plays `range` at a scale; the answer names the one that is done, and
/// `pictures` key frames arrive, of which the clips have one every 2 s.
async fn key_frames(movie: &str, (asked, scale): (i32, f64), range: &str, pictures: usize) {
    let (_server, mut viewer) = open(movie, Way::Tcp).await;
    let headers = format!("Scale: {asked}\r\nRange: npt={range}\r\n");
    let answer = viewer.play(&headers).await;
    assert_eq!(number(&answer, "Scale"), scale, "{movie}");
    // Sound, of which nothing is sent, needs no BYE either.
    viewer
        .watch_until(|tracks| tracks.iter().any(WatchedTrack::is_over))
        .await;
    for track in &viewer.tracks {
        let expected = if is_video(track) { pictures } else { 0 };
        assert_eq!(times(track).len(), expected, "{movie} at scale {asked}");
        assert!(track.packets.iter().all(is_key), "{movie}");
    }
}

/// The value of a header.
fn number(answer: &Answer, name: &str) -> f64 {
    answer.header(name).unwrap().parse().unwrap()
}

fn is_video(track: &WatchedTrack) -> bool {
    track.lines[0].starts_with("m=video")
}

fn times(track: &WatchedTrack) -> BTreeSet<u32> {
    track.packets.iter().map(|packet| packet.time).collect()
}

/// Whether the payload is not a picture that needs another one (RFC 6184, 5.2).
fn is_key(packet: &ReceivedPacket) -> bool {
    let kind = match packet.payload[0] & 0x1f {
        28 => packet.payload[1] & 0x1f,
        other => other,
    };
    kind != 1
}

#[tokio::test]
async fn a_connection_gets_media_at_the_speed_it_asks_for() {
    let (_server, mut viewer) = open("clock.mp4", Way::Tcp).await;
    let started = Instant::now();
    let answer = viewer.play("Speed: 4\r\nRange: npt=6-\r\n").await;
    assert_eq!(number(&answer, "Speed"), 4.0);
    viewer.watch_to_the_end().await;
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(times(&viewer.tracks[0]).len(), 150);
    let (_server, mut viewer) = open("clock.mp4", Way::Udp).await;
    let answer = viewer.play("Speed: 4\r\n").await;
    assert_eq!(number(&answer, "Speed"), 1.0);
}
