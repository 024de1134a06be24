//! The listening sockets of the server, bound as the configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::error;
use crate::config::Config;
use crate::net::listen::{BindError, Listener, Permits};
use crate::net::tls_acceptor::{Protocols, TlsAcceptor};
use crate::net::tls_identity::TlsIdentity;

/// The most connections to the administration port at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// What is listened on, by what is spoken there, in the clear or by TLS.
pub(super) struct Listeners {
    pub(super) rtsp: Vec<Listener>,
    pub(super) http: Vec<Listener>,
    pub(super) admin: Vec<Listener>,
    pub(super) ts: Vec<Listener>,
}

/// The addresses that were bound, with their real ports.
pub(super) struct Addresses {
    /// Without TLS.
    pub(super) plain: Spoken,
    /// With TLS.
    pub(super) tls: Spoken,
    /// Transport streams by TCP.
    pub(super) ts: Vec<SocketAddr>,
}

/// Addresses by what is spoken there.
pub(super) struct Spoken {
    /// RTSP and its tunnel.
    pub(super) rtsp: Vec<SocketAddr>,
    /// HTTP, and the tunnel.
    pub(super) http: Vec<SocketAddr>,
    /// Administration.
    pub(super) admin: Vec<SocketAddr>,
}

impl Listeners {
    /// Binds every address of `config`, for at most `connections` clients at a time. Who comes by TLS
    /// is shown `identity`; without one, nobody does.
    ///
    /// # Errors
    /// The first address that cannot be bound. Of those for transport streams only the log tells, for one
    /// encoder's port keeps nobody from watching, and so of those for TLS that no setting asks for.
    pub(super) fn bind(
        config: &Config,
        connections: usize,
        identity: Option<&Arc<TlsIdentity>>,
    ) -> Result<Self, BindError> {
        let (clients, admin) = (Permits::new(connections), Permits::new(ADMIN_CONNECTIONS));
        let (defaults, Config { rtsp, http, .. }) = (Config::default(), config);
        let binding = |permits| Binding { permits, identity };
        Ok(Self {
            rtsp: binding(&clients).bind(
                &rtsp.listen,
                (&rtsp.tls_listen, &defaults.rtsp.tls_listen),
                Protocols::Rtsp,
            )?,
            http: binding(&clients).bind(
                &http.listen,
                (&http.tls_listen, &defaults.http.tls_listen),
                Protocols::Http,
            )?,
            admin: binding(&admin).bind(
                &config.admin.listen,
                (&config.admin.tls_listen, &defaults.admin.tls_listen),
                Protocols::Http1,
            )?,
            ts: bind_if_free(
                &config.ts.listen,
                &clients,
                "no transport streams arrive by TCP",
            ),
        })
    }

    /// Where they listen.
    pub(super) fn addresses(&self) -> Addresses {
        let spoken = |by_tls| Spoken {
            rtsp: addresses(&self.rtsp, by_tls),
            http: addresses(&self.http, by_tls),
            admin: addresses(&self.admin, by_tls),
        };
        Addresses {
            plain: spoken(false),
            tls: spoken(true),
            ts: addresses(&self.ts, false),
        }
    }
}

/// What listeners have in common.
struct Binding<'a> {
    permits: &'a Permits,
    identity: Option<&'a Arc<TlsIdentity>>,
}

impl Binding<'_> {
    /// Listens at `plain`, and with TLS at `wanted`, which may be what is so by `default`.
    fn bind(
        &self,
        plain: &[SocketAddr],
        (wanted, default): (&[SocketAddr], &[SocketAddr]),
        protocols: Protocols,
    ) -> Result<Vec<Listener>, BindError> {
        let mut listeners = bind(plain, self.permits)?;
        let Some(identity) = self.identity else {
            return Ok(listeners);
        };
        let by_tls = match wanted == default {
            true => bind_if_free(wanted, self.permits, "nobody comes by TLS"),
            false => bind(wanted, self.permits)?,
        };
        let acceptor = Arc::new(TlsAcceptor::new(Arc::clone(identity), protocols));
        let by_tls = by_tls.into_iter();
        listeners.extend(by_tls.map(|listener| listener.with_tls(Arc::clone(&acceptor))));
        Ok(listeners)
    }
}

fn bind(addresses: &[SocketAddr], permits: &Permits) -> Result<Vec<Listener>, BindError> {
    addresses
        .iter()
        .map(|address| Listener::bind(*address, permits))
        .collect()
}

/// Those that nobody else has; of the others the log tells what their lack means.
fn bind_if_free(addresses: &[SocketAddr], permits: &Permits, lack: &str) -> Vec<Listener> {
    let tell = |error: &BindError| tracing::error!("{lack}: {}", error::chain(error));
    addresses
        .iter()
        .filter_map(|address| Listener::bind(*address, permits).inspect_err(tell).ok())
        .collect()
}

fn addresses(listeners: &[Listener], by_tls: bool) -> Vec<SocketAddr> {
    let listeners = listeners.iter();
    let listeners = listeners.filter(|listener| listener.tls().is_some() == by_tls);
    listeners.map(Listener::local_addr).collect()
}
