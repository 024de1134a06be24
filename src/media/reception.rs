//! How a client receives its streams, as its receiver reports tell.

use crate::wire::rtcp::Block;

/// How a client receives its streams, by its last reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reception {
    /// Packets lost since the start, all streams together; below 0 when duplicates arrived.
    pub lost_packets: i64,
    /// Share of packets lost before the last report, 0 to 1, of the worst stream.
    pub loss_ratio: f64,
    /// Interarrival jitter of the worst stream, in seconds.
    pub jitter_seconds: f64,
}

/// The streams that a client is sent, with its last report on each.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

/// One RTP stream of a session and what the client last said of it.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    clock_hz: u32,
    report: Option<Block>,
}

impl Streams {
    /// Adds a stream, or replaces that of the same `ssrc`; `clock_hz` is its RTP clock rate.
    pub(super) fn add(&mut self, ssrc: u32, clock_hz: u32) {
        self.0.retain(|stream| stream.ssrc != ssrc);
        self.0.push(Stream {
            ssrc,
            clock_hz: clock_hz.max(1),
            report: None,
        });
    }

    /// Keeps what is reported on any of them.
    pub(super) fn keep(&mut self, blocks: &[Block]) {
        for stream in &mut self.0 {
            let block = blocks.iter().find(|block| block.ssrc == stream.ssrc);
            if let Some(block) = block {
                stream.report = Some(*block);
            }
        }
    }

    /// How they are received, all together; `None` before the first report.
    pub(super) fn reception(&self) -> Option<Reception> {
        let receptions = self.0.iter().filter_map(Stream::reception);
        receptions.reduce(|one, other| Reception {
            lost_packets: one.lost_packets + other.lost_packets,
            loss_ratio: one.loss_ratio.max(other.loss_ratio),
            jitter_seconds: one.jitter_seconds.max(other.jitter_seconds),
        })
    }
}

impl Stream {
    fn reception(&self) -> Option<Reception> {
        let report = self.report?;
        Some(Reception {
            lost_packets: i64::from(report.cumulative_lost),
            loss_ratio: f64::from(report.fraction_lost) / 256.0,
            jitter_seconds: f64::from(report.jitter) / f64::from(self.clock_hz),
        })
    }
}
