//! Payloads of any content in any order, for every depacketiser.

use reelcast::codec::{
    self, Depacketize, Foreign, MAX_UNIT, Malformed, Packetize, QuickTime, Sample, Sink,
};
use reelcast::wire::rtp::{HEADER_LEN, Packet, write_header};

const AAC: &str = "sizelength=13;indexlength=3;indexdeltalength=3;config=1190";
const AAC_TIMED: &str = "sizelength=12;indexlength=2;indexdeltalength=2;ctsdeltalength=9;\
    dtsdeltalength=9;randomaccessindication=1;streamstateindication=5;\
    auxiliarydatasizelength=7;config=1190";

/// The encodings that the first byte of the data chooses from.
const ENCODINGS: [(&str, &str); 18] = [
    ("H264/90000", ""),
    ("H265/90000", ""),
    ("H265/90000", "sprop-max-don-diff=1"),
    ("mpeg4-generic/48000/2", AAC),
    ("mpeg4-generic/48000/2", AAC_TIMED),
    ("mpeg4-generic/48000/2", "constantsize=7;config=1190"),
    ("mpeg4-generic/48000/2", "config=1190"),
    ("MP4A-LATM/90000", ""),
    ("MP4A-LATM/90000", "cpresent=0;config=400023203fc0"),
    ("MPA/90000", ""),
    ("MP4V-ES/90000", ""),
    ("H263-2000/90000", ""),
    ("AMR/8000", "octet-align=1;crc=1"),
    ("AMR/8000/2", ""),
    ("AMR-WB/16000", "octet-align=1"),
    ("AC3/48000", ""),
    ("opus/48000/2", ""),
    ("L16/44100/2", ""),
];

/// QuickTime's own, which it chooses from too.
const QUICKTIME: [&str; 3] = ["X-SV3V-ES/90000", "X-QDM/22050/2", "X-QT/600"];

/// Headers that payloads ask for by 0x010203, of two modes.
const VORBIS: &str = "configuration=AAAAAQECAwA4Ah4HAXZvcmJpcwAAAAACRKwAAAAAAAAAAAAAAAAAALgBA3ZvcmJpcwV2b3\
    JiaXMBAAAAAIAAAAAAAQE=";

/// What is only put together here.
const FOREIGN: [(&str, &str); 11] = [
    ("JPEG/90000", ""),
    ("VP8/90000", ""),
    ("G722/8000", ""),
    ("G726-24/8000", ""),
    ("GSM/8000", ""),
    ("QCELP/8000", ""),
    ("SPEEX/16000", ""),
    ("VORBIS/44100/2", VORBIS),
    ("H261/90000", ""),
    ("H263/90000", ""),
    ("MPV/90000", ""),
];

/// Reads an encoding, then packets: a byte of marker (1), loss (2) and time (12), one of length, the payload.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let counts = [ENCODINGS.len(), QUICKTIME.len(), FOREIGN.len()];
    let choice = usize::from(*choice) % counts.iter().sum::<usize>();
    if let Some((encoding, fmtp)) = ENCODINGS.get(choice) {
        return run_known(encoding, fmtp, rest);
    }
    let choice = choice - ENCODINGS.len();
    match QUICKTIME.get(choice) {
        Some(encoding) => run_quicktime(encoding, rest),
        None => run_foreign(FOREIGN[choice - QUICKTIME.len()], rest),
    }
}

fn run_known(encoding: &str, fmtp: &str, packets: &[u8]) {
    let mut depacketizer = codec::depacketizer(encoding, Some(fmtp)).expect("it is known");
    each_packet(packets, |packet, lost| {
        let _: Result<(), Malformed> = depacketizer.push(packet, lost);
        pull(&mut *depacketizer);
    });
    depacketizer.flush();
    pull(&mut *depacketizer);
}

fn run_quicktime(encoding: &str, packets: &[u8]) {
    let mut depacketizer = QuickTime::of(encoding).expect("it is known");
    let pull = |depacketizer: &mut QuickTime| {
        while let Some(unit) = depacketizer.pull() {
            assert!(unit.data.len() <= MAX_UNIT, "a unit has a bound");
        }
    };
    each_packet(packets, |packet, lost| {
        let _: Result<(), Malformed> = depacketizer.push(packet, lost);
        let _ = depacketizer.config();
        pull(&mut depacketizer);
    });
    depacketizer.finish();
    pull(&mut depacketizer);
}

fn run_foreign((encoding, fmtp): (&str, &str), packets: &[u8]) {
    let mut depacketizer = Foreign::of(encoding, Some(fmtp)).expect("it is known");
    each_packet(packets, |packet, lost| {
        let _: Result<(), Malformed> = depacketizer.push(packet, lost);
        let _ = depacketizer.config();
        while let Some(unit) = depacketizer.pull() {
            assert!(unit.data.len() <= MAX_UNIT, "a unit has a bound");
        }
    });
}

/// Hands the packets to `take`, with how many are lost before each.
fn each_packet(mut rest: &[u8], mut take: impl FnMut(&Packet<'_>, u16)) {
    let mut time = u32::MAX - 3000;
    while let [flags, length, after @ ..] = rest {
        let (payload, next) = after.split_at(usize::from(*length).min(after.len()));
        time = time.wrapping_add(u32::from(flags >> 2 & 3) * 960);
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, flags & 1 != 0, 96, 0, time, 1);
        let packet = [&header, payload].concat();
        let packet = Packet::read(&packet).expect("the header is sound");
        take(&packet, u16::from(flags >> 1 & 1));
        rest = next;
    }
}

/// What comes out can be packetised again, or is refused.
fn pull(depacketizer: &mut dyn Depacketize) {
    while let Some(unit) = depacketizer.pull() {
        assert!(
            (1..=MAX_UNIT).contains(&unit.data.len()),
            "a unit has bytes"
        );
        let Some(format) = depacketizer.format() else {
            continue;
        };
        let _ = format.codec_string();
        assert!(
            format.picture_size() != Some((0, 0)),
            "pictures have a size"
        );
        let packetizer: Box<dyn Packetize> = format.packetizer();
        let sample = Sample {
            data: &unit.data,
            offset: 0,
        };
        let _ = packetizer.packetize(&[sample], 1400, &mut Nowhere);
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn payload(&mut self, _: &[&[u8]], _: bool, _: u32) {}
}
