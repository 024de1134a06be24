//! Data references: in which file a track's media lies (ISO/IEC 14496-12, 8.7.2; QTFF, "Data reference atoms").
//!
//! Only plain names are followed, and only in the movie's own folder: a file must
//! not be able to name another place of the server.

use bytes::Bytes;
use percent_encoding::percent_decode;

use super::atom::{Atom, atoms};
use crate::container::big_endian::u16_at;

/// The file of one data reference, or why it cannot be used.
pub(super) type Reference = Result<u16, &'static str>;

/// The names of the files beside the movie that its tracks refer to.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<String>);

impl Files {
    /// What each entry of the data reference box `dref` stands for.
    pub(super) fn references(&mut self, dref: &Atom) -> Vec<Reference> {
        atoms(&dref.from(8))
            .take(MAX_FILES)
            .map(|entry| self.reference(&entry))
            .collect()
    }

    fn reference(&mut self, entry: &Atom) -> Reference {
        if entry.flags() & SELF_CONTAINED != 0 {
            return Ok(0);
        }
        let body = entry.from(4);
        let name = match &entry.kind.0 {
            b"alis" => alias_name(&body).ok_or("its data reference holds no file name")?,
            b"url " => url_name(text(&body))?,
            b"urn " => {
                let mut parts = body.split(|&byte| byte == 0);
                url_name(parts.nth(1).unwrap_or_default())?
            }
            _ => return Err("its data reference is of a kind that is not supported"),
        };
        if !is_plain(&name) {
            return Err("its data reference leads out of the movie's folder");
        }
        self.number(name)
    }

    /// The number of the file `name`, the movie itself being 0.
    fn number(&mut self, name: String) -> Reference {
        let known = self.0.iter().position(|file| *file == name);
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            if at >= MAX_FILES {
                return Err("the movie refers to too many files");
            }
            self.0.push(name);
        }
        Ok(at as u16 + 1)
    }

    /// The names, by number from 1.
    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}

/// The name of the file that a Mac OS alias record was made for.
///
/// The fixed part ends with the name in 64 bytes, a length first; tagged values
/// follow, of which number 14 is the name in UTF-16.
fn alias_name(record: &Bytes) -> Option<String> {
    let mut at = ALIAS_TAGS;
    while let (Some(tag), Some(length)) = (u16_at(record, at), u16_at(record, at + 2)) {
        let length = usize::from(length);
        if tag == 14 {
            let value = record.get(at + 6..at + 4 + length)?;
            let units = value.as_chunks::<2>().0.iter().copied();
            return String::from_utf16(&units.map(u16::from_be_bytes).collect::<Vec<_>>()).ok();
        }
        if tag == u16::MAX {
            break;
        }
        at += 4 + length.next_multiple_of(2);
    }
    let (&length, rest) = record.get(ALIAS_NAME..)?.split_first()?;
    let name = rest.get(..usize::from(length))?;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn url_name(url: &[u8]) -> Result<String, &'static str> {
    let relative = url.strip_prefix(b"./").unwrap_or(url);
    if relative.contains(&b':') {
        return Err("its data reference is an absolute URL");
    }
    let name = percent_decode(relative).decode_utf8();
    Ok(name
        .map_err(|_| "its data reference is not UTF-8")?
        .into_owned())
}

fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Whether `name` is that of a visible file in the folder.
fn is_plain(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

const SELF_CONTAINED: u32 = 1;
/// The most files that one movie may refer to.
const MAX_FILES: usize = 64;
/// Where an alias record holds its name.
const ALIAS_NAME: usize = 50;
/// Where the tagged values of an alias record start.
const ALIAS_TAGS: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::mp4::atom::find;
    use crate::container::mp4::build::{atom, full};

    fn reference(kind: &[u8; 4], flags: u32, body: &[u8]) -> (Reference, Vec<String>) {
        let entry = full(kind, 0, flags, &[body]);
        let dref = Bytes::from(full(b"dref", 0, 0, &[&1u32.to_be_bytes(), &entry]));
        let mut files = Files::default();
        let found = files.references(&find(&dref, b"dref").unwrap());
        (found[0], files.into_names())
    }

    fn alias(name: &[u8], tags: &[u8]) -> Vec<u8> {
        let mut record = vec![0; ALIAS_TAGS];
        record[ALIAS_NAME] = name.len() as u8;
        record[ALIAS_NAME + 1..][..name.len()].copy_from_slice(name);
        record.extend_from_slice(tags);
        record
    }

    #[test]
    fn names_in_the_same_folder_are_followed() {
        assert_eq!(reference(b"alis", 1, b""), (Ok(0), vec![]));
        for (kind, body) in [
            (b"url ", b"./a%20b.mov\0".to_vec()),
            (b"urn ", b"urn:x\0a b.mov\0".to_vec()),
            (b"alis", alias(b"a b.mov", b"\xff\xff\0\0")),
            (
                b"alis",
                alias(
                    b"short",
                    b"\0\x02\0\x01x\0\0\x0e\0\x10\0\x07\0a\0 \0b\0.\0m\0o\0v",
                ),
            ),
        ] {
            let name = vec!["a b.mov".to_owned()];
            assert_eq!(reference(kind, 0, &body), (Ok(1), name));
        }
    }

    #[test]
    fn no_reference_leaves_the_folder() {
        for body in [
            "../a",
            "a/b",
            "%2e%2e%2fa",
            "/etc/passwd",
            "file:///a",
            "",
            ".a",
            "a%00b",
            "..",
        ] {
            assert!(reference(b"url ", 0, body.as_bytes()).0.is_err(), "{body}");
        }
        assert!(reference(b"alis", 0, &alias(b"../x", b"")).0.is_err());
        assert!(reference(b"alis", 0, b"short").0.is_err());
        assert!(reference(b"rsrc", 0, b"x").0.is_err());
    }

    #[test]
    fn files_are_numbered_once() {
        let entries: Vec<u8> = ["a", "b", "a"]
            .iter()
            .flat_map(|name| full(b"url ", 0, 0, &[name.as_bytes()]))
            .collect();
        let dref = Bytes::from(atom(b"dref", &[&[0; 8], &entries]));
        let mut files = Files::default();
        let found = files.references(&find(&dref, b"dref").unwrap());
        assert_eq!(found, [Ok(1), Ok(2), Ok(1)]);
        assert_eq!(files.into_names(), ["a", "b"]);
    }
}
