//! What a load test has found, as text for people and as JSON for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The figures of one load test.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    pub(super) transport: String,
    pub(super) readers: Readers,
    /// Readers that joined in a second.
    pub(super) joins_per_second: f64,
    /// From PLAY to the first packet that a decoder can start at.
    pub(super) first_key_frame: Spread,
    /// Length of the measurement, after the last reader has joined.
    pub(super) seconds: f64,
    /// RTP packets of all readers in that time.
    pub(super) packets: u64,
    /// Bits of RTP packets per second.
    pub(super) throughput: f64,
    pub(super) tracks: Vec<TrackReport>,
    /// What the server has used in that time, if it runs on this host.
    pub(super) server: Option<ServerReport>,
    /// Why readers failed, each reason once, with their number.
    pub(super) failures: Vec<(String, usize)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Readers {
    /// The most that read at a time.
    pub(super) wanted: usize,
    pub(super) joined: usize,
    /// Those that were refused or cut off.
    pub(super) failed: usize,
}

/// A median and a 99th percentile, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// One track, all readers together, from their joining on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct TrackReport {
    pub(super) encoding: String,
    pub(super) packets: u64,
    /// Places where packets are missing.
    pub(super) gaps: u64,
    /// Packets that are missing there.
    pub(super) missing: u64,
    /// The interarrival jitter of each reader (RFC 3550, 6.4.1).
    pub(super) jitter: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct ServerReport {
    pub(super) process: u32,
    pub(super) cpu_seconds: f64,
    pub(super) cpu_micros_per_packet: f64,
    pub(super) memory_bytes: u64,
    /// What its memory grew by for each reader.
    pub(super) memory_per_reader_bytes: u64,
}

impl Spread {
    /// Of durations in any order.
    pub(super) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let quantile = |q: f64| {
            let last = durations.len().saturating_sub(1);
            let at = (q * last as f64).round() as usize;
            durations
                .get(at)
                .map_or(0.0, |found| found.as_secs_f64() * 1e3)
        };
        Self {
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} ms, p99 {:.1} ms", self.p50_ms, self.p99_ms)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Readers {
            wanted,
            joined,
            failed,
        } = self.readers;
        writeln!(f, "{} over {}", self.url, self.transport)?;
        writeln!(
            f,
            "readers          {joined} joined, {:.1} a second, at most {wanted} at a time; {failed} failed",
            self.joins_per_second
        )?;
        writeln!(f, "first key frame  {}", self.first_key_frame)?;
        writeln!(
            f,
            "packets          {} in {:.1} s, {:.1} Mbit/s",
            self.packets,
            self.seconds,
            self.throughput / 1e6
        )?;
        for (number, track) in self.tracks.iter().enumerate() {
            writeln!(
                f,
                "track {}          {}: {} packets, {} gaps ({} packets missing), jitter {}",
                number + 1,
                track.encoding,
                track.packets,
                track.gaps,
                track.missing,
                track.jitter
            )?;
        }
        if let Some(server) = self.server {
            writeln!(
                f,
                "server           process {}: {:.2} s CPU, {:.2} µs a packet; {:.1} MB resident, {:.1} KB a reader",
                server.process,
                server.cpu_seconds,
                server.cpu_micros_per_packet,
                server.memory_bytes as f64 / 1e6,
                server.memory_per_reader_bytes as f64 / 1024.0,
            )?;
        }
        for (reason, readers) in &self.failures {
            writeln!(f, "failed           {readers} readers: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_quantiles() {
        let millis = (1..=101).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(millis);
        assert_eq!((spread.p50_ms, spread.p99_ms), (51.0, 100.0));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn reports_name_what_failed() {
        let report = Report {
            url: "rtsp://h/live".to_owned(),
            transport: "udp".to_owned(),
            readers: Readers {
                wanted: 3,
                joined: 1,
                failed: 2,
            },
            failures: vec![("DESCRIBE was answered with 404 Not Found".to_owned(), 2)],
            ..Report::default()
        };
        let text = report.to_string();
        assert!(text.starts_with("rtsp://h/live over udp\n"), "{text}");
        assert!(
            text.contains("1 joined, 0.0 a second, at most 3 at a time; 2 failed"),
            "{text}"
        );
        assert!(
            text.contains("2 readers: DESCRIBE was answered with 404"),
            "{text}"
        );
        assert!(!text.contains("server "), "{text}");
    }
}
