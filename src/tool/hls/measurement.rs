//! The players of a load test: when they come, for how long they play, and what they came to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::player::{Played, Player};
use super::report::{Players, Report, ServerReport, Stalls};
use crate::base::clock::Clock;
use crate::tool::process::{Process, Usage};
use crate::tool::report::Spread;

/// What to measure.
#[derive(Debug)]
pub(in crate::tool) struct Measurement {
    /// The playlist.
    pub(in crate::tool) url: Url,
    /// How many players.
    pub(in crate::tool) players: usize,
    /// How many join in a second.
    pub(in crate::tool) rate: f64,
    /// How long to measure when all have joined.
    pub(in crate::tool) seconds: u64,
}

/// What all players add to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// A moment of the measurement.
#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    requests: u64,
    bytes: u64,
    usage: Option<Usage>,
}

/// Runs the test.
pub(in crate::tool) async fn measure(measurement: &Measurement) -> Report {
    let Measurement {
        url,
        players,
        rate,
        seconds,
    } = measurement;
    let clock = Clock::start();
    let authority = format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default()
    );
    let process = Process::listening_at(&authority);
    let (authority, tally) = (Arc::from(authority), Arc::new(Tally::default()));
    let stop = CancellationToken::new();
    let mut playing = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    for _ in 0..*players {
        ticks.tick().await;
        let player = Player::new(url, &authority, &tally, clock);
        playing.spawn(player.run(stop.clone()));
    }
    let moment = || Moment {
        at: clock.now(),
        requests: tally.requests.load(Relaxed),
        bytes: tally.bytes.load(Relaxed),
        usage: process.and_then(Process::usage),
    };
    let start = moment();
    tokio::time::sleep(Duration::from_secs(*seconds)).await;
    let end = moment();
    stop.cancel();
    let played = playing.join_all().await;
    report(measurement, &played, [start, end], process)
}

fn report(
    measurement: &Measurement,
    played: &[Played],
    [start, end]: [Moment; 2],
    process: Option<Process>,
) -> Report {
    let seconds = end.at.saturating_duration_since(start.at).as_secs_f64();
    let requests = end.requests - start.requests;
    let count = |is: fn(&Played) -> bool| played.iter().filter(|one| is(one)).count();
    Report {
        url: measurement.url.to_string(),
        players: Players {
            wanted: measurement.players,
            playing: count(|one| one.startup.is_some()),
            failed: count(|one| one.failure.is_some()),
        },
        stalls: Stalls {
            players: count(|one| one.stalls > 0),
            count: played.iter().map(|one| one.stalls).sum(),
            seconds: played.iter().map(|one| one.stalled.as_secs_f64()).sum(),
        },
        startup: Spread::of(played.iter().filter_map(|one| one.startup).collect()),
        piece_age: Spread::of(played.iter().flat_map(|one| one.ages.clone()).collect()),
        stale_playlists: played.iter().map(|one| one.stale).sum(),
        missed_pieces: played.iter().map(|one| one.missed).sum(),
        seconds,
        requests,
        throughput: (end.bytes - start.bytes) as f64 * 8.0 / seconds.max(1e-3),
        server: server(process, [start, end], requests),
        failures: failures(played),
    }
}

fn server(
    process: Option<Process>,
    [start, end]: [Moment; 2],
    requests: u64,
) -> Option<ServerReport> {
    let cpu = end
        .usage?
        .cpu
        .saturating_sub(start.usage?.cpu)
        .as_secs_f64();
    Some(ServerReport {
        process: process?.id(),
        cpu_seconds: cpu,
        cpu_micros_per_request: cpu * 1e6 / (requests as f64).max(1.0),
        memory_bytes: end.usage?.memory,
    })
}

fn failures(played: &[Played]) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for reason in played.iter().filter_map(|one| one.failure.as_ref()) {
        *counts.entry(reason.clone()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}
