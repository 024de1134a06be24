//! `Scale` and `Speed`: how fast media time and packets go.

use std::fmt;

use super::Invalid;

/// How fast media time passes (RFC 2326, 12.34): 1 is normal, 4 four times as fast, -1 backwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(pub f64);

impl Scale {
    /// Reads the header's value; never 0, infinite or NaN.
    ///
    /// # Errors
    /// [`Invalid`] for anything that is no such number.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid {
            header: "Scale",
            reason: "no number other than 0",
        };
        let scale = read_number(text).filter(|scale| *scale != 0.0);
        scale.map(Self).ok_or(invalid)
    }
}

/// How fast packets are sent in relation to their media time (RFC 2326, 12.35).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(pub f64);

impl Speed {
    /// Reads the header's value, of a range (RFC 7826, 18.50) its upper bound; always above 0 and finite.
    ///
    /// # Errors
    /// [`Invalid`] for anything that is no such number.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid {
            header: "Speed",
            reason: "no number above 0",
        };
        let bound = text.rsplit_once('-').map_or(text, |(_, upper)| upper);
        let speed = read_number(bound).filter(|speed| *speed > 0.0 && !text.starts_with('-'));
        speed.map(Self).ok_or(invalid)
    }
}

fn read_number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.5}", self.0)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.5}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_finite_numbers() {
        assert_eq!(Scale::read(" -1 "), Ok(Scale(-1.0)));
        assert_eq!(Scale::read("2").unwrap().to_string(), "2.00000");
        assert_eq!(Speed::read("1.0-2.5"), Ok(Speed(2.5)));
        assert_eq!(Speed::read("2").unwrap().to_string(), "2.00000");
        for bad in ["", "0", "inf", "nan", "x", "1e400"] {
            assert!(Scale::read(bad).is_err(), "{bad}");
            assert!(Speed::read(bad).is_err(), "{bad}");
        }
        assert!(Speed::read("-1").is_err());
    }
}
