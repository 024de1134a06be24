//! Channels that are pulled by RTSP, from this server's own movies and from cameras with strange manners.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{ChannelSource, Transport};
use reelcast::http::metrics::Metrics;
use reelcast::source::Feeds;
use tokio_util::sync::CancellationToken;

use crate::support::camera::{Camera, Manners, sdp};
use crate::support::movies;
use crate::support::server::Server;
use crate::support::sources::{Feeding, eventually, source};
use crate::support::viewer::{Viewer, Way};

fn server() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

fn of_camera(channel: &str, camera: &Camera) -> ChannelSource {
    source(
        channel,
        &format!(
            "rtsp://ad%40min:pass%3Aword@{}/live?pass=word",
            camera.address
        ),
    )
}

#[tokio::test]
async fn a_movie_of_another_server_becomes_a_channel_over_tcp_and_udp() {
    let camera = Server::start(&movies::clips(), |_| {});
    let server = server();
    let url = format!("rtsp://{}/clock.mp4", camera.address);
    let udp = ChannelSource {
        transport: Transport::Udp,
        ..source("by/udp", &url)
    };
    let feeding = Feeding::start(&server, vec![source("tcp", &url), udp]);
    for channel in ["tcp", "by/udp"] {
        feeding.reaches(channel, "live").await;
        let mut viewer = Viewer::open(server.address, channel, Way::Tcp).await;
        assert_eq!(viewer.tracks.len(), 2);
        viewer.play("").await;
        viewer
            .watch_until(|tracks| tracks.iter().all(|track| track.packets.len() > 20))
            .await;
    }
    assert_eq!(camera.sessions.len(), 2);
    feeding.end().await;
    camera.wait_for_sessions(0).await;
    assert!(server.mounts.list().is_empty());
}

#[tokio::test]
async fn a_source_on_demand_runs_only_while_somebody_watches() {
    let camera = Server::start(&movies::clips(), |_| {});
    let server = server();
    let url = format!("rtsp://{}/clock.mp4", camera.address);
    let on_demand = ChannelSource {
        on_demand: true,
        ..source("clock", &url)
    };
    let feeding = Feeding::start(&server, vec![on_demand]);
    feeding.reaches("clock", "idle").await;
    assert_eq!(camera.sessions.opened(), 0);
    for round in 1..=2 {
        let mut viewer = Viewer::open(server.address, "clock.sdp", Way::Tcp).await;
        viewer.play("").await;
        viewer
            .watch_until(|tracks| !tracks[0].packets.is_empty())
            .await;
        assert_eq!(camera.sessions.opened(), round);
        drop(viewer);
        feeding.reaches("clock", "idle").await;
        camera.wait_for_sessions(0).await;
    }
    let counts = feeding.status("clock").await.counts();
    assert_eq!(
        (counts.attempts, counts.failures, counts.reconnects),
        (2, 0, 1)
    );
}

#[tokio::test]
async fn a_camera_that_comes_back_goes_on_for_its_viewers() {
    let camera = Camera::start(Manners {
        packets: Some(50),
        ..Manners::default()
    })
    .await;
    let server = server();
    let feeding = Feeding::start(&server, vec![of_camera("door", &camera)]);
    feeding.reaches("door", "live").await;
    let mut viewer = Viewer::open(server.address, "door", Way::Tcp).await;
    viewer.play("").await;
    viewer
        .watch_until(|tracks| tracks[0].packets.len() > 120)
        .await;
    let numbers = viewer.tracks[0].packets.windows(2);
    let apart = numbers.map(|pair| pair[1].sequence.wrapping_sub(pair[0].sequence));
    assert!(apart.into_iter().all(|apart| apart == 1));
    let counts = feeding.status("door").await.counts();
    assert!(counts.reconnects >= 2 && counts.failures >= 2, "{counts:?}");
}

/// Retina, which receives, drops what comes late; so nobody waits for it.
#[tokio::test]
async fn datagrams_that_come_twice_or_late_are_left_out() {
    let camera = Camera::start(Manners {
        // Of ten, the fourth instead of the fifth, and the eighth before the seventh.
        number: |turn| match turn % 10 {
            4 | 7 => turn - 1,
            6 => turn + 1,
            _ => turn,
        },
        ..Manners::default()
    })
    .await;
    let server = server();
    let door = ChannelSource {
        transport: Transport::Udp,
        ..of_camera("door", &camera)
    };
    let feeding = Feeding::start(&server, vec![door]);
    feeding.reaches("door", "live").await;
    let channel = server.mounts.open(&MediaPath::from_plain("door").unwrap());
    let channel = channel.expect("the channel");
    let counts = || channel.stats().snapshot();
    eventually("packets", || counts().packets >= 80).await;
    let counts = counts();
    let (packets, lost) = (counts.packets, counts.lost);
    assert!(
        (lost * 4).abs_diff(packets) <= 8,
        "{lost} lost, {packets} came"
    );
}

#[tokio::test]
async fn credentials_of_the_url_answer_a_challenge() {
    let server = server();
    let basic = Camera::start(Manners {
        challenge: Some("Basic realm=\"camera\""),
        ..Manners::default()
    })
    .await;
    let digest = Camera::start(Manners {
        challenge: Some("Digest realm=\"camera\", nonce=\"0123456789\""),
        ..Manners::default()
    })
    .await;
    let sources = vec![of_camera("basic", &basic), of_camera("digest", &digest)];
    let feeding = Feeding::start(&server, sources);
    feeding.reaches("basic", "live").await;
    feeding.reaches("digest", "live").await;
    // "ad@min:pass:word"
    assert_eq!(basic.authorization(), "Basic YWRAbWluOnBhc3M6d29yZA==");
    let login = digest.authorization();
    assert!(login.starts_with("Digest username=\"ad@min\""), "{login}");
    let session = format!("rtsp://{}/live?pass=word", digest.address);
    let expected = [
        format!("DESCRIBE {session}"),
        format!("DESCRIBE {session}"),
        format!("SETUP {session}/video"),
        format!("PLAY {session}"),
    ];
    assert_eq!(digest.asked(), expected);
    feeding.end().await;
    assert_eq!(digest.asked().last(), Some(&format!("TEARDOWN {session}")));
}

