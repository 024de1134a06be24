//! What the server counts: each part gives its numbers to whoever reads metrics.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::parts::Setting;
use crate::access::Gate;
use crate::hls::gateway::Gateway;
use crate::http::metrics::Metrics;
use crate::http::server::Server as HttpServer;
use crate::log::access::AccessLog;
use crate::media::mounts::Mounts;
use crate::media::sessions::Sessions;
use crate::media::stats::Totals;
use crate::net::permits::Shares;
use crate::net::tls_identity::TlsIdentity;
use crate::net::udp_ports::UdpPorts;
use crate::source::ts_listener::Encoders;
use crate::source::{Feeds, Sources};
use crate::vod::Blocks;

/// The parts that count.
pub(super) struct Measured<'p> {
    pub(super) sessions: Sessions,
    pub(super) totals: Arc<Totals>,
    pub(super) mounts: &'p Arc<Mounts>,
    pub(super) sources: &'p Arc<Sources>,
    pub(super) feeds: &'p Arc<Feeds>,
    pub(super) encoders: &'p Arc<Encoders>,
    pub(super) gate: &'p Arc<Gate>,
    pub(super) web: &'p Arc<HttpServer>,
    pub(super) udp_ports: UdpPorts,
    pub(super) blocks: Arc<Blocks>,
    pub(super) setting: &'p Setting,
}

impl Measured<'_> {
    /// All that is told of them.
    pub(super) fn metrics(self) -> Metrics {
        let mut metrics = Metrics::new(self.sessions, Arc::clone(self.mounts), self.totals);
        metrics.sources(Arc::clone(self.sources), Arc::clone(self.feeds));
        metrics.access(Arc::clone(self.gate));
        metrics.uploads(Arc::clone(&self.web.uploads));
        count_slow_listeners(&mut metrics, Arc::clone(&self.web.hls));
        count_hasty_requests(&mut metrics, Arc::clone(self.web));
        count_busy_logins(&mut metrics, Arc::clone(self.gate));
        count_crowds(&mut metrics, Arc::clone(&self.setting.shares));
        metrics.encoders(Arc::clone(self.encoders));
        metrics.hls(Arc::clone(&self.web.hls));
        count_strays(&mut metrics, self.udp_ports);
        count_files(&mut metrics, self.blocks, self.setting.access_log.clone());
        if let Some(identity) = &self.setting.identity {
            tell_end(&mut metrics, Arc::clone(identity));
        }
        metrics
    }
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
