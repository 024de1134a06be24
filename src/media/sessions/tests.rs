use std::time::{Duration, Instant};

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::media::reception::Reception;
use crate::media::room::Bound;

fn facts(id: u64, opened: Instant) -> SessionFacts {
    SessionFacts {
        id: SessionId::from_random(id),
        role: Role::Viewer,
        path: MediaPath::from_plain("a.mov").unwrap(),
        peer: "192.0.2.1:5000".parse().unwrap(),
        user_agent: String::new(),
        transport: "udp",
        opened,
    }
}

/// A receiver report (RFC 3550, 6.4.2) with one block on `ssrc`: 64/256 lost, -1 in all, jitter 90.
fn report_on(ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([64, 0xff, 0xff, 0xff]);
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 90]);
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn a_session_leaves_the_table_and_its_counts_stay_in_the_totals() {
    let sessions = Sessions::new();
    let start = Clock::start().started();
    let one = sessions.open(facts(2, start));
    let two = sessions.open(facts(4, start + Duration::from_secs(1)));
    one.counters().sent(1, 100, Duration::ZERO);
    two.counters().sent(2, 200, Duration::ZERO);
    let listed: Vec<_> = sessions.list().iter().map(|s| s.facts().id).collect();
    assert_eq!(listed, [one.facts().id, two.facts().id]);
    assert!(sessions.find(one.facts().id).is_some());
    let id = one.facts().id;
    drop(one);
    assert!(sessions.find(id).is_none());
    assert_eq!((sessions.len(), sessions.opened()), (1, 2));
    drop(two);
    assert!(sessions.is_empty());
    assert_eq!(sessions.totals().packets, 3);
    assert_eq!(sessions.totals().bytes, 300);
}

#[test]
fn viewers_count_with_what_they_take() {
    let sessions = Sessions::new();
    let start = Clock::start().started();
    let viewers: Vec<_> = [2, 4].map(|id| sessions.open(facts(id, start))).into();
    let mut publisher = facts(6, start);
    publisher.role = Role::Publisher;
    let _publisher = sessions.open(publisher);
    let mut group = facts(8, start);
    group.role = Role::Group;
    let _group = sessions.open(group);
    viewers[0].takes(700);
    viewers[1].takes(400);
    viewers[1].takes(300);
    let is = |viewers, bit_rate| Load { viewers, bit_rate };
    assert_eq!(sessions.load(), is(2, 1000));
    viewers[0].leave();
    viewers[0].takes(100);
    viewers[0].leave();
    assert_eq!((sessions.load(), sessions.len()), (is(1, 300), 4));
    drop(viewers);
    assert_eq!(sessions.load(), is(0, 0));
    assert!(lock(&sessions.table).addresses.is_empty());
}

#[test]
fn each_address_has_its_share() {
    let sessions = Sessions::new();
    let start = Clock::start().started();
    let of_address = Bound {
        viewers: 2,
        bit_rate: 100,
    };
    let limits = Limits {
        all: Bound::default(),
        of_address,
    };
    let admit = |id, peer: &str, bit_rate| {
        let mut facts = facts(id, start);
        facts.peer = peer.parse().unwrap();
        sessions.admit(facts, bit_rate, &limits)
    };
    let first = admit(2, "192.0.2.1:5000", 60).unwrap();
    let refused = admit(4, "192.0.2.1:5001", 41).unwrap_err();
    assert_eq!(refused, Full::ThroughputOfAddress);
    let _second = admit(6, "192.0.2.1:5001", 40).unwrap();
    let refused = admit(8, "192.0.2.1:5002", 0).unwrap_err();
    assert_eq!(refused, Full::ConnectionsOfAddress);
    let peer = first.facts().peer.ip();
    assert_eq!(sessions.has_room(peer, &limits), Err(refused));
    let _other = admit(10, "192.0.2.2:5000", 100).unwrap();
    first.leave();
    assert_eq!(sessions.has_room(peer, &limits), Ok(()));
    let _third = admit(12, "192.0.2.1:5003", 60).unwrap();
}

#[test]
fn signs_of_life_never_go_back() {
    let start = Clock::start().started();
    let session = Sessions::new().open(facts(2, start));
    assert_eq!(session.last_seen(), start);
    let later = start + Duration::from_secs(5);
    session.touch(later);
    session.touch(start);
    assert_eq!(session.last_seen(), later);
}

#[test]
fn reports_are_kept_for_the_streams_of_the_session() {
    let start = Clock::start().started();
    let later = start + Duration::from_secs(5);
    let session = Sessions::new().open(facts(2, start));
    session.add_stream(7, 90_000);
    session.rtcp(b"no RTCP", later);
    assert_eq!(session.last_seen(), start);
    session.rtcp(&report_on(8), later);
    assert_eq!(session.last_seen(), later);
    assert_eq!(session.reception(), None);
    session.rtcp(&report_on(7), later);
    let received = Reception {
        lost_packets: -1,
        loss_ratio: 0.25,
        jitter_seconds: 0.001,
    };
    assert_eq!(session.reception(), Some(received));
    session.add_stream(8, 900);
    session.rtcp(&report_on(8), later);
    let worst = Reception {
        lost_packets: -2,
        jitter_seconds: 0.1,
        ..received
    };
    assert_eq!(session.reception(), Some(worst));
}
