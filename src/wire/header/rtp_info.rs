//! `RTP-Info`: which packet of each track comes first.

use std::fmt;

use super::{Invalid, digits};

/// The first packets of a PLAY, one entry a track (RFC 2326, 12.33).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtpInfo(pub Vec<TrackInfo>);

/// The first packet of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    /// The track's URL, as its SETUP named it.
    pub url: String,
    /// The packet's sequence number.
    pub sequence: Option<u16>,
    /// The RTP time that corresponds to the start of the answered range, in ticks of the track's RTP clock.
    pub time: Option<u32>,
}

impl RtpInfo {
    /// Reads the header's value. URLs may hold commas and semicolons.
    ///
    /// # Errors
    /// [`Invalid`] when an entry has no URL.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        entries(text)
            .map(read_entry)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The entries: each begins with `url=` at the start or after a comma.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let next = text
            .match_indices(',')
            .find(|(at, _)| starts_with_url(text.get(at + 1..).unwrap_or_default()));
        let Some((at, _)) = next else {
            rest = None;
            return Some(text);
        };
        rest = text.get(at + 1..);
        text.get(..at)
    })
}

fn starts_with_url(text: &str) -> bool {
    let name = text.trim_start().get(..4);
    name.is_some_and(|name| name.eq_ignore_ascii_case("url="))
}

/// Parameters are taken off the end as long as they are known; the rest is the URL.
fn read_entry(text: &str) -> Result<TrackInfo, Invalid> {
    let mut rest = text.trim();
    let (mut sequence, mut time) = (None, None);
    while let Some((before, parameter)) = rest.rsplit_once(';') {
        let (name, value) = super::name_and_value(parameter);
        match name.to_ascii_lowercase().as_str() {
            "seq" => sequence = digits(value),
            "rtptime" => time = digits(value),
            "" | "ssrc" => {}
            _ => break,
        }
        rest = before;
    }
    if !starts_with_url(rest) {
        return Err(Invalid {
            header: "RTP-Info",
            reason: "entry without url",
        });
    }
    let url = super::name_and_value(rest).1.to_owned();
    Ok(TrackInfo {
        url,
        sequence,
        time,
    })
}

impl fmt::Display for RtpInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, track) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{track}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TrackInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "url={}", self.url)?;
        if let Some(sequence) = self.sequence {
            write!(f, ";seq={sequence}")?;
        }
        if let Some(time) = self.time {
            write!(f, ";rtptime={time}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_and_read() {
        let text = "url=rtsp://h/a.mov/trackID=3;seq=9109;rtptime=804250548,url=rtsp://h/b,c;d?x=1/trackID=4;seq=1";
        let info = RtpInfo::read(text).unwrap();
        assert_eq!(info.0.len(), 2);
        assert_eq!(info.0[0].sequence, Some(9109));
        assert_eq!(info.0[1].url, "rtsp://h/b,c;d?x=1/trackID=4");
        assert_eq!(info.to_string(), text);
    }

    #[test]
    fn other_spellings_are_read() {
        let info = RtpInfo::read("URL=\"rtsp://h/a\" ; RTPtime=5; seq=7, url=b;ssrc=AA").unwrap();
        assert_eq!(info.0[0].url, "rtsp://h/a");
        assert_eq!((info.0[0].sequence, info.0[0].time), (Some(7), Some(5)));
        assert_eq!(info.0[1].url, "b");
        assert!(RtpInfo::read("seq=1").is_err());
    }
}
