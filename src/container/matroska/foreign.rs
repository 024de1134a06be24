//! What a head tells of the encodings that are only put together here.

use bytes::{BufMut, BytesMut};

use super::{described_sound, h263_track, pictures_track, sound_track};
use crate::codec::ForeignConfig;

pub(super) fn track(into: &mut BytesMut, config: &ForeignConfig) {
    match *config {
        ForeignConfig::Jpeg => pictures_track(into, "V_MJPEG", &[], None),
        ForeignConfig::Vp8 => pictures_track(into, "V_VP8", &[], None),
        ForeignConfig::H261 => {
            pictures_track(into, "V_MS/VFW/FOURCC", &bitmap_header(b"H261"), None)
        }
        ForeignConfig::H263 => h263_track(into),
        ForeignConfig::MpegVideo(ref sequence) => {
            let codec = if sequence.is_second {
                "V_MPEG2"
            } else {
                "V_MPEG1"
            };
            pictures_track(into, codec, &sequence.headers, None);
        }
        ForeignConfig::Gsm { rate_hz } => described_sound(into, b"agsm", rate_hz, 1),
        ForeignConfig::Qcelp => described_sound(into, b"Qclp", 8000, 1),
        ForeignConfig::Speex { rate_hz } => {
            wave_track(into, SPEEX, (rate_hz, 0), &speex_header(rate_hz));
        }
        ForeignConfig::Vorbis(ref headers) => {
            let sampling = (headers.rate_hz, headers.channels.into());
            sound_track(into, "A_VORBIS", &headers.laced(), sampling);
        }
        // Both samples of a byte together, so that it counts as 4 bits a sample.
        ForeignConfig::G722 { rate_hz } => wave_track(into, G722, (rate_hz, 4), &[]),
        ForeignConfig::G726 { rate_hz, bits } => wave_track(into, G726, (rate_hz, bits), &[]),
    }
}

/// Pictures as AVI files tell of them (BITMAPINFOHEADER), which tell their size themselves.
fn bitmap_header(codec: &[u8; 4]) -> BytesMut {
    let mut header = BytesMut::new();
    header.put_u32_le(BITMAP_HEADER);
    header.put_bytes(0, 8);
    header.put_u16_le(1);
    header.put_u16_le(24);
    header.put_slice(codec);
    header.put_bytes(0, 20);
    header
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

/// What begins a file of Speex (the Speex manual, 7.3), of one channel and a frame in each packet.
fn speex_header(rate_hz: u32) -> BytesMut {
    // Narrow, wide and ultra-wide.
    let mode = (rate_hz / 8000).max(1).ilog2();
    let mut header = BytesMut::from(&b"Speex   "[..]);
    header.put_slice(b"1.2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let fields = [
        1,
        SPEEX_HEADER,
        rate_hz,
        mode,
        // Of the bit stream there is one version.
        4,
        1,
        // Of no certain bit rate.
        u32::MAX,
        160 << mode,
        0,
        1,
        0,
        0,
        0,
    ];
    for field in fields {
        header.put_u32_le(field);
    }
    header
}

/// Bytes of such headers.
const BITMAP_HEADER: u32 = 40;
const SPEEX_HEADER: u32 = 80;

/// The numbers of encodings in WAV files.
const G726: u16 = 0x0045;
const G722: u16 = 0x028f;
const SPEEX: u16 = 0xa109;
