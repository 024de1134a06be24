//! `reelcast load` and `reelcast publish`, run as a user runs them.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::{Child, Command};

use super::support::program::Program;

fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelcast"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The figures of two readers of `url` for a second.
async fn load(url: &str, transport: &str) -> (Output, Value) {
    let arguments = ["load", "--readers", "2", "--seconds", "1", "--json"];
    let mut command = tool(&arguments);
    command.args(["--transport", transport, "--url", url]);
    let output = command.output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output, report)
}

fn movies() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/movies"))
}

fn publish(url: &str, transport: &str) -> Child {
    let movie = movies().join("clock-hinted.mov");
    let movie = movie.to_str().unwrap();
    tool(&["publish", movie, url, "--loop", "--transport", transport])
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn load_measures_a_movie_over_every_transport() {
    let server = Program::start(movies()).await;
    let url = format!("rtsp://{}/clock.mp4", server.rtsp);
    for transport in ["tcp", "udp", "http"] {
        let (output, report) = load(&url, transport).await;
        assert!(output.status.success(), "{report:#}");
        assert_eq!(report["readers"]["joined"], 2, "{report:#}");
        assert_eq!(report["tracks"][0]["encoding"], "H264/90000");
        assert!(
            report["first_key_frame"]["p50_ms"].as_f64() > Some(0.0),
            "{report:#}"
        );
        assert!(report["server"]["process"].as_u64() > Some(1), "{report:#}");
        for track in report["tracks"].as_array().unwrap() {
            assert!(track["packets"].as_u64() > Some(20), "{report:#}");
            assert_eq!(track["gaps"], 0, "{report:#}");
        }
    }
}

#[tokio::test]
async fn load_says_why_readers_fail() {
    let server = Program::start(movies()).await;
    let (output, report) = load(&format!("rtsp://{}/none.mov", server.rtsp), "tcp").await;
    assert!(!output.status.success());
    assert_eq!(report["readers"]["failed"], 2, "{report:#}");
    assert_eq!(
        report["failures"][0][0],
        "DESCRIBE was answered with 404 Not Found"
    );
    assert_eq!(report["failures"][0][1], 2);
}

#[tokio::test]
async fn a_published_movie_is_a_channel() {
    let server = Program::start(movies()).await;
    for transport in ["tcp", "udp", "http"] {
        let url = format!("rtsp://{}/{transport}", server.rtsp);
        let _publisher = publish(&url, transport);
        let mut report = Value::Null;
        for _ in 0..20 {
            report = load(&url, "tcp").await.1;
            if report["readers"]["joined"] == 2 {
                break;
            }
        }
        assert_eq!(report["readers"]["joined"], 2, "{transport}: {report:#}");
        for track in report["tracks"].as_array().unwrap() {
            assert!(
                track["packets"].as_u64() > Some(5),
                "{transport}: {report:#}"
            );
            assert_eq!(track["gaps"], 0, "{transport}: {report:#}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_published_is_told() {
    let server = Program::start(movies()).await;
    let target = format!("rtsp://{}/live", server.rtsp);
    let readme = movies().join("README.md");
    let cases = [
        (readme.to_str().unwrap(), target.as_str(), "README.md"),
        ("/nowhere.mov", target.as_str(), "nowhere.mov"),
        ("/nowhere.mov", "http://host/live", "rtsp://"),
    ];
    for (file, url, reason) in cases {
        let output = tool(&["publish", file, url]).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(text.contains(reason), "{file} to {url}: {text}");
    }
}
