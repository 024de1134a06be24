//! Initialisation segments of fragmented MP4 (rfc8216bis, 3.1.2).

use bytes::Bytes;

use super::boxes::{Atom, Atoms, Fields};
use super::content::{Kind, Picture, Sound};
use super::finding::Findings;
use super::pictures::Coding;
use super::rule::rules;
use crate::codec::{aac, h265};

rules! {
    BROKEN "mp4-boxes" Error "ISO/IEC 14496-12 4.2"
        "write boxes whose sizes are those of their content";
    INIT "mp4-initialisation" Error "bis 3.1.2"
        "let the initialisation segment hold ftyp and moov, and in it mvex with a trex for each track";
    SAMPLES "mp4-initialisation-samples" Error "bis 3.1.2"
        "leave the sample tables of the initialisation segment empty";
    ENTRY "mp4-sample-entry" Warning "Apple 1.10"
        "use avc1 and hvc1, with the parameter sets in the sample entry alone";
    PRIMING "mp4-priming" Advice "Apple, audio priming"
        "tell by an edit list what the encoder put before the sound";
}

/// An initialisation segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Initialisation {
    pub(super) tracks: Vec<InitialTrack>,
}

/// What is told of a track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InitialTrack {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) timescale: u32,
    /// The name of its format; of some formats only the beginning.
    pub(super) codec: String,
    /// The format when it is cut into NAL units, and how many bytes their lengths have.
    pub(super) coding: Option<(Coding, usize)>,
    pub(super) picture: Option<Picture>,
    pub(super) sound: Option<Sound>,
    /// The ticks of its media that are presented first, by its edit list.
    pub(super) media_start: u64,
    /// Whether samples are encrypted.
    pub(super) encrypted: bool,
    pub(super) default_duration: u32,
    pub(super) default_size: u32,
    pub(super) default_flags: u32,
    /// Its sample description.
    pub(super) setup: Bytes,
}

/// Reads an initialisation segment.
pub(super) fn read(bytes: &[u8], place: &str, findings: &mut Findings) -> Initialisation {
    let mut found = Vec::new();
    for atom in Atoms::of(bytes) {
        match atom {
            Ok(atom) => found.push(atom),
            Err(broken) => {
                let text = format!("the box at byte {} does not fit", broken.at);
                findings.add(&BROKEN, place, text);
            }
        }
    }
    let first_of = |kind: &[u8; 4]| found.iter().find(|atom| atom.kind == *kind);
    if first_of(b"ftyp").is_none() {
        findings.add(&INIT, place, "there is no ftyp");
    }
    if let Some(media) = first_of(b"mdat").or_else(|| first_of(b"moof")) {
        findings.add(&INIT, place, format!("it holds {}", media.name()));
    }
    let Some(moov) = first_of(b"moov") else {
        findings.add(&INIT, place, "there is no moov");
        return Initialisation::default();
    };
    let traks = moov.children().filter(|child| child.kind == *b"trak");
    let tracks = traks.filter_map(|trak| track(trak, *moov, place, findings));
    Initialisation {
        tracks: tracks.collect(),
    }
}

fn track(
    trak: Atom<'_>,
    moov: Atom<'_>,
    place: &str,
    findings: &mut Findings,
) -> Option<InitialTrack> {
    let id = number(trak.child(b"tkhd")?)?;
    let media = trak.child(b"mdia")?;
    let timescale = number(media.child(b"mdhd")?)?;
    let kind = kind(media)?;
    let table = media.descendant(&[b"minf", b"stbl"])?;
    if has_samples(table) {
        findings.add(&SAMPLES, place, format!("track {id} has samples"));
    }
    let defaults = defaults(moov, id);
    if defaults.is_none() {
        findings.add(&INIT, place, format!("track {id} has no trex"));
    }
    let [_, duration, size, flags] = defaults.unwrap_or_default();
    let description = table.child(b"stsd")?;
    let entry = Atoms::of(description.content.get(8..)?).next()?.ok()?;
    let mut track = InitialTrack {
        id,
        kind,
        timescale: timescale.max(1),
        codec: entry.name(),
        coding: None,
        picture: None,
        sound: None,
        media_start: media_start(trak).unwrap_or(0),
        encrypted: matches!(&entry.kind, b"encv" | b"enca"),
        default_duration: duration,
        default_size: size,
        default_flags: flags,
        setup: Bytes::new(),
    };
    match kind {
        Kind::Video => video(entry, &mut track),
        Kind::Audio => audio(entry, &mut track),
        Kind::Other => {}
    }
    track.setup = setup(entry, &track);
    check_entry(&track, place, findings);
    Some(track)
}

