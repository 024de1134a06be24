//! The server: all parts built together, started in order and stopped in reverse.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::descriptors;
use crate::base::clock::Clock;
use crate::base::error;
use crate::config::{Config, Live, Rtsp};
use crate::http::admin;
use crate::http::metrics::Metrics;
use crate::http::pauses::Pauses;
use crate::http::server::Server as HttpServer;
use crate::log::access::AccessLog;
use crate::media::mounts::{self, Mounts};
use crate::media::sessions::Sessions;
use crate::media::stats::Totals;
use crate::net::fan::{self, Fan};
use crate::net::listen::{BindError, Listener, Permits};
use crate::net::multicast::{self, Announcer, Casts};
use crate::net::udp_ports::UdpPorts;
use crate::rtsp::{self, Parts, Service};
use crate::source::{Feeds, SapListener, SdpFolder, Sources, ts_listener};
use crate::vod::{Blocks, Library, Pace, Pacer};

/// The most connections to the administration port at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// How often channels are looked at whose publisher may not come back.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long sessions and connections may take to end.
const FAREWELL: Duration = Duration::from_secs(4);

/// A running server.
pub(super) struct Server {
    rtsp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    admin: Vec<SocketAddr>,
    ts: Vec<SocketAddr>,
    library: Arc<Library>,
    pacer: Arc<Pacer>,
    mounts: Arc<Mounts>,
    fan: Arc<Fan>,
    casts: Arc<Casts>,
    /// Serves clients; ends first, together with the sources.
    clients: Group,
    /// Feeds channels as the configuration and the files of the movies folder say.
    sources: Group,
    /// Watches over the rest; ends last.
    supervision: Group,
}

