//! What ffmpeg is told: its command lines. Pure.

use std::path::Path;

use super::USUAL_RATE;
use crate::base::media_time::MediaTime;
use crate::codec::{self, Kind};
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
    Video {
        /// The most bits a second.
        most: u32,
    },
    /// AAC.
    Audio {
        /// Sampling rate in Hz.
        rate_hz: u32,
        /// How many channels it is to have, at most two; `None`: those that come.
        mixed_to: Option<u8>,
    },
}

impl Coding {
    /// What is made of a track. Sound keeps the rate of the RTP times if AAC has it, so that no
    /// time is ever rounded.
    pub(super) fn of(track: &Track) -> Self {
        if track.kind == Kind::Video {
            return Self::Video {
                most: told(track).unwrap_or(MOST),
            };
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
            mixed_to: match channels {
                // ffmpeg 5.1 decodes it to one channel of which it does not say where it is heard, and encodes none such.
                _ if name.eq_ignore_ascii_case("SPEEX") => Some(1),
                channels => channels.filter(|channels: &u8| *channels > 2).map(|_| 2),
            },
        }
    }
}

impl Coding {
    /// Whether it is seen or heard.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Video { .. } => Kind::Video,
            Self::Audio { .. } => Kind::Audio,
        }
    }

    /// How long a frame of sound lasts, in ticks of `clock_hz`; `None` for pictures.
    pub(super) fn frame(self, clock_hz: u32) -> Option<u32> {
        match self {
            Self::Video { .. } => None,
            Self::Audio { rate_hz, .. } => {
                let frame = MediaTime::new(FRAME.into(), rate_hz);
                u32::try_from(frame.at_rate(clock_hz).ticks).ok()
            }
        }
    }
}

/// As many bits a second as the pictures of a track need, where its description tells of what size they are.
fn told(track: &Track) -> Option<u32> {
    let depacketizer = codec::depacketizer(&track.encoding, track.fmtp.as_deref())?;
    let format = depacketizer.format()?;
    let frame_rate = format.frame_rate().unwrap_or(USUAL_RATE);
    Some(most(format.picture_size()?, frame_rate))
}

/// Samples in a frame of AAC.
pub(super) const FRAME: u32 = 1024;

/// The sampling rates of AAC that every player takes, in Hz.
const RATES: [u32; 9] = [
    8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

/// Where a channel is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// By RTSP.
    Url(&'a str),
    /// The standard input, as Matroska.
    Pipe,
}

/// To read a channel, and to make these of its tracks, of which at most one is seen.
pub(super) fn of_channel(place: Place<'_>, codings: &[Coding]) -> Vec<String> {
    let mut line = words(GENERAL);
    // The description says what there is; what it does not say comes with the first picture.
    line.extend(words("-copyts -probesize 1M -analyzeduration 1M"));
    line.extend(words(&match place {
        Place::Url(url) => format!("-rtsp_transport tcp -i {url}"),
        Place::Pipe => "-protocol_whitelist pipe -f matroska -i pipe:0".to_owned(),
    }));
    for (index, coding) in codings.iter().enumerate() {
        line.extend(words(&format!("-map 0:{index}")));
        line.extend(coded(index, *coding));
        line.extend(words(&match coding {
            // Without looking ahead.
            Coding::Video { .. } => {
                "-tune:v zerolatency -force_key_frames expr:gte(t,n_forced*2)".to_owned()
            }
            Coding::Audio { .. } => format!("-filter:{index} aresample=async=1"),
        }));
    }
    line.extend(output("-max_interleave_delta 500000", LEAD as f64));
    line
}

/// The most bits a second of pictures of which nothing is known.
pub(super) const MOST: u32 = 6_000_000;

/// As many bits a second as pictures of that size need that move a lot.
pub(super) fn most((width, height): (u32, u32), frame_rate: f64) -> u32 {
    let pixels = f64::from(width) * f64::from(height) * frame_rate.clamp(5.0, 60.0);
    ((pixels / 8.0) as u32).clamp(LEAST, MOST)
}

/// Bits a second that the smallest pictures may need.
const LEAST: u32 = 250_000;

/// A file that is to be read from some point on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage<'a> {
    pub(super) file: &'a Path,
    /// From where on, in samples of its sound.
    pub(super) from: MediaTime,
    /// When its first stream begins, in seconds of the same time.
    pub(super) start: f64,
    /// Where segments begin, in seconds.
    pub(super) cuts: &'a [f64],
    /// How long the rest of the file is, in seconds; sound goes on in silence until then.
    pub(super) rest: f64,
    /// How much later than `from`, in seconds, the first sound begins, which comes through the standard input, frames
    /// of AMR in storage format; `None`: it is the file's.
    pub(super) speech: Option<f64>,
    /// After so many pictures there is enough, if that is told.
    pub(super) most_pictures: Option<u32>,
}

