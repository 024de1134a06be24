//! A thousand players of low latency: `reelcast load --hls` on one processor, the server on the other.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::programs::{self, Server};
use super::{Arguments, process};

/// How long is measured when all have joined, in seconds.
const SECONDS: u64 = 30;

/// Prints what the load test reports.
pub(crate) fn measure(arguments: &Arguments) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&arguments.server, &[]);
    let _publisher = server.publish(&arguments.server, &programs::movie(folder.path()));
    sleep(Duration::from_secs(10));
    for players in [1, arguments.players] {
        println!("crowd: {players} players of low latency, 2 Mbit/s");
        let mut command = Command::new("taskset");
        command.args(["-c", &process::VIEWERS_CPU.to_string()]);
        command.arg(&arguments.server).args(["load", "--hls"]);
        command.args(["--url", &format!("http://{}/live/index.m3u8", server.http)]);
        command.args(["--readers", &players.to_string(), "--rate", "100"]);
        command.args(["--seconds", &SECONDS.to_string()]);
        let output = command.output().expect("the load test runs");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            println!("  {line}");
        }
        let resident = process::usage(server.program.id()).resident;
        println!("  the server has {:.1} MB resident", resident as f64 / 1e6);
    }
}
