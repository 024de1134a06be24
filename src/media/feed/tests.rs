use proptest::prelude::*;

use super::*;
use crate::base::media_time::NtpTime;
use crate::media::burst::Burst;
use crate::media::channel::Channel;
use crate::media::mounts::{Limits, Takeover};
use crate::media::ring::Start;
use crate::media::tests::{Live, MS, Made, movie, path, radio, sender_report, take_all};
use crate::wire::rtcp::SenderReport;

const SPS: &[u8] = &[0x67, 1];
const PPS: &[u8] = &[0x68, 1];
const IDR: &[u8] = &[0x7c, 0x85, 1];
const REST: &[u8] = &[0x7c, 0x45, 1];
const OTHER: &[u8] = &[0x41, 1];

fn live() -> Live {
    Live::new(movie(), Limits::default())
}

fn video(time: u32, sequence: u16) -> Made {
    Made {
        payload_type: 96,
        ssrc: 7,
        sequence,
        time,
        marker: true,
    }
}

/// The sender reports of a joiner by track.
fn reports(channel: &Channel, now: Instant) -> Vec<(usize, SenderReport)> {
    let mut out = Vec::new();
    channel.reports(now, &mut out);
    let read = |(index, bytes): (usize, Vec<u8>)| match rtcp::parse(&bytes).unwrap().next() {
        Some(Feedback::SenderReport { report, .. }) => (index, report),
        other => panic!("{other:?}"),
    };
    out.into_iter().map(read).collect()
}

#[test]
fn a_burst_ends_with_the_picture_and_holds_the_report_that_was_due() {
    let mut live = live();
    let mut cursor = live.channel().cursor(Start::Live);
    live.picture(0, &[SPS, PPS, IDR, REST]);
    live.picture(1, &[OTHER]);
    let bursts = take_all(&mut cursor);
    let kinds = |burst: &Burst| {
        let packets = burst.packets().iter();
        packets.map(|packet| packet.kind).collect::<Vec<_>>()
    };
    use PacketKind::{Rtcp, Rtp};
    assert_eq!(kinds(&bursts[0]), [Rtcp, Rtp, Rtp, Rtp, Rtp]);
    assert_eq!(kinds(&bursts[1]), [Rtp]);
    assert_eq!(
        (bursts[0].keyframe(), bursts[1].keyframe()),
        (Some(1), None)
    );
}

#[test]
fn parameter_sets_that_came_before_belong_to_the_key_frame() {
    let mut live = live();
    let mut cursor = live.channel().cursor(Start::Live);
    live.picture(0, &[OTHER]);
    // An encoder that gives the sets a time of their own, and dawdles.
    live.rtp(
        0,
        &Made {
            marker: false,
            ssrc: 1,
            ..video(3500, 1)
        }
        .with(SPS),
    );
    live.now += 5 * MS;
    live.rtp(
        0,
        &Made {
            marker: false,
            ssrc: 1,
            ..video(3500, 2)
        }
        .with(PPS),
    );
    live.rtp(
        0,
        &Made {
            marker: false,
            ssrc: 1,
            ..video(3600, 3)
        }
        .with(IDR),
    );
    live.rtp(
        0,
        &Made {
            ssrc: 1,
            ..video(3600, 4)
        }
        .with(REST),
    );
    let keyframes: Vec<_> = take_all(&mut cursor)
        .iter()
        .map(|burst| burst.keyframe())
        .collect();
    assert_eq!(keyframes, [None, Some(0), None]);
}

#[test]
fn packets_get_the_channels_numbers_and_keep_the_rest() {
    let mut live = live();
    let mut cursor = live.channel().cursor(Start::Live);
    let mut packet = video(5, 9).with(&[1, 2, 3, 4, 0, 0, 0, 4]);
    // Padding, an extension of one word, a contributing source.
    packet[0] |= 0x31;
    packet.splice(12..12, [9, 9, 9, 9, 0xbe, 0xde, 0, 1, 5, 5, 5, 5]);
    live.rtp(0, &packet);
    let bursts = take_all(&mut cursor);
    let sent = *bursts[0].packets().last().unwrap();
    packet[8..12].copy_from_slice(&live.channel().ssrc(0).to_be_bytes());
    assert_eq!(bursts[0].bytes_of(&sent), packet);
    assert_eq!((sent.sequence, sent.time, sent.marker), (9, 5, true));
    assert_eq!(cursor.next_of(0), Some(10));
}

