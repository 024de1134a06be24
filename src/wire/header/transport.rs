//! `Transport`: how a track's packets travel.

use std::fmt;

use super::{Invalid, digits, name_and_value, split_unquoted};

/// One transport of the header's list (RFC 2326, 12.39).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The RTP profile.
    pub profile: Profile,
    /// What carries the packets.
    pub lower: Lower,
    /// Protocol, profile and lower transport as they were sent, to be echoed: `RTP/AVP/UDP`.
    pub spelled: String,
    /// To one receiver or to a group.
    pub delivery: Delivery,
    /// The client's ports for RTP and RTCP.
    pub client_port: Option<(u16, u16)>,
    /// The server's ports for RTP and RTCP.
    pub server_port: Option<(u16, u16)>,
    /// The group's ports for RTP and RTCP.
    pub port: Option<(u16, u16)>,
    /// The channels for RTP and RTCP.
    pub interleaved: Option<(u8, u8)>,
    /// Where packets go to.
    pub destination: Option<String>,
    /// Where packets come from.
    pub source: Option<String>,
    /// Time to live of multicast packets.
    pub ttl: Option<u8>,
    /// The sender's synchronisation source, in hexadecimal on the wire.
    pub ssrc: Option<u32>,
    /// Which way media flows.
    pub mode: Mode,
    /// Whether a recording is appended to what is there.
    pub append: bool,
    /// Parameters that this server does not know, as they were sent, quotes and all.
    pub others: Vec<String>,
}

/// The profile of RTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551).
    Avp,
    /// `RTP/AVPF` (RFC 4585).
    Avpf,
    /// `RTP/SAVP` (RFC 3711).
    Savp,
    /// `RTP/SAVPF` (RFC 5124).
    Savpf,
    /// Anything else, as it was sent: `MP2T/H2221`.
    Other(String),
}

impl Profile {
    /// Whether packets are protected by SRTP.
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::Savp | Self::Savpf)
    }
}

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lower {
    /// Datagrams.
    Udp,
    /// The RTSP connection itself (RFC 2326, 10.12).
    Tcp,
}

/// To one receiver or to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To one; also when nothing is said, for that is what clients mean.
    Unicast,
    /// To a group.
    Multicast,
}

/// Which way media flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From the server.
    Play,
    /// To the server: `record`, or `receive` as QuickTime broadcasters say.
    Record,
}

impl Transport {
    /// Unicast playing over `lower` with the profile AVP, without ports or channels.
    pub fn unicast(lower: Lower) -> Self {
        let spelled = match lower {
            Lower::Udp => "RTP/AVP",
            Lower::Tcp => "RTP/AVP/TCP",
        };
        Self::plain(Profile::Avp, lower, spelled)
    }

    /// Reads all transports of the header, in the client's order of preference.
    ///
    /// An entry that is [`Invalid`] does not spoil the others.
    pub fn read_list(text: &str) -> Vec<Result<Self, Invalid>> {
        split_unquoted(text, ',')
            .filter(|entry| !entry.is_empty())
            .map(Self::read)
            .collect()
    }

    /// Reads one transport.
    ///
    /// # Errors
    /// [`Invalid`] for ports, channels or a time to live that are no such numbers.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let mut parameters = split_unquoted(text, ';');
        let spelled = parameters.next().unwrap_or_default();
        let (profile, lower) = read_protocol(spelled)?;
        let mut transport = Self::plain(profile, lower, spelled);
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            transport.read_parameter(parameter)?;
        }
        Ok(transport)
    }

    fn plain(profile: Profile, lower: Lower, spelled: &str) -> Self {
        Self {
            profile,
            lower,
            spelled: spelled.to_owned(),
            delivery: Delivery::Unicast,
            client_port: None,
            server_port: None,
            port: None,
            interleaved: None,
            destination: None,
            source: None,
            ttl: None,
            ssrc: None,
            mode: Mode::Play,
            append: false,
            others: Vec::new(),
        }
    }

    fn read_parameter(&mut self, parameter: &str) -> Result<(), Invalid> {
        let (name, value) = name_and_value(parameter);
        match name.to_ascii_lowercase().as_str() {
            "unicast" => self.delivery = Delivery::Unicast,
            "multicast" => self.delivery = Delivery::Multicast,
            "client_port" => self.client_port = Some(ports(value)?),
            "server_port" => self.server_port = Some(ports(value)?),
            "port" => self.port = Some(ports(value)?),
            "interleaved" => self.interleaved = Some(channels(value)?),
            "destination" => self.destination = text(value),
            "source" => self.source = text(value),
            "ttl" => {
                self.ttl = Some(digits(value).ok_or_else(|| invalid("ttl is no number to 255"))?)
            }
            // Only a wish in a request: an SSRC that cannot be read is as good as none.
            "ssrc" => self.ssrc = u32::from_str_radix(value, 16).ok(),
            "mode" => self.mode = read_mode(value),
            "append" => self.append = true,
            _ => self.others.push(parameter.to_owned()),
        }
        Ok(())
    }
}

