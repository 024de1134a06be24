//! Which of the transports that a client offers a track is sent by.

use std::net::IpAddr;

use crate::wire::header::transport::{Delivery, Lower, Mode, Profile, Transport};

use super::refusal::Refusal;

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

/// The first of `offered` that this server can do for the client at `peer`;
/// `multicast` says whether what it wants is sent to groups, `is_encrypted` whether it has come by TLS:
/// then media goes within the connection, for datagrams go in the clear.
///
/// # Errors
/// 461 when there is none; 462 when the only fault is a destination that is not
/// the client itself: a server that sends to third parties is a weapon
/// (RFC 2326, 16).
pub(super) fn choose(
    offered: &[Transport],
    peer: IpAddr,
    multicast: bool,
    is_encrypted: bool,
) -> Result<(&Transport, Audience), Refusal> {
    let within = |audience: &Audience| matches!(audience, Audience::Client(Choice::Interleaved(_)));
    let mut usable = offered
        .iter()
        .filter_map(|transport| Some((transport, audience(transport, multicast)?)))
        .filter(|(_, audience)| !is_encrypted || within(audience))
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
/// said is meant. Who has come by TLS sends within the connection.
///
/// # Errors
/// 461 when there is none.
pub(super) fn choose_to_record(
    offered: &[Transport],
    is_encrypted: bool,
) -> Result<(&Transport, Choice), Refusal> {
    let within = |choice: &Choice| matches!(choice, Choice::Interleaved(_));
    let mut usable = offered
        .iter()
        .filter_map(|transport| Some((transport, way(transport)?)))
        .filter(|(_, choice)| !is_encrypted || within(choice));
    usable
        .next()
        .ok_or_else(|| Refusal::new(461, "no transport that this server can do"))
}

fn audience(transport: &Transport, multicast: bool) -> Option<Audience> {
    let to_group = multicast
        && transport.delivery == Delivery::Multicast
        && transport.profile == Profile::Avp
        && transport.lower == Lower::Udp;
    let audience = match to_group {
        true => Some(Audience::Group),
        false => way(transport).map(Audience::Client),
    };
    audience.filter(|_| transport.mode == Mode::Play)
}

fn way(transport: &Transport) -> Option<Choice> {
    let plain = transport.profile == Profile::Avp && transport.delivery == Delivery::Unicast;
    match transport.lower {
        _ if !plain => None,
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
        match choose(&offered, peer, multicast, false) {
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
            let (_, choice) = choose_to_record(&offered, false).unwrap();
            assert_eq!(choice, Choice::Interleaved(Some((2, 3))), "{mode}");
        }
        let group = [Transport::read("RTP/AVP;multicast;mode=record").unwrap()];
        assert_eq!(choose_to_record(&group, false).unwrap_err().status.0, 461);
    }

    #[test]
    fn what_has_come_by_tls_stays_within() {
        let header = "RTP/AVP;client_port=4-5, RTP/AVP;multicast, RTP/AVP/TCP;interleaved=2-3";
        let offered: Vec<_> = Transport::read_list(header).into_iter().flatten().collect();
        let within = Choice::Interleaved(Some((2, 3)));
        let peer = "192.0.2.7".parse().unwrap();
        let (_, audience) = choose(&offered, peer, true, true).unwrap();
        assert_eq!(audience, Audience::Client(within));
        assert_eq!(choose_to_record(&offered, true).unwrap().1, within);
        let refusal = choose(&offered[..2], peer, true, true).unwrap_err();
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