/// What stands behind the two times of a `tkhd` or `mdhd`: the number of the track, and its timescale.
fn number(header: Atom<'_>) -> Option<u32> {
    let (version, _, mut fields) = header.full()?;
    fields.skip(if version == 0 { 8 } else { 16 })?;
    fields.u32()
}

fn kind(media: Atom<'_>) -> Option<Kind> {
    Some(match media.child(b"hdlr")?.content.get(8..12)? {
        b"vide" => Kind::Video,
        b"soun" => Kind::Audio,
        _ => Kind::Other,
    })
}

/// Whether a sample table tells of samples of its own.
fn has_samples(table: Atom<'_>) -> bool {
    let sizes = table.child(b"stsz");
    let count = sizes.and_then(|sizes| Fields(sizes.content.get(8..12)?).u32());
    count.is_some_and(|count| count > 0)
}

fn check_entry(track: &InitialTrack, place: &str, findings: &mut Findings) {
    let entry = track.codec.split('.').next().unwrap_or_default();
    if ["avc3", "hev1"].contains(&entry) {
        findings.add(&ENTRY, place, format!("the sample entry is {entry}"));
    }
    if entry == "mp4a" && track.media_start == 0 {
        let found = format!("track {} has no edit list", track.id);
        findings.add(&PRIMING, place, found);
    }
}

