//! Sample entries that are carried over from a file as they stand, because they say more than this
//! server knows of the format.
//!
//! Sources: AV1 Codec ISO Media File Format Binding, 2.2.1 and 5; VP Codec ISO Media File Format
//! Binding; Encapsulation of FLAC in ISO base media files, 3.3; of Opus, 4.3; ETSI TS 102 366, F.

use bytes::{Bytes, BytesMut};

use super::atom::find;
use super::colours::{Colours, VIDEO_EXTENSIONS};
use crate::codec::video_range::UNSPECIFIED;
use crate::codec::{Kind, VideoRange};
use crate::container::Track;
use crate::container::big_endian::u16_at;

/// A sample entry as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedEntry {
    kind: Kind,
    codec: String,
    /// What its pictures hold, if it has any.
    video_range: Option<VideoRange>,
    bytes: Bytes,
}

impl CopiedEntry {
    /// The sample entry of a track; `None` for formats that are not carried over, and where it
    /// lacks what decoders need.
    pub fn of(track: &Track) -> Option<Self> {
        let (entry, others) = track.descriptions.split_first()?;
        others.iter().all(|other| other == entry).then_some(())?;
        let (kind, codec) = describe(entry)?;
        let mut bytes = BytesMut::from(entry.as_ref());
        // Which data reference it is of: fragments have one.
        bytes.get_mut(14..16)?.copy_from_slice(&[0, 1]);
        let transfer = || transfer(entry).unwrap_or(UNSPECIFIED);
        let is_seen = kind == Kind::Video;
        Some(Self {
            kind,
            codec,
            video_range: is_seen.then(|| VideoRange::of_transfer(transfer())),
            bytes: bytes.freeze(),
        })
    }

    /// Whether its samples are seen or heard.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the CODECS attribute of playlists calls it (RFC 6381).
    pub fn codec_string(&self) -> &str {
        &self.codec
    }

    /// What its pictures hold as far as it tells, standard range if it does not; `None` for sound.
    pub fn video_range(&self) -> Option<VideoRange> {
        self.video_range
    }

    /// The whole box.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

fn describe(entry: &Bytes) -> Option<(Kind, String)> {
    let extension = |at: usize, kind: &[u8; 4]| {
        let tail = entry.slice(at.min(entry.len())..);
        find(&tail, kind).map(|atom| atom.body)
    };
    // QuickTime's own sound descriptions are longer, and unknown elsewhere.
    let sound = |kind| {
        let is_plain = u16_at(entry, 16) == Some(0);
        is_plain
            .then(|| extension(SOUND_EXTENSIONS, kind))
            .flatten()
    };
    let described = match entry.get(4..8)? {
        b"av01" => (Kind::Video, av1(&extension(VIDEO_EXTENSIONS, b"av1C")?)?),
        b"vp09" => (Kind::Video, vp9(&extension(VIDEO_EXTENSIONS, b"vpcC")?)?),
        b"fLaC" => (Kind::Audio, sound(b"dfLa").map(|_| "fLaC".to_owned())?),
        b"alac" => (Kind::Audio, sound(b"alac").map(|_| "alac".to_owned())?),
        b"Opus" => (Kind::Audio, sound(b"dOps").map(|_| "opus".to_owned())?),
        b"ac-3" => (Kind::Audio, sound(b"dac3").map(|_| "ac-3".to_owned())?),
        b"ec-3" => (Kind::Audio, sound(b"dec3").map(|_| "ec-3".to_owned())?),
        _ => return None,
    };
    Some(described)
}

/// The transfer characteristics of pictures; VP9 tells them in its own record too.
fn transfer(entry: &Bytes) -> Option<u8> {
    let tail = entry.slice(VIDEO_EXTENSIONS.min(entry.len())..);
    let told = Colours::of(entry).and_then(Colours::transfer);
    told.or_else(|| find(&tail, b"vpcC")?.body.get(8).copied())
}

/// `av01.P.LLT.DD` (AV1 in ISO base media files, 5).
fn av1(record: &[u8]) -> Option<String> {
    let &[_, profile_level, flags, ..] = record else {
        return None;
    };
    let (profile, level) = (profile_level >> 5, profile_level & 0x1f);
    let tier = if flags & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (flags & 0x40, flags & 0x20) {
        (0, _) => 8,
        (_, 0) => 10,
        _ => 12,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

/// `vp09.PP.LL.DD` (VP9 in ISO base media files, "Codecs Parameter String").
fn vp9(record: &[u8]) -> Option<String> {
    let &[_, _, _, _, profile, level, depth, ..] = record else {
        return None;
    };
    Some(format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4))
}

/// Where the extensions of QuickTime's plain entries of sound start in their boxes.
const SOUND_EXTENSIONS: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_called_as_browsers_know_them() {
        assert_eq!(av1(&[0x81, 0x08, 0x0c, 0]).unwrap(), "av01.0.08M.08");
        assert_eq!(av1(&[0x81, 0x2d, 0xc0, 0]).unwrap(), "av01.1.13H.10");
        assert_eq!(av1(&[0x81]), None);
        let record = [1, 0, 0, 0, 2, 31, 0xa2, 1, 1, 1, 0, 0];
        assert_eq!(vp9(&record).unwrap(), "vp09.02.31.10");
    }

    #[test]
    fn colours_are_found_beside_the_configuration() {
        let entry =
            |boxes: &[&[u8]]| Bytes::from([&[0; VIDEO_EXTENSIONS], &*boxes.concat()].concat());
        let vpcc = b"\0\0\0\x14vpcC\x01\0\0\0\x02\x1f\xa2\x09\x10\x09\0\0";
        let nclx = b"\0\0\0\x13colrnclx\0\x09\0\x12\0\x09\0";
        let nclc = b"\0\0\0\x12colrnclc\0\x01\0\x01\0\x01";
        let profile = b"\0\0\0\x0ccolrprof";
        let found = [
            &[&vpcc[..], nclx][..],
            &[nclc],
            &[profile, vpcc],
            &[profile],
            &[],
        ];
        let found = found.map(|boxes| transfer(&entry(boxes)));
        assert_eq!(found, [Some(18), Some(1), Some(16), None, None]);
    }
}
