//! The listening sockets of the server, bound as the configuration says.

use std::net::SocketAddr;

use crate::base::error;
use crate::config::Config;
use crate::net::listen::{BindError, Listener, Permits};

/// The most connections to the administration port at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// What is listened on, by what is spoken there.
pub(super) struct Listeners {
    pub(super) rtsp: Vec<Listener>,
    pub(super) http: Vec<Listener>,
    pub(super) admin: Vec<Listener>,
    pub(super) ts: Vec<Listener>,
}

/// The addresses that were bound, with their real ports.
pub(super) struct Addresses {
    /// RTSP and its tunnel.
    pub(super) rtsp: Vec<SocketAddr>,
    /// HTTP, and the tunnel.
    pub(super) http: Vec<SocketAddr>,
    /// Administration.
    pub(super) admin: Vec<SocketAddr>,
    /// Transport streams by TCP.
    pub(super) ts: Vec<SocketAddr>,
}

impl Listeners {
    /// Binds every address of `config`, for at most `connections` clients at a time.
    ///
    /// # Errors
    /// The first address that cannot be bound; of those for transport streams
    /// only the log tells, for one encoder's port keeps nobody from watching.
    pub(super) fn bind(config: &Config, connections: usize) -> Result<Self, BindError> {
        let permits = Permits::new(connections);
        Ok(Self {
            rtsp: bind(&config.rtsp.listen, &permits)?,
            http: bind(&config.http.listen, &permits)?,
            admin: bind(&config.admin.listen, &Permits::new(ADMIN_CONNECTIONS))?,
            ts: bind_if_free(&config.ts.listen, &permits),
        })
    }

    /// Where they listen.
    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            rtsp: addresses(&self.rtsp),
            http: addresses(&self.http),
            admin: addresses(&self.admin),
            ts: addresses(&self.ts),
        }
    }
}

fn bind(addresses: &[SocketAddr], permits: &Permits) -> Result<Vec<Listener>, BindError> {
    addresses
        .iter()
        .map(|address| Listener::bind(*address, permits))
        .collect()
}

fn bind_if_free(addresses: &[SocketAddr], permits: &Permits) -> Vec<Listener> {
    let tell = |error: &BindError| {
        tracing::error!(
            "no transport streams arrive by TCP: {}",
            error::chain(error)
        );
    };
    addresses
        .iter()
        .filter_map(|address| Listener::bind(*address, permits).inspect_err(tell).ok())
        .collect()
}

fn addresses(listeners: &[Listener]) -> Vec<SocketAddr> {
    listeners.iter().map(Listener::local_addr).collect()
}
