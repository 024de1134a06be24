//! Requests per CPU second: the server against nginx with the same bytes as files.
//!
//! wrk asks over 16 connections as fast as it can. The publisher has left, so that the server does
//! nothing else. nginx keeps no access log; the server keeps one line a viewer.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::programs::{self, Nginx, Server, get};
use super::{Arguments, median, process};

/// What keeps the channel as it is for as long as that is measured.
const SETTINGS: &[(&str, &str)] = &[
    ("HLS_TARGET_DURATION", "2s"),
    ("HLS_WINDOW", "1h"),
    ("HLS_IDLE_STOP", "1h"),
    ("LIVE_GRACE", "1h"),
];

/// How long the channel is before that.
const PUBLISHED: Duration = Duration::from_secs(12);

/// Prints the figures.
pub(crate) fn measure(arguments: &Arguments) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&arguments.server, SETTINGS);
    let publisher = server.publish(&arguments.server, &programs::movie(folder.path()));
    sleep(PUBLISHED);
    drop(publisher);
    sleep(Duration::from_secs(1));
    let objects = objects(&server);
    for (_, path) in &objects {
        let bytes = get(&server.http, path).expect("it is there");
        let file = folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().expect("a folder")).expect("a place for files");
        fs::write(file, bytes).expect("a place for files");
    }
    let (copying, sending) = (
        Nginx::start(folder.path(), false),
        Nginx::start(folder.path(), true),
    );
    println!(
        "serving: requests per CPU second, medians of {} rounds",
        arguments.rounds
    );
    for (what, path) in &objects {
        let mut figures = [const { Vec::new() }; 3];
        for _ in 0..arguments.rounds {
            let subjects = [
                (&copying.address, copying.worker),
                (&sending.address, sending.worker),
                (&server.http, server.program.id()),
            ];
            for (figure, (address, id)) in figures.iter_mut().zip(subjects) {
                figure.push(requests_per_second(address, path, id, arguments.seconds));
            }
        }
        let size = get(&server.http, path).map_or(0, |bytes| bytes.len());
        let [copying, sending, own] = figures.map(median);
        println!(
            "  {what} of {size} bytes: nginx {copying:.0}, with sendfile {sending:.0}; server {own:.0}, \
             ratios {:.2} (aim 0.9) and {:.2} (aim 0.6)",
            own / copying,
            own / sending
        );
    }
}

/// What is asked for, with its path.
fn objects(server: &Server) -> [(&'static str, String); 3] {
    let media = "/live/media.m3u8";
    let text = get(&server.http, media).expect("a playlist");
    let text = String::from_utf8(text).expect("text");
    let segment = text.lines().find(|line| !line.starts_with('#'));
    let part = text.lines().find_map(|line| {
        let (_, uri) = line.strip_prefix("#EXT-X-PART:")?.split_once("URI=\"")?;
        uri.split('"').next()
    });
    let path = |name: Option<&str>| format!("/live/{}", name.expect("the channel is long enough"));
    [
        ("playlist", media.to_owned()),
        ("part", path(part)),
        ("segment", path(segment)),
    ]
}

/// How often the process `id` answers in a second of its own time.
fn requests_per_second(address: &str, path: &str, id: u32, seconds: u64) -> f64 {
    let before = process::usage(id).cpu;
    let mut command = Command::new("taskset");
    command.args(["-c", &process::VIEWERS_CPU.to_string()]);
    command.args(["wrk", "-t", "1", "-c", "16", "-d", &format!("{seconds}s")]);
    let output = command.arg(format!("http://{address}{path}")).output();
    let output = output.expect("wrk is there");
    let used = process::usage(id).cpu - before;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx"), "{text}");
    let requests = text.lines().find_map(|line| {
        let (count, _) = line.trim().split_once(" requests in ")?;
        count.parse::<f64>().ok()
    });
    requests.expect("what wrk counts") / used.as_secs_f64()
}
