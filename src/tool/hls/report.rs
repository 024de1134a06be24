//! What a load test by HLS has found, as text for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::tool::report::Spread;

/// The figures of one load test by HLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::tool) struct Report {
    pub(super) url: String,
    pub(super) players: Players,
    pub(super) stalls: Stalls,
    /// From a player's first request until it had enough to play.
    pub(super) startup: Spread,
    /// From the capture of a piece's begin, as the playlist dates it, until all of it had arrived.
    pub(super) piece_age: Spread,
    /// Playlists that did not hold what they were held back for, or less than an earlier one.
    pub(super) stale_playlists: u64,
    /// Pieces that were gone before a player had asked for them.
    pub(super) missed_pieces: u64,
    /// Length of the measurement, after the last player has joined.
    pub(super) seconds: f64,
    /// Requests of all players in that time.
    pub(super) requests: u64,
    /// Bits of bodies per second.
    pub(super) throughput: f64,
    /// What the server has used in that time, if it runs on this host.
    pub(super) server: Option<ServerReport>,
    /// Why players failed, each reason once, with their number.
    pub(super) failures: Vec<(String, usize)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Players {
    pub(super) wanted: usize,
    /// Those that got so far as to play.
    pub(super) playing: usize,
    /// Those that a failure has ended.
    pub(super) failed: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Stalls {
    /// Players that stood still at least once.
    pub(super) players: usize,
    pub(super) count: u64,
    /// For how long, all together.
    pub(super) seconds: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct ServerReport {
    pub(super) process: u32,
    pub(super) cpu_seconds: f64,
    pub(super) cpu_micros_per_request: f64,
    pub(super) memory_bytes: u64,
}

impl Report {
    /// Whether every player played, and none stood still or was told something old.
    pub(in crate::tool) fn is_good(&self) -> bool {
        let Players {
            wanted,
            playing,
            failed,
        } = self.players;
        playing == wanted && failed == 0 && self.stalls.count == 0 && self.stale_playlists == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Players {
            wanted,
            playing,
            failed,
        } = self.players;
        writeln!(f, "{}", self.url)?;
        writeln!(
            f,
            "players          {playing} of {wanted} played, {failed} failed"
        )?;
        let Stalls {
            players,
            count,
            seconds,
        } = self.stalls;
        writeln!(
            f,
            "stalls           {count} of {players} players, {seconds:.1} s together"
        )?;
        writeln!(f, "time to play     {}", self.startup)?;
        writeln!(f, "capture to here  {} (begins of pieces)", self.piece_age)?;
        let (stale, missed) = (self.stale_playlists, self.missed_pieces);
        writeln!(
            f,
            "stale            {stale} playlists; {missed} pieces missed"
        )?;
        writeln!(
            f,
            "requests         {} in {:.1} s, {:.1} Mbit/s",
            self.requests,
            self.seconds,
            self.throughput / 1e6
        )?;
        if let Some(server) = self.server {
            writeln!(
                f,
                "server           process {}: {:.2} s CPU, {:.1} µs a request; {:.1} MB resident",
                server.process,
                server.cpu_seconds,
                server.cpu_micros_per_request,
                server.memory_bytes as f64 / 1e6,
            )?;
        }
        for (reason, players) in &self.failures {
            writeln!(f, "failed           {players} players: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_good_when_nobody_stood_still() {
        let good = Report {
            url: "http://h/live.m3u8".to_owned(),
            players: Players {
                wanted: 3,
                playing: 3,
                failed: 0,
            },
            ..Report::default()
        };
        assert!(good.is_good());
        let text = good.to_string();
        assert!(
            text.starts_with("http://h/live.m3u8\nplayers          3 of 3 played, 0 failed\n"),
            "{text}"
        );
        let mut stalled = good.clone();
        stalled.stalls.count = 1;
        let mut stale = good;
        stale.stale_playlists = 1;
        assert!(!stalled.is_good() && !stale.is_good());
    }
}