/// Tasks that end together.
#[derive(Default)]
struct Group {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Binds every address and starts to serve. Needs a tokio runtime.
    ///
    /// # Errors
    /// The first address that cannot be bound; then nothing was started.
    pub(super) fn start(
        settings: &watch::Receiver<Arc<Config>>,
        access_log: &AccessLog,
        clock: Clock,
    ) -> Result<Self, BindError> {
        let config = Arc::clone(&settings.borrow());
        let permits = Permits::new(descriptors::raise());
        let rtsp = bind(&config.rtsp.listen, &permits)?;
        let http = bind(&config.http.listen, &permits)?;
        let admin = bind(&config.admin.listen, &Permits::new(ADMIN_CONNECTIONS))?;
        let ts = bind_if_free(&config.ts.listen, &permits);

        let library = Library::new(config.server.movies.clone(), config.server.follow_links);
        let library = Arc::new(library);
        let blocks = Arc::new(Blocks::new(config.limits.movie_cache as u64));
        let pacer = Pacer::start(cores(), pace(&config.rtsp), Arc::clone(&blocks), clock);
        let mounts = Mounts::new(channel_limits(&config.live), clock);
        let fan = Fan::new(fan_settings(&config.live), clock);
        let sessions = Sessions::new();
        let totals = Arc::new(Totals::default());
        let casts = multicast_settings(&config);
        let casts = Casts::new(casts, Arc::clone(&fan), sessions.clone(), clock);
        let udp_range = config.rtsp.udp_ports.clone();
        let udp_ports = UdpPorts::new(udp_range, udp_address(&config), clock);
        let feeding = Group::default();
        let sources = Sources::new(Arc::clone(&mounts), clock);
        let feeds = Feeds::new(Arc::clone(&sources), feeding.stop.clone());
        let service = Service::new(Parts {
            library: Arc::clone(&library),
            pacer: Arc::clone(&pacer),
            mounts: Arc::clone(&mounts),
            feeds: Arc::clone(&feeds),
            fan: Arc::clone(&fan),
            casts: Arc::clone(&casts),
            udp_ports: udp_ports.clone(),
            sessions: sessions.clone(),
            totals: Arc::clone(&totals),
            config: settings.clone(),
            access_log: access_log.clone(),
            clock,
        });
        let mut metrics = Metrics::new(sessions, Arc::clone(&mounts), totals);
        metrics.sources(Arc::clone(&sources), Arc::clone(&feeds));
        metrics.counter(
            "stray_datagrams",
            "Datagrams on the UDP ports from addresses that no session has.",
            move || udp_ports.strangers(),
        );
        let web = Arc::new(HttpServer {
            library: Arc::clone(&library),
            mounts: Arc::clone(&mounts),
            uploads: Arc::default(),
            pauses: Pauses::default(),
            settings: settings.clone(),
            clock,
        });
        metrics.uploads(Arc::clone(&web.uploads));
        let metrics = Arc::new(with_files(metrics, blocks, access_log.clone()));

        let server = Self {
            rtsp: addresses(&rtsp),
            http: addresses(&http),
            admin: addresses(&admin),
            ts: addresses(&ts),
            library,
            pacer,
            mounts,
            fan,
            casts,
            clients: Group::default(),
            sources: feeding,
            supervision: Group::default(),
        };
        let supervision = &server.supervision;
        for listener in admin {
            let stop = supervision.stop.clone();
            supervision.spawn(admin::serve(listener, Arc::clone(&metrics), stop));
        }
        supervision.spawn(server.followers().follow(settings.clone()));
        supervision.spawn(expire_channels(Arc::clone(&server.mounts), clock));
        let feeding = &server.sources;
        let configured = sources.run(settings.clone(), feeding.stop.clone());
        feeding.tasks.spawn(configured);
        let library = Arc::clone(&server.library);
        let files = SdpFolder::new(library, Arc::clone(&feeds), settings.clone());
        feeding.tasks.spawn(files.run(feeding.stop.clone()));
        let casts = Arc::clone(&server.casts);
        let sessions = SapListener::new(feeds, Arc::clone(&casts), settings.clone(), clock);
        feeding.tasks.spawn(sessions.run(feeding.stop.clone()));
        let announcer = Announcer::new(casts, clock);
        feeding.tasks.spawn(announcer.run(feeding.stop.clone()));
        for listener in ts {
            let mounts = Arc::clone(&server.mounts);
            let serving = ts_listener::serve(listener, mounts, settings.clone(), clock);
            feeding.spawn(serving);
        }
        let clients = &server.clients;
        let (service_there, stop) = (Arc::clone(&service), clients.stop.clone());
        clients
            .tasks
            .spawn(async move { service_there.expire_sessions(stop).await });
        for listener in rtsp {
            let (service, stop) = (Arc::clone(&service), clients.stop.clone());
            clients.tasks.spawn(rtsp::serve(listener, service, stop));
        }
        for listener in http {
            let (service, stop) = (Arc::clone(&service), clients.stop.clone());
            let web = Arc::clone(&web);
            let plain = move |accepted, first| {
                let web = Arc::clone(&web);
                async move { web.serve(accepted, first).await }
            };
            let serving = rtsp::serve_http_port(listener, service, plain, stop);
            clients.tasks.spawn(serving);
        }
        Ok(server)
    }

    /// The addresses that are bound for RTSP.
    pub(super) fn rtsp(&self) -> &[SocketAddr] {
        &self.rtsp
    }

    /// The addresses that are bound for HTTP.
    pub(super) fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// The addresses that are bound for administration.
    pub(super) fn admin(&self) -> &[SocketAddr] {
        &self.admin
    }

    /// The addresses that are bound for transport streams.
    pub(super) fn ts(&self) -> &[SocketAddr] {
        &self.ts
    }

    /// The movies.
    pub(super) fn library(&self) -> &Arc<Library> {
        &self.library
    }

    fn followers(&self) -> Followers {
        Followers {
            pacer: Arc::clone(&self.pacer),
            mounts: Arc::clone(&self.mounts),
            fan: Arc::clone(&self.fan),
            casts: Arc::clone(&self.casts),
        }
    }

