//! A playlist as it is sent: written once, packed once, shared by all who ask for it.

use std::io::Write;
use std::sync::OnceLock;
use std::time::SystemTime;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes of a playlist.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    tag: String,
    modified: SystemTime,
}

impl Text {
    /// `tag` tells this version of the playlist from all others.
    pub(super) fn new(text: String, tag: String, modified: SystemTime) -> Self {
        Self {
            plain: text.into(),
            gzip: OnceLock::new(),
            tag,
            modified,
        }
    }

    /// The same with these lines at its end; `tag` tells them from others.
    pub(super) fn with_lines(&self, lines: &str, tag: &str) -> Self {
        let plain = [&self.plain[..], lines.as_bytes()].concat();
        Self {
            plain: plain.into(),
            gzip: OnceLock::new(),
            tag: format!("{}{tag}", self.tag),
            modified: self.modified,
        }
    }

    /// The text.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The same in the gzip format (RFC 1952); packed at the first call.
    pub fn gzip(&self) -> &Bytes {
        let pack = || packed(&self.plain, Compression::fast());
        self.gzip.get_or_init(pack)
    }

    /// What tells this version from all others, without quotes.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Since when it is so.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }
}

/// `plain` in the gzip format (RFC 1952).
pub fn packed(plain: &[u8], effort: Compression) -> Bytes {
    let mut packed = GzEncoder::new(Vec::new(), effort);
    let written = packed.write_all(plain);
    let packed = written.and_then(|()| packed.finish());
    packed.expect("a Vec takes everything").into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_was_packed_is_the_text() {
        let lines = "#EXTINF:6.00000,\n".repeat(20);
        let text = Text::new(lines.clone(), "1".to_owned(), SystemTime::UNIX_EPOCH);
        let mut unpacked = String::new();
        let packed = text.gzip();
        assert!(packed.len() < 100);
        GzDecoder::new(&packed[..])
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, lines);
        assert_eq!(text.gzip().as_ptr(), packed.as_ptr());
    }
}