#[test]
fn what_is_no_media_of_the_channel_is_refused_and_counted() {
    let mut live = live();
    let now = live.now;
    let mut push = |index, kind, packet: &[u8]| live.publisher.push(index, kind, packet, now);
    let good = video(0, 0).with(OTHER);
    let strange = Made {
        payload_type: 98,
        ..video(0, 0)
    }
    .with(OTHER);
    let long = [&good[..], &[0; 70_000]].concat();
    use PacketKind::{Rtcp, Rtp};
    assert_eq!(push(0, Rtp, b"no"), Err(Malformed::NotRtp));
    assert_eq!(push(0, Rtp, &[0; 40]), Err(Malformed::NotRtp));
    assert_eq!(push(0, Rtp, &strange), Err(Malformed::PayloadType));
    assert_eq!(push(1, Rtp, &good), Err(Malformed::PayloadType));
    assert_eq!(push(0, Rtp, &long), Err(Malformed::TooLong));
    assert_eq!(push(2, Rtp, &good), Err(Malformed::Track));
    assert_eq!(push(0, Rtcp, &good), Err(Malformed::NotRtcp));
    assert_eq!(push(0, Rtp, &good), Ok(()));
    assert_eq!(push(0, Rtp, &[&good[..], &[0; 65_520]].concat()), Ok(()));
    let counts = live.channel().stats().snapshot();
    let refused: Vec<_> = counts.malformed().map(|(_, count)| count).collect();
    assert_eq!(refused, [2, 1, 2, 1, 1, 0, 0]);
    assert_eq!((counts.packets, counts.oversize), (2, 1));
}

#[test]
fn a_flood_is_refused() {
    let limits = Limits {
        flood: 8000,
        ..Limits::default()
    };
    let mut live = Live::new(movie(), limits);
    let now = live.now;
    let packet = video(0, 0).with(&[0x41; 500]);
    let pushed: Vec<_> = (0..4)
        .map(|_| {
            live.publisher
                .push(0, PacketKind::Rtp, &packet, now)
                .is_ok()
        })
        .collect();
    assert_eq!(pushed, [true, true, false, false]);
}

#[test]
fn audio_alone_leaves_at_once_and_starts_anywhere() {
    let mut live = Live::new(radio(), Limits::default());
    let mut cursor = live.channel().cursor(Start::Live);
    for sequence in 0..3 {
        live.rtp(
            0,
            &Made {
                sequence,
                ..Made::default()
            }
            .with(&[0; 160]),
        );
    }
    let bursts = take_all(&mut cursor);
    assert_eq!(bursts.len(), 3);
    assert!(bursts.iter().all(|burst| burst.keyframe().is_some()));
    assert_eq!(live.publisher.flush_due(), None);
}

#[test]
fn packets_wait_for_the_rest_of_their_picture_but_not_long() {
    let mut live = live();
    let mut cursor = live.channel().cursor(Start::Live);
    live.rtp(
        0,
        &Made {
            marker: false,
            ..video(0, 0)
        }
        .with(OTHER),
    );
    assert_eq!(live.publisher.flush_due(), Some(live.now + 2 * MS));
    assert!(take_all(&mut cursor).is_empty());
    live.publisher.flush(live.now + 2 * MS);
    assert_eq!(take_all(&mut cursor).len(), 1);
    for sequence in 1..=100 {
        live.rtp(
            0,
            &Made {
                marker: false,
                ..video(0, sequence)
            }
            .with(&[0x41; 1400]),
        );
    }
    let bursts = take_all(&mut cursor);
    assert_eq!(bursts.len(), 2);
    assert!(bursts.iter().all(|burst| burst.framed().len() <= 60 << 10));
}

#[test]
fn reports_go_by_arrivals_until_the_publisher_reports_on_all_tracks() {
    let mut live = live();
    live.rtp(0, &video(9000, 1).with(OTHER));
    live.rtp(
        1,
        &Made {
            payload_type: 97,
            ssrc: 8,
            ..video(4800, 1)
        }
        .with(&[0; 50]),
    );
    let channel = live.channel().clone();
    let later = live.now + 1000 * MS;
    let by_arrival = reports(&channel, later);
    let times: Vec<_> = by_arrival
        .iter()
        .map(|(index, report)| (*index, report.rtp_time))
        .collect();
    assert_eq!(times, [(0, 99_000), (1, 52_800)]);
    assert_eq!(by_arrival[0].1.ntp, by_arrival[1].1.ntp);
    assert_eq!((by_arrival[1].1.packets, by_arrival[1].1.bytes), (1, 50));
    assert_eq!(by_arrival[1].1.ssrc, channel.ssrc(1));

    live.rtcp(0, &sender_report(7, 5_000_000, 9000));
    assert_eq!(reports(&channel, later), by_arrival);
    live.rtcp(1, &sender_report(8, 5_000_000, 4790));
    let published = reports(&channel, later);
    let times: Vec<_> = published
        .iter()
        .map(|(_, report)| report.rtp_time)
        .collect();
    assert_eq!(times, [99_000, 52_790]);
    let ntp = NtpTime(5001 << 32);
    assert!(published.iter().all(|(_, report)| report.ntp == ntp));
}