/// Description, duration, size and flags of samples that do not tell them.
fn defaults(moov: Atom<'_>, id: u32) -> Option<[u32; 4]> {
    let mvex = moov.child(b"mvex")?;
    mvex.children()
        .filter(|child| child.kind == *b"trex")
        .find_map(|trex| {
            let (_, _, mut fields) = trex.full()?;
            let is_own = fields.u32()? == id;
            let defaults = [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
            is_own.then_some(defaults)
        })
}

/// Where the first edit begins that is not empty.
fn media_start(trak: Atom<'_>) -> Option<u64> {
    let (version, _, mut fields) = trak.descendant(&[b"edts", b"elst"])?.full()?;
    let count = fields.u32()?;
    for _ in 0..count.min(16) {
        let _duration = fields.by_version(version)?;
        let start = fields.by_version(version)?;
        fields.skip(4)?;
        let empty = if version == 0 {
            u64::from(u32::MAX)
        } else {
            u64::MAX
        };
        if start != empty {
            return Some(start);
        }
    }
    None
}

fn video(entry: Atom<'_>, track: &mut InitialTrack) {
    let mut fields = Fields(entry.content);
    let size = fields
        .skip(24)
        .and_then(|()| Some((fields.u16()?, fields.u16()?)));
    track.picture = size.map(|(width, height)| Picture {
        width: width.into(),
        height: height.into(),
        level: 0,
        range: None,
    });
    let extensions = entry.content.get(78..).unwrap_or_default();
    let extensions = || Atoms::of(extensions).map_while(Result::ok);
    let colours = extensions().find(|one| one.kind == *b"colr");
    let transfer = colours.and_then(|colours| transfer(colours.content));
    for extension in extensions() {
        match &extension.kind {
            b"avcC" => avc(extension.content, transfer, track),
            b"hvcC" => hevc(extension.content, transfer, track),
            b"sinf" => original_format(extension, track),
            _ => {}
        }
    }
}

/// The transfer characteristics that a `colr` box tells (ISO/IEC 14496-12, 12.1.5).
fn transfer(colours: &[u8]) -> Option<u8> {
    match colours {
        &[b'n', b'c', b'l', b'x' | b'c', _, _, 0, transfer, ..] => Some(transfer),
        _ => None,
    }
}

/// What of a sample entry a decoder is set up with: not how samples are encrypted.
fn setup(entry: Atom<'_>, track: &InitialTrack) -> Bytes {
    let fields = match track.kind {
        Kind::Video => 78,
        Kind::Audio => 28,
        Kind::Other => return Bytes::copy_from_slice(entry.content),
    };
    let (fields, extensions) = entry.content.split_at(fields.min(entry.content.len()));
    let mut setup = [track.codec.as_bytes(), fields].concat();
    for extension in Atoms::of(extensions).map_while(Result::ok) {
        if extension.kind != *b"sinf" {
            setup.extend(extension.kind);
            setup.extend(extension.content);
        }
    }
    setup.into()
}

/// The name of what is encrypted stands in `frma`.
fn original_format(sinf: Atom<'_>, track: &mut InitialTrack) {
    if let Some(format) = sinf
        .child(b"frma")
        .and_then(|frma| frma.content.first_chunk::<4>())
    {
        let rest = track.codec.split_off(track.codec.len().min(4));
        track.codec = format!("{}{rest}", format.escape_ascii());
    }
}

/// `transfer` counts if the parameter set does not tell its own.
fn avc(record: &[u8], transfer: Option<u8>, track: &mut InitialTrack) {
    let &[_, profile, constraints, level, lengths, _, ..] = record else {
        return;
    };
    track.codec = format!("{}.{profile:02x}{constraints:02x}{level:02x}", track.codec);
    track.coding = Some((Coding::H264, usize::from(lengths & 3) + 1));
    let sps = record.get(6..).map(Fields).and_then(|mut fields| {
        let length = fields.u16()?;
        fields.0.get(..length.into())
    });
    track.picture = sps
        .and_then(|sps| Coding::H264.picture(sps, transfer))
        .or(track.picture);
}

fn hevc(record: &[u8], transfer: Option<u8>, track: &mut InitialTrack) {
    let Ok(config) = h265::Config::from_hvcc(record) else {
        return;
    };
    track.coding = Some((Coding::H265, config.length_size));
    let sps = config.sps.first();
    track.picture = sps
        .and_then(|sps| Coding::H265.picture(sps, transfer))
        .or(track.picture);
}

fn audio(entry: Atom<'_>, track: &mut InitialTrack) {
    let mut fields = Fields(entry.content);
    let told = fields.skip(16).and_then(|()| {
        let channels = fields.u16()?;
        fields.skip(6)?;
        Some((channels, fields.u32()? >> 16))
    });
    track.sound = told.map(|(channels, rate_hz)| Sound {
        rate_hz,
        channels: u8::try_from(channels).unwrap_or(u8::MAX),
    });
    let extensions = entry.content.get(28..).unwrap_or_default();
    for extension in Atoms::of(extensions).map_while(Result::ok) {
        match &extension.kind {
            b"esds" => elementary(extension.content, track),
            b"sinf" => original_format(extension, track),
            _ => {}
        }
    }
}

/// What an elementary stream descriptor tells (ISO/IEC 14496-1, 7.2.6.5).
fn elementary(content: &[u8], track: &mut InitialTrack) {
    let Some(config) = descriptor(content.get(4..).unwrap_or_default(), 3)
        .and_then(|stream| descriptor(stream.get(3..)?, 4))
    else {
        return;
    };
    let object_type = config.first().copied().unwrap_or(0);
    let specific = config.get(13..).and_then(|rest| descriptor(rest, 5));
    let aac = specific.and_then(|bytes| aac::Config::from_specific(bytes).ok());
    track.codec = match aac.filter(|_| object_type == 0x40) {
        Some(aac) => {
            track.sound = Some(Sound {
                rate_hz: aac.rate_hz,
                channels: aac.channels,
            });
            format!("{}.40.{}", track.codec, aac.object_type())
        }
        None => format!("{}.{object_type:x}", track.codec),
    };
}

/// The content of the descriptor of this tag, which `bytes` begin with.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (own, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    (*own == tag).then(|| rest.get(..length)).flatten()
}
