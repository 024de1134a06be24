//! What the type of a setting cannot say: bounds, settings that clash, settings that do not act yet.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::key::{self, Key};
use super::settings::Config;

/// Something to say about the value of a key.
pub(super) struct Objection {
    pub(super) key: &'static str,
    pub(super) text: String,
    pub(super) fix: String,
    /// Whether the configuration cannot be used.
    pub(super) fatal: bool,
}

/// Everything to object to in `config`.
pub(super) fn objections(config: &Config) -> Vec<Objection> {
    let mut all = bounds(config);
    all.extend(multicast(config));
    all.extend(clashes(config));
    all.extend(later(config));
    all
}

fn bounds(config: &Config) -> Vec<Objection> {
    let rtsp = &config.rtsp;
    let seconds = |key, value: Duration, from: u64, to: u64| {
        let fits = (from..=to).contains(&value.as_secs());
        (!fits).then(|| {
            refused(
                key,
                "out of bounds",
                format!("choose {from} to {to} seconds"),
            )
        })
    };
    let millis = |key, value: Duration| {
        let fits = (1..=1000).contains(&value.as_millis());
        (!fits).then(|| refused(key, "out of bounds", "choose 1ms to 1s".to_owned()))
    };
    let (live, hls) = (&config.live, &config.hls);
    let packet = !(200..=65_000).contains(&rtsp.max_packet);
    let backlog = config.limits.tcp_backlog < 300_000;
    [
        seconds("rtsp.session_timeout", rtsp.session_timeout, 5, 86_400),
        seconds(
            "rtsp.connection_timeout",
            rtsp.connection_timeout,
            5,
            86_400,
        ),
        millis("rtsp.tcp_interval", rtsp.tcp_interval),
        millis("rtsp.udp_interval", rtsp.udp_interval),
        seconds("live.grace", live.grace, 0, 86_400),
        seconds("live.ring_time", live.ring_time, 1, 600),
        seconds("live.slow_reader", live.slow_reader, 1, 3600),
        seconds("live.describe_wait", live.describe_wait, 0, 60),
        seconds("hls.target_duration", hls.target_duration, 1, 30),
        seconds("hls.window", hls.window, 1, 3600),
        seconds("hls.idle_stop", hls.idle_stop, 5, 86_400),
        seconds("hls.start_wait", hls.start_wait, 0, 60),
        (!(100..=2000).contains(&hls.part_duration.as_millis())).then(|| {
            let fix = "choose 100ms to 2s";
            refused("hls.part_duration", "out of bounds", fix.to_owned())
        }),
        (!(3..=10_000).contains(&hls.segments)).then(|| {
            let fix = "choose 3 to 10000, and at least 6 for Apple's players";
            refused("hls.segments", "out of bounds", fix.to_owned())
        }),
        hls.ffmpeg.trim().is_empty().then(|| {
            let fix = "choose \"ffmpeg\", or the path of the program";
            refused("hls.ffmpeg", "empty", fix.to_owned())
        }),
        (hls.window_bytes < 8_000_000).then(|| {
            refused(
                "hls.window_bytes",
                "too small",
                "choose at least 8MB".to_owned(),
            )
        }),
        (hls.encryption.rotate_after == 0).then(|| {
            let fix = "choose at least 1".to_owned();
            refused("hls.encryption.rotate_after", "out of bounds", fix)
        }),
        (live.hold.as_millis() > 100).then(|| {
            let fix = "choose at most 100ms, for all media is delayed by it";
            refused("live.hold", "out of bounds", fix.to_owned())
        }),
        (live.ring_bytes < 1_000_000).then(|| {
            let fix = "choose at least 1MB, which one key frame may need";
            refused("live.ring_bytes", "too small", fix.to_owned())
        }),
        packet.then(|| {
            let fix = "choose 200 to 65000 bytes; above 1440 packets are fragmented on Ethernet";
            refused("rtsp.max_packet", "out of bounds", fix.to_owned())
        }),
        backlog.then(|| {
            let fix = "choose at least 300KB, which bursts of live channels need";
            refused("limits.tcp_backlog", "too small", fix.to_owned())
        }),
        (config.limits.movie_cache < 8_000_000).then(|| {
            refused(
                "limits.movie_cache",
                "too small",
                "choose at least 8MB".to_owned(),
            )
        }),
        config.server.movies.as_os_str().is_empty().then(|| {
            refused(
                "server.movies",
                "empty",
                "name the folder of the movies".to_owned(),
            )
        }),
        config.server.state.as_os_str().is_empty().then(|| {
            refused(
                "server.state",
                "empty",
                "name a folder that the server may write".to_owned(),
            )
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Groups that are none, and too few ports.
fn multicast(config: &Config) -> Vec<Objection> {
    let is_of_groups = |network: &IpNet| match network {
        IpNet::V4(network) => network.addr().is_multicast() && network.prefix_len() >= 4,
        IpNet::V6(network) => network.addr().is_multicast() && network.prefix_len() >= 8,
    };
    let refused_groups = |key, network: Option<&IpNet>| {
        network.map(|network| {
            let text = format!("{network} is not within multicast addresses");
            refused(key, &text, "choose one such as 239.255.0.0/16".to_owned())
        })
    };
    let own = &config.multicast;
    let first = *own.ports.start();
    let ports = first == 0 || own.ports.end() - first < 63;
    [
        refused_groups(
            "multicast.groups",
            own.groups.iter().find(|groups| !is_of_groups(groups)),
        ),
        refused_groups(
            "sap.groups",
            config
                .sap
                .groups
                .iter()
                .find(|groups| !is_of_groups(groups)),
        ),
        ports.then(|| {
            let fix = "choose at least 64 ports, which one channel may need".to_owned();
            refused("multicast.ports", "too few", fix)
        }),
        (own.ttl == 0).then(|| {
            let fix = "choose 1 to 255; 1 is the local network".to_owned();
            refused("multicast.ttl", "out of bounds", fix)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// TCP addresses that two listeners want.
fn clashes(config: &Config) -> Vec<Objection> {
    let lists: [(&'static str, &[SocketAddr]); 4] = [
        ("rtsp.listen", &config.rtsp.listen),
        ("http.listen", &config.http.listen),
        ("admin.listen", &config.admin.listen),
        ("ts.listen", &config.ts.listen),
    ];
    let mut taken: Vec<(&'static str, SocketAddr)> = Vec::new();
    let mut clashes = Vec::new();
    for (key, list) in lists {
        for address in list {
            let same = taken.iter().find(|(_, other)| collide(*other, *address));
            if let Some((other, _)) = same {
                let text = format!("{address} is taken by {other}");
                clashes.push(refused(key, &text, "choose another port".to_owned()));
            }
            taken.push((key, *address));
        }
    }
    clashes
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let everywhere = |address: SocketAddr| address.is_ipv6() && address.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || everywhere(a) || everywhere(b))
}

/// Settings whose part of the server comes with a later release.
const LATER: [&str; 7] = [
    "server.user",
    "rtsp.tls_listen",
    "http.tls_listen",
    "admin.tls_listen",
    "relay.conf",
    "access.users",
    "access.groups",
];

fn later(config: &Config) -> Vec<Objection> {
    let table = key::table_of(config);
    let keys = Key::all();
    let changed = |name: &'static str| {
        let key = keys.iter().find(|key| key.name == name)?;
        (key.value_in(&table) != Some(&key.default)).then_some(Objection {
            key: name,
            text: "does not act yet".to_owned(),
            fix: "it takes effect with a later release".to_owned(),
            fatal: false,
        })
    };
    LATER.into_iter().filter_map(changed).collect()
}

fn refused(key: &'static str, text: &str, fix: String) -> Objection {
    Objection {
        key,
        text: text.to_owned(),
        fix,
        fatal: true,
    }
}
