use proptest::prelude::*;

use super::session_keys::{Purpose, SessionKeys, cipher_of, derived};
use super::*;
use crate::wire::rtp;

const SSRC: u32 = 0xcafe_babe;

fn hex<const LEN: usize>(text: &str) -> [u8; LEN] {
    std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
}

/// The master key of RFC 3711, B.3.
fn master() -> MasterKey {
    MasterKey::new(hex(
        "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6",
    ))
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; rtp::HEADER_LEN];
    rtp::write_header(&mut header, true, 96, sequence, 0x1234_5678, SSRC);
    [&header, payload].concat()
}

fn sent(sender: &mut Sender, packet: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    sender.protect_rtp(packet, &mut out).then_some(out)
}

fn pair() -> (Sender, Receiver) {
    (Sender::new(&master()), Receiver::new(&master(), Vec::new()))
}

#[test]
fn keys_are_derived_as_in_the_rfc() {
    // RFC 3711, B.3.
    let (master, keys) = (master(), SessionKeys::derive(&master(), Purpose::Rtp));
    let root = cipher_of(master.key());
    assert_eq!(
        derived(&root, &master, 0),
        hex::<16>("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(keys.salt(), hex::<14>("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derived(&root, &master, 1),
        hex::<94>(
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327A\
             D175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E47403576\
             6B68642C59BBFC2F34DB60DBDFB2"
        )
    );
}

#[test]
fn packets_are_protected_as_others_protect_them() {
    // The vector that libsrtp validates itself by, under the master key of RFC 3711, B.3.
    let plain = hex::<28>("800f1234decafbadcafebabeabababababababababababababababab");
    let protected =
        hex::<38>("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    let (mut sender, mut receiver) = pair();
    assert_eq!(sent(&mut sender, &plain).unwrap(), protected);
    assert_eq!(receiver.unprotect_rtp(&protected).unwrap(), plain);
}

#[test]
fn control_packets_are_protected_as_others_protect_them() {
    // The vector that libsrtp validates itself by; its first index is 1.
    let plain = hex::<24>("81c8000bcafebabeabababababababababababababababab");
    let protected =
        hex::<38>("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    let (mut sender, mut receiver) = pair();
    let mut first = Vec::new();
    assert!(sender.protect_rtcp(&plain, &mut first));
    assert!(receiver.is_author(&first));
    assert_eq!(receiver.unprotect_rtcp(&first).unwrap(), plain);
    let mut second = Vec::new();
    assert!(sender.protect_rtcp(&plain, &mut second));
    assert_eq!(second, protected);
    assert_eq!(receiver.unprotect_rtcp(&protected).unwrap(), plain);
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let (mut sender, mut receiver) = pair();
    let protected = sent(&mut sender, &packet(5, b"payload")).unwrap();
    for at in 0..protected.len() {
        let mut changed = protected.clone();
        changed[at] ^= 4;
        assert!(receiver.unprotect_rtp(&changed).is_err(), "byte {at}");
    }
    for len in 0..protected.len() {
        assert!(
            receiver.unprotect_rtp(&protected[..len]).is_err(),
            "{len} bytes"
        );
    }
    assert!(receiver.unprotect_rtp(&protected).is_ok());
    assert_eq!(receiver.unprotect_rtp(&protected), Err(Refused::Replayed));
}

#[test]
fn other_keys_are_of_no_use() {
    let (mut sender, _) = pair();
    let protected = sent(&mut sender, &packet(5, b"payload")).unwrap();
    let mut other = Receiver::new(&MasterKey::new([7; MASTER_LEN]), Vec::new());
    assert_eq!(other.unprotect_rtp(&protected), Err(Refused::NotAuthentic));
}

#[test]
fn numbers_begin_anew_as_often_as_they_like() {
    let (mut sender, mut receiver) = pair();
    let mut sequence = 0_u16;
    for _ in 0..400 {
        sequence = sequence.wrapping_add(1000);
        let plain = packet(sequence, &sequence.to_be_bytes());
        let protected = sent(&mut sender, &plain).unwrap();
        assert_eq!(receiver.unprotect_rtp(&protected).unwrap(), plain);
    }
}

#[test]
fn a_stream_that_begins_late_or_goes_on_far_ahead_is_numbered_so_that_receivers_can_follow() {
    let (mut sender, mut receiver) = pair();
    let mut told = Vec::new();
    for sequence in [0xffff, 0, 1, 40_000, 40_001, 40_002, 39_000, 39_001] {
        let number = sender.sequence(sequence);
        let protected = sent(&mut sender, &packet(sequence, b"payload")).unwrap();
        let plain = receiver.unprotect_rtp(&protected).unwrap();
        assert_eq!(plain, packet(number, b"payload"));
        told.push(number);
    }
    let all = [
        0x7fff, 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x8006,
    ];
    assert_eq!(told, all);
}

#[test]
fn no_number_is_used_twice() {
    let (mut sender, mut receiver) = pair();
    let mut taken = 0;
    for sequence in [700, 701, 703, 701, 702, 702, 704] {
        if let Some(protected) = sent(&mut sender, &packet(sequence, b"payload")) {
            assert!(receiver.unprotect_rtp(&protected).is_ok(), "{sequence}");
            taken += 1;
        }
    }
    assert_eq!(taken, 5);
}

#[test]
fn receivers_begin_where_the_sender_says_that_it_is() {
    let (mut sender, _) = pair();
    for sequence in [30_000, 40_000, 50_000, 60_000, 5000] {
        sent(&mut sender, &packet(sequence, b"before")).unwrap();
    }
    let protected = sent(&mut sender, &packet(5001, b"payload")).unwrap();
    let joined = |rollovers| {
        let mut receiver = Receiver::new(&master(), vec![(SSRC, rollovers)]);
        receiver.unprotect_rtp(&protected)
    };
    assert_eq!(joined(0), Err(Refused::NotAuthentic));
    assert_eq!(joined(1), Ok(packet(5001, b"payload")));
}

#[test]
fn only_what_is_authentic_takes_a_place() {
    let (mut sender, mut receiver) = pair();
    for ssrc in 0..100_u32 {
        let forged = [&[0x80, 200, 0, 1], &ssrc.to_be_bytes()[..], &[0; 14]].concat();
        assert_eq!(receiver.unprotect_rtcp(&forged), Err(Refused::NotAuthentic));
    }
    let mut protected = Vec::new();
    assert!(sender.protect_rtcp(&[0x80, 200, 0, 1, 1, 2, 3, 4], &mut protected));
    assert!(receiver.unprotect_rtcp(&protected).is_ok());
}

proptest! {
    #[test]
    fn whatever_is_a_packet_comes_through(payload: Vec<u8>, sources in 0u8..16, extension: Option<[u8; 8]>) {
        let mut plain = packet(9, &[]);
        plain[0] |= sources;
        plain.extend(std::iter::repeat_n(7, usize::from(sources) * 4));
        if let Some(extension) = extension {
            plain[0] |= 0x10;
            plain.extend([0xbe, 0xde, 0, 2]);
            plain.extend(extension);
        }
        plain.extend(&payload);
        let (mut sender, mut receiver) = pair();
        let protected = sent(&mut sender, &plain).unwrap();
        prop_assert_eq!(protected.len(), plain.len() + RTP_OVERHEAD);
        prop_assert_eq!(receiver.unprotect_rtp(&protected).unwrap(), plain);
    }

    #[test]
    fn rubbish_is_refused(bytes: Vec<u8>) {
        let (mut sender, mut receiver) = pair();
        prop_assert!(receiver.unprotect_rtp(&bytes).is_err());
        prop_assert!(receiver.unprotect_rtcp(&bytes).is_err());
        let mut out = Vec::new();
        prop_assert_eq!(sender.protect_rtp(&bytes, &mut out), !out.is_empty());
    }
}
