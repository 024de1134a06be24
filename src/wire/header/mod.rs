//! The values of single header fields, one type a file, each with `read` and `Display`.
//!
//! Reading is lenient where clients of the QTSS era are sloppy; what cannot be
//! meant in any way is [`Invalid`]. Whether the server can do what a value asks
//! for is not decided here.

pub mod key_mgmt;
pub mod range;
pub mod rate;
pub mod rtp_info;
pub mod session;
pub mod transport;
pub mod x_qt;

use std::str::FromStr;
use std::time::Duration;

/// A header field whose value cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {reason}")]
pub struct Invalid {
    /// The header's name.
    pub header: &'static str,
    /// What is wrong.
    pub reason: &'static str,
}

/// The parts of `text` between separators that stand outside of double quotes, trimmed.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
}

/// `name=value` with blanks and quotes taken off; the value is empty without `=`.
fn name_and_value(parameter: &str) -> (&str, &str) {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    (name.trim(), value.trim().trim_matches('"'))
}

/// The value of `name` among parameters separated by `;`.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    split_unquoted(text, ';')
        .map(name_and_value)
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// A number without a sign.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `12.5` seconds in nanoseconds, without a sign, exact to the ninth decimal.
fn decimal_nanos(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = if whole.is_empty() && !fraction.is_empty() {
        0
    } else {
        digits(whole)?
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = fraction.bytes().chain(std::iter::repeat(b'0'));
    let nanos = padded
        .take(9)
        .fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0'));
    whole.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// `12.5` seconds as a length of time.
fn decimal_seconds(text: &str) -> Option<Duration> {
    let nanos = u64::try_from(decimal_nanos(text)?).ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_protect_separators() {
        let parts: Vec<_> = split_unquoted("a; b=\"x;y\" ;c", ';').collect();
        assert_eq!(parts, ["a", "b=\"x;y\"", "c"]);
        assert_eq!(name_and_value(" mode = \"PLAY\""), ("mode", "PLAY"));
        assert_eq!(parameter("a;Window=5", "window"), Some("5"));
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal_nanos("12.5"), Some(12_500_000_000));
        assert_eq!(decimal_nanos("0.1234567899"), Some(123_456_789));
        assert_eq!(decimal_nanos(".5"), Some(500_000_000));
        assert_eq!(decimal_nanos("5."), Some(5_000_000_000));
        for bad in [
            "",
            ".",
            "-1",
            "+1",
            "1e9",
            "inf",
            "nan",
            "1.2.3",
            "99999999999999",
        ] {
            assert_eq!(decimal_nanos(bad), None, "{bad}");
        }
    }
}