#[test]
fn the_next_publisher_keeps_its_tracks_in_step_by_its_reports() {
    let mut live = live();
    let channel = live.channel().clone();
    let audio = |ssrc, time, sequence| Made {
        payload_type: 97,
        ssrc,
        ..video(time, sequence)
    };
    // The video comes half a second late throughout, and the next publisher's does not.
    live.rtp(1, &audio(8, 0, 1).with(&[0; 50]));
    live.rtcp(1, &sender_report(8, 1_000_000, 0));
    live.now += 500 * MS;
    live.rtp(0, &video(0, 1).with(OTHER));
    live.rtcp(0, &sender_report(7, 1_000_000, 0));
    live.now += 2000 * MS;
    drop(live.publisher);
    let next = live
        .mounts
        .publish(&path("x"), movie(), "next".to_owned(), Takeover::Refuse);
    live.publisher = next.unwrap();
    let mut cursor = channel.cursor(Start::Live);
    live.rtcp(0, &sender_report(17, 3_000, 90_000));
    live.rtcp(1, &sender_report(18, 3_000, 0));
    live.rtp(1, &audio(18, 0, 1).with(&[0; 50]));
    live.rtp(
        0,
        &Made {
            ssrc: 17,
            ..video(90_000, 1)
        }
        .with(OTHER),
    );
    let bursts = take_all(&mut cursor);
    let times: Vec<_> = bursts
        .iter()
        .flat_map(|burst| burst.packets())
        .filter(|packet| packet.kind == PacketKind::Rtp)
        .map(|packet| (packet.track, packet.time))
        .collect();
    assert_eq!(times, [(1, 2500 * 48), (0, 2500 * 90)]);
}

#[test]
fn after_a_leap_the_publishers_clock_goes_on_until_it_reports_again() {
    let mut live = live();
    let channel = live.channel().clone();
    live.rtcp(0, &sender_report(7, 5_000_000, 9000));
    live.rtcp(0, &sender_report(99, 1_000, 0));
    live.rtp(0, &video(9000, 1).with(OTHER));
    assert!(reports(&channel, live.now)[0].1.ntp > NtpTime(9000 << 32));
    live.rtcp(0, &sender_report(7, 5_000_000, 9000));
    live.rtcp(0, &sender_report(99, 1_000, 0));
    let ntp = |now| reports(&channel, now)[0].1.ntp;
    assert_eq!(ntp(live.now), NtpTime(5000 << 32));
    live.now += 40 * MS;
    live.rtp(0, &video(90_000_000, 2).with(OTHER));
    let passed = ntp(live.now).nanos_since(NtpTime(5000 << 32));
    assert!(passed.abs_diff(40_000_000) < 1000, "{passed}");
    live.rtcp(0, &sender_report(7, 6_000_000, 90_000_000));
    assert_eq!(ntp(live.now), NtpTime(6000 << 32));
}

#[test]
fn goodbyes_say_that_the_sources_leave() {
    let mut live = live();
    live.rtp(0, &video(9000, 1).with(OTHER));
    let mut out = Vec::new();
    live.channel().goodbyes(live.now, &mut out);
    let [(0, bytes)] = out.as_slice() else {
        panic!("{out:?}");
    };
    let ssrcs = vec![live.channel().ssrc(0)];
    assert!(rtcp::parse(bytes).unwrap().any(|told| told
        == Feedback::Bye {
            ssrcs: ssrcs.clone()
        }));
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(packets: Vec<(u8, bool, Vec<u8>)>) {
        let mut live = live();
        let now = live.now;
        for (index, is_media, mut packet) in packets {
            let kind = if is_media { PacketKind::Rtp } else { PacketKind::Rtcp };
            if let Some(first) = packet.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let _ = live.publisher.push(usize::from(index % 3), kind, &packet, now);
        }
        live.publisher.flush(now);
    }
}
