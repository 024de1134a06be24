//! An RTSP service in the test's own process, for tests that must reach its settings and tables.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::access::Gate;
use reelcast::base::clock::Clock;
use reelcast::config::Config;
use reelcast::hls::gateway::Gateway;
use reelcast::http::metrics::Metrics;
use reelcast::http::pauses::Pauses;
use reelcast::http::rates::Rates;
use reelcast::http::server::{Pages, Server as HttpServer};
use reelcast::log::access::AccessLog;
use reelcast::media::mounts::{self, Mounts};
use reelcast::media::sessions::{Role, Sessions};
use reelcast::media::stats::Totals;
use reelcast::net::fan::{self, Fan};
use reelcast::net::fetcher::Fetcher;
use reelcast::net::listen::Listener;
use reelcast::net::multicast::{self, Announcer, Casts};
use reelcast::net::permits::{self, Permits, Shares};
use reelcast::net::udp_ports::UdpPorts;
use reelcast::rtsp::{Parts, Service, serve, serve_http_port};
use reelcast::source::ts_listener::Encoders;
use reelcast::source::{Feeds, SapListener, SdpFolder, Sources};
use reelcast::vod::{Blocks, Library, Pace, Pacer};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running service; ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Where it speaks HTTP.
    pub(crate) http: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) sessions: Sessions,
    pub(crate) mounts: Arc<Mounts>,
    pub(crate) hls: Arc<Gateway>,
    /// Who has come to the port for transport streams.
    pub(crate) encoders: Arc<Encoders>,
    pub(crate) clock: Clock,
    metrics: Metrics,
    shares: Arc<Shares>,
    config: watch::Sender<Arc<Config>>,
    _stop: DropGuard,
    _state: TempDir,
}

impl Server {
    /// Serves the movies in `folder` with the default settings as `change` changes them.
    pub(crate) fn start(folder: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::start_at(local, folder, AccessLog::disabled(), change)
    }