fn invalid(reason: &'static str) -> Invalid {
    Invalid {
        header: "Transport",
        reason,
    }
}

fn read_protocol(spelled: &str) -> Result<(Profile, Lower), Invalid> {
    if spelled.is_empty() || spelled.contains(['=', '"']) {
        return Err(invalid("no protocol"));
    }
    let upper = spelled.to_ascii_uppercase();
    let (protocol, lower) = match upper.strip_suffix("/TCP") {
        Some(protocol) => (protocol, Lower::Tcp),
        None => (upper.strip_suffix("/UDP").unwrap_or(&upper), Lower::Udp),
    };
    let profile = match protocol {
        "RTP/AVP" => Profile::Avp,
        "RTP/AVPF" => Profile::Avpf,
        "RTP/SAVP" => Profile::Savp,
        "RTP/SAVPF" => Profile::Savpf,
        other => Profile::Other(other.to_owned()),
    };
    Ok((profile, lower))
}

/// `6970-6971`; a single port stands for itself and the next.
fn ports(value: &str) -> Result<(u16, u16), Invalid> {
    pair(value, |first: u16| first.checked_add(1)).ok_or_else(|| invalid("malformed port pair"))
}

/// `0-1`; a single channel stands for itself and the next.
fn channels(value: &str) -> Result<(u8, u8), Invalid> {
    pair(value, |first: u8| first.checked_add(1)).ok_or_else(|| invalid("malformed channel pair"))
}

fn pair<T: std::str::FromStr + Copy>(
    value: &str,
    next: impl FnOnce(T) -> Option<T>,
) -> Option<(T, T)> {
    match value.split_once('-') {
        Some((first, second)) => Some((digits(first.trim())?, digits(second.trim())?)),
        None => {
            let first = digits(value)?;
            Some((first, next(first)?))
        }
    }
}

/// An address: quotes may stand around it and mean nothing inside.
fn text(value: &str) -> Option<String> {
    let value = value.replace('"', "");
    (!value.is_empty()).then_some(value)
}

/// One method or a quoted list of them.
fn read_mode(value: &str) -> Mode {
    let records = |mode: &str| {
        let mode = mode.trim();
        mode.eq_ignore_ascii_case("record") || mode.eq_ignore_ascii_case("receive")
    };
    if value.split(',').any(records) {
        Mode::Record
    } else {
        Mode::Play
    }
}

impl fmt::Display for Transport {
    /// In the order in which QTSS wrote the parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)?;
        f.write_str(match self.delivery {
            Delivery::Unicast => ";unicast",
            Delivery::Multicast => ";multicast",
        })?;
        write_text(f, "destination", self.destination.as_deref())?;
        write_text(f, "source", self.source.as_deref())?;
        write_pair(f, "client_port", self.client_port)?;
        write_pair(f, "server_port", self.server_port)?;
        write_pair(f, "port", self.port)?;
        write_pair(f, "interleaved", self.interleaved)?;
        self.write_rest(f)
    }
}

impl Transport {
    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ttl) = self.ttl {
            write!(f, ";ttl={ttl}")?;
        }
        if let Some(ssrc) = self.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        if self.mode == Mode::Record {
            f.write_str(";mode=record")?;
        }
        if self.append {
            f.write_str(";append")?;
        }
        self.others
            .iter()
            .try_for_each(|other| write!(f, ";{other}"))
    }
}

/// Quoted if it would be read as something else without.
fn write_text(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    match value {
        None => Ok(()),
        Some(value) if value.contains([';', ',']) || value.trim() != value => {
            write!(f, ";{name}=\"{value}\"")
        }
        Some(value) => write!(f, ";{name}={value}"),
    }
}

fn write_pair<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    pair: Option<(T, T)>,
) -> fmt::Result {
    pair.map_or(Ok(()), |(first, second)| {
        write!(f, ";{name}={first}-{second}")
    })
}

#[cfg(test)]
mod tests;
