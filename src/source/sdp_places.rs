//! Where a session description says that its tracks arrive, and who sends them.
//!
//! Pure: addresses come out, nothing is opened. The description's own words are
//! `c=`, `m=`, `a=rtcp` (RFC 3605), `a=rtcp-mux` (RFC 5761) and
//! `a=source-filter` (RFC 4570).

use std::net::{IpAddr, SocketAddr};

use sdp_types::{
    Connection, Media, Rtcp, Session, SourceFilter, SourceFilterAddress, SourceFilterDestination,
    SourceFilterMode,
};

use crate::base::id::TrackId;
use crate::media::description::{Description, Unfit};
use crate::net::receiver::Senders;

/// Where one track arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) rtp: SocketAddr,
    /// `None` when RTCP comes to the port of RTP.
    pub(super) rtcp: Option<SocketAddr>,
    pub(super) senders: Senders,
}

/// Why a description is none of a feed; the text is one line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsound {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("track {0} has no address: there is no c= line for it")]
    NoAddress(TrackId),
    #[error("the address of track {track} is no IP address: {address}")]
    Address { track: TrackId, address: String },
    #[error("track {0} has no port to arrive at")]
    NoPort(TrackId),
    #[error("two tracks arrive at {0}")]
    SamePort(SocketAddr),
    #[error("a={attribute} of track {track} cannot be read")]
    Attribute {
        track: TrackId,
        attribute: &'static str,
    },
}

/// The places of all tracks, in their order.
///
/// # Errors
/// [`Unsound`] when one is not told, or two are the same.
pub(super) fn places(description: &Description) -> Result<Vec<Place>, Unsound> {
    let session = description.session();
    let medias = session.medias.iter().zip(description.tracks());
    let places = medias.map(|(media, track)| place(session, media, track.id));
    let places: Vec<_> = places.collect::<Result<_, _>>()?;
    let mut taken = Vec::new();
    for address in places.iter().flat_map(Place::addresses) {
        if taken.contains(&address) {
            return Err(Unsound::SamePort(address));
        }
        taken.push(address);
    }
    Ok(places)
}

impl Place {
    /// One address or two, that of RTP first.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        [Some(self.rtp), self.rtcp].into_iter().flatten()
    }

    /// Whether datagrams could come that are meant for both.
    pub(super) fn clashes(&self, other: &Self) -> Option<SocketAddr> {
        let taken: Vec<_> = other.addresses().collect();
        let shared = |own: &SocketAddr| taken.iter().any(|other| overlap(*own, *other));
        let shared = self.addresses().find(shared)?;
        // Of one port of this host there is one socket; of a group's there may be many.
        let apart = shared.ip().is_multicast() && self.senders.exclude(&other.senders);
        (!apart).then_some(shared)
    }
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = |one: SocketAddr, other: SocketAddr| {
        one.ip().is_unspecified() && one.is_ipv4() == other.is_ipv4() && !other.ip().is_multicast()
    };
    one.port() == other.port()
        && (one.ip() == other.ip() || everywhere(one, other) || everywhere(other, one))
}

fn place(session: &Session, media: &Media, track: TrackId) -> Result<Place, Unsound> {
    let connection = media.connections.first().or(session.connection.as_ref());
    let connection = connection.ok_or(Unsound::NoAddress(track))?;
    let ip = ip_of(connection).ok_or_else(|| Unsound::Address {
        track,
        address: connection.connection_address.clone(),
    })?;
    if media.port == 0 {
        return Err(Unsound::NoPort(track));
    }
    Ok(Place {
        rtp: SocketAddr::new(ip, media.port),
        rtcp: match media.has_attribute("rtcp-mux") {
            true => None,
            false => Some(rtcp(media, ip, track)?),
        },
        senders: senders(session, media, ip).ok_or(Unsound::Attribute {
            track,
            attribute: "source-filter",
        })?,
    })
}

fn ip_of(connection: &Connection) -> Option<IpAddr> {
    connection.try_address().ok().map(|address| address.ip)
}

/// What `a=rtcp` says, or the next port.
fn rtcp(media: &Media, ip: IpAddr, track: TrackId) -> Result<SocketAddr, Unsound> {
    let unreadable = Unsound::Attribute {
        track,
        attribute: "rtcp",
    };
    let Some(told) = media.get_first_attribute_typed::<Rtcp>() else {
        let next = media.port.checked_add(1).ok_or(Unsound::NoPort(track))?;
        return Ok(SocketAddr::new(ip, next));
    };
    let told = told.map_err(|_| unreadable.clone())?;
    let ip = match told.connection_address {
        Some(address) => address.parse().map_err(|_| unreadable)?,
        None => ip,
    };
    Ok(SocketAddr::new(ip, told.port))
}

