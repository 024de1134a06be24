//! One track of a description, as its media line tells of it (RFC 8866, 5.14).

use sdp_types::{Attribute, Media};

use super::Unfit;
use crate::base::id::TrackId;
use crate::codec::Kind;

/// The attribute that tells a language.
pub(super) const LANGUAGE: &str = "lang";

/// The longest language tag that is read, in bytes (RFC 5646, 4.4.1).
const MAX_LANGUAGE: usize = 35;

/// One track of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its number in control URLs: its index in the description, counted from 1.
    pub id: TrackId,
    /// Whether it is seen or heard.
    pub kind: Kind,
    /// The RTP payload type, the first of those that the media line names.
    pub payload_type: u8,
    /// The rate of its RTP times, in Hz; never 0.
    pub clock_hz: u32,
    /// The value of `a=rtpmap` after the payload type: `H264/90000`.
    pub encoding: String,
    /// The value of `a=fmtp` after the payload type.
    pub fmtp: Option<String>,
    /// Its language (RFC 5646), by its own `a=lang` or that of the session.
    pub language: Option<String>,
    /// The publisher's own `a=control`.
    pub control: Option<String>,
    /// All payload types of the media line.
    pub(super) payload_types: Vec<u8>,
}

/// The track of a media line; what it does not tell of its language, the session's attributes do.
pub(super) fn read_track(
    id: TrackId,
    media: &Media,
    of_session: &[Attribute],
) -> Result<Track, Unfit> {
    if !travels_as_rtp(&media.proto) {
        let proto = media.proto.clone();
        return Err(Unfit::Transport { track: id, proto });
    }
    let payload_types: Vec<u8> = media
        .fmt
        .split_whitespace()
        .map_while(|word| word.parse().ok().filter(|number| *number < 128))
        .collect();
    let payload_type = *payload_types
        .first()
        .ok_or(Unfit::NoPayloadType { track: id })?;
    let encoding = value_for(media, "rtpmap", payload_type)
        .map(str::to_owned)
        .or_else(|| static_encoding(payload_type).map(str::to_owned));
    let clock_hz = encoding.as_deref().and_then(clock_of);
    let (Some(encoding), Some(clock_hz)) = (encoding, clock_hz) else {
        return Err(Unfit::NoClock {
            track: id,
            payload_type,
        });
    };
    Ok(Track {
        id,
        kind: kind_of(&media.media),
        payload_type,
        clock_hz,
        encoding,
        fmtp: value_for(media, "fmtp", payload_type).map(str::to_owned),
        language: language_of(media, of_session),
        control: first_value(media, "control").map(str::to_owned),
        payload_types,
    })
}

/// `RTP/AVP` and what RTSP makes of it (RFC 2326, 12.39); `RTP/AVPF` differs in feedback only.
fn travels_as_rtp(proto: &str) -> bool {
    let mut words = proto.split('/');
    let mut is = |names: &[&str]| {
        words
            .next()
            .is_some_and(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)))
    };
    is(&["RTP"]) && is(&["AVP", "AVPF"])
}

fn kind_of(media: &str) -> Kind {
    match media {
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        _ => Kind::Application,
    }
}

fn first_value<'a>(media: &'a Media, name: &str) -> Option<&'a str> {
    values(&media.attributes, name).next()
}

fn values<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| is_named(attribute, name))
        .filter_map(|attribute| attribute.value.as_deref())
}

pub(super) fn is_named(attribute: &Attribute, name: &str) -> bool {
    attribute.attribute.eq_ignore_ascii_case(name)
}

/// The first language of a track, else that of the whole session (RFC 8866, 6.12); `None` for what is no tag.
pub(super) fn language_of(media: &Media, of_session: &[Attribute]) -> Option<String> {
    let mut told = values(&media.attributes, LANGUAGE).chain(values(of_session, LANGUAGE));
    let tag = told.next()?.trim();
    let is_word = |word: &str| {
        (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_tag = tag.len() <= MAX_LANGUAGE && tag.split('-').all(is_word);
    (is_tag && !tag.eq_ignore_ascii_case("und")).then(|| tag.to_owned())
}

/// The value of an attribute that begins with the payload type it is for.
fn value_for<'a>(media: &'a Media, name: &str, payload_type: u8) -> Option<&'a str> {
    values(&media.attributes, name).find_map(|value| {
        let (number, rest) = value.trim().split_once(char::is_whitespace)?;
        (number.parse() == Ok(payload_type)).then(|| rest.trim())
    })
}

/// The clock rate in `H264/90000` or `mpeg4-generic/44100/2`, in Hz.
fn clock_of(encoding: &str) -> Option<u32> {
    let clock = encoding.split('/').nth(1)?.trim().parse().ok()?;
    (clock > 0).then_some(clock)
}

/// What payload types mean that need no `a=rtpmap` (RFC 3551, 6).
fn static_encoding(payload_type: u8) -> Option<&'static str> {
    Some(match payload_type {
        0 => "PCMU/8000",
        3 => "GSM/8000",
        4 => "G723/8000",
        5 => "DVI4/8000",
        6 => "DVI4/16000",
        7 => "LPC/8000",
        8 => "PCMA/8000",
        9 => "G722/8000",
        10 => "L16/44100/2",
        11 => "L16/44100",
        12 => "QCELP/8000",
        13 => "CN/8000",
        14 => "MPA/90000",
        15 => "G728/8000",
        16 => "DVI4/11025",
        17 => "DVI4/22050",
        18 => "G729/8000",
        25 => "CelB/90000",
        26 => "JPEG/90000",
        28 => "nv/90000",
        31 => "H261/90000",
        32 => "MPV/90000",
        33 => "MP2T/90000",
        34 => "H263/90000",
        _ => return None,
    })
}
