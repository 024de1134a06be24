//! What a head tells of the encodings that are only put together here.

use bytes::{BufMut, BytesMut};

use super::{described_sound, pictures_track, sound_track};
use crate::codec::ForeignConfig;

pub(super) fn track(into: &mut BytesMut, config: &ForeignConfig) {
    match *config {
        ForeignConfig::Jpeg => pictures_track(into, "V_MJPEG", &[], None),
        ForeignConfig::Vp8 => pictures_track(into, "V_VP8", &[], None),
        ForeignConfig::Gsm { rate_hz } => described_sound(into, b"agsm", rate_hz, 1),
        // Both samples of a byte together, so that it counts as 4 bits a sample.
        ForeignConfig::G722 { rate_hz } => wave_track(into, G722, (rate_hz, 4), &[]),
        ForeignConfig::G726 { rate_hz, bits } => wave_track(into, G726, (rate_hz, bits), &[]),
    }
}

/// Sound of one channel as WAV files tell of it (WAVEFORMATEX): an encoding by its number there, the sampling rate in Hz and
/// the bits of a sample, and what else its decoder has to know.
fn wave_track(into: &mut BytesMut, encoding: u16, (rate_hz, bits): (u32, u8), setup: &[u8]) {
    let mut format = BytesMut::new();
    format.put_u16_le(encoding);
    format.put_u16_le(1);
    format.put_u32_le(rate_hz);
    format.put_u32_le(rate_hz.saturating_mul(bits.into()) / 8);
    format.put_u16_le(1);
    format.put_u16_le(bits.into());
    // It has a few bytes.
    format.put_u16_le(setup.len() as u16);
    format.put_slice(setup);
    sound_track(into, "A_MS/ACM", &format, (rate_hz, 1));
}

/// The numbers of encodings in WAV files.
const G726: u16 = 0x0045;
const G722: u16 = 0x028f;
