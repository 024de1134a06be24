//! What ffmpeg is told: its command lines. Pure.

use crate::codec::Kind;
use crate::media::description::Track;

/// So far the times of what comes out are ahead of those that went in, in seconds: nothing is
/// before zero then, not even what an encoder puts before the sound.
pub(super) const LEAD: i64 = 10;

/// The transport stream's PIDs count up from here, in the order of the tracks.
pub(super) const FIRST_PID: u16 = 0x100;

/// What is made of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// H.264.
    Video,
    /// AAC.
    Audio {
        /// Sampling rate in Hz.
        rate_hz: u32,
        /// More channels than two, which become two.
        is_surround: bool,
    },
}

impl Coding {
    /// What is made of a track. Sound keeps the rate of the RTP times if AAC has it, so that no
    /// time is ever rounded.
    pub(super) fn of(track: &Track) -> Self {
        if track.kind == Kind::Video {
            return Self::Video;
        }
        let mut words = track.encoding.split('/');
        let name = words.next().unwrap_or_default();
        let channels = words.nth(1).and_then(|word| word.parse().ok());
        let rate_hz = match track.clock_hz {
            // RFC 3551, 4.5.2: the clock tells half of the sampling rate.
            _ if name.eq_ignore_ascii_case("G722") => 16_000,
            clock_hz if RATES.contains(&clock_hz) => clock_hz,
            _ => 48_000,
        };
        Self::Audio {
            rate_hz,
            is_surround: channels.is_some_and(|channels: u8| channels > 2),
        }
    }
}

/// The sampling rates of AAC that every player takes, in Hz.
const RATES: [u32; 9] = [
    8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

/// To read a channel at `url`, and to make these of its tracks.
pub(super) fn of_channel(url: &str, codings: &[Coding]) -> Vec<String> {
    let mut line = words("-nostdin -hide_banner -nostats -loglevel warning -copyts");
    // The description says what there is; what it does not say comes with the first picture.
    line.extend(words(
        "-probesize 1M -analyzeduration 1M -rtsp_transport tcp -i",
    ));
    line.push(url.to_owned());
    for (index, coding) in codings.iter().enumerate() {
        line.extend(words(&format!("-map 0:{index} {}", coded(index, *coding))));
    }
    // Without B-frames and without looking ahead.
    line.extend(words(
        "-tune:v zerolatency -fps_mode passthrough -enc_time_base:v 1:90000",
    ));
    line.extend(words(
        "-force_key_frames expr:gte(t,n_forced*2) -af aresample=async=1",
    ));
    line.extend(output());
    line
}

/// How a track is coded.
fn coded(index: usize, coding: Coding) -> String {
    match coding {
        Coding::Video => {
            let size = "scale=w='trunc(min(iw,1920)/2)*2':h=-2:flags=bicubic";
            format!(
                "-c:{index} libx264 -preset:{index} veryfast -profile:{index} main -crf:{index} 23 \
                 -maxrate:{index} 6M -bufsize:{index} 9M -bf:{index} 0 -pix_fmt:{index} yuv420p \
                 -filter:{index} {size}"
            )
        }
        Coding::Audio {
            rate_hz,
            is_surround,
        } => {
            // No more than frames of a low rate can hold.
            let bit_rate = (3 * rate_hz).min(128_000);
            let channels = if is_surround {
                format!(" -ac:{index} 2")
            } else {
                String::new()
            };
            format!("-c:{index} aac -ar:{index} {rate_hz} -b:{index} {bit_rate}{channels}")
        }
    }
}

/// A transport stream at once, with the times that came in.
fn output() -> Vec<String> {
    let mut line = words("-f mpegts -muxdelay 0 -muxpreload 0 -avoid_negative_ts disabled");
    line.extend(words(
        "-pes_payload_size 0 -flush_packets 1 -max_interleave_delta 500000",
    ));
    line.extend([
        "-output_ts_offset".to_owned(),
        LEAD.to_string(),
        "pipe:1".to_owned(),
    ]);
    line
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