    /// The same on the address `local`, with ended sessions noted in `access_log`.
    pub(crate) fn start_at(
        local: IpAddr,
        folder: &Path,
        access_log: AccessLog,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        let state = tempfile::tempdir().unwrap();
        config.server.state = state.path().to_owned();
        change(&mut config);
        let clock = Clock::start();
        let pace = Pace {
            tcp_interval: config.rtsp.tcp_interval,
            udp_interval: config.rtsp.udp_interval,
            payload_limit: config.rtsp.max_packet.into(),
        };
        let mounts = Mounts::new(mounts::Limits::default(), clock);
        let settings = fan::Settings {
            fast_start_rate: config.live.fast_start_rate,
            slow_reader: config.live.slow_reader,
        };
        let (sender, config) = watch::channel(Arc::new(config));
        let sessions = Sessions::new();
        let totals = Arc::<Totals>::default();
        let fan = Fan::new(settings, clock);
        let casts = multicast::Settings {
            groups: config.borrow().multicast.groups,
            ports: config.borrow().multicast.ports.clone(),
            ttl: 1,
            interface: config.borrow().multicast.interface.clone(),
            source_specific: config.borrow().multicast.source_specific,
            announce: config.borrow().sap.announce,
        };
        let library = Arc::new(Library::new(folder.to_owned(), true));
        let gate = Gate::new(
            folder.to_owned(),
            config.borrow().gate_settings(),
            Arc::new(Fetcher),
            clock,
        );
        gate.set_networks(config.borrow().client_networks());
        let stop = CancellationToken::new();
        let feeds = Feeds::new(Sources::new(Arc::clone(&mounts), clock), stop.clone());
        let files = SdpFolder::new(Arc::clone(&library), Arc::clone(&feeds), config.clone());
        tokio::spawn(files.run(stop.clone()));
        let log = access_log.clone();
        let blocks = Arc::new(Blocks::new(32 << 20));
        let movies = (Arc::clone(&library), Arc::clone(&blocks));
        let hls = Gateway::new(movies, sessions.clone(), log, &config, clock);
        tokio::spawn(Arc::clone(&hls).watch(Arc::clone(&mounts)));
        let web = Arc::new(HttpServer {
            library: Arc::clone(&library),
            gate: Arc::clone(&gate),
            mounts: Arc::clone(&mounts),
            hls: Arc::clone(&hls),
            proofs: Arc::default(),
            pages: Pages::default(),
            sessions: sessions.clone(),
            uploads: Arc::default(),
            pauses: Pauses::default(),
            rates: Rates::default(),
            settings: config.clone(),
            clock,
        });
        tokio::spawn(Arc::clone(&web).watch());
        let casts = Casts::new(casts, Arc::clone(&fan), sessions.clone(), clock);
        let announcements = SapListener::new(
            Arc::clone(&feeds),
            Arc::clone(&casts),
            config.clone(),
            clock,
        );
        tokio::spawn(announcements.run(stop.clone()));
        tokio::spawn(Announcer::new(Arc::clone(&casts), clock).run(stop.clone()));
        let service = Service::new(Parts {
            library,
            gate: Arc::clone(&gate),
            feeds,
            pacer: Pacer::start(1, pace, blocks, clock),
            mounts: Arc::clone(&mounts),
            casts,
            fan,
            udp_ports: UdpPorts::new(0..=0, local, clock),
            sessions: sessions.clone(),
            totals: Arc::clone(&totals),
            config,
            access_log,
            clock,
        });
        let encoders = Arc::<Encoders>::default();
        let mut metrics = Metrics::new(sessions.clone(), Arc::clone(&mounts), Arc::clone(&totals));
        metrics.access(Arc::clone(&gate));
        metrics.uploads(Arc::clone(&web.uploads));
        metrics.encoders(Arc::clone(&encoders));
        let shares = Arc::<Shares>::default();
        shares.configure(connection_settings(&sender.borrow()));
        let counted = Arc::clone(&shares);
        metrics.counter("tcp_connections_refused", "", move || counted.refused());
        let permits = Permits::with_shares(1000, &shares);
        let listener = Listener::bind((local, 0).into(), &permits).unwrap();
        let address = listener.local_addr();
        let expiring = Arc::clone(&service);
        let expiry = stop.clone();
        tokio::spawn(async move { expiring.expire_sessions(expiry).await });
        tokio::spawn(serve(listener, Arc::clone(&service), stop.clone()));
        let permits = Permits::with_shares(1000, &shares);
        let listener = Listener::bind((local, 0).into(), &permits).unwrap();
        let http = listener.local_addr();
        let plain = move |accepted, first| {
            let web = Arc::clone(&web);
            async move { web.serve(accepted, first).await }
        };
        tokio::spawn(serve_http_port(listener, service, plain, stop.clone()));
        Self {
            address,
            http,
            gate,
            sessions,
            mounts,
            hls,
            encoders,
            clock,
            metrics,
            shares,
            config: sender,
            _stop: stop.drop_guard(),
            _state: state,
        }
    }

    /// Changes the settings while the server runs.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.config
            .send_modify(|config| change(Arc::make_mut(config)));
        let config = self.config.borrow();
        self.gate.configure(config.gate_settings());
        self.gate.set_networks(config.client_networks());
        self.shares.configure(connection_settings(&config));
        drop(config);
        let networks = self.gate.networks();
        self.sessions
            .end_those(|facts| !networks.let_in(facts.role == Role::Publisher, facts.peer.ip()));
    }

    /// Ends the channels whose publishers are gone, as if they had been for as long as channels wait.
    pub(crate) fn give_up(&self) {
        self.mounts.configure(mounts::Limits {
            grace: Duration::ZERO,
            ..mounts::Limits::default()
        });
        self.mounts.expire(self.clock.now());
    }

    /// What the metrics count as `sample`, a name with its labels; 0 when it is not there.
    pub(crate) fn count(&self, sample: &str) -> u64 {
        let summary = self.metrics.summary();
        let mut lines = summary.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.find(|(name, _)| name.strip_prefix("reelcast_") == Some(sample));
        found.map_or(0, |(_, count)| count.parse().expect("a count"))
    }

    /// The settings, also when they change.
    pub(crate) fn settings(&self) -> watch::Receiver<Arc<Config>> {
        self.config.subscribe()
    }

    /// Waits until the table has `count` sessions.
    pub(crate) async fn wait_for_sessions(&self, count: usize) {
        let there = async {
            while self.sessions.len() != count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let there = tokio::time::timeout(Duration::from_secs(10), there).await;
        there.unwrap_or_else(|_| panic!("{} sessions, not {count}", self.sessions.len()));
    }
}

fn connection_settings(config: &Config) -> permits::Settings {
    permits::Settings {
        of_address: config.limits.tcp_connections_per_address,
        excepted: [&config.proxy.tcp[..], &config.proxy.http].concat(),
    }
}
