//! Which of the transports that a client offers a track is sent by.

use std::net::IpAddr;

use crate::config::Srtp;
use crate::wire::header::transport::{Delivery, Lower, Mode, Profile, Transport};

use super::refusal::Refusal;

/// By which protection media may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Whether it may go by SRTP.
    pub(super) srtp: bool,
    /// Whether datagrams to or from the client may be readable on their way.
    pub(super) plain_datagrams: bool,
    /// Whether it may go to groups, where everybody can read it.
    pub(super) groups: bool,
}

impl Terms {
    /// The terms for a client whose connection is encrypted, or is not: one that has its requests
    /// encrypted means the media.
    pub(super) fn on(connection_is_encrypted: bool, srtp: Srtp) -> Self {
        Self {
            srtp: srtp.is_for(connection_is_encrypted),
            plain_datagrams: !connection_is_encrypted,
            groups: !connection_is_encrypted,
        }
    }
}

/// How a track's packets will travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// To the client's ports for RTP and RTCP.
    Udp { rtp: u16, rtcp: u16 },
    /// On the RTSP connection; on these channels, if the client asks for some.
    Interleaved(Option<(u8, u8)>),
}

/// To whom a track's packets will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// To the client.
    Client(Choice),
    /// To a group that the server names.
    Group,
}

/// The first of `offered` that this server can do for the client at `peer` on these `terms`;
/// `multicast` says whether what it wants is sent to groups.
///
/// # Errors
/// 461 when there is none; 462 when the only fault is a destination that is not
/// the client itself: a server that sends to third parties is a weapon
/// (RFC 2326, 16).
pub(super) fn choose(
    offered: &[Transport],
    peer: IpAddr,
    terms: Terms,
    multicast: bool,
) -> Result<(&Transport, Audience), Refusal> {
    let mut usable = offered
        .iter()
        .filter_map(|transport| Some((transport, audience(transport, terms, multicast)?)))
        .peekable();
    if usable.peek().is_none() {
        return Err(Refusal::new(461, "no transport that this server can do"));
    }
    usable
        .find(|(transport, audience)| {
            // Which group it is, the server alone decides.
            *audience == Audience::Group || leads_to(transport.destination.as_deref(), peer)
        })
        .ok_or_else(|| Refusal::new(462, "destination is not the client"))
}

/// The first of `offered` by which a track that was announced can come in.
///
/// What the client names as destination is the server, and a mode that is not
/// said is meant.
///
/// # Errors
/// 461 when there is none.
pub(super) fn choose_to_record(
    offered: &[Transport],
    terms: Terms,
) -> Result<(&Transport, Choice), Refusal> {
    let mut usable = offered
        .iter()
        .filter_map(|transport| Some((transport, way(transport, terms)?)));
    usable
        .next()
        .ok_or_else(|| Refusal::new(461, "no transport that this server can do"))
}

fn audience(transport: &Transport, terms: Terms, multicast: bool) -> Option<Audience> {
    let to_group = multicast
        && terms.groups
        && transport.delivery == Delivery::Multicast
        && transport.profile == Profile::Avp
        && transport.lower == Lower::Udp;
    let audience = match to_group {
        true => Some(Audience::Group),
        false => way(transport, terms).map(Audience::Client),
    };
    audience.filter(|_| transport.mode == Mode::Play)
}

fn way(transport: &Transport, terms: Terms) -> Option<Choice> {
    let known = match transport.profile {
        Profile::Avp => terms.plain_datagrams || transport.lower == Lower::Tcp,
        Profile::Savp | Profile::Savpf => terms.srtp,
        Profile::Avpf | Profile::Other(_) => false,
    };
    match transport.lower {
        _ if !known || transport.delivery != Delivery::Unicast => None,
        Lower::Tcp => Some(Choice::Interleaved(transport.interleaved)),
        Lower::Udp => {
            let ports = transport.client_port;
            let (rtp, rtcp) = ports.filter(|(rtp, rtcp)| *rtp != 0 && *rtcp != 0)?;
            Some(Choice::Udp { rtp, rtcp })
        }
    }
}

