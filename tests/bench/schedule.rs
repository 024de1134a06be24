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

/// How late a packet is by each yardstick; its track's first packet is on time by all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Late {
    /// Its arrival against the transmission time that the hinter wrote down, if there is one.
    pub(crate) authored: Option<Duration>,
    /// Its arrival against its RTP time.
    pub(crate) media: Duration,
    /// The hinter's transmission time against its RTP time: no network would be sooner.
    pub(crate) hinter: Option<Duration>,
}

/// The schedule of one track of one viewer; the first packet's arrival fixes it.
pub(crate) struct Schedule {
    authored: Arc<Authored>,
    track: TrackId,
    /// RTP clock rate in Hz.
    rate: f64,
    /// When the first packet arrived, and its RTP time.
    first: Option<(Instant, u32)>,
    /// The sequence number of the last packet, and its place after the first.
    last: (u16, i64),
}

impl Schedule {
    /// The schedule of `track`, whose transmission times are among `authored` if it is hinted.
    pub(crate) fn new(authored: &Arc<Authored>, track: TrackId, rate: f64) -> Self {
        Self {
            authored: Arc::clone(authored),
            track,
            rate,
            first: None,
            last: (0, 0),
        }
    }

    /// How late a packet that arrives `now` is; `None` when it is no RTP packet.
    pub(crate) fn late(&mut self, packet: &[u8], now: Instant) -> Option<Late> {
        let packet = Packet::read(packet).ok()?;
        let (time, sequence) = (packet.time(), packet.sequence().into());
        let (first_at, first_time) = *self.first.get_or_insert_with(|| {
            self.last = (sequence, 0);
            (now, time)
        });
        let arrived = now.saturating_duration_since(first_at).as_nanos() as i64;
        let ticks = time.wrapping_sub(first_time).cast_signed();
        let media = (f64::from(ticks) / self.rate * 1e9) as i64;
        let authored = self.transmission(sequence);
        Some(Late {
            authored: authored.map(|authored| after(arrived, authored)),
            media: after(arrived, media),
            hinter: authored.map(|authored| after(authored, media)),
        })
    }

    /// When the hinter wants the packet of `sequence` to leave, in nanoseconds after the first.
    fn transmission(&mut self, sequence: u16) -> Option<i64> {
        let (last, number) = self.last;
        let step = sequence.wrapping_sub(last).cast_signed();
        self.last = (sequence, number + i64::from(step));
        let times = self.authored.get(&self.track)?;
        let at = usize::try_from(self.last.1).ok()?;
        Some(times.get(at)? - times.first()?)
    }
}

/// How much later than `due` something happened, both in nanoseconds.
fn after(happened: i64, due: i64) -> Duration {
    Duration::from_nanos((happened - due.max(0)).max(0) as u64)
}
