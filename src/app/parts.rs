//! What the server consists of: each part built once and given to those that use it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::follow::{
    Followers, channel_limits, fan_settings, group_names, multicast_settings, pace,
};
use crate::access::Gate;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::hls::gateway::Gateway;
use crate::http::metrics::Metrics;
use crate::http::pauses::Pauses;
use crate::http::rates::Rates;
use crate::http::server::{Pages, Server as HttpServer};
use crate::log::access::AccessLog;
use crate::media::mounts::Mounts;
use crate::media::sessions::Sessions;
use crate::media::stats::Totals;
use crate::net::fan::Fan;
use crate::net::fetcher::Fetcher;
use crate::net::multicast::Casts;
use crate::net::permits::Shares;
use crate::net::tls_identity::TlsIdentity;
use crate::net::udp_ports::UdpPorts;
use crate::rtsp::{self, Service};
use crate::source::ts_listener::Encoders;
use crate::source::{Feeds, Sources};
use crate::vod::{Blocks, Library, Pacer};

/// What everybody needs.
pub(super) struct Setting {
    /// The configuration, also when it changes.
    pub(super) settings: watch::Receiver<Arc<Config>>,
    /// Where ended sessions are noted.
    pub(super) access_log: AccessLog,
    /// The time.
    pub(super) clock: Clock,
    /// What is shown to who comes by TLS.
    pub(super) identity: Option<Arc<TlsIdentity>>,
    /// How many connections each address has.
    pub(super) shares: Arc<Shares>,
}

/// The parts of a server.
pub(super) struct Parts {
    pub(super) library: Arc<Library>,
    pub(super) gate: Arc<Gate>,
    pub(super) pacer: Arc<Pacer>,
    pub(super) mounts: Arc<Mounts>,
    pub(super) fan: Arc<Fan>,
    pub(super) casts: Arc<Casts>,
    pub(super) sources: Arc<Sources>,
    pub(super) feeds: Arc<Feeds>,
    pub(super) encoders: Arc<Encoders>,
    pub(super) service: Arc<Service>,
    pub(super) web: Arc<HttpServer>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) identity: Option<Arc<TlsIdentity>>,
    pub(super) shares: Arc<Shares>,
}

impl Parts {
    /// Builds them; feeds end with `stop`. Needs a tokio runtime.
    pub(super) fn build(setting: &Setting, stop: &CancellationToken) -> Self {
        let config = Arc::clone(&setting.settings.borrow());
        let clock = setting.clock;
        let library = Library::new(config.server.movies.clone(), config.server.follow_links);
        let library = Arc::new(library);
        let gate = Gate::new(
            config.server.movies.clone(),
            config.gate_settings(),
            Arc::new(Fetcher),
            clock,
        );
        gate.set_networks(config.client_networks());
        let blocks = Arc::new(Blocks::new(config.limits.movie_cache as u64));
        let pacer = Pacer::start(cores(), pace(&config.rtsp), Arc::clone(&blocks), clock);
        let mounts = Mounts::new(channel_limits(&config.live), clock);
        mounts.set_groups(group_names(&config));
        let fan = Fan::new(fan_settings(&config.live), clock);
        let sessions = Sessions::new();
        let totals = Arc::new(Totals::default());
        let casts = multicast_settings(&config);
        let casts = Casts::new(casts, Arc::clone(&fan), sessions.clone(), clock);
        let udp_range = config.rtsp.udp_ports.clone();
        let udp_ports = UdpPorts::new(udp_range, udp_address(&config), clock);
        let sources = Sources::new(Arc::clone(&mounts), clock);
        let feeds = Feeds::new(Arc::clone(&sources), stop.clone());
        let service = Service::new(rtsp::Parts {
            library: Arc::clone(&library),
            gate: Arc::clone(&gate),
            pacer: Arc::clone(&pacer),
            mounts: Arc::clone(&mounts),
            feeds: Arc::clone(&feeds),
            fan: Arc::clone(&fan),
            casts: Arc::clone(&casts),
            udp_ports: udp_ports.clone(),
            sessions: sessions.clone(),
            totals: Arc::clone(&totals),
            config: setting.settings.clone(),
            access_log: setting.access_log.clone(),
            clock,
        });
        let (settings, access_log) = (&setting.settings, setting.access_log.clone());
        let movies = (Arc::clone(&library), Arc::clone(&blocks));
        let hls = Gateway::new(movies, sessions.clone(), access_log, settings, clock);
        let web = Arc::new(HttpServer {
            library: Arc::clone(&library),
            gate: Arc::clone(&gate),
            mounts: Arc::clone(&mounts),
            hls,
            proofs: Arc::default(),
            pages: Pages::default(),
            sessions: sessions.clone(),
            uploads: Arc::default(),
            pauses: Pauses::default(),
            rates: Rates::default(),
            settings: settings.clone(),
            clock,
        });
        let mut metrics = Metrics::new(sessions, Arc::clone(&mounts), totals);
        metrics.sources(Arc::clone(&sources), Arc::clone(&feeds));
        metrics.access(Arc::clone(&gate));
        metrics.uploads(Arc::clone(&web.uploads));
        count_slow_listeners(&mut metrics, Arc::clone(&web.hls));
        count_hasty_requests(&mut metrics, Arc::clone(&web));
        count_busy_logins(&mut metrics, Arc::clone(&gate));
        count_crowds(&mut metrics, Arc::clone(&setting.shares));
        let encoders = Arc::<Encoders>::default();
        metrics.encoders(Arc::clone(&encoders));
        metrics.hls(Arc::clone(&web.hls));
        count_strays(&mut metrics, udp_ports);
        count_files(&mut metrics, blocks, setting.access_log.clone());
        if let Some(identity) = &setting.identity {
            tell_end(&mut metrics, Arc::clone(identity));
        }
        Self {
            library,
            gate,
            pacer,
            mounts,
            fan,
            casts,
            sources,
            feeds,
            encoders,
            service,
            web,
            metrics: Arc::new(metrics),
            identity: setting.identity.clone(),
            shares: Arc::clone(&setting.shares),
        }
    }

