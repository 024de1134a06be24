//! What the plain audio formats of this folder share: reading their headers, and the movie of one track they make.

use super::{Edits, Error, Movie, ReadAt, Role, SampleTable, Track};
use crate::base::id::TrackId;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, pcm};

/// The `N` bytes from `offset`; `part` is what they are, for the error.
pub(super) fn read<const N: usize>(
    file: &dyn ReadAt,
    offset: u64,
    part: &'static str,
) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    match file.read_at(offset, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(source) => Err(Error::Read { part, source }),
    }
}

/// The first `N` bytes, `None` when the file is shorter.
pub(super) fn start<const N: usize>(file: &dyn ReadAt) -> Result<Option<[u8; N]>, Error> {
    if file.size() < N as u64 {
        return Ok(None);
    }
    read(file, 0, "start of the file").map(Some)
}

/// A movie of uncompressed audio that fills `bytes` bytes from `offset`, cut to what the file has.
pub(super) fn pcm_movie(
    file: &dyn ReadAt,
    container: &'static str,
    config: pcm::Config,
    offset: u64,
    bytes: u64,
) -> Result<Movie, Error> {
    let frame = config.bytes_per_frame();
    if frame == 0 || !(1..=MAX_RATE).contains(&config.rate_hz) {
        return Err(Error::Malformed {
            part: "audio header",
            reason: "no channels, values of no bits or an impossible sampling rate",
        });
    }
    let bytes = bytes.min(file.size().saturating_sub(offset));
    let count = u32::try_from(bytes / frame as u64).unwrap_or(u32::MAX);
    let group = (config.rate_hz / RUNS_PER_SECOND).min((MAX_RUN / frame) as u32);
    // A frame is at most 255 values of 31 bytes.
    let samples = SampleTable::uniform(offset, frame as u32, count, 1, group.max(1));
    let format = Format::Pcm(config);
    Ok(movie(
        container,
        format,
        config.rate_hz,
        count.into(),
        samples,
    ))
}

/// A movie of one track with identifier 1; `duration` in ticks of `rate_hz`.
pub(super) fn movie(
    container: &'static str,
    format: Format,
    rate_hz: u32,
    duration: i64,
    samples: SampleTable,
) -> Movie {
    let length = MediaTime::new(duration, rate_hz);
    let track = Track {
        id: TrackId(1),
        codec: format.name().to_owned(),
        role: Role::Media(format),
        timescale: rate_hz,
        duration,
        bit_rate: bit_rate(&samples, length),
        samples,
        edits: Edits::whole(length),
        descriptions: Vec::new(),
        language: None,
        size: None,
    };
    Movie {
        container,
        duration: length,
        tracks: vec![track],
        sdp: None,
        files: Vec::new(),
        faults: Vec::new(),
    }
}

fn bit_rate(samples: &SampleTable, length: MediaTime) -> Option<u64> {
    let seconds = length.seconds();
    (seconds > 0.0).then(|| (samples.bytes() as f64 * 8.0 / seconds) as u64)
}

/// Runs of 20 ms.
const RUNS_PER_SECOND: u32 = 50;
/// The most bytes that a run of frames takes.
const MAX_RUN: usize = 64 << 10;
/// Hz; the fastest converters reach half of it.
const MAX_RATE: u32 = 1_536_000;