    /// Ends every session with its farewell, then what served them; takes at most 5 s.
    pub(super) async fn stop(self) {
        // A source that is told to stop takes no offence at losing its channel.
        self.sources.stop.cancel();
        self.mounts.stop();
        let (clients, sources) =
            tokio::join!(self.clients.end(FAREWELL), self.sources.end(FAREWELL));
        if !clients {
            tracing::warn!("some sessions did not end in time");
        }
        if !sources {
            tracing::warn!("some sources did not end in time");
        }
        self.fan.stop().await;
        self.pacer.stop().await;
        self.supervision.end(Duration::from_secs(1)).await;
    }
}

impl Group {
    /// Runs `task` until it ends or the group is stopped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone().cancelled_owned();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = task => {}
            }
        });
    }

    /// Stops all tasks and waits for them; false when they took longer than `patience`.
    async fn end(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_ok()
    }
}

/// The parts that are told of changed settings, for they do not look them up by themselves.
struct Followers {
    pacer: Arc<Pacer>,
    mounts: Arc<Mounts>,
    fan: Arc<Fan>,
    casts: Arc<Casts>,
}

impl Followers {
    async fn follow(self, mut settings: watch::Receiver<Arc<Config>>) {
        while settings.changed().await.is_ok() {
            let config = Arc::clone(&settings.borrow_and_update());
            self.pacer.set_pace(pace(&config.rtsp));
            self.mounts.configure(channel_limits(&config.live));
            self.fan.configure(fan_settings(&config.live));
            self.casts.configure(multicast_settings(&config));
        }
    }
}

/// Ends the channels whose publisher does not come back.
async fn expire_channels(mounts: Arc<Mounts>, clock: Clock) {
    let mut ticks = tokio::time::interval(EXPIRY_INTERVAL);
    loop {
        ticks.tick().await;
        mounts.expire(clock.now());
    }
}

fn bind(addresses: &[SocketAddr], permits: &Permits) -> Result<Vec<Listener>, BindError> {
    addresses
        .iter()
        .map(|address| Listener::bind(*address, permits))
        .collect()
}

/// Binds what can be: one encoder's port that is taken keeps nobody from watching.
fn bind_if_free(addresses: &[SocketAddr], permits: &Permits) -> Vec<Listener> {
    let bound = addresses
        .iter()
        .map(|address| Listener::bind(*address, permits));
    bound
        .filter_map(|listener| {
            let failed = |error: &BindError| {
                tracing::error!(
                    "no transport streams arrive by TCP: {}",
                    error::chain(error)
                );
            };
            listener.inspect_err(failed).ok()
        })
        .collect()
}

fn addresses(listeners: &[Listener]) -> Vec<SocketAddr> {
    listeners.iter().map(Listener::local_addr).collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn pace(rtsp: &Rtsp) -> Pace {
    Pace {
        tcp_interval: rtsp.tcp_interval,
        udp_interval: rtsp.udp_interval,
        payload_limit: usize::from(rtsp.max_packet),
    }
}

fn channel_limits(live: &Live) -> mounts::Limits {
    mounts::Limits {
        ring_bytes: live.ring_bytes,
        ring_time: live.ring_time,
        grace: live.grace,
        hold: live.hold,
        ..mounts::Limits::default()
    }
}

fn fan_settings(live: &Live) -> fan::Settings {
    fan::Settings {
        fast_start_rate: live.fast_start_rate,
        slow_reader: live.slow_reader,
    }
}

fn multicast_settings(config: &Config) -> multicast::Settings {
    let multicast = &config.multicast;
    multicast::Settings {
        groups: multicast.groups,
        ports: multicast.ports.clone(),
        ttl: multicast.ttl,
        interface: multicast.interface.clone(),
        source_specific: multicast.source_specific,
        announce: config.sap.announce,
    }
}

/// Media leaves from the one address that RTSP listens on, or from any.
fn udp_address(config: &Config) -> IpAddr {
    let mut addresses = config.rtsp.listen.iter().chain(&config.http.listen);
    let first = addresses.next().map(SocketAddr::ip);
    let only = first.filter(|first| addresses.all(|other| other.ip() == *first));
    only.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

/// `metrics` with the numbers of the movies' files and of the access log.
fn with_files(mut metrics: Metrics, blocks: Arc<Blocks>, access_log: AccessLog) -> Metrics {
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
    metrics
}