/// Who may send to `ip`; the filters of a track take the place of the session's. `None` when one cannot be read.
fn senders(session: &Session, media: &Media, ip: IpAddr) -> Option<Senders> {
    let own: Vec<_> = media.attributes_typed::<SourceFilter>().collect();
    let filters = match own.is_empty() {
        true => session.attributes_typed::<SourceFilter>().collect(),
        false => own,
    };
    let (mut only, mut except) = (Vec::new(), Vec::new());
    for filter in filters {
        let filter = filter.ok()?;
        let list = match filter.mode {
            SourceFilterMode::Incl => &mut only,
            SourceFilterMode::Excl => &mut except,
        };
        if is_for(&filter.destination, ip) {
            for source in &filter.sources {
                list.push(match source {
                    SourceFilterAddress::IpAddr(source) => *source,
                    SourceFilterAddress::FQDN(_) => return None,
                });
            }
        }
    }
    Some(match (only.is_empty(), except.is_empty()) {
        (false, _) => Senders::Only(only),
        (true, false) => Senders::Except(except),
        (true, true) => Senders::Any,
    })
}

fn is_for(destination: &SourceFilterDestination, ip: IpAddr) -> bool {
    match destination {
        SourceFilterDestination::Wildcard => true,
        SourceFilterDestination::Address(SourceFilterAddress::IpAddr(address)) => *address == ip,
        SourceFilterDestination::Address(SourceFilterAddress::FQDN(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Vec<Place>, Unsound> {
        let text = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        places(&Description::read(text.as_bytes())?)
    }

    fn only(lines: &[&str]) -> Place {
        let places = read(lines).unwrap();
        let [place] = &places[..] else {
            panic!("{places:?}")
        };
        place.clone()
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    const SOUND: &str = "m=audio 5004 RTP/AVP 0";

    #[test]
    fn rtcp_comes_to_the_next_port_or_where_it_is_told() {
        let plain = only(&["c=IN IP4 127.0.0.1", SOUND]);
        assert_eq!(plain.rtp, at("127.0.0.1:5004"));
        assert_eq!(plain.rtcp, Some(at("127.0.0.1:5005")));
        assert_eq!(plain.senders, Senders::Any);
        let told = only(&[SOUND, "c=IN IP6 ff15::7/3", "a=rtcp:6000"]);
        assert_eq!(told.rtcp, Some(at("[ff15::7]:6000")));
        let muxed = only(&["c=IN IP4 239.1.2.3/16", SOUND, "a=rtcp-mux"]);
        assert_eq!((muxed.rtp, muxed.rtcp), (at("239.1.2.3:5004"), None));
    }

    #[test]
    fn source_filters_say_who_may_send() {
        let own = only(&[
            "c=IN IP4 232.1.2.3/16",
            "a=source-filter: incl IN IP4 * 10.0.0.9",
            SOUND,
            "a=source-filter: incl IN IP4 232.1.2.3 10.0.0.1 10.0.0.2",
            "a=source-filter: incl IN IP4 232.9.9.9 10.0.0.3",
        ]);
        let list = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        assert_eq!(own.senders, Senders::Only(list.to_vec()));
        let of_session = only(&[
            "c=IN IP4 127.0.0.1",
            "a=source-filter: excl IN IP4 * 10.0.0.1",
            SOUND,
        ]);
        let list = vec!["10.0.0.1".parse().unwrap()];
        assert_eq!(of_session.senders, Senders::Except(list));
    }

    #[test]
    fn what_is_no_feed_says_why() {
        for (lines, why) in [
            (
                &[SOUND][..],
                "track 1 has no address: there is no c= line for it",
            ),
            (
                &["c=IN IP4 encoder.example", SOUND],
                "the address of track 1 is no IP address: encoder.example",
            ),
            (
                &["c=IN IP4 127.0.0.1", "m=audio 0 RTP/AVP 0"],
                "track 1 has no port to arrive at",
            ),
            (
                &["c=IN IP4 127.0.0.1", SOUND, "m=audio 5005 RTP/AVP 8"],
                "two tracks arrive at 127.0.0.1:5005",
            ),
            (
                &[
                    "c=IN IP4 127.0.0.1",
                    SOUND,
                    "a=source-filter: incl IN IP4 * a.example",
                ],
                "a=source-filter of track 1 cannot be read",
            ),
            (&["s=nothing"], "the description has no media"),
        ] {
            assert_eq!(read(lines).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn feeds_clash_where_datagrams_could_be_of_both() {
        let clash = |one: &[&str], other: &[&str]| only(one).clashes(&only(other));
        let host = &["c=IN IP4 127.0.0.1", SOUND][..];
        assert_eq!(clash(host, host), Some(at("127.0.0.1:5004")));
        let everywhere = &["c=IN IP4 0.0.0.0", "m=audio 5005 RTP/AVP 0"];
        assert_eq!(clash(host, everywhere), Some(at("127.0.0.1:5005")));
        let group = &["c=IN IP4 232.1.1.1/1", SOUND][..];
        assert_eq!(clash(host, group), None);
        assert_eq!(clash(&["c=IN IP4 0.0.0.0", SOUND], group), None);
        let from = |source| ["c=IN IP4 232.1.1.1/1", SOUND, source];
        let first = from("a=source-filter: incl IN IP4 * 10.0.0.1");
        let second = from("a=source-filter: incl IN IP4 * 10.0.0.2");
        assert_eq!(clash(&first, &second), None);
        assert!(clash(&first, group).is_some() && clash(&first, &first).is_some());
    }
}
