//! How quantities are written in the file: `"100ms"`, `"1MB"`, `"6970-9999"`.
//!
//! Each submodule serves one field type by `#[serde(with = "…")]`; its errors
//! say how the value should look.

use serde::{Deserialize, Deserializer, Serializer};

use super::fault::wrong;

/// A length of time: `"60s"`, `"100ms"`, `"2m"`, `"1h"`, `"1d"`.
pub(super) mod duration {
    use std::time::Duration;

    use super::*;

    const UNITS: [(&str, u64); 5] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        let text = Scalar::deserialize(from)?.text();
        read(&text).ok_or_else(|| {
            wrong(
                &text,
                "a duration with its unit: \"100ms\", \"60s\", \"5m\", \"1h\"",
            )
        })
    }

    /// A length of time as settings are written: `"2h"`; `None` for what is none.
    pub fn read(text: &str) -> Option<Duration> {
        measure(text, &UNITS).map(Duration::from_millis)
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        to.serialize_str(&shortest(millis, &UNITS))
    }
}

/// A number of bytes: `"512KB"`, `"1MB"`; units are decimal.
pub(super) mod bytes {
    use super::*;

    const UNITS: [(&str, u64); 4] = [
        ("B", 1),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<usize, D::Error> {
        let text = Scalar::deserialize(from)?.text();
        measure(&text, &UNITS)
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| wrong(&text, "a size with its unit: \"512KB\", \"1MB\""))
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &usize,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&shortest(*value as u64, &UNITS))
    }
}

/// A bit rate: `"800kbit/s"`, `"100Mbit/s"`, `"0"` for none.
pub(super) mod bit_rate {
    use super::*;

    const UNITS: [(&str, u64); 4] = [
        ("bit/s", 1),
        ("kbit/s", 1000),
        ("Mbit/s", 1_000_000),
        ("Gbit/s", 1_000_000_000),
    ];

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<u64, D::Error> {
        let text = Scalar::deserialize(from)?.text();
        measure(&text, &UNITS).ok_or_else(|| {
            wrong(
                &text,
                "a bit rate with its unit: \"800kbit/s\", \"100Mbit/s\", or 0 for no limit",
            )
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &u64,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&shortest(*value, &UNITS))
    }
}

/// A range of ports: `"6970-9999"`; `"0"` for any.
pub(super) mod ports {
    use std::ops::RangeInclusive;

    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<RangeInclusive<u16>, D::Error> {
        let text = Scalar::deserialize(from)?.text();
        read(&text).ok_or_else(|| {
            wrong(
                &text,
                "a range of ports from an even one to a higher one: \"6970-9999\"; or 0 for any",
            )
        })
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &RangeInclusive<u16>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value.start() {
            0 => to.serialize_str("0"),
            first => to.collect_str(&format_args!("{first}-{}", value.end())),
        }
    }

    fn read(text: &str) -> Option<RangeInclusive<u16>> {
        if text.trim() == "0" {
            return Some(0..=0);
        }
        let (first, last) = text.split_once('-')?;
        let first: u16 = first.trim().parse().ok()?;
        let last: u16 = last.trim().parse().ok()?;
        (first > 0 && first.is_multiple_of(2) && first < last).then_some(first..=last)
    }
}

/// A value that may be written with or without quotes.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a number")]
enum Scalar {
    Text(String),
    Number(u64),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A whole number followed by one of `units`, case-insensitive; 0 needs none.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim();
    if number == 0 && unit.is_empty() {
        return Some(0);
    }
    let (_, size) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*size)
}

/// `value` in the largest of `units` that divides it.
fn shortest(value: u64, units: &[(&str, u64)]) -> String {
    let fitting = units
        .iter()
        .rev()
        .find(|(_, size)| value != 0 && value.is_multiple_of(*size));
    match fitting {
        Some((name, size)) => format!("{}{name}", value / size),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [(&str, u64); 3] = [("ms", 1), ("s", 1000), ("m", 60_000)];

    #[test]
    fn quantities_are_read_with_their_units() {
        assert_eq!(measure("100ms", &UNITS), Some(100));
        assert_eq!(measure(" 2 S ", &UNITS), Some(2000));
        assert_eq!(measure("0", &UNITS), Some(0));
        for bad in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "5 parsecs",
            "18446744073709551615s",
        ] {
            assert_eq!(measure(bad, &UNITS), None, "{bad}");
        }
    }

    #[test]
    fn quantities_are_written_in_the_largest_whole_unit() {
        assert_eq!(shortest(60_000, &UNITS), "1m");
        assert_eq!(shortest(61_000, &UNITS), "61s");
        assert_eq!(shortest(0, &UNITS), "0");
    }
}
