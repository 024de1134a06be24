//! Many viewers of one movie against a server process of its own: lateness, CPU, memory.
//!
//! `make bench` runs it; `cargo bench --bench viewers -- --help` lists the arguments.
//! Where the machine has two processors the server gets one and the viewers the
//! other, by `taskset`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod lateness;
mod process;
mod schedule;
mod server;
mod viewer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use lateness::{Arrivals, Lateness};
use process::Usage;
use server::Server;
use viewer::Watching;

#[derive(Parser)]
struct Arguments {
    /// How many watch at the same time.
    #[arg(long, default_value_t = 200)]
    viewers: usize,
    /// For how many seconds they watch.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How media travels; in all ways, one after the other, when it is not given.
    #[arg(long)]
    transport: Option<Transport>,
    /// The movie; the 300 kbit/s sample of the QTSS era when it is there, else the hinted clip.
    #[arg(long)]
    movie: Option<PathBuf>,
    /// The server program.
    #[arg(long, default_value = "target/release/reelcast")]
    server: PathBuf,
    /// What `cargo bench` adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Transport {
    Tcp,
    Udp,
    /// SRTP within the connection.
    SrtpTcp,
    /// SRTP in datagrams.
    SrtpUdp,
}

impl Transport {
    fn is_secure(self) -> bool {
        matches!(self, Self::SrtpTcp | Self::SrtpUdp)
    }

    fn is_datagrams(self) -> bool {
        matches!(self, Self::Udp | Self::SrtpUdp)
    }
}

fn main() {
    let arguments = Arguments::parse();
    let movie = arguments.movie.clone().unwrap_or_else(default_movie);
    let size = std::fs::metadata(&arguments.server).map_or(0, |facts| facts.len());
    println!(
        "{} viewers of {} for {} s",
        arguments.viewers,
        movie.display(),
        arguments.seconds
    );
    println!("program {:.1} MB", size as f64 / 1e6);
    process::pin(std::process::id(), process::VIEWERS_CPU);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let transports = arguments
        .transport
        .map_or_else(|| Transport::value_variants().to_vec(), |one| vec![one]);
    for transport in transports {
        runtime.block_on(measure(&arguments, &movie, transport));
    }
}

async fn measure(arguments: &Arguments, movie: &std::path::Path, transport: Transport) {
    let folder = movie.parent().expect("the movie is in a folder");
    let name = movie
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a plain name");
    let authored = Arc::new(schedule::authored(movie));
    let srtp = if transport.is_secure() {
        "always"
    } else {
        "off"
    };
    let settings = [("REELCAST_RTSP_SRTP", srtp)];
    let server = Server::start(&arguments.server, folder, &settings).await;
    let idle = server.usage();
    let viewers: Vec<_> = (0..arguments.viewers)
        .map(|number| {
            let url = format!("rtsp://{}/{name}", server.rtsp);
            // Started over two seconds, as an audience never presses play at once.
            let delay = Duration::from_millis(2000 * number as u64 / arguments.viewers as u64);
            let length = Duration::from_secs(arguments.seconds + 2) - delay;
            let authored = Arc::clone(&authored);
            let watching = Watching {
                transport,
                delay,
                length,
                authored,
            };
            tokio::spawn(viewer::watch(url, watching))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, sent_before) = (server.usage(), server.packets().await);
    tokio::time::sleep(Duration::from_secs(arguments.seconds.saturating_sub(1))).await;
    let (after, sent_after) = (server.usage(), server.packets().await);
    let (p50, p99) = server.lateness().await;
    let mut arrivals = Arrivals::default();
    for viewer in viewers {
        arrivals.add(&viewer.await.expect("a viewer does not panic"));
    }
    print(
        transport,
        arguments.viewers,
        [idle, before, after],
        sent_after - sent_before,
    );
    println!(
        "  lateness of {:30} p50 {:7.2} ms   p99 {:7.2} ms",
        "sending",
        p50 * 1e3,
        p99 * 1e3
    );
    print_lateness("arrival, by the hinter's times", &arrivals.authored);
    print_lateness("arrival, by RTP time", &arrivals.media);
    print_lateness("the hinter, by RTP time", &arrivals.hinter);
    println!(
        "  {} packets received, {} viewers cut short",
        arrivals.media.count(),
        arrivals.cut_short,
    );
}

fn print_lateness(what: &str, lateness: &Lateness) {
    if lateness.count() == 0 {
        return;
    }
    let quantile = |q| lateness.quantile(q).as_secs_f64() * 1e3;
    println!(
        "  lateness of {what:30} p50 {:7.2} ms   p99 {:7.2} ms",
        quantile(0.5),
        quantile(0.99),
    );
}

fn print(transport: Transport, viewers: usize, [idle, before, after]: [Usage; 3], packets: u64) {
    let spent = after.cpu.saturating_sub(before.cpu);
    let each = spent.as_secs_f64() * 1e6 / packets.max(1) as f64;
    let grown = after.resident.saturating_sub(idle.resident) as f64 / viewers.max(1) as f64;
    println!("{transport:?}");
    println!("  CPU of the server      {each:7.2} µs a packet   ({packets} packets, {spent:?})");
    println!(
        "  resident               {:7.1} KB a session",
        grown / 1024.0
    );
    println!(
        "  resident when idle     {:7.1} MB",
        idle.resident as f64 / 1e6
    );
}

fn default_movie() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let sample = root.join("../shared/media/qtss/sample_h264_300kbit.mp4");
    if sample.exists() {
        sample
    } else {
        root.join("movies/clock-hinted.mov")
    }
}
