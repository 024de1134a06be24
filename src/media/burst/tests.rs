use proptest::prelude::*;

use super::*;
use crate::base::clock::Clock;

/// A burst of packets given by track, whether RTCP, and length.
fn burst(packets: &[(u8, bool, usize)]) -> Burst {
    let mut framed = Vec::new();
    let mut entries = Vec::new();
    for (i, (track, is_report, len)) in packets.iter().enumerate() {
        let kind = if *is_report {
            PacketKind::Rtcp
        } else {
            PacketKind::Rtp
        };
        framed.extend(frame(*track, kind, *len as u16));
        let incoming = Incoming {
            track: *track,
            kind,
            sequence: i as u16,
            time: 0,
            marker: false,
            starts: false,
            completes: false,
            clock: None,
        };
        entries.push(Packet::new(&incoming, framed.len(), *len as u16));
        framed.extend(std::iter::repeat_n(i as u8, *len));
    }
    Burst::new(
        framed.into(),
        &entries,
        None,
        None,
        Clock::start().started(),
    )
}

fn shapes(burst: &Burst) -> Vec<(u8, PacketKind, usize, usize)> {
    let runs = burst.runs().iter();
    runs.map(|run| (run.track, run.kind, run.segment, run.count))
        .collect()
}

#[test]
fn packets_of_equal_size_make_a_run_and_a_shorter_one_ends_it() {
    use PacketKind::{Rtcp, Rtp};
    let burst = burst(&[
        (0, false, 100),
        (1, false, 30),
        (0, false, 100),
        (0, true, 28),
        (0, false, 40),
        (0, false, 40),
        (1, false, 31),
    ]);
    let expected = [
        (0, Rtp, 100, 3),
        (0, Rtp, 40, 1),
        (1, Rtp, 30, 1),
        (1, Rtp, 31, 1),
        (0, Rtcp, 28, 1),
    ];
    assert_eq!(shapes(&burst), expected);
    let first = burst.run_bytes(&burst.runs()[0]);
    assert_eq!(first, [&[0; 100][..], &[2; 100], &[4; 40]].concat());
    assert_eq!(burst.framed()[..4], [b'$', 0, 0, 100]);
}

#[test]
fn runs_stay_within_what_the_kernel_takes() {
    let many = burst(&[(0, false, 10); 100]);
    assert_eq!(
        shapes(&many).iter().map(|run| run.3).collect::<Vec<_>>(),
        [64, 36]
    );
    let large = burst(&[(0, false, 40_000); 2]);
    assert_eq!(large.runs().len(), 2);
}

proptest! {
    #[test]
    fn runs_hold_every_packet_once_in_order(packets in proptest::collection::vec((0..3_u8, any::<bool>(), 1..6_usize), 1..65)) {
        let burst = burst(&packets);
        for track in 0..3 {
            for kind in [PacketKind::Rtp, PacketKind::Rtcp] {
                let of_flow = burst.packets().iter().filter(|packet| packet.track == track && packet.kind == kind);
                let expected: Vec<u8> = of_flow.flat_map(|packet| burst.bytes_of(packet)).copied().collect();
                let runs = burst.runs().iter().filter(|run| run.track == track && run.kind == kind);
                let mut found = Vec::new();
                for run in runs {
                    let bytes = burst.run_bytes(run);
                    prop_assert_eq!(bytes.chunks(run.segment).count(), run.count);
                    found.extend_from_slice(bytes);
                }
                prop_assert_eq!(found, expected);
            }
        }
    }
}
