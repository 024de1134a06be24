use std::time::Duration;

use super::*;
use crate::base::clock::Clock;
use crate::base::id::SessionId;
use crate::base::path::MediaPath;
use crate::media::burst::PacketKind;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Takeover};
use crate::media::sessions::{Role, Session, SessionFacts};

fn open(sessions: &Sessions, id: u64) -> Arc<Session> {
    sessions.open(SessionFacts {
        id: SessionId::from_random(id * 2),
        role: Role::Viewer,
        path: MediaPath::from_plain("news/today.mov").unwrap(),
        peer: "192.0.2.1:5000".parse().unwrap(),
        user_agent: "a \"player\"\n".into(),
        transport: "tcp",
        opened: Clock::start().started() + Duration::from_secs(id),
    })
}

fn mounts() -> Arc<Mounts> {
    Mounts::new(Limits::default(), Clock::start())
}

fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "{line} in\n{text}");
    }
}

#[test]
fn everything_is_there_before_the_first_session() {
    let metrics = Metrics::new(Sessions::new(), mounts(), Arc::default());
    let text = metrics.summary();
    let version = format!(
        "reelcast_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    assert_lines(
        &text,
        &[
            &version,
            "reelcast_packets_total 0",
            "reelcast_bytes_total 0",
            "reelcast_retransmissions_total 0",
            "reelcast_lateness_seconds_count 0",
            "reelcast_lateness_seconds_bucket{le=\"+Inf\"} 0",
            "reelcast_lateness_quantile_seconds{quantile=\"0.99\"} 0.0",
            "reelcast_rtcp_lost_packets 0.0",
            "reelcast_rtcp_loss_ratio 0.0",
            "reelcast_rtcp_jitter_seconds 0.0",
            "reelcast_sessions{transport=\"udp\"} 0",
            "reelcast_sessions{transport=\"http\"} 0",
            "# EOF",
        ],
    );
}

#[test]
fn sessions_are_shown_one_by_one_and_together() {
    let sessions = Sessions::new();
    let totals = Arc::new(Totals::default());
    totals.connection();
    totals.answered(200);
    totals.answered(404);
    let metrics = Metrics::new(sessions.clone(), mounts(), totals);
    let one = open(&sessions, 1);
    let two = open(&sessions, 2);
    one.counters().sent(2, 2400, Duration::from_millis(3));
    two.counters().sent(1, 100, Duration::from_millis(30));
    two.counters().received(5, 6000);
    one.add_stream(7, 1000);
    let report = [
        0x81, 201, 0, 7, 0, 0, 0, 9, 0, 0, 0, 7, 64, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0,
        0, 0, 0, 0,
    ];
    one.rtcp(&report, one.facts().opened);
    let text = metrics.summary();
    assert_lines(
        &text,
        &[
            "reelcast_connections_total 1",
            "reelcast_requests_total 2",
            "reelcast_refusals_total 1",
            "reelcast_sessions{transport=\"tcp\"} 2",
            "reelcast_packets_total 3",
            "reelcast_lateness_seconds_bucket{le=\"0.005\"} 2",
            "reelcast_lateness_seconds_bucket{le=\"0.05\"} 3",
            "reelcast_session_packets_total{session=\"1\"} 2",
            "reelcast_session_received_packets_total{session=\"2\"} 5",
            "reelcast_received_bytes_total 6000",
            "reelcast_session_bytes_total{session=\"2\"} 100",
            "reelcast_session_rtcp_lost_packets{session=\"1\"} 3.0",
            "reelcast_session_rtcp_loss_ratio{session=\"1\"} 0.25",
            "reelcast_session_rtcp_jitter_seconds{session=\"1\"} 0.005",
            "reelcast_rtcp_lost_packets 3.0",
        ],
    );
    let info = text
        .lines()
        .find(|line| line.starts_with("reelcast_session_info{session=\"1\""));
    assert!(
        info.is_some_and(|line| line.contains(r#"user_agent="a \"player\"\n""#)),
        "{info:?}"
    );
}

#[test]
fn channels_are_shown_one_by_one_and_together() {
    let mounts = mounts();
    let metrics = Metrics::new(Sessions::new(), Arc::clone(&mounts), Arc::default());
    let text = metrics.summary();
    assert_lines(
        &text,
        &[
            "reelcast_channels{state=\"live\"} 0",
            "reelcast_channels_packets_total 0",
            "reelcast_malformed_packets_total{reason=\"not_rtp\"} 0",
        ],
    );
    let path = MediaPath::from_plain("news/now").unwrap();
    let sdp = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";
    let description = Description::read(sdp).unwrap();
    let publisher = mounts.publish(&path, description, "a test".into(), Takeover::Replace);
    let mut publisher = publisher.unwrap();
    let now = Clock::start().started();
    let packet = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9];
    let mut push = |packet: &[u8]| publisher.push(0, PacketKind::Rtp, packet, now).is_ok();
    assert!(push(&packet) && !push(&packet[..3]));
    publisher.flush(now);
    let _reader = publisher.channel().demand();
    let text = metrics.summary();
    assert_lines(
        &text,
        &[
            "reelcast_channels{state=\"live\"} 1",
            "reelcast_channel_info{channel=\"news/now\",state=\"live\",origin=\"a test\"} 1",
            "reelcast_channel_readers{channel=\"news/now\"} 1.0",
            "reelcast_channel_packets_total{channel=\"news/now\"} 1",
            "reelcast_channel_ring_bursts{channel=\"news/now\"} 1.0",
            "reelcast_channel_ring_seconds{channel=\"news/now\"} 0.0",
            "reelcast_channel_malformed_packets_total{channel=\"news/now\",reason=\"not_rtp\"} 1",
        ],
    );
    mounts.stop();
    let text = metrics.summary();
    assert_lines(
        &text,
        &[
            "reelcast_channels{state=\"live\"} 0",
            "reelcast_channels_packets_total 1",
            "reelcast_malformed_packets_total{reason=\"not_rtp\"} 1",
        ],
    );
}

#[test]
fn the_summary_lists_a_bounded_number_of_sessions() {
    let sessions = Sessions::new();
    let metrics = Metrics::new(sessions.clone(), mounts(), Arc::default());
    let count = LISTED_SESSIONS as u64 + 20;
    let _open: Vec<_> = (0..count).map(|id| open(&sessions, id)).collect();
    let listed = |text: &str| text.matches("reelcast_session_packets_total{").count();
    assert_eq!(listed(&metrics.summary()), LISTED_SESSIONS);
    assert_eq!(listed(&metrics.sessions()), LISTED_SESSIONS + 20);
}

#[test]
fn other_parts_add_numbers() {
    let mut metrics = Metrics::new(Sessions::new(), mounts(), Arc::default());
    metrics.counter("access_log_drops", "Lines not written", || 5);
    metrics.gauge("index_cache_bytes", "Memory of movie indexes", || 1.5);
    let text = metrics.summary();
    assert_lines(
        &text,
        &[
            "reelcast_access_log_drops_total 5",
            "reelcast_index_cache_bytes 1.5",
            "# HELP reelcast_access_log_drops Lines not written",
        ],
    );
}
