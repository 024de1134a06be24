//! What the type of a setting cannot say: settings that clash, and settings that do not act yet.

use std::net::SocketAddr;
use std::path::Path;

use ipnet::IpNet;

use super::bounds;
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
    let mut all = bounds::objections(config);
    all.extend(multicast(config));
    all.extend(certificate(config));
    all.extend(acme(config));
    all.extend(clashes(config));
    all.extend(proxies(config));
    all.extend(later(config));
    all
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

/// A certificate without its key, or a key alone.
fn certificate(config: &Config) -> Option<Objection> {
    let is_set = |file: &Path| !file.as_os_str().is_empty();
    let (key, other) = match (is_set(&config.tls.certificate), is_set(&config.tls.key)) {
        (true, false) => ("tls.certificate", "tls.key"),
        (false, true) => ("tls.key", "tls.certificate"),
        _ => return None,
    };
    let fix = format!("name the file for {other} as well");
    Some(refused(key, "it needs both files", fix))
}

/// Names that no authority knows, and settings that say half of what they should.
fn acme(config: &Config) -> Vec<Objection> {
    let acme = &config.acme;
    let is_name = |name: &&String| {
        let is_fit = |letter: u8| letter.is_ascii_alphanumeric() || b"-.".contains(&letter);
        !name.is_empty() && name.bytes().all(is_fit)
    };
    let unfit = acme.domains.iter().find(|name| !is_name(name));
    let alone = !acme.domains.is_empty() && acme.email.is_empty();
    let needless = !acme.domains.is_empty() && !config.tls.certificate.as_os_str().is_empty();
    let objections = [
        unfit.map(|name| {
            let fix = "name hosts as in media.example.com, one by one".to_owned();
            refused(
                "acme.domains",
                &format!("`{name}` is no name of a host"),
                fix,
            )
        }),
        alone.then(|| {
            let fix = "tell the authority an address of yours with acme.email".to_owned();
            refused("acme.domains", "an e-mail address is needed as well", fix)
        }),
        needless.then(|| Objection {
            key: "acme.domains",
            text: "does not act beside tls.certificate".to_owned(),
            fix: "leave one of them out".to_owned(),
            fatal: false,
        }),
    ];
    objections.into_iter().flatten().collect()
}

/// Proxies that would be everybody.
fn proxies(config: &Config) -> Vec<Objection> {
    let lists = [
        ("proxy.tcp", &config.proxy.tcp),
        ("proxy.http", &config.proxy.http),
    ];
    let open = lists.into_iter().filter(|(_, networks)| {
        let mut networks = networks.iter();
        networks.any(|network| network.prefix_len() == 0)
    });
    let objection = |(key, _)| {
        let fix = "name the proxies' own addresses".to_owned();
        refused(key, "everybody would be believed", fix)
    };
    open.map(objection).collect()
}

/// TCP addresses that two listeners want.
fn clashes(config: &Config) -> Vec<Objection> {
    let lists: [(&'static str, &[SocketAddr]); 7] = [
        ("rtsp.listen", &config.rtsp.listen),
        ("http.listen", &config.http.listen),
        ("admin.listen", &config.admin.listen),
        ("rtsp.tls_listen", &config.rtsp.tls_listen),
        ("http.tls_listen", &config.http.tls_listen),
        ("admin.tls_listen", &config.admin.tls_listen),
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
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || covers(a, b) || covers(b, a))
}

/// Whether `a` stands for all addresses of its kind, and `b` is one of them. That of IPv6 takes IPv4 as well.
fn covers(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().is_unspecified() && (a.is_ipv6() || b.is_ipv4())
}

/// Settings whose part of the server comes with a later release.
const LATER: [&str; 1] = ["relay.conf"];

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

/// A value that the configuration cannot be used with.
pub(super) fn refused(key: &'static str, text: &str, fix: String) -> Objection {
    Objection {
        key,
        text: text.to_owned(),
        fix,
        fatal: true,
    }
}
