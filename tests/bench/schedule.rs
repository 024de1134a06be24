//! When the packets of a track should arrive.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reelcast::base::id::TrackId;
use reelcast::base::media_time::MediaTime;
use reelcast::container::mp4::hint;
use reelcast::container::{Movie, Track, open};
use reelcast::wire::rtp::Packet;

/// When a movie's packets are to leave, in nanoseconds, by track; nothing of tracks without hints.
pub(crate) type Authored = HashMap<TrackId, Vec<i64>>;

/// Reads the transmission times that a hinter wrote down.
pub(crate) fn authored(movie: &Path) -> Authored {
    let file = std::fs::read(movie).expect("the movie is readable");
    let index: Movie = open(&file.as_slice()).expect("it is a movie");
    let hinted = index.tracks.iter().filter(|track| track.hint().is_some());
    hinted
        .map(|track| (track.id, transmissions(track, &file)))
        .collect()
}

fn transmissions(track: &Track, file: &[u8]) -> Vec<i64> {
    let (mut cursor, mut times) = (track.samples.cursor(0), Vec::new());
    while let Some(sample) = cursor.next(&track.samples) {
        let start = sample.offset as usize;
        let packets =
            hint::packets(&file[start..start + sample.size as usize]).expect("sound hints");
        for packet in packets {
            let ticks = sample.time + i64::from(packet.expect("sound hints").relative_time);
            times.push(MediaTime::new(ticks, track.timescale).nanos());
        }
    }
    times
}

/// The schedule of one track of one viewer; the first packet's arrival fixes it.
pub(crate) struct Schedule {
    authored: Option<Arc<Authored>>,
    track: TrackId,
    /// RTP clock rate in Hz.
    rate: f64,
    first: Option<(Instant, u32)>,
    seen: usize,
}

impl Schedule {
    /// By transmission times where there are some, else by RTP time.
    pub(crate) fn new(authored: &Arc<Authored>, track: TrackId, rate: f64) -> Self {
        let authored = authored.contains_key(&track).then(|| Arc::clone(authored));
        Self {
            authored,
            track,
            rate,
            first: None,
            seen: 0,
        }
    }

    /// How late a packet arrives `now`.
    pub(crate) fn late(&mut self, packet: &[u8], now: Instant) -> Option<Duration> {
        let time = Packet::read(packet).ok()?.time();
        let (first_at, first_time) = *self.first.get_or_insert((now, time));
        let since = match &self.authored {
            Some(authored) => {
                let times = &authored[&self.track];
                times.get(self.seen).unwrap_or(&0) - times[0]
            }
            None => {
                let ticks = time.wrapping_sub(first_time).cast_signed();
                (f64::from(ticks) / self.rate * 1e9) as i64
            }
        };
        self.seen += 1;
        let due = first_at + Duration::from_nanos(since.max(0) as u64);
        Some(now.saturating_duration_since(due))
    }
}
