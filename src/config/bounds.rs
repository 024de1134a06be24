//! Bounds that the values of settings must lie within, section by section.

use std::path::Path;
use std::time::Duration;

use url::{Host, Url};

use super::hls::Hls;
use super::settings::Config;
use super::verify::{Objection, refused};

/// Every setting that lies outside its bounds.
pub(super) fn objections(config: &Config) -> Vec<Objection> {
    let all = [
        server(config),
        rtsp(config),
        live(config),
        encoders(config),
        hls(&config.hls),
        access(config),
        callback(config),
    ];
    all.into_iter().flatten().collect()
}

fn server(config: &Config) -> Vec<Objection> {
    let (server, limits) = (&config.server, &config.limits);
    let empty = |path: &Path| path.as_os_str().is_empty();
    found([
        outside(
            "server.movies",
            empty(&server.movies),
            "name the folder of the movies",
        ),
        outside(
            "server.state",
            empty(&server.state),
            "name a folder that the server may write",
        ),
        outside(
            "limits.tcp_backlog",
            limits.tcp_backlog < 300_000,
            "choose at least 300KB, which bursts of live channels need",
        ),
        outside(
            "limits.movie_cache",
            limits.movie_cache < 8_000_000,
            "choose at least 8MB",
        ),
    ])
}

fn rtsp(config: &Config) -> Vec<Objection> {
    let rtsp = &config.rtsp;
    found([
        seconds("rtsp.session_timeout", rtsp.session_timeout, 5, 86_400),
        seconds(
            "rtsp.connection_timeout",
            rtsp.connection_timeout,
            5,
            86_400,
        ),
        millis("rtsp.tcp_interval", rtsp.tcp_interval, 1, 1000),
        millis("rtsp.udp_interval", rtsp.udp_interval, 1, 1000),
        outside(
            "rtsp.max_packet",
            !(200..=65_000).contains(&rtsp.max_packet),
            "choose 200 to 65000 bytes; above 1440 packets are fragmented on Ethernet",
        ),
    ])
}

fn live(config: &Config) -> Vec<Objection> {
    let live = &config.live;
    found([
        seconds("live.grace", live.grace, 0, 86_400),
        seconds("live.record_wait", live.record_wait, 1, 86_400),
        seconds("live.ring_time", live.ring_time, 1, 600),
        seconds("live.slow_reader", live.slow_reader, 1, 3600),
        seconds("live.describe_wait", live.describe_wait, 0, 60),
        outside(
            "live.hold",
            live.hold.as_millis() > 100,
            "choose at most 100ms, for all media is delayed by it",
        ),
        outside(
            "live.ring_bytes",
            live.ring_bytes < 1_000_000,
            "choose at least 1MB, which one key frame may need",
        ),
    ])
}

fn encoders(config: &Config) -> Vec<Objection> {
    let (http, ts) = (config.http.source_timeout, config.ts.source_timeout);
    found([
        seconds("http.source_timeout", http, 1, 86_400),
        seconds("ts.source_timeout", ts, 1, 86_400),
    ])
}

fn access(config: &Config) -> Vec<Objection> {
    let (lifetime, jwt) = (config.access.pass_lifetime, &config.access.jwt);
    let is_url = jwt.url().is_some() || jwt.keys.contains("://");
    let lacks = |text: &str| !jwt.keys.is_empty() && text.is_empty();
    found([
        seconds("access.pass_lifetime", lifetime, 1, 31 * 86_400),
        outside(
            "access.jwt.keys",
            is_url && !jwt.url().is_some_and(|url| is_safe(&url)),
            "write the name of a file, or a URL of https:",
        ),
        outside(
            "access.jwt.issuer",
            lacks(&jwt.issuer),
            "write what the tokens say of who made them (iss)",
        ),
        outside(
            "access.jwt.audience",
            lacks(&jwt.audience),
            "write what the tokens say of whom they are for (aud)",
        ),
    ])
}

fn callback(config: &Config) -> Vec<Objection> {
    let callback = &config.access.callback;
    let is_on = !callback.url.is_empty();
    let url = callback.url();
    let is_open = url.as_ref().is_some_and(|url| !is_safe(url));
    let has_login = |url: &Url| !url.username().is_empty() || url.password().is_some();
    found([
        outside(
            "access.callback.url",
            is_on && url.as_ref().is_none_or(has_login),
            "write a URL of https:, or of http: for a server nearby, without a login",
        ),
        outside(
            "access.callback.passwords",
            is_open && callback.passwords,
            "passwords are told by https: only, or on this host",
        ),
        (is_open && !callback.passwords).then(|| Objection {
            key: "access.callback.url",
            text: "whoever is on the way can say who may".to_owned(),
            fix: "write a URL of https: unless that network is trusted".to_owned(),
            fatal: false,
        }),
        millis("access.callback.timeout", callback.timeout, 100, 60_000),
        seconds(
            "access.callback.answer_lifetime",
            callback.answer_lifetime,
            0,
            3600,
        ),
    ])
}

/// Whether nobody on the way can change the answer.
fn is_safe(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) if address.is_loopback() => true,
        Some(Host::Ipv6(address)) if address.is_loopback() => true,
        Some(Host::Domain("localhost")) => true,
        Some(_) => url.scheme() == "https",
        None => false,
    }
}

/// The settings of HLS that lie outside their bounds.
pub(super) fn hls(hls: &Hls) -> Vec<Objection> {
    found([
        seconds("hls.target_duration", hls.target_duration, 1, 30),
        seconds("hls.window", hls.window, 1, 3600),
        seconds("hls.dvr", hls.dvr, 0, 86_400),
        seconds("hls.idle_stop", hls.idle_stop, 5, 86_400),
        seconds("hls.start_wait", hls.start_wait, 0, 60),
        millis("hls.part_duration", hls.part_duration, 100, 2000),
        outside(
            "hls.segments",
            !(3..=10_000).contains(&hls.segments),
            "choose 3 to 10000, and at least 6 for Apple's players",
        ),
        outside(
            "hls.window_bytes",
            hls.window_bytes < 8_000_000,
            "choose at least 8MB",
        ),
        outside(
            "hls.dvr_bytes",
            hls.dvr_bytes < 8_000_000,
            "choose at least 8MB",
        ),
        outside(
            "hls.ffmpeg",
            hls.ffmpeg.trim().is_empty(),
            "choose \"ffmpeg\", or the path of the program",
        ),
        outside(
            "hls.encryption.rotate_after",
            hls.encryption.rotate_after == 0,
            "choose at least 1",
        ),
    ])
}

fn found<const N: usize>(objections: [Option<Objection>; N]) -> Vec<Objection> {
    objections.into_iter().flatten().collect()
}

fn outside(key: &'static str, is_outside: bool, fix: &str) -> Option<Objection> {
    is_outside.then(|| refused(key, "out of bounds", fix.to_owned()))
}

fn seconds(key: &'static str, value: Duration, from: u64, to: u64) -> Option<Objection> {
    let fix = format!("choose {from} to {to} seconds");
    outside(key, !(from..=to).contains(&value.as_secs()), &fix)
}

fn millis(key: &'static str, value: Duration, from: u128, to: u128) -> Option<Objection> {
    let fix = format!("choose {from} to {to} milliseconds");
    outside(key, !(from..=to).contains(&value.as_millis()), &fix)
}
