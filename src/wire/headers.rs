//! Header fields of a message, in their order, found by name in any case.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// The header fields of an RTSP or HTTP message (RFC 2326, 4.2).
///
/// The order of arrival is kept, and the spelling of names; names match in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, String)>);

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`; of several the last, as QTSS had it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.iter().rev();
        fields
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All values of `name` in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Appends a field.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// All fields, name and value, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the fields as lines with CRLF, without the blank line that ends a head.
    ///
    /// Line ends within a value become spaces: no value can start a line of its own.
    pub fn write(&self, out: &mut BytesMut) {
        for (name, value) in &self.0 {
            write_field(out, name, value);
        }
    }

    /// Joins a folded line to the last field (RFC 2822, 2.2.3); `false` when there is none.
    pub(super) fn fold(&mut self, text: &str) -> bool {
        let Some((_, value)) = self.0.last_mut() else {
            return false;
        };
        if !value.is_empty() && !text.is_empty() {
            value.push(' ');
        }
        value.push_str(text);
        true
    }
}

/// Appends one line, `name: value` and CRLF.
pub(super) fn write_field(out: &mut BytesMut, name: &str, value: &str) {
    write_text(out, name);
    out.put_slice(b": ");
    write_text(out, value);
    out.put_slice(b"\r\n");
}

/// Appends text of a line; bytes that would end the line become spaces.
pub(super) fn write_text(out: &mut BytesMut, text: &str) {
    let breaks = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    if text.bytes().any(breaks) {
        out.extend(
            text.bytes()
                .map(|byte| if breaks(byte) { b' ' } else { byte }),
        );
    } else {
        out.put_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_the_last_wins() {
        let mut headers = Headers::new();
        headers.push("CSeq", "1");
        headers.push("cseq", "2");
        assert_eq!(headers.get("CSEQ"), Some("2"));
        assert_eq!(headers.all("Cseq").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers.get("Session"), None);
    }

    #[test]
    fn a_value_cannot_start_a_line() {
        let mut headers = Headers::new();
        headers.push("Location", "a\r\nSet: b\0");
        let mut out = BytesMut::new();
        headers.write(&mut out);
        assert_eq!(&out[..], b"Location: a  Set: b \r\n");
    }
}
