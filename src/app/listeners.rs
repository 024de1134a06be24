//! The listening sockets of the server, bound as the configuration says.

use std::net::SocketAddr;
use std::sync::Arc;

use super::follow::connection_settings;
use crate::base::error;
use crate::config::Config;
use crate::net::listen::{BindError, Listener};
use crate::net::permits::{Permits, Shares};
use crate::net::tls_acceptor::{Protocols, TlsAcceptor};
use crate::net::tls_identity::TlsIdentity;

/// The most connections to the administration port at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// What is bound, by what will be spoken there. It accepts nobody yet.
pub(super) struct Bound {
    rtsp: Ports,
    http: Ports,
    admin: Ports,
    ts: Vec<Listener>,
    shares: Arc<Shares>,
    /// Addresses without which the server can be, and what their lack means.
    lacking: Vec<(&'static str, BindError)>,
}

/// Listeners in the clear, and those for TLS.
struct Ports {
    plain: Vec<Listener>,
    tls: Vec<Listener>,
}

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

impl Bound {
    /// Binds every address of `config`, for at most `connections` clients at a time.
    ///
    /// # Errors
    /// The first address that cannot be bound. Those for transport streams are only lacking, for one
    /// encoder's port keeps nobody from watching, and so are those for TLS that no setting asks for.
    pub(super) fn bind(config: &Config, connections: usize) -> Result<Self, BindError> {
        let shares = Arc::<Shares>::default();
        shares.configure(connection_settings(config));
        let permits = |limit| Permits::with_shares(limit, &shares);
        let (clients, admin) = (permits(connections), permits(ADMIN_CONNECTIONS));
        let (defaults, Config { rtsp, http, .. }) = (Config::default(), config);
        let mut lacking = Vec::new();
        let mut ports = |plain: &[_], wanted: &[_], default: &[_], permits: &Permits| {
            Ok::<_, BindError>(Ports {
                plain: bind(plain, permits)?,
                tls: match wanted == default {
                    true => bind_if_free(wanted, permits, "nobody comes by TLS", &mut lacking),
                    false => bind(wanted, permits)?,
                },
            })
        };
        let default = &defaults.rtsp.tls_listen;
        let rtsp = ports(&rtsp.listen, &rtsp.tls_listen, default, &clients)?;
        let default = &defaults.http.tls_listen;
        let http = ports(&http.listen, &http.tls_listen, default, &clients)?;
        let (own, default) = (&config.admin, &defaults.admin.tls_listen);
        let admin = ports(&own.listen, &own.tls_listen, default, &admin)?;
        let lack = "no transport streams arrive by TCP";
        let ts = bind_if_free(&config.ts.listen, &clients, lack, &mut lacking);
        Ok(Self {
            rtsp,
            http,
            admin,
            ts,
            shares,
            lacking,
        })
    }

    /// How many connections each address has on what is bound.
    pub(super) fn shares(&self) -> &Arc<Shares> {
        &self.shares
    }

    /// Begins to listen: who comes by TLS is shown `identity`; without one, nobody does. The log tells what
    /// is lacking.
    pub(super) fn listen(self, identity: Option<&Arc<TlsIdentity>>) -> Listeners {
        for (lack, error) in &self.lacking {
            tracing::error!("{lack}: {}", error::chain(error));
        }
        Listeners {
            rtsp: self.rtsp.listen(identity, Protocols::Rtsp),
            http: self.http.listen(identity, Protocols::Http),
            admin: self.admin.listen(identity, Protocols::Http1),
            ts: self.ts,
        }
    }
}

impl Ports {
    fn listen(self, identity: Option<&Arc<TlsIdentity>>, protocols: Protocols) -> Vec<Listener> {
        let mut listeners = self.plain;
        if let Some(identity) = identity {
            let acceptor = Arc::new(TlsAcceptor::new(Arc::clone(identity), protocols));
            let by_tls = self.tls.into_iter();
            listeners.extend(by_tls.map(|listener| listener.with_tls(Arc::clone(&acceptor))));
        }
        listeners
    }
}

impl Listeners {
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

fn bind(addresses: &[SocketAddr], permits: &Permits) -> Result<Vec<Listener>, BindError> {
    addresses
        .iter()
        .map(|address| Listener::bind(*address, permits))
        .collect()
}

/// Those that nobody else has; the others are `lacking`, with what that means.
fn bind_if_free(
    addresses: &[SocketAddr],
    permits: &Permits,
    lack: &'static str,
    lacking: &mut Vec<(&'static str, BindError)>,
) -> Vec<Listener> {
    let mut bound = Vec::new();
    for address in addresses {
        match Listener::bind(*address, permits) {
            Ok(listener) => bound.push(listener),
            Err(error) => lacking.push((lack, error)),
        }
    }
    bound
}

fn addresses(listeners: &[Listener], by_tls: bool) -> Vec<SocketAddr> {
    let listeners = listeners.iter();
    let listeners = listeners.filter(|listener| listener.tls().is_some() == by_tls);
    listeners.map(Listener::local_addr).collect()
}
