use proptest::prelude::*;

use super::*;

const REPORT: SenderReport = SenderReport {
    ssrc: 0x753c_9c8a,
    ntp: NtpTime(0xeeab_7634_0ac0_8312),
    rtp_time: 0x2fef_e3b4,
    packets: 1,
    bytes: 0x35f,
};

fn written(cname: &str, bye: bool) -> Vec<u8> {
    let mut out = vec![0xaa];
    write_sender_report(&mut out, REPORT, cname, bye);
    assert_eq!(out.remove(0), 0xaa);
    out
}

#[test]
fn a_report_is_written_as_rfc_3550_draws_it() {
    let sender = b"\x80\xc8\0\x06\x75\x3c\x9c\x8a\xee\xab\x76\x34\x0a\xc0\x83\x12\x2f\xef\xe3\xb4\0\0\0\x01\0\0\x03\x5f";
    let name = b"\x81\xca\0\x03\x75\x3c\x9c\x8a\x01\x03abc\0\0\0";
    let bye = b"\x81\xcb\0\x01\x75\x3c\x9c\x8a";
    assert_eq!(written("abc", false), [&sender[..], name].concat());
    assert_eq!(written("abc", true), [&sender[..], name, bye].concat());
}

#[test]
fn what_is_written_is_read() {
    for length in 0..300 {
        let cname = "é".repeat(length);
        let bytes = written(&cname, true);
        let mut compound = parse(&bytes).unwrap();
        let report = Feedback::SenderReport {
            report: REPORT,
            blocks: Vec::new(),
        };
        assert_eq!(compound.next(), Some(report));
        let cname = "é".repeat(length.min(127));
        assert_eq!(
            compound.next(),
            Some(Feedback::Description { cname: Some(cname) })
        );
        let ssrcs = vec![REPORT.ssrc];
        assert_eq!(compound.next(), Some(Feedback::Bye { ssrcs }));
        assert_eq!(compound.next(), None);
    }
}

#[test]
fn receivers_are_heard() {
    let bytes = b"\x81\xc9\0\x07\0\0\0\x01\0\0\0\x02\x40\xff\xff\xfe\0\x01\0\x05\0\0\0\x06\0\0\0\x07\0\0\0\x08\
        \x81\xcc\0\x03\0\0\0\x01QTSSabcd";
    let feedback: Vec<_> = parse(bytes).unwrap().collect();
    let block = Block {
        ssrc: 2,
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_sequence: 0x1_0005,
        jitter: 6,
        last_sr: 7,
        delay: 8,
    };
    let report = Feedback::ReceiverReport {
        sender_ssrc: 1,
        blocks: vec![block],
    };
    let app = Feedback::App {
        subtype: 1,
        ssrc: 1,
        name: *b"QTSS",
        data: b"abcd",
    };
    assert_eq!(feedback, [report, app]);
}

#[test]
fn a_faulty_packet_does_not_hide_its_neighbours() {
    // An APP with more padding than data, a report that lacks its block, and a BYE.
    let bytes = b"\xa0\xcc\0\x02\0\0\0\x01abc\xff\x81\xc9\0\x01\0\0\0\x01\x81\xcb\0\x01\0\0\0\x05";
    let feedback: Vec<_> = parse(bytes).unwrap().collect();
    let bye = Feedback::Bye { ssrcs: vec![5] };
    assert_eq!(feedback, [Feedback::Other, Feedback::Other, bye]);
}

#[test]
fn broken_chains_are_refused() {
    for bad in [
        &b""[..],
        b"\x80",
        b"\x80\xc9\0\x01\0\0\0",
        b"\x40\xc9\0\0",
        b"\x80\x60\0\0",
        b"\x80\xc9\0\x01\0\0\0\x01\0",
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(
        packets in prop::collection::vec((any::<u8>(), 199u8..208, prop::collection::vec(any::<u8>(), 0..15)), 1..4),
    ) {
        let mut bytes = Vec::new();
        for (first, kind, content) in &packets {
            let words = content.len() / 4;
            bytes.extend([first & 0x3f | 0x80, *kind, 0, words as u8]);
            bytes.extend(&content[..words * 4]);
        }
        prop_assert_eq!(parse(&bytes).unwrap().count(), packets.len());
    }
}

#[test]
fn receiver_reports_round_trip() {
    let block = Block {
        ssrc: 7,
        fraction_lost: 51,
        cumulative_lost: -2,
        highest_sequence: 0x1_0002,
        jitter: 90,
        last_sr: 0x2222_3333,
        delay: 0x8000,
    };
    let mut bytes = Vec::new();
    write_receiver_report(&mut bytes, 9, &[block; 40], "reelcast");
    let packets: Vec<_> = parse(&bytes).unwrap().collect();
    let report = Feedback::ReceiverReport {
        sender_ssrc: 9,
        blocks: vec![block; 31],
    };
    let name = Feedback::Description {
        cname: Some("reelcast".to_owned()),
    };
    assert_eq!(packets, [report, name]);
}
