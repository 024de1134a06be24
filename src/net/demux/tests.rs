use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use super::*;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

struct Stream(u32);

impl Feedback for Stream {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        self.0
    }
    fn alive(&self, _: Instant) {}
}

fn claim(demux: &mut Demux, rtp: u16, ssrc: u32) -> Option<Arc<Client>> {
    let ports = ClientPorts {
        host: Host::of((HOME, rtp).into()),
        rtp,
        rtcp: rtp + 1,
    };
    let client = Arc::new(Client::new(ports, Arc::new(Stream(ssrc))));
    demux.enter(&client).then_some(client)
}

fn sender(demux: &mut Demux, channel: Channel, ip: IpAddr, port: u16) -> Option<u32> {
    let client = demux.sender(channel, (ip, port).into(), Vec::new)?;
    Some(client.feedback.ssrc())
}

#[test]
fn addresses_tell_clients_apart_until_they_leave() {
    let mut demux = Demux::default();
    let one = claim(&mut demux, 5000, 1).unwrap();
    let _two = claim(&mut demux, 5002, 2).unwrap();
    assert!(claim(&mut demux, 5000, 3).is_none());
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5003), Some(2));
    demux.release(&one);
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), None);
    assert!(claim(&mut demux, 5000, 3).is_some());
}

#[test]
fn the_only_silent_client_is_followed_to_its_real_port() {
    let mut demux = Demux::default();
    let client = claim(&mut demux, 5000, 1).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), Some(1));
    assert_eq!(client.address(Channel::Rtp).port(), 40_000);
    assert_eq!(client.address(Channel::Rtcp).port(), 5001);
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_001), None);
    assert_eq!(client.address(Channel::Rtp).port(), 40_000);
    demux.release(&client);
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), None);
}

#[test]
fn nobody_is_followed_to_another_ip_address() {
    let mut demux = Demux::default();
    let client = claim(&mut demux, 5000, 1).unwrap();
    for port in [5000, 40_000] {
        let found = demux.sender(Channel::Rtp, (ELSEWHERE, port).into(), || vec![1]);
        assert!(found.is_none());
    }
    assert_eq!(client.address(Channel::Rtp).port(), 5000);
}

#[test]
fn of_two_silent_clients_a_report_tells_which() {
    let mut demux = Demux::default();
    let _one = claim(&mut demux, 5000, 1).unwrap();
    let two = claim(&mut demux, 5002, 2).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), None);
    let found = demux.sender(Channel::Rtcp, (HOME, 40_001).into(), || vec![9, 2]);
    assert!(Arc::ptr_eq(&found.unwrap(), &two));
    assert_eq!(two.address(Channel::Rtcp).port(), 40_001);
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), Some(2));
}

#[test]
fn a_report_of_somebody_who_has_left_leads_nobody_away() {
    let mut demux = Demux::default();
    let client = claim(&mut demux, 5000, 1).unwrap();
    let found = demux.sender(Channel::Rtcp, (HOME, 40_001).into(), || vec![9]);
    assert!(found.is_none());
    assert_eq!(client.address(Channel::Rtcp).port(), 5001);
}

#[test]
fn a_client_that_reports_from_its_own_port_is_not_led_away() {
    let mut demux = Demux::default();
    let client = claim(&mut demux, 5000, 1).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), None);
    assert_eq!(client.address(Channel::Rtp).port(), 5000);
}

#[test]
fn a_client_led_away_comes_back_with_its_own_port() {
    let mut demux = Demux::default();
    let client = claim(&mut demux, 5000, 1).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_000), Some(1));
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
    assert_eq!(client.address(Channel::Rtcp).port(), 5001);
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_000), None);
}

#[test]
fn a_client_is_awaited_until_both_of_its_ports_are_known() {
    let mut demux = Demux::default();
    let host = Host::of((HOME, 0).into());
    let behind_nat = claim(&mut demux, 5000, 1).unwrap();
    assert!(demux.awaits(host) && !demux.awaits(Host::of((ELSEWHERE, 0).into())));
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), Some(1));
    assert!(demux.awaits(host));
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), Some(1));
    assert!(!demux.awaits(host));
    let plain = claim(&mut demux, 5002, 2).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 5002), Some(2));
    assert!(!demux.awaits(host));
    let gone = claim(&mut demux, 5004, 3).unwrap();
    demux.release(&gone);
    assert!(!demux.awaits(host));
    drop((behind_nat, plain));
}

#[test]
fn one_that_is_known_does_not_hide_the_next() {
    let mut demux = Demux::default();
    let one = claim(&mut demux, 5000, 1).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), Some(1));
    assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), Some(1));
    let two = claim(&mut demux, 5002, 2).unwrap();
    assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_002), Some(2));
    assert_eq!(one.address(Channel::Rtp).port(), 40_000);
    assert_eq!(two.address(Channel::Rtp).port(), 40_002);
}

#[test]
fn link_local_clients_of_two_links_are_two() {
    let mut demux = Demux::default();
    let address = |zone| format!("[fe80::1%{zone}]:5000").parse().unwrap();
    let client = |zone| {
        let ports = ClientPorts {
            host: Host::of(address(zone)),
            rtp: 5000,
            rtcp: 5001,
        };
        Arc::new(Client::new(ports, Arc::new(Stream(zone))))
    };
    assert!(demux.enter(&client(1)) && demux.enter(&client(2)));
    for zone in [1, 2] {
        let found = demux.sender(Channel::Rtp, address(zone), Vec::new);
        assert_eq!(found.unwrap().address(Channel::Rtp), address(zone));
    }
    assert!(demux.sender(Channel::Rtp, address(3), Vec::new).is_none());
}

#[test]
fn readers_of_one_channel_are_not_mistaken_for_one_another() {
    let mut demux = Demux::default();
    let one = claim(&mut demux, 5000, 1).unwrap();
    let two = claim(&mut demux, 5002, 1).unwrap();
    let report = |demux: &mut Demux, port| {
        let client = demux.sender(Channel::Rtcp, (HOME, port).into(), || vec![1])?;
        Some(client.declared(Channel::Rtp).port())
    };
    assert_eq!(report(&mut demux, 40_001), None, "of either");
    assert_eq!(report(&mut demux, 5001), Some(5000));
    assert_eq!(
        report(&mut demux, 40_003),
        Some(5002),
        "the one not heard yet"
    );
    assert_eq!(report(&mut demux, 40_005), None);
    demux.release(&one);
    assert_eq!(report(&mut demux, 40_005), Some(5002), "the only one left");
    demux.release(&two);
    assert_eq!(report(&mut demux, 40_005), None);
}
