//! `reelcast load`: many readers of one URL, and how well they are served.
#![expect(clippy::print_stdout, reason = "this command's output")]
#![expect(clippy::print_stderr, reason = "this command's output")]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::hls;
use super::process::{Process, Usage};
use super::reception::Reception;
use super::report::{Readers, Report, ServerReport, Spread, TrackReport};
use super::{Transport, block_on};
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::client::{Address, Error, Reading, Way};
use crate::codec::Kind;

/// Reads one URL many times over, and says how well that went
#[derive(Debug, Args)]
pub struct Load {
    /// What to read: rtsp://host:port/name, with user:password@ before the host if need be; with
    /// --hls a playlist, http://host:port/name.m3u8
    #[arg(long)]
    url: String,
    /// Play by HLS, with all that a server of low latency offers, and say who stood still
    #[arg(long)]
    hls: bool,
    /// How many readers
    #[arg(long, default_value_t = 100)]
    readers: usize,
    /// How media travels
    #[arg(long, value_enum, default_value_t, conflicts_with = "hls")]
    transport: Transport,
    /// How many readers join in a second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// How long to measure, after the last reader has joined
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Have each reader leave after so many seconds, and another one join in its place
    #[arg(long, value_name = "SECONDS", conflicts_with = "hls")]
    stay: Option<f64>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Longer than any test.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all readers add to.
#[derive(Debug, Default)]
struct Tally {
    joined: AtomicUsize,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// One reader at its end.
#[derive(Debug, Default)]
struct Read {
    /// From PLAY to the first key frame; without pictures, to the first packet.
    first_key: Option<Duration>,
    tracks: Vec<Reception>,
    failure: Option<String>,
}

/// A moment of the measurement.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Instant,
    packets: u64,
    bytes: u64,
    usage: Option<Usage>,
}

/// Runs the test; fails when a reader failed or packets are missing over TCP.
pub fn load(arguments: &Load) -> ExitCode {
    if !(arguments.rate > 0.0 && arguments.rate.is_finite()) {
        return fail("--rate is a number of readers a second, above 0");
    }
    if arguments.hls {
        return load_hls(arguments);
    }
    let address = match Address::read(&arguments.url) {
        Ok(address) => address,
        Err(error) => return fail(&error.to_string()),
    };
    if arguments
        .stay
        .is_some_and(|stay| !(0.1..1e6).contains(&stay))
    {
        return fail("--stay is a number of seconds, at least 0.1");
    }
    match block_on(measure(arguments, address)) {
        Ok(report) => {
            show(&report, arguments.json);
            exit_code(report.readers.failed == 0)
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Fails when a player failed or stood still, or was sent a playlist that was old.
fn load_hls(arguments: &Load) -> ExitCode {
    let url = Url::parse(&arguments.url).ok();
    let Some(url) = url.filter(|url| url.scheme() == "http" && url.has_host()) else {
        return fail("--hls wants --url http://host:port/name.m3u8");
    };
    let measurement = hls::Measurement {
        url,
        players: arguments.readers,
        rate: arguments.rate,
        seconds: arguments.seconds,
    };
    match block_on(hls::measure(&measurement)) {
        Ok(report) => {
            show(&report, arguments.json);
            exit_code(report.is_good())
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn exit_code(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("reelcast load: {reason}");
    ExitCode::FAILURE
}

fn show(report: &(impl Serialize + Display), json: bool) {
    match serde_json::to_string_pretty(report).ok().filter(|_| json) {
        Some(text) => println!("{text}"),
        None => print!("{report}"),
    }
}

async fn measure(arguments: &Load, address: Address) -> Report {
    let clock = Clock::start();
    let process = Process::listening_at(&address.authority);
    let tally = Arc::new(Tally::default());
    let stop = CancellationToken::new();
    let mut readers = JoinSet::new();
    let address = Arc::new(address);
    let before = moment(&tally, process, clock);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / arguments.rate));
    for _ in 0..arguments.readers {
        ticks.tick().await;
        let reader = Reader {
            address: Arc::clone(&address),
            way: arguments.transport.into(),
            stay: arguments.stay.map(Duration::from_secs_f64),
            tally: Arc::clone(&tally),
            clock,
        };
        readers.spawn(reader.run(stop.clone()));
    }
    let start = moment(&tally, process, clock);
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let end = moment(&tally, process, clock);
    let joined = tally.joined.load(Relaxed);
    stop.cancel();
    let reads: Vec<Read> = readers.join_all().await.into_iter().flatten().collect();

    let joining = if arguments.stay.is_some() {
        end.at
    } else {
        start.at
    };
    let joining = joining.saturating_duration_since(before.at);
    let seconds = end.at.saturating_duration_since(start.at).as_secs_f64();
    let packets = end.packets - start.packets;
    let failed = reads.iter().filter(|read| read.failure.is_some()).count();
    Report {
        url: address.url.clone(),
        transport: Way::from(arguments.transport).to_string(),
        readers: Readers {
            wanted: arguments.readers,
            joined,
            failed,
        },
        joins_per_second: joined as f64 / joining.as_secs_f64().max(1e-3),
        first_key_frame: Spread::of(reads.iter().filter_map(|read| read.first_key).collect()),
        seconds,
        packets,
        throughput: (end.bytes - start.bytes) as f64 * 8.0 / seconds.max(1e-3),
        tracks: tracks(&reads),
        server: server(process, [before, start, end], joined),
        failures: failures(&reads),
    }
}

fn moment(tally: &Tally, process: Option<Process>, clock: Clock) -> Moment {
    Moment {
        at: clock.now(),
        packets: tally.packets.load(Relaxed),
        bytes: tally.bytes.load(Relaxed),
        usage: process.and_then(Process::usage),
    }
}

fn server(
    process: Option<Process>,
    [before, start, end]: [Moment; 3],
    joined: usize,
) -> Option<ServerReport> {
    let cpu = end
        .usage?
        .cpu
        .saturating_sub(start.usage?.cpu)
        .as_secs_f64();
    let grown = end.usage?.memory.saturating_sub(before.usage?.memory);
    Some(ServerReport {
        process: process?.id(),
        cpu_seconds: cpu,
        cpu_micros_per_packet: cpu * 1e6 / ((end.packets - start.packets) as f64).max(1.0),
        memory_bytes: end.usage?.memory,
        memory_per_reader_bytes: grown / (joined.max(1) as u64),
    })
}

/// One line for each track of those readers that have got to it.
fn tracks(reads: &[Read]) -> Vec<TrackReport> {
    let most = reads
        .iter()
        .map(|read| read.tracks.len())
        .max()
        .unwrap_or(0);
    let of_track = |number: usize| {
        let receptions: Vec<_> = reads
            .iter()
            .filter_map(|read| read.tracks.get(number))
            .collect();
        let sum = |count: fn(&Reception) -> u64| receptions.iter().map(|one| count(one)).sum();
        TrackReport {
            encoding: receptions
                .first()
                .map(|first| first.encoding().to_owned())
                .unwrap_or_default(),
            packets: sum(Reception::packets),
            gaps: sum(|reception| reception.gaps().0),
            missing: sum(|reception| reception.gaps().1),
            jitter: Spread::of(receptions.iter().map(|one| one.jitter()).collect()),
        }
    };
    (0..most).map(of_track).collect()
}

/// When the pictures could be shown first; without pictures, when the first packet came.
fn first_key(tracks: &[Reception]) -> Option<Instant> {
    let mut pictures = tracks.iter().filter(|track| track.kind() == Kind::Video);
    pictures.next().or_else(|| tracks.first())?.first_key()
}

fn failures(reads: &[Read]) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for reason in reads.iter().filter_map(|read| read.failure.as_ref()) {
        *counts.entry(reason.clone()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// One reader, and those that follow in its place.
struct Reader {
    address: Arc<Address>,
    way: Way,
    /// How long each of them reads; `None`: until the end.
    stay: Option<Duration>,
    tally: Arc<Tally>,
    clock: Clock,
}

impl Reader {
    async fn run(self, stop: CancellationToken) -> Vec<Read> {
        let mut reads = Vec::new();
        while !stop.is_cancelled() {
            let mut read = Read::default();
            read.failure = self
                .read(&mut read, &stop)
                .await
                .err()
                .map(|error| chain(&error));
            reads.push(read);
            match self.stay {
                Some(_) if reads.last().is_some_and(|read| read.failure.is_none()) => {}
                _ => break,
            }
        }
        reads
    }

    async fn read(&self, read: &mut Read, stop: &CancellationToken) -> Result<(), Error> {
        let mut reading = Reading::open(&self.address, self.way).await?;
        let tracks = reading.description().tracks();
        read.tracks = tracks.iter().map(Reception::new).collect();
        let asked = self.clock.now();
        reading.play().await?;
        self.tally.joined.fetch_add(1, Relaxed);
        let staying = self.receive_all(&mut reading, &mut read.tracks, stop);
        let until = asked + self.stay.unwrap_or(FOREVER);
        tokio::time::timeout_at(until.into(), staying)
            .await
            .unwrap_or(Ok(()))?;
        let first = first_key(&read.tracks);
        read.first_key = first.map(|first| first.saturating_duration_since(asked));
        // The figures are complete; a server that does not answer any more changes nothing.
        let _ = reading.tear_down().await;
        Ok(())
    }

    async fn receive_all(
        &self,
        reading: &mut Reading,
        tracks: &mut [Reception],
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut signs = tokio::time::interval((reading.timeout() / 3).max(Duration::from_secs(1)));
        signs.tick().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                received = self.receive(reading, tracks) => received?,
                _ = signs.tick() => reading.keep_alive()?,
            }
        }
    }

    async fn receive(&self, reading: &mut Reading, tracks: &mut [Reception]) -> Result<(), Error> {
        let (mut packets, mut bytes) = (0, 0);
        let received = reading
            .receive(|arrival| {
                if let Some(reception) = tracks.get_mut(arrival.track).filter(|_| arrival.rtp) {
                    reception.packet(arrival.bytes, self.clock.now());
                    packets += 1;
                    bytes += arrival.bytes.len() as u64;
                }
            })
            .await;
        self.tally.packets.fetch_add(packets, Relaxed);
        self.tally.bytes.fetch_add(bytes, Relaxed);
        received
    }
}
