//! Many readers of one live channel: CPU a packet against bare loops, latency, memory, and how the cost grows.
//!
//! `make bench` runs it; `cargo bench --bench live -- --help` lists the arguments.
//! Where the machine has two processors the server gets one, and the readers
//! and the publisher the other, by `taskset`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod bare;
mod curve;
mod dialogue;
mod inside;
#[path = "../process.rs"]
mod process;
mod readers;
mod run;
mod sender;
#[path = "../server.rs"]
mod server;
mod traffic;

use std::io::BufRead;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use run::{Figures, Run};
use sender::{Subject, Transport};
use traffic::Traffic;

#[derive(Parser)]
struct Arguments {
    /// What to measure; everything when it is not given.
    cases: Vec<Case>,
    /// How many read at the same time, in the case `fan-out`.
    #[arg(long, default_value_t = 400)]
    readers: usize,
    /// The channel's bit rate, in the case `fan-out`.
    #[arg(long, default_value_t = 2_000_000)]
    bits: usize,
    /// For how many seconds each figure is taken.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How often the reference and the server take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What is held against the bare loops.
    #[arg(long, default_value = "server")]
    subject: Subject,
    /// How media travels; both when it is not given.
    #[arg(long)]
    transport: Option<Transport>,
    /// The server program.
    #[arg(long, default_value = "target/release/reelcast")]
    server: PathBuf,
    /// What to be instead: a sender for another process of this program.
    #[arg(long, hide = true)]
    send: Option<Subject>,
    /// What `cargo bench` adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// CPU a packet against the bare loops.
    FanOut,
    /// The same while the readers' processor never sleeps, so that no sender pays for waking it.
    FanOutAwake,
    /// 1000 readers of 1 Mbit/s on one core.
    Crowd,
    /// From publisher to reader, 100 readers of 2 Mbit/s.
    Latency,
    /// Of a reader, 400 readers of 300 kbit/s.
    Memory,
    /// CPU a packet from 10 to 1000 readers.
    Curve,
}

fn main() {
    let arguments = Arguments::parse();
    allow_descriptors();
    if let Some(subject) = arguments.send {
        return send(&arguments, subject);
    }
    process::pin(std::process::id(), process::VIEWERS_CPU);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let bench = Bench { arguments, runtime };
    let cases = match bench.arguments.cases.as_slice() {
        [] => Case::value_variants(),
        chosen => chosen,
    };
    for case in cases {
        match case {
            Case::FanOut => bench.fan_out(false),
            Case::FanOutAwake => bench.fan_out(true),
            Case::Crowd => bench.crowd(),
            Case::Latency => bench.latency(),
            Case::Memory => bench.memory(),
            Case::Curve => curve::draw(&bench),
        }
    }
}

struct Bench {
    arguments: Arguments,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn transports(&self) -> Vec<Transport> {
        let all = Transport::value_variants();
        self.arguments
            .transport
            .map_or_else(|| all.to_vec(), |one| vec![one])
    }

    /// Runs it, with tasks of its own that end with it.
    fn run(&self, run: Run) -> Figures {
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&self.runtime, run.measure(&self.arguments))
    }

    /// Runs the subject with so many readers.
    fn subject(&self, transport: Transport, readers: usize, bits: usize) -> Figures {
        self.run(Run {
            subject: self.arguments.subject,
            transport,
            readers,
            bits,
            awake: false,
        })
    }

    fn fan_out(&self, awake: bool) {
        let Arguments {
            readers,
            bits,
            rounds,
            ..
        } = self.arguments;
        let whose = if awake {
            "readers that never sleep"
        } else {
            "readers"
        };
        println!("fan-out: {readers} {whose}, {bits} bit/s, µs of CPU a packet, {rounds} rounds");
        for transport in self.transports() {
            let mut pairs = Vec::new();
            for _ in 0..rounds {
                let turn = |subject| {
                    self.run(Run {
                        subject,
                        transport,
                        readers,
                        bits,
                        awake,
                    })
                };
                let (bare, subject) = (turn(Subject::Bare), turn(self.arguments.subject));
                println!(
                    "  {transport:?}  bare {:.2}  {:?} {:.2}  ratio {:.2}  gaps {}",
                    bare.cpu,
                    self.arguments.subject,
                    subject.cpu,
                    subject.cpu / bare.cpu,
                    subject.gaps
                );
                pairs.push((bare.cpu, subject.cpu));
            }
            let of = |value: fn(&(f64, f64)) -> f64| median(pairs.iter().map(value).collect());
            println!(
                "  {transport:?}  medians: bare {:.2}  {:?} {:.2}  ratio {:.2}",
                of(|pair| pair.0),
                self.arguments.subject,
                of(|pair| pair.1),
                of(|pair| pair.1 / pair.0)
            );
        }
    }

    fn crowd(&self) {
        println!("crowd: 1000 readers of 1 Mbit/s on one core");
        for transport in self.transports() {
            let figures = self.subject(transport, 1000, 1_000_000);
            println!(
                "  {transport:?}  {} packets received, {} sent, {} gaps, {} cut off, {:.0} % of the core, p99 {:.1} ms",
                figures.packets,
                figures.sent,
                figures.gaps,
                figures.cut,
                figures.load * 100.0,
                figures.p99
            );
        }
    }

    fn latency(&self) {
        println!("latency: publisher to reader, 100 readers of 2 Mbit/s, ms");
        for transport in self.transports() {
            let figures = self.subject(transport, 100, 2_000_000);
            println!(
                "  {transport:?}  p50 {:.2}  p99 {:.2}  gaps {}; in the server by its own account p50 {:.2}  p99 {:.2}",
                figures.p50, figures.p99, figures.gaps, figures.own_p50, figures.own_p99
            );
        }
    }

    fn memory(&self) {
        println!("memory: 400 readers of 300 kbit/s, KB resident a reader");
        for transport in self.transports() {
            let figures = self.subject(transport, 400, 300_000);
            println!("  {transport:?}  {:.1}", figures.memory);
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Sends until this process is killed.
fn send(arguments: &Arguments, subject: Subject) {
    let traffic = Traffic::new(arguments.bits);
    let readers = arguments.readers;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match (subject, arguments.transport) {
        (Subject::Bare, Some(Transport::Udp)) => bare::udp(traffic),
        (Subject::Bare, _) => bare::tcp(readers, traffic),
        (Subject::Tasks, _) => runtime.block_on(inside::tasks(readers, traffic)),
        (_, Some(Transport::Udp)) => runtime.block_on(inside::udp(traffic)),
        (_, _) => runtime.block_on(inside::tcp(readers, traffic)),
    }
}

/// A reader takes up to three descriptors here.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).expect("the limit may be raised to its maximum");
}

/// Tells the process that started this one where it listens.
fn say_port(port: u16) {
    println!("{port}");
}

/// The ports that the process that started this one wants datagrams on.
fn read_ports() -> Vec<u16> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("ports");
    line.split_whitespace()
        .map(|port| port.parse().expect("a port"))
        .collect()
}
