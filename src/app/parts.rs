//! What the server consists of: each part built once and given to those that use it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::follow::{
    Followers, channel_limits, fan_settings, group_names, multicast_settings, pace,
};
use super::measured::Measured;
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
        let gate = gate(&config, clock);
        let blocks = Arc::new(Blocks::new(config.limits.movie_cache as u64));
        let pacer = Pacer::start(cores(), pace(&config.rtsp), Arc::clone(&blocks), clock);
        let mounts = mounts(&config, clock);
        let fan = Fan::new(fan_settings(&config.live), clock);
        let sessions = Sessions::new();
        let totals = Arc::new(Totals::default());
        let casts = multicast_settings(&config);
        let casts = Casts::new(casts, Arc::clone(&fan), sessions.clone(), clock);
        let udp_ports = config.rtsp.udp_ports.clone();
        let udp_ports = UdpPorts::new(udp_ports, udp_address(&config), clock);
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
        let encoders = Arc::<Encoders>::default();
        let metrics = Measured {
            sessions,
            totals,
            mounts: &mounts,
            sources: &sources,
            feeds: &feeds,
            encoders: &encoders,
            gate: &gate,
            web: &web,
            udp_ports,
            blocks,
            setting,
        }
        .metrics();
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

fn gate(config: &Config, clock: Clock) -> Arc<Gate> {
    let movies = config.server.movies.clone();
    let gate = Gate::new(movies, config.gate_settings(), Arc::new(Fetcher), clock);
    gate.set_networks(config.client_networks());
    gate
}

fn mounts(config: &Config, clock: Clock) -> Arc<Mounts> {
    let mounts = Mounts::new(channel_limits(&config.live), clock);
    mounts.set_groups(group_names(config));
    mounts
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
