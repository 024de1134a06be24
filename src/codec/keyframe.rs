//! Where a decoder may start: recognised by the first bytes of RTP payloads.
//!
//! Nothing is depacketised; a payload format is known by its name in `a=rtpmap`.

/// How the start of a key frame is recognised in the payloads of one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrames {
    /// Every payload is one: audio, intra-only video, and what is not known here.
    Always,
    /// RFC 6184.
    H264,
}

impl KeyFrames {
    /// For the encoding of an `a=rtpmap`: `H264/90000`.
    pub fn of(encoding: &str) -> Self {
        let name = encoding.split('/').next().unwrap_or_default();
        match name.to_ascii_uppercase().as_str() {
            "H264" => Self::H264,
            _ => Self::Always,
        }
    }

    /// Whether a decoder may start with this payload.
    pub fn start_at(self, payload: &[u8]) -> bool {
        match self {
            Self::Always => true,
            Self::H264 => h264(payload),
        }
    }
}

fn h264(payload: &[u8]) -> bool {
    let is_start = |header: u8| matches!(header & 0x1f, 5 | 7);
    match *payload {
        [header, ..] if is_start(header) => true,
        [header, _, _, first, ..] if header & 0x1f == 24 => is_start(first),
        [header, fragment, ..] if header & 0x1f == 28 => fragment & 0x80 != 0 && is_start(fragment),
        _ => false,
    }
}
