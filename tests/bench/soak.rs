//! A long run with comings and goings: does memory stay flat, is every descriptor given back, does nobody miss a packet?
//!
//! `make soak` runs it for ten minutes: a movie is published in a loop and its
//! publisher killed and restarted every minute; 50 readers stay all the time,
//! 50 others a second join and leave. Fails when a promise does not hold.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod process;
mod server;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use process::VIEWERS_CPU;
use server::Server;

/// How long a publisher is away.
const AWAY: Duration = Duration::from_secs(3);

/// What memory may grow by from the second minute to the last.
const GROWTH: f64 = 0.05;

/// How many seconds each of the passing readers stays; a hundred at a time make 50 joins a second.
const STAY: &str = "2";

#[derive(Parser)]
struct Arguments {
    /// How long to run.
    #[arg(long, default_value_t = 10)]
    minutes: usize,
    /// The server program.
    #[arg(long, default_value = "target/release/reelcast")]
    server: PathBuf,
    /// What `cargo bench` adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the server holds at one moment.
#[derive(Clone, Copy)]
struct Holding {
    memory: f64,
    descriptors: usize,
    cpu: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let minutes = arguments.minutes.max(3);
    let clips = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies");
    let server = Server::start(&arguments.server, &clips, &[]).await;
    let tool = Tool {
        program: arguments.server,
        movie: clips.join("clock-hinted.mov"),
        url: format!("rtsp://{}/soak", server.rtsp),
    };
    let idle = holding(&server);
    let mut publisher = tool.publish();
    sleep(Duration::from_secs(2)).await;
    let readers = tool.readers(minutes);
    let mut minute_ends = Vec::new();
    for minute in 1..=minutes {
        sleep(Duration::from_secs(57)).await;
        let now = holding(&server);
        println!(
            "minute {minute:>3}: {:.2} MB resident, {} descriptors, {} packets sent, {:.1} s CPU",
            now.memory / 1e6,
            now.descriptors,
            server.packets().await,
            now.cpu.as_secs_f64(),
        );
        minute_ends.push(now.memory);
        publisher.kill().await.expect("the publisher runs");
        sleep(AWAY).await;
        publisher = tool.publish();
    }
    let mut faults = Vec::new();
    for (name, load) in readers {
        let report = timeout(Duration::from_secs(60), load.wait_with_output()).await;
        let output = report.expect("the readers end in time").expect("they ran");
        faults.extend(faults_of(name, &output.stdout));
    }
    let (p50, p99) = server.lateness().await;
    println!("lateness: p50 {:.2} ms, p99 {:.2} ms", p50 * 1e3, p99 * 1e3);
    publisher.kill().await.expect("the publisher runs");
    // Until the channel's grace is over.
    sleep(Duration::from_secs(35)).await;
    // Not the last: at its end readers may have left already.
    let highest = minute_ends[2..].iter().copied().fold(0.0, f64::max);
    let growth = highest / minute_ends[1] - 1.0;
    println!(
        "memory, second minute to the highest after it: {:+.1} %",
        growth * 100.0
    );
    if growth > GROWTH {
        faults.push(format!("memory grew by {:.1} %", growth * 100.0));
    }
    let left = holding(&server).descriptors;
    println!("descriptors: {} before, {left} after", idle.descriptors);
    if left > idle.descriptors + 2 {
        faults.push(format!("{} descriptors leaked", left - idle.descriptors));
    }
    conclude(&faults)
}

fn conclude(faults: &[String]) -> ExitCode {
    for fault in faults {
        println!("FAULT: {fault}");
    }
    if faults.is_empty() {
        println!("nothing leaked, nobody missed a packet");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn holding(server: &Server) -> Holding {
    let used = server.usage();
    Holding {
        cpu: used.cpu,
        memory: used.resident as f64,
        descriptors: std::fs::read_dir(format!("/proc/{}/fd", server.process))
            .expect("it runs")
            .count(),
    }
}

/// What is wrong with the report of a group of readers.
fn faults_of(name: &str, report: &[u8]) -> Vec<String> {
    let report: Value = serde_json::from_slice(report).expect("a report");
    let number = |value: &Value| value.as_u64().expect("a number");
    println!(
        "{name}: {} joined, {} packets",
        report["readers"]["joined"], report["packets"]
    );
    let mut faults = Vec::new();
    if number(&report["readers"]["failed"]) > 0 {
        faults.push(format!("{name}: readers failed: {}", report["failures"]));
    }
    for track in report["tracks"].as_array().expect("tracks") {
        if number(&track["gaps"]) > 0 {
            faults.push(format!("{name}: gaps: {track}"));
        }
    }
    faults
}

struct Tool {
    program: PathBuf,
    movie: PathBuf,
    url: String,
}

impl Tool {
    fn publish(&self) -> Child {
        let mut command = self.command();
        command.arg("publish").arg(&self.movie).arg(&self.url);
        command.arg("--loop").stdout(Stdio::null());
        start(command)
    }

    /// Readers that stay for the whole time, and readers that come and go.
    fn readers(&self, minutes: usize) -> [(&'static str, Child); 4] {
        let seconds = (60 * minutes - 10).to_string();
        let load = |transport, more: &[&str]| {
            let mut command = self.command();
            command.args(["load", "--json", "--url", &self.url, "--seconds", &seconds]);
            command.args(["--transport", transport]).args(more);
            command.stdout(Stdio::piped());
            start(command)
        };
        let stay = ["--readers", "25"];
        let pass = ["--readers", "50", "--rate", "25", "--stay", STAY];
        [
            ("staying over TCP", load("tcp", &stay)),
            ("staying over UDP", load("udp", &stay)),
            ("passing over TCP", load("tcp", &pass)),
            ("passing over UDP", load("udp", &pass)),
        ]
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

fn start(mut command: Command) -> Child {
    let child = command.spawn().expect("the program starts");
    process::pin(child.id().expect("it runs"), VIEWERS_CPU);
    child
}
