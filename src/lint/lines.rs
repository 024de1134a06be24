//! The lines of a playlist: tags and URIs, without what they mean (rfc8216bis, 4.1).

use super::finding::{Findings, Line};
use super::rule::rules;

rules! {
    NO_PLAYLIST "extm3u" Error "bis 4.4.1.1"
        "make #EXTM3U the first line of every playlist";
    ENCODING "encoding" Error "bis 4.1"
        "write playlists in UTF-8, without a byte order mark and without control characters";
}

/// A line that is neither empty nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) line: Line,
    pub(super) content: Content<'a>,
}

/// What stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// `#EXT…`; the value is what follows the colon.
    Tag { name: &'a str, value: &'a str },
    /// Where a segment or a playlist is.
    Uri(&'a str),
}

/// The lines of the playlist `bytes`, `#EXTM3U` not among them; `None` when it is no playlist.
pub(super) fn read<'a>(bytes: &'a [u8], findings: &mut Findings) -> Option<Vec<Entry<'a>>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let place = format!("byte {}", error.valid_up_to());
            findings.add(&ENCODING, place, "this is not UTF-8");
            return None;
        }
    };
    let (text, has_mark) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if has_mark {
        findings.add(&ENCODING, Line(1), "it begins with a byte order mark");
    }
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let first = lines.next().unwrap_or_default();
    if first != "#EXTM3U" {
        let shown: String = first.chars().take(40).collect();
        findings.add(&NO_PLAYLIST, Line(1), format!("it begins with {shown:?}"));
        return None;
    }
    let lines = lines
        .enumerate()
        .map(|(index, text)| (Line(index + 2), text));
    Some(
        lines
            .filter_map(|(line, text)| entry(line, text, findings))
            .collect(),
    )
}

fn entry<'a>(line: Line, text: &'a str, findings: &mut Findings) -> Option<Entry<'a>> {
    if text.chars().any(char::is_control) {
        findings.add(&ENCODING, line, "it holds a control character");
    }
    let content = match text.strip_prefix('#') {
        Some(tag) if tag.starts_with("EXT") => {
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            Content::Tag { name, value }
        }
        Some(_comment) => return None,
        None if text.trim().is_empty() => return None,
        None => Content::Uri(text),
    };
    Some(Entry { line, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_uris_are_told_apart() {
        let mut findings = Findings::default();
        let text = b"#EXTM3U\r\n# a comment\n\n#EXTINF:6,a:b\r\nx.ts\n#EXT-X-ENDLIST";
        let entries = read(text, &mut findings).unwrap();
        let tag = |line, name, value| Entry {
            line: Line(line),
            content: Content::Tag { name, value },
        };
        let uri = Entry {
            line: Line(5),
            content: Content::Uri("x.ts"),
        };
        assert_eq!(
            entries,
            [tag(4, "EXTINF", "6,a:b"), uri, tag(6, "EXT-X-ENDLIST", "")]
        );
        assert!(findings.all().is_empty());
    }
}
