//! HLS: serving against nginx, what packaging costs, how soon a part can be had, and a thousand players.
//!
//! `make bench BENCH=hls` runs it, with nginx and wrk from Debian; `cargo bench --bench hls -- --help`
//! lists the arguments. Where the machine has two processors the servers get one, and whoever asks
//! them the other, by `taskset`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod channel;
mod crowd;
mod latency;
mod packaging;
#[path = "../process.rs"]
mod process;
mod programs;
mod serving;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[derive(Parser)]
struct Arguments {
    /// What to measure; everything when it is not given.
    cases: Vec<Case>,
    /// For how many seconds each figure is taken.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often nginx and the server take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many play at the same time, in the case `crowd`.
    #[arg(long, default_value_t = 1000)]
    players: usize,
    /// The server program.
    #[arg(long, default_value = "target/release/reelcast")]
    server: PathBuf,
    /// What `cargo bench` adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// What packaging a channel costs, from its packets on.
    Packaging,
    /// From the last packet of a part until the part can be fetched.
    Latency,
    /// Requests per CPU second, against nginx with the same files.
    Serving,
    /// Players of low latency at 2 Mbit/s: who stands still?
    Crowd,
}

fn main() {
    let arguments = Arguments::parse();
    allow_descriptors();
    let cases = match arguments.cases.as_slice() {
        [] => Case::value_variants(),
        chosen => chosen,
    };
    for case in cases {
        match case {
            Case::Packaging => packaging::measure(),
            Case::Latency => latency::measure(arguments.seconds.max(10)),
            Case::Serving => serving::measure(&arguments),
            Case::Crowd => crowd::measure(&arguments),
        }
    }
}

/// Lets the server and its players have as many sockets as the system allows.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).expect("up to the limit that is there");
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