    /// Those that are told of changed settings.
    pub(super) fn followers(&self) -> Followers {
        Followers {
            gate: Arc::clone(&self.gate),
            pacer: Arc::clone(&self.pacer),
            mounts: Arc::clone(&self.mounts),
            fan: Arc::clone(&self.fan),
            casts: Arc::clone(&self.casts),
            identity: self.identity.clone(),
            sessions: self.web.sessions.clone(),
            shares: Arc::clone(&self.shares),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Media leaves from the one address that RTSP listens on, or from any.
fn udp_address(config: &Config) -> IpAddr {
    let mut addresses = config.rtsp.listen.iter().chain(&config.http.listen);
    let first = addresses.next().map(SocketAddr::ip);
    let only = first.filter(|first| addresses.all(|other| other.ip() == *first));
    only.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

fn count_slow_listeners(metrics: &mut Metrics, hls: Arc<Gateway>) {
    metrics.counter(
        "endless_too_slow",
        "Listeners of endless streams that were cut off because they fell behind",
        move || hls.endless.too_slow(),
    );
}

fn count_hasty_requests(metrics: &mut Metrics, web: Arc<HttpServer>) {
    metrics.counter(
        "http_requests_refused",
        "Requests by HTTP that were refused because their address sent too many.",
        move || web.rates.refused(),
    );
}

fn count_busy_logins(metrics: &mut Metrics, gate: Arc<Gate>) {
    metrics.counter(
        "logins_refused",
        "Logins that were refused because too many passwords waited to be checked.",
        move || gate.busy_logins(),
    );
}

fn count_crowds(metrics: &mut Metrics, shares: Arc<Shares>) {
    metrics.counter(
        "tcp_connections_refused",
        "TCP connections that were closed at once because their address had too many.",
        move || shares.refused(),
    );
}

fn count_strays(metrics: &mut Metrics, udp_ports: UdpPorts) {
    metrics.counter(
        "stray_datagrams",
        "Datagrams on the UDP ports from addresses that no session has.",
        move || udp_ports.strangers(),
    );
}

/// When the certificate ends, so that somebody may be told before.
fn tell_end(metrics: &mut Metrics, identity: Arc<TlsIdentity>) {
    metrics.gauge(
        "tls_certificate_end_seconds",
        "When the certificate for TLS ends, in seconds since 1970",
        move || {
            let end = identity.ends();
            let end = end.and_then(|end| end.duration_since(UNIX_EPOCH).ok());
            end.map_or(f64::NAN, |end| end.as_secs_f64())
        },
    );
}

/// The numbers of the movies' files and of the access log.
fn count_files(metrics: &mut Metrics, blocks: Arc<Blocks>, access_log: AccessLog) {
    metrics.counter(
        "access_log_dropped",
        "Sessions that the access log had no room for.",
        move || access_log.dropped(),
    );
    let counts = Arc::clone(&blocks);
    metrics.counter("movie_reads", "Reads of movie files.", move || {
        counts.counts().reads
    });
    let counts = Arc::clone(&blocks);
    metrics.counter(
        "movie_read_bytes",
        "Bytes read of movie files.",
        move || counts.counts().read_bytes,
    );
    let counts = Arc::clone(&blocks);
    metrics.counter("movie_read_failures", "Reads that failed.", move || {
        counts.counts().failures
    });
    metrics.gauge(
        "movie_cache_bytes",
        "Bytes of movie files in memory.",
        move || blocks.counts().held_bytes as f64,
    );
}