/// To read a file, and to make these of the streams of those numbers in it.
pub(super) fn of_movie(
    passage: &Passage<'_>,
    streams: impl Iterator<Item = (u32, Coding)>,
) -> Vec<String> {
    let Passage {
        file,
        from,
        start,
        cuts,
        rest,
        mut speech,
        most_pictures,
    } = *passage;
    let begin = from.seconds() - start;
    let mut line = words(GENERAL);
    // Times are those of the file, from its first stream on. Counted from where it reads, they would be rounded to the
    // file's own ticks, which in AVI are whole pictures, in another way by each process.
    line.extend(words("-copyts -start_at_zero"));
    line.extend(input(file, &format!("-ss {:.9}", begin.max(0.0))));
    if let Some(later) = speech {
        let later = begin + later;
        line.extend(words(&format!(
            "-protocol_whitelist pipe -f amr -itsoffset {later:.9} -i pipe:0"
        )));
    }
    for (index, (number, coding)) in streams.enumerate() {
        line.extend(words(&match coding {
            Coding::Audio { .. } if speech.take().is_some() => "-map 1:0".to_owned(),
            _ => format!("-map 0:{number}"),
        }));
        line.extend(coded(index, coding));
        line.extend(words(&match coding {
            Coding::Video { .. } => {
                // A thousandth earlier, lest rounding have a picture at a cut miss it. Not by an expression, in which
                // times count from the first picture that is encoded, wherever that is.
                let cuts = cuts.iter().map(|cut| format!("{:.4}", (cut - start - 0.001).max(0.0)));
                let mut cuts = Vec::from_iter(cuts);
                // Each that is before the first picture would force one of those that follow.
                cuts.dedup();
                format!("-force_key_frames {}", cuts.join(","))
            }
            Coding::Audio { rate_hz, .. } => {
                let first = (begin * f64::from(rate_hz)).round() as i64;
                format!(
                    "-filter:{index} aresample={rate_hz},aresample=async=1:first_pts={first},apad=whole_dur={rest:.3}"
                )
            }
        }));
    }
    if let Some(most) = most_pictures {
        line.extend(words(&format!("-frames:v {most}")));
    }
    line.extend(output("-max_interleave_delta 2000000", LEAD as f64 - begin));
    line
}

/// What ffprobe is told, to say in JSON what is in a file.
pub(super) fn of_probe(file: &Path) -> Vec<String> {
    let mut line = words("-v error -of json -show_entries");
    line.push(ENTRIES.to_owned());
    line.extend(input(file, ""));
    line
}

/// A file and nothing else: playlists and the like may not lead elsewhere.
fn input(file: &Path, options: &str) -> Vec<String> {
    let mut line = words("-protocol_whitelist file -format_whitelist");
    line.push(CONTAINERS.to_owned());
    line.extend(words(options));
    line.extend(["-i".to_owned(), format!("file:{}", file.display())]);
    line
}

/// How the track at `index` of the output is coded; of those that are seen there is one at most.
fn coded(index: usize, coding: Coding) -> Vec<String> {
    match coding {
        Coding::Video { most } => words(&format!(
            "-c:v libx264 -preset:v veryfast -profile:v main -crf:v 23 -maxrate:v {most} \
             -bufsize:v {most} -bf:v 0 -g:v 600 -pix_fmt:v yuv420p -fps_mode vfr \
             -enc_time_base:v 1:90000 -filter:v scale=w='trunc(min(iw,1920)/2)*2':h=-2",
        )),
        Coding::Audio { rate_hz, mixed_to } => {
            // No more than frames of a low rate can hold.
            let bit_rate = (3 * rate_hz).min(128_000);
            let channels = mixed_to.map(|channels| format!("-ac:{index} {channels}"));
            let channels = channels.unwrap_or_default();
            words(&format!(
                "-c:{index} aac -ar:{index} {rate_hz} -b:{index} {bit_rate} {channels}"
            ))
        }
    }
}

