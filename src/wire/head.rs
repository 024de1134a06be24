//! Finding the end of a message's head in bytes that arrive bit by bit.
//!
//! Shared by RTSP and by the HTTP requests of tunnels; reading the lines is theirs.

use std::borrow::Cow;

/// Looks for the blank line that ends a head, at each byte once.
///
/// Lines end with CRLF, LF or, as QTSS accepted it, CR.
#[derive(Debug)]
pub(super) struct HeadScanner {
    position: usize,
    line_is_empty: bool,
    carriage_return: Option<EndedLine>,
    /// Whether the line before this one ended with a carriage return alone.
    after_bare_return: bool,
}

/// The line that a carriage return ended, while it is open whether a line feed follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndedLine {
    Blank,
    Text,
}

impl HeadScanner {
    pub(super) fn new() -> Self {
        Self {
            position: 0,
            line_is_empty: true,
            carriage_return: None,
            after_bare_return: false,
        }
    }

    /// How many bytes of the head have been looked at.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Looks at the bytes after [`position`](Self::position); the head's length in bytes when it ends there.
    pub(super) fn advance(&mut self, unseen: impl IntoIterator<Item = u8>) -> Option<usize> {
        for byte in unseen {
            if let Some(ended) = self.carriage_return.take()
                && let Some(end) = self.after_return(ended, byte)
            {
                return Some(end);
            }
            self.position += 1;
            if self.ends_head(byte) {
                return Some(self.position);
            }
        }
        None
    }

    /// The byte after a carriage return; the head's length when the head ended before that byte.
    fn after_return(&mut self, ended: EndedLine, byte: u8) -> Option<usize> {
        if byte == b'\n' {
            // The line feed that comes with it is counted as the end of this line.
            self.line_is_empty = ended == EndedLine::Blank;
            return None;
        }
        self.after_bare_return = true;
        (ended == EndedLine::Blank).then_some(self.position)
    }

    fn ends_head(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => {
                self.after_bare_return = false;
                std::mem::replace(&mut self.line_is_empty, true)
            }
            b'\r' => {
                let blank = std::mem::replace(&mut self.line_is_empty, true);
                self.carriage_return = Some(if blank {
                    EndedLine::Blank
                } else {
                    EndedLine::Text
                });
                blank && self.after_bare_return
            }
            _ => {
                self.line_is_empty = false;
                false
            }
        }
    }
}

/// The lines of a head or of an SDP text, whichever way they end; a CRLF ends one line, not two.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

/// The text of a line: UTF-8, or else Latin-1, which old clients send.
pub(super) fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<usize> {
        HeadScanner::new().advance(text.bytes())
    }

    #[test]
    fn every_line_end_is_known() {
        assert_eq!(end("a\r\nb\r\n\r\nrest"), Some(8));
        assert_eq!(end("a\nb\n\nrest"), Some(5));
        assert_eq!(end("a\rb\r\rrest"), Some(5));
        assert_eq!(end("a\rb\r\r"), Some(5));
        assert_eq!(end("a\r\nb\n\nrest"), Some(6));
        assert_eq!(end("a\r\nb\r\n\rrest"), Some(7));
        assert_eq!(end("a\r\nb\r\n\r"), None);
        assert_eq!(end("a\r\nb\r\n"), None);
        assert_eq!(end("a\r\n b\r\n"), None);
        assert_eq!(end("a\rb\r\n\r\nrest"), Some(7));
    }

    #[test]
    fn dribbled_bytes_are_looked_at_once() {
        let text = format!("GET /\r\n{}\r\n", "Name: value\r\n".repeat(4000));
        let bytes = text.as_bytes();
        let mut looked_at = 0;
        let mut scanner = HeadScanner::new();
        let mut found = None;
        for arrived in 1..=bytes.len() {
            let unseen = bytes[scanner.position()..arrived].iter().copied();
            found = scanner.advance(unseen.inspect(|_| looked_at += 1));
        }
        assert_eq!(found, Some(bytes.len()));
        assert_eq!(looked_at, bytes.len());
    }

    #[test]
    fn lines_are_split_at_any_end() {
        let split = |text: &'static str| -> Vec<&[u8]> { lines(text.as_bytes()).collect() };
        assert_eq!(split("a\r\nb\nc\rd"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(split("a\r\n\r\nb"), [&b"a"[..], b"", b"b"]);
    }

    #[test]
    fn latin_1_is_read_as_such() {
        assert_eq!(decode(b"\xfc"), "ü");
        assert_eq!(decode("ü".as_bytes()), "ü");
    }
}