fn leads_to(destination: Option<&str>, peer: IpAddr) -> bool {
    let Some(destination) = destination else {
        return true;
    };
    let address = destination.trim_start_matches('[').trim_end_matches(']');
    address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical() == peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Terms = Terms {
        srtp: false,
        plain_datagrams: true,
        groups: true,
    };

    #[test]
    fn who_comes_by_tls_gets_nothing_that_others_can_read() {
        let peer = "192.0.2.7".parse().unwrap();
        let chosen = |header: &str, encrypted, srtp| {
            let offered: Vec<_> = Transport::read_list(header).into_iter().flatten().collect();
            let chosen = choose(&offered, peer, Terms::on(encrypted, srtp), true);
            chosen.is_ok()
        };
        let udp = ";unicast;client_port=4000-4001";
        let tcp = "/TCP;unicast;interleaved=0-1";
        for (header, on_plain, on_tls) in [
            (
                format!("RTP/AVP{udp}"),
                [true, true, true],
                [false, false, false],
            ),
            (
                format!("RTP/AVP{tcp}"),
                [true, true, true],
                [true, true, true],
            ),
            (
                format!("RTP/SAVP{udp}"),
                [false, false, true],
                [false, true, true],
            ),
            (
                format!("RTP/SAVPF/UDP{udp}"),
                [false, false, true],
                [false, true, true],
            ),
            (
                format!("RTP/SAVP{tcp}"),
                [false, false, true],
                [false, true, true],
            ),
            ("RTP/SAVP;multicast".to_owned(), [false; 3], [false; 3]),
        ] {
            let settings = [Srtp::Off, Srtp::Tls, Srtp::Always];
            assert_eq!(
                settings.map(|srtp| chosen(&header, false, srtp)),
                on_plain,
                "{header}"
            );
            assert_eq!(
                settings.map(|srtp| chosen(&header, true, srtp)),
                on_tls,
                "{header} by TLS"
            );
        }
    }

    fn chosen(header: &str) -> Result<Choice, u16> {
        match chosen_of(header, false) {
            Ok(Audience::Client(choice)) => Ok(choice),
            Ok(Audience::Group) => panic!("there are no groups"),
            Err(status) => Err(status),
        }
    }

    fn chosen_of(header: &str, multicast: bool) -> Result<Audience, u16> {
        let offered: Vec<_> = Transport::read_list(header).into_iter().flatten().collect();
        let peer = "192.0.2.7".parse().unwrap();
        match choose(&offered, peer, PLAIN, multicast) {
            Ok((_, audience)) => Ok(audience),
            Err(refusal) => Err(refusal.status.0),
        }
    }

    #[test]
    fn the_first_usable_offer_is_taken() {
        let udp = Choice::Udp {
            rtp: 4000,
            rtcp: 4001,
        };
        assert_eq!(chosen("RTP/AVP;unicast;client_port=4000-4001"), Ok(udp));
        assert_eq!(
            chosen("RTP/SAVP;client_port=1-2, RTP/AVP/UDP;client_port=4000-4001"),
            Ok(udp)
        );
        assert_eq!(
            chosen("RTP/AVP;multicast, RTP/AVP/TCP;interleaved=6-7, RTP/AVP;client_port=4-5"),
            Ok(Choice::Interleaved(Some((6, 7))))
        );
        assert_eq!(chosen("RTP/AVP/TCP;unicast"), Ok(Choice::Interleaved(None)));
    }

    #[test]
    fn groups_are_chosen_where_there_are_some_and_by_the_server_alone() {
        let udp = Audience::Client(Choice::Udp { rtp: 4, rtcp: 5 });
        for (offer, choice) in [
            ("RTP/AVP;multicast", Ok(Audience::Group)),
            (
                "RTP/AVP/UDP;multicast;destination=8.8.8.8;port=1-2;ttl=9",
                Ok(Audience::Group),
            ),
            ("RTP/AVP;client_port=4-5, RTP/AVP;multicast", Ok(udp)),
            ("RTP/SAVP;multicast", Err(461)),
            ("RTP/AVP/TCP;multicast", Err(461)),
            ("RTP/AVP;multicast;mode=record", Err(461)),
        ] {
            assert_eq!(chosen_of(offer, true), choice, "{offer}");
        }
        assert_eq!(chosen("RTP/AVP;multicast"), Err(461));
    }

    #[test]
    fn what_cannot_be_done_is_461() {
        for offer in [
            "RTP/AVP;multicast;client_port=4000-4001",
            "RTP/AVP;unicast",
            "RTP/AVP;unicast;client_port=0-1",
            "RTP/SAVP;unicast;client_port=4000-4001",
            "RTP/AVP/TCP;mode=record",
            "MP2T/H2221/UDP;unicast;client_port=4000-4001",
        ] {
            assert_eq!(chosen(offer), Err(461), "{offer}");
        }
    }

    #[test]
    fn tracks_come_in_whatever_their_mode_is_called() {
        for mode in [
            "",
            ";mode=record",
            ";mode=\"RECORD\"",
            ";mode=receive",
            ";mode=play",
        ] {
            let header = format!("RTP/AVP/TCP;unicast;destination=h;interleaved=2-3{mode}");
            let offered = [Transport::read(&header).unwrap()];
            let (_, choice) = choose_to_record(&offered, PLAIN).unwrap();
            assert_eq!(choice, Choice::Interleaved(Some((2, 3))), "{mode}");
        }
        let group = [Transport::read("RTP/AVP;multicast;mode=record").unwrap()];
        let refused = choose_to_record(&group, PLAIN).unwrap_err();
        assert_eq!(refused.status.0, 461);
    }

    #[test]
    fn what_has_come_by_tls_stays_within() {
        let header = "RTP/AVP;client_port=4-5, RTP/AVP;multicast, RTP/AVP/TCP;interleaved=2-3";
        let offered: Vec<_> = Transport::read_list(header).into_iter().flatten().collect();
        let within = Choice::Interleaved(Some((2, 3)));
        let peer = "192.0.2.7".parse().unwrap();
        let terms = Terms::on(true, Srtp::Tls);
        let (_, audience) = choose(&offered, peer, terms, true).unwrap();
        assert_eq!(audience, Audience::Client(within));
        assert_eq!(choose_to_record(&offered, terms).unwrap().1, within);
        let refusal = choose(&offered[..2], peer, terms, true).unwrap_err();
        assert_eq!(refusal.status.0, 461);
    }

    #[test]
    fn media_goes_to_the_client_only() {
        let to = |address| {
            chosen(&format!(
                "RTP/AVP;client_port=4000-4001;destination={address}"
            ))
        };
        assert!(to("192.0.2.7").is_ok());
        assert!(to("::ffff:192.0.2.7").is_ok());
        assert_eq!(to("192.0.2.8"), Err(462));
        assert_eq!(to("example.org"), Err(462));
    }
}