/// A transport stream at once, in which all times are later by so many seconds.
fn output(options: &str, later: f64) -> Vec<String> {
    words(&format!(
        "-f mpegts -muxdelay 0 -muxpreload 0 -avoid_negative_ts disabled -pes_payload_size 0 \
         -flush_packets 1 {options} -output_ts_offset {later:.9} pipe:1"
    ))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// For all: nothing is asked for, and only faults are told of.
const GENERAL: &str = "-nostdin -hide_banner -nostats -loglevel error";

const ENTRIES: &str = "format=duration:stream=index,id,codec_name,codec_type,width,height,sample_rate,channels,\
    avg_frame_rate:stream_disposition=attached_pic:stream_tags=language";

/// What files may be, as ffmpeg names it.
const CONTAINERS: &str = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dv,eac3,flac,flv,gxf,ivf,matroska,\
    mov,mp3,mpeg,mpegts,mpegvideo,mxf,nsv,nut,ogg,rm,tta,voc,w64,wav,wv";

#[cfg(test)]
mod tests {
    use super::*;

    /// From so many samples of 48 kHz on, of a file whose first stream begins at `start`.
    fn passage(from: i64, start: f64, cuts: &[f64]) -> Passage<'_> {
        Passage {
            file: Path::new("a.mkv"),
            from: MediaTime::new(from, 48_000),
            start,
            cuts,
            rest: 9.0,
            speech: None,
            most_pictures: None,
        }
    }

    #[test]
    fn every_sound_of_a_movie_is_made_by_one_process() {
        let audio = Coding::Audio {
            rate_hz: 48_000,
            mixed_to: None,
        };
        let streams = [(0, Coding::Video { most: 1 }), (2, audio), (5, audio)];
        let line = |speech| {
            let passage = Passage {
                speech,
                ..passage(96_000, 0.0, &[2.0])
            };
            of_movie(&passage, streams.into_iter()).join(" ")
        };
        let plain = line(None);
        assert_eq!(plain.matches(" -i ").count(), 1);
        for (index, number) in [0, 2, 5].into_iter().enumerate() {
            assert!(plain.contains(&format!(" -map 0:{number} ")), "{plain}");
            let filtered =
                format!(" -filter:{index} aresample=48000,aresample=async=1:first_pts=96000,");
            assert_eq!(plain.contains(&filtered), index > 0, "{plain}");
        }
        assert!(plain.contains(" -ss 2.000000000 "), "{plain}");
        assert!(plain.contains(" -force_key_frames 1.9990 "), "{plain}");
        // The first sound alone comes another way.
        let spoken = line(Some(0.5));
        assert!(spoken.contains(" -map 1:0 "), "{spoken}");
        assert!(
            !spoken.contains(" -map 0:2 ") && spoken.contains(" -map 0:5 "),
            "{spoken}"
        );
    }

    #[test]
    fn times_of_a_file_that_begins_later_count_from_its_first_stream() {
        let audio = Coding::Audio {
            rate_hz: 48_000,
            mixed_to: None,
        };
        let streams = [(0, Coding::Video { most: 1 }), (1, audio)];
        for (from, seek, keys, first, later) in [
            (0, "0.000000000", "0.0000,0.9990", "-144000", 13),
            (192_000, "1.000000000", "0.9990", "48000", 9),
        ] {
            let cuts = [0.0, 2.0, 4.0];
            let cuts = &cuts[from as usize / 96_000..];
            let line = of_movie(&passage(from, 3.0, cuts), streams.into_iter()).join(" ");
            for told in [
                format!(" -ss {seek} "),
                format!(" -force_key_frames {keys} "),
                format!(":first_pts={first},"),
                format!(" -output_ts_offset {later}.000000000 "),
            ] {
                assert!(line.contains(&told), "{told} in {line}");
            }
        }
    }
}
