//! How the samples of a channel become bytes of an endless stream: a transport stream, or frames of
//! sound one after the other.

use bytes::Bytes;

use crate::base::media_time::MediaTime;
use crate::codec::byte_stream::ByteStream;
use crate::codec::{Format, Kind};
use crate::container::ts::{CLOCK_HZ, mux};
use crate::hls::object::Packing;
use crate::hls::transport::Packet;
use crate::hls::units::Unit;

/// Writes samples in the formats that it was made for.
pub(super) enum Carrier {
    Stream {
        mux: Box<mux::Mux>,
        /// Sound that waits for more.
        held: Option<Packet>,
    },
    Sound {
        byte_stream: ByteStream,
        bytes: Vec<u8>,
    },
}

impl Carrier {
    /// For tracks in `formats`; `None` when this packing cannot carry them. What it writes can
    /// follow what `before` wrote.
    pub(super) fn new(
        packing: Packing,
        formats: &[&Format],
        version: u8,
        before: Option<&Self>,
    ) -> Option<Self> {
        if packing != Packing::Ts {
            let format = formats.first().filter(|format| carries(packing, format))?;
            return Some(Self::Sound {
                byte_stream: ByteStream::new(format)?,
                bytes: Vec::new(),
            });
        }
        let mut mux = mux::Mux::new(formats, version)?;
        if let Some(Self::Stream { mux: before, .. }) = before {
            mux.count_on(before);
        }
        Some(Self::Stream {
            mux: Box::new(mux),
            held: None,
        })
    }

    /// Writes the tables, with which a player can begin.
    pub(super) fn tell_tables(&mut self) {
        if let Self::Stream { mux, .. } = self {
            mux.begin();
        }
    }

    /// Writes a unit of the format at `place`. One that is malformed is left out.
    pub(super) fn write(&mut self, place: usize, kind: Kind, unit: &Unit) {
        match self {
            Self::Sound { byte_stream, bytes } => {
                let end = bytes.len();
                if byte_stream.write(&unit.data, true, bytes).is_err() {
                    bytes.truncate(end);
                }
            }
            Self::Stream { mux, held } => {
                let (pts, dts) = (ticks(unit.pts), ticks(unit.dts));
                if let Some(held) = held.take_if(|held| held.is_full(dts)) {
                    held.write(mux, false);
                }
                if kind != Kind::Audio {
                    let times = [pts.max(dts), dts];
                    Packet::new(place, times, unit.keyframe, &unit.data).write(mux, false);
                    return;
                }
                match held {
                    Some(held) => held.add(&unit.data),
                    None => *held = Some(Packet::new(place, [pts, pts], true, &unit.data)),
                }
            }
        }
    }

    /// What was written since this was called last.
    pub(super) fn take(&mut self) -> Bytes {
        match self {
            Self::Sound { bytes, .. } => std::mem::take(bytes).into(),
            Self::Stream { mux, held } => {
                if let Some(held) = held.take() {
                    held.write(mux, false);
                }
                mux.take()
            }
        }
    }
}

/// Whether this packing can carry tracks of a format.
pub(super) fn carries(packing: Packing, format: &Format) -> bool {
    let fits = match packing {
        Packing::Ts => true,
        Packing::Aac => matches!(format, Format::Aac(_)),
        Packing::Mp3 => matches!(format, Format::MpegAudio { .. }),
    };
    fits && ByteStream::new(format).is_some()
}

/// A time in ticks of 90 kHz.
pub(super) fn ticks(time: MediaTime) -> u64 {
    u64::try_from(time.at_rate(CLOCK_HZ).ticks).unwrap_or(0)
}