#[tokio::test]
async fn what_is_wrong_with_a_camera_is_told() {
    let server = server();
    let video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    let cases = [
        (
            "no-media",
            Manners {
                sdp: sdp(""),
                ..Manners::default()
            },
            "No parseable streams",
        ),
        (
            "silent",
            Manners {
                payload_type: 97,
                ..Manners::default()
            },
            "no media for 1s",
        ),
        (
            "no-format",
            Manners {
                sdp: sdp("m=video 0 RTP/AVP \r\n"),
                ..Manners::default()
            },
            // Retina 0.4.21 panics here.
            "an internal error",
        ),
        (
            "many-tracks",
            Manners {
                sdp: sdp(&video.repeat(40)),
                ..Manners::default()
            },
            "the description has more than 32 tracks",
        ),
        (
            "no-sdp",
            Manners {
                content_type: "text/html",
                ..Manners::default()
            },
            "/live?… has unexpected content type text/html",
        ),
        (
            "stranger",
            Manners {
                challenge: Some("Negotiate"),
                ..Manners::default()
            },
            "401 response to DESCRIBE",
        ),
    ];
    let (mut cameras, mut sources) = (Vec::new(), Vec::new());
    for (channel, manners, _) in &cases {
        let camera = Camera::start(manners.clone()).await;
        let patience = Duration::from_secs(1);
        sources.push(ChannelSource {
            timeout: patience,
            ..of_camera(channel, &camera)
        });
        cameras.push(camera);
    }
    sources.push(source("nobody", "rtsp://127.0.0.1:1/"));
    let feeding = Feeding::start(&server, sources);
    for (channel, _, expected) in &cases {
        let reason = feeding.failure(channel).await;
        assert!(reason.contains(expected), "{channel}: {reason}");
        assert!(
            !reason.contains("word") && !reason.contains('\n'),
            "{reason}"
        );
    }
    let reason = feeding.failure("nobody").await;
    assert!(reason.contains("Connection refused"), "{reason}");
}

#[tokio::test]
async fn a_changed_configuration_disturbs_only_what_it_changes() {
    let camera = Camera::start(Manners::default()).await;
    let server = server();
    let (same, gone) = (of_camera("same", &camera), of_camera("gone", &camera));
    let changed = of_camera("changed", &camera);
    let feeding = Feeding::start(&server, vec![same.clone(), gone, changed.clone()]);
    for channel in ["same", "gone", "changed"] {
        feeding.reaches(channel, "live").await;
    }
    let mut viewer = Viewer::open(server.address, "changed", Way::Tcp).await;
    viewer.play("").await;
    let untouched = feeding.status("same").await;
    let changed = ChannelSource {
        timeout: Duration::from_secs(7),
        ..changed
    };
    feeding.change(vec![changed, same, of_camera("new", &camera)]);
    feeding.reaches("new", "live").await;
    feeding.reaches("changed", "live").await;
    let names = || -> Vec<String> {
        let list = server.mounts.list();
        list.iter().map(|one| one.path().to_string()).collect()
    };
    assert_eq!(names(), ["changed", "new", "same"]);
    assert_eq!(untouched.counts().attempts, 1);
    let seen = viewer.tracks[0].packets.len();
    viewer
        .watch_until(|tracks| tracks[0].packets.len() > seen + 10)
        .await;
    feeding.change(Vec::new());
    eventually("the channels are gone", || names().is_empty()).await;
}

#[tokio::test]
async fn a_name_that_is_taken_is_waited_for() {
    let camera = Camera::start(Manners::default()).await;
    let server = server();
    let first = Feeding::start(&server, vec![of_camera("door", &camera)]);
    first.reaches("door", "live").await;
    let second = Feeding::start(&server, vec![of_camera("door.sdp", &camera)]);
    let reason = second.failure("door.sdp").await;
    assert!(reason.contains("source rtsp://"), "{reason}");
    first.end().await;
    second.reaches("door.sdp", "live").await;
}

#[tokio::test]
async fn metrics_tell_how_a_source_is_doing() {
    let camera = Camera::start(Manners::default()).await;
    let server = server();
    let feeding = Feeding::start(&server, vec![of_camera("door", &camera)]);
    feeding.reaches("door", "live").await;
    let mounts = Arc::clone(&server.mounts);
    let mut metrics = Metrics::new(server.sessions.clone(), mounts, Arc::default());
    let feeds = Feeds::new(Arc::clone(&feeding.sources), CancellationToken::new());
    metrics.sources(Arc::clone(&feeding.sources), feeds);
    let text = metrics.summary();
    for line in [
        "reelcast_source_state{channel=\"door\",state=\"live\"} 1",
        "reelcast_source_state{channel=\"door\",state=\"retrying\"} 0",
        "reelcast_source_attempts_total{channel=\"door\"} 1",
        "reelcast_source_failures_total{channel=\"door\"} 0",
        "reelcast_source_reconnects_total{channel=\"door\"} 0",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
}
