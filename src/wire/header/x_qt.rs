//! The header fields that QuickTime added: the rate and buffer handshakes of QTSS.

use std::fmt;
use std::time::Duration;

use super::{Invalid, decimal_seconds, digits, name_and_value, parameter};

/// `x-Dynamic-Rate`: whether the server may send faster than real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicRate {
    /// Whether it may.
    pub enabled: bool,
    /// The round trip that the server measured; milliseconds on the wire.
    pub round_trip: Option<Duration>,
}

impl DynamicRate {
    /// Reads the header's value; a number above 0 enables.
    ///
    /// # Errors
    /// [`Invalid`] when it does not begin with a number.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let number = text.split(';').next().unwrap_or_default().trim();
        let number: i64 = number.parse().map_err(|_| Invalid {
            header: "x-Dynamic-Rate",
            reason: "no number",
        })?;
        Ok(Self {
            enabled: number > 0,
            round_trip: parameter(text, "rtt")
                .and_then(digits)
                .map(Duration::from_millis),
        })
    }
}

impl fmt::Display for DynamicRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", u8::from(self.enabled))?;
        match self.round_trip {
            Some(round_trip) => write!(f, ";rtt={}", round_trip.as_millis()),
            None => Ok(()),
        }
    }
}

/// `x-Prebuffer`: how far before the asked start the media may begin, so that it begins with a sync sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prebuffer {
    /// In a request: `maxtime`, the most that the client wants.
    Most(Duration),
    /// In a response: `time`, what the server chose.
    Chosen(Duration),
}

impl Prebuffer {
    /// Reads the header's value.
    ///
    /// # Errors
    /// [`Invalid`] when it holds neither `maxtime` nor `time` in seconds.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let seconds = |name| parameter(text, name).and_then(decimal_seconds);
        let most = seconds("maxtime").map(Self::Most);
        most.or_else(|| seconds("time").map(Self::Chosen))
            .ok_or(Invalid {
                header: "x-Prebuffer",
                reason: "neither maxtime nor time",
            })
    }
}

impl fmt::Display for Prebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(time) => write!(f, "maxtime={:.5}", time.as_secs_f64()),
            Self::Chosen(time) => write!(f, "time={:.5}", time.as_secs_f64()),
        }
    }
}

/// `x-Transport-Options`: how late packets may come and still be of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportOptions {
    /// `late-tolerance`, seconds on the wire.
    pub late_tolerance: Option<Duration>,
}

impl TransportOptions {
    /// Reads the header's value; options that this server does not know are skipped.
    ///
    /// # Errors
    /// [`Invalid`] when the tolerance is no length of time.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid {
            header: "x-Transport-Options",
            reason: "late-tolerance is no number of seconds",
        };
        let tolerance = parameter(text, "late-tolerance");
        let tolerance = tolerance.map(|text| decimal_seconds(text).ok_or(invalid));
        Ok(Self {
            late_tolerance: tolerance.transpose()?,
        })
    }
}

impl fmt::Display for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.late_tolerance {
            Some(tolerance) => write!(f, "late-tolerance={:.6}", tolerance.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// `x-Retransmit: our-retransmit`: the client asks for Apple's reliable UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retransmit {
    /// The client's window in KB.
    pub window_kb: Option<u32>,
}

impl Retransmit {
    /// Reads the header's value, a list in which `our-retransmit` must stand.
    ///
    /// # Errors
    /// [`Invalid`] when it does not.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let ours = text.split(',').find(|entry| {
            let (name, _) = name_and_value(entry.split(';').next().unwrap_or_default());
            name.eq_ignore_ascii_case("our-retransmit")
        });
        let ours = ours.ok_or(Invalid {
            header: "x-Retransmit",
            reason: "unknown protocol",
        })?;
        Ok(Self {
            window_kb: parameter(ours, "window").and_then(digits),
        })
    }
}

impl fmt::Display for Retransmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("our-retransmit")?;
        match self.window_kb {
            Some(window) => write!(f, ";window={window}"),
            None => Ok(()),
        }
    }
}

/// `x-Random-Data-Size`: how many bytes the client wants to measure its line with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomDataSize(pub usize);

impl RandomDataSize {
    /// The most that is sent, in bytes, as with QTSS.
    pub const MAX: usize = 256 * 1024;

    /// Reads the header's value; more than [`MAX`](Self::MAX) is cut down to it.
    ///
    /// # Errors
    /// [`Invalid`] when it is no number.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let size: usize = digits(text.trim()).ok_or(Invalid {
            header: "x-Random-Data-Size",
            reason: "no number of bytes",
        })?;
        Ok(Self(size.min(Self::MAX)))
    }
}

impl fmt::Display for RandomDataSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_rate() {
        let read = DynamicRate::read("1;rtt=51").unwrap();
        assert!(read.enabled);
        assert_eq!(read.round_trip, Some(Duration::from_millis(51)));
        assert_eq!(read.to_string(), "1;rtt=51");
        assert!(!DynamicRate::read("-1").unwrap().enabled);
        assert!(DynamicRate::read("x").is_err());
    }

    #[test]
    fn prebuffer() {
        let most = Prebuffer::read("maxtime=2.000000");
        assert_eq!(most, Ok(Prebuffer::Most(Duration::from_secs(2))));
        let chosen = Prebuffer::read("time=2.18800").unwrap();
        assert_eq!(chosen.to_string(), "time=2.18800");
        assert!(Prebuffer::read("maxtime=-1").is_err());
    }

    #[test]
    fn transport_options() {
        let options = TransportOptions::read("late-tolerance=2.900000;x=1").unwrap();
        assert_eq!(options.to_string(), "late-tolerance=2.900000");
        assert_eq!(TransportOptions::read("x"), Ok(TransportOptions::default()));
        assert!(TransportOptions::read("late-tolerance=soon").is_err());
    }

    #[test]
    fn retransmit() {
        let read = Retransmit::read("their-own, our-retransmit;window=128").unwrap();
        assert_eq!(read.to_string(), "our-retransmit;window=128");
        assert!(Retransmit::read("their-own").is_err());
    }

    #[test]
    fn random_data_is_bounded() {
        assert_eq!(RandomDataSize::read("1000"), Ok(RandomDataSize(1000)));
        assert_eq!(RandomDataSize::read("9999999"), Ok(RandomDataSize(262_144)));
        assert!(RandomDataSize::read("-1").is_err());
    }
}
