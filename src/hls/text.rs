//! A playlist as it is sent: written once, packed once, shared by all who ask for it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::HeaderValue;

use super::playlist::with_uris;

/// The bytes of a playlist.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    tag: String,
    modified: SystemTime,
    told: OnceLock<Told>,
    /// The same with other URIs, the newest last.
    readdressed: Mutex<VecDeque<Readdressed>>,
}

/// What HTTP tells of a playlist.
#[derive(Debug)]
pub struct Told {
    /// What tells the plain text from all others.
    pub tag: HeaderValue,
    /// The same of the packed text.
    pub packed_tag: HeaderValue,
    /// Since when it is so.
    pub modified: HeaderValue,
}

/// A playlist whose URIs are not those that are shared.
#[derive(Debug)]
struct Readdressed {
    way: String,
    query: String,
    text: Arc<Text>,
}

/// So many of them are kept: what some ask for by another name, or with a pass that many share, of which one user
/// may have nine at a time.
const MOST_READDRESSED: usize = 16;

impl Text {
    /// `tag` tells this version of the playlist from all others.
    pub(super) fn new(text: String, tag: String, modified: SystemTime) -> Self {
        Self {
            plain: text.into(),
            gzip: OnceLock::new(),
            tag,
            modified,
            told: OnceLock::new(),
            readdressed: Mutex::default(),
        }
    }

    /// The same with these lines at its end; `tag` tells them from others.
    pub(super) fn with_lines(&self, lines: &str, tag: &str) -> Self {
        let plain = format!("{}{lines}", String::from_utf8_lossy(&self.plain));
        Self::new(plain, format!("{}{tag}", self.tag), self.modified)
    }

    /// The same with `way` before, and `query` behind, its [URIs](with_uris); the newest are kept.
    pub fn readdressed(self: &Arc<Self>, way: &str, query: &str) -> Arc<Self> {
        if way.is_empty() && query.is_empty() {
            return Arc::clone(self);
        }
        let mut kept = self
            .readdressed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &&Readdressed| one.way == way && one.query == query;
        if let Some(known) = kept.iter().find(is_same) {
            return Arc::clone(&known.text);
        }
        let mut hasher = DefaultHasher::new();
        (way, query).hash(&mut hasher);
        let tag = format!("{}-{:016x}", self.tag, hasher.finish());
        let text = with_uris(&String::from_utf8_lossy(&self.plain), way, query);
        let text = Arc::new(Self::new(text, tag, self.modified));
        if kept.len() >= MOST_READDRESSED {
            kept.pop_front();
        }
        kept.push_back(Readdressed {
            way: way.to_owned(),
            query: query.to_owned(),
            text: Arc::clone(&text),
        });
        text
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

    /// What HTTP tells of it, written by `write` at the first call.
    pub fn told(&self, write: impl FnOnce(&Self) -> Told) -> &Told {
        self.told.get_or_init(|| write(self))
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
    #[test]
    fn what_is_asked_for_by_other_names_has_tags_of_its_own() {
        let lines = "#EXTINF:6.00000,\n1.ts\n".to_owned();
        let text = Arc::new(Text::new(lines, "1".to_owned(), SystemTime::UNIX_EPOCH));
        assert!(Arc::ptr_eq(&text, &text.readdressed("", "")));
        let beside = text.readdressed("./a/", "");
        assert_eq!(&beside.plain()[..], b"#EXTINF:6.00000,\n./a/1.ts\n");
        let passed = text.readdressed("", "pass=1");
        assert_eq!(&passed.plain()[..], b"#EXTINF:6.00000,\n1.ts?pass=1\n");
        let tags = [text.tag(), beside.tag(), passed.tag()];
        assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");
        assert!(Arc::ptr_eq(&beside, &text.readdressed("./a/", "")));
        for number in 0..MOST_READDRESSED {
            text.readdressed("", &format!("pass={number}"));
        }
        assert_eq!(text.readdressed("./a/", "").tag(), beside.tag());
        assert_eq!(text.readdressed.lock().unwrap().len(), MOST_READDRESSED);
    }
}
