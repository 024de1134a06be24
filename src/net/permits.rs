//! How many connections may be open at once: all together, and of each address.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use crate::base::holder::Holder;
use crate::base::peer::Peer;

/// The right to have so many connections open. Clones share the number.
#[derive(Clone, Debug)]
pub struct Permits {
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// A place for a connection that nobody has yet.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The right to have one connection open; given back on drop.
#[derive(Debug)]
pub struct Permit {
    _place: Place,
    share: Share,
}

impl Permits {
    /// At most `limit` connections, from wherever.
    pub fn new(limit: usize) -> Self {
        Self::with_shares(limit, &Arc::default())
    }

    /// At most `limit` connections, those of each address no more than `shares` leaves it.
    pub fn with_shares(limit: usize, shares: &Arc<Shares>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            shares: Arc::clone(shares),
        }
    }

    /// A place, once there is one. Cancel safe.
    pub(super) async fn place(&self) -> Place {
        let permit = Arc::clone(&self.places).acquire_owned().await;
        Place {
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    /// The place for a connection of `peer`.
    ///
    /// # Errors
    /// [`Crowded`].
    pub(super) fn give(&self, place: Place, peer: Peer) -> Result<Permit, Crowded> {
        let share = self.shares.take(peer)?;
        Ok(Permit {
            _place: place,
            share,
        })
    }
}

impl Permit {
    /// The same for `peer`, for whom a proxy turns out to have made the connection.
    ///
    /// # Errors
    /// [`Crowded`]; the permit is given back.
    pub(super) fn pass_on(self, peer: Peer) -> Result<Self, Crowded> {
        let share = self.share.shares.take(peer)?;
        Ok(Self { share, ..self })
    }
}

/// There are as many connections from an address as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are too many connections from that address")]
pub(super) struct Crowded;

impl From<Crowded> for io::Error {
    fn from(crowded: Crowded) -> Self {
        Self::new(io::ErrorKind::QuotaExceeded, crowded)
    }
}

/// How many connections an address may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The most of each address, or network of IPv6 with 64 bits; 0: no limit.
    pub of_address: u32,
    /// Networks that may have as many as they like, as this host may.
    pub excepted: Vec<IpNet>,
}

/// How many connections each address has, on all ports together. Sans-IO; at first without a limit.
#[derive(Debug, Default)]
pub struct Shares {
    table: Mutex<Table>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    settings: Settings,
    /// Those that have any.
    open: HashMap<Holder, Open>,
}

#[derive(Debug, Default)]
struct Open {
    connections: u32,
    /// Whether the log has told that they are too many.
    is_told: bool,
}

/// One connection's part of what its address has; given back on drop.
#[derive(Debug)]
struct Share {
    shares: Arc<Shares>,
    /// `None` for those that do not count.
    holder: Option<Holder>,
}

impl Shares {
    /// Takes other settings from now on. What is open stays.
    pub fn configure(&self, settings: Settings) {
        self.table().settings = settings;
    }

    /// How many connections were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn take(self: &Arc<Self>, peer: Peer) -> Result<Share, Crowded> {
        let holder = self.table().enter(peer);
        let holder = holder.inspect_err(|_| {
            self.refused.fetch_add(1, Relaxed);
        });
        Ok(Share {
            shares: Arc::clone(self),
            holder: holder?,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Counts a connection of `peer`, if those count.
    fn enter(&mut self, peer: Peer) -> Result<Option<Holder>, Crowded> {
        if self.settings.excepts(peer) {
            return Ok(None);
        }
        let holder = Holder::of(peer.ip());
        let limit = self.settings.of_address;
        let open = self.open.entry(holder).or_default();
        if limit > 0 && open.connections >= limit {
            if !open.is_told {
                warn!(%peer, limit, "connections are refused: there are too many from that address");
            }
            open.is_told = true;
            return Err(Crowded);
        }
        open.connections += 1;
        Ok(Some(holder))
    }

    fn leave(&mut self, holder: Holder) {
        let Some(open) = self.open.get_mut(&holder) else {
            return;
        };
        open.connections -= 1;
        if open.connections == 0 {
            self.open.remove(&holder);
        }
    }
}

impl Settings {
    /// Whether connections of `peer` do not count. What a proxy calls this host is another one.
    fn excepts(&self, peer: Peer) -> bool {
        let is_here = !peer.is_proxied && Holder::of(peer.ip()).is_this_host();
        let mut excepted = self.excepted.iter();
        is_here || excepted.any(|network| network.contains(&peer.ip()))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(holder) = self.holder {
            self.shares.table().leave(holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(of_address: u32) -> Arc<Shares> {
        let shares = Arc::<Shares>::default();
        shares.configure(settings(of_address));
        shares
    }

    fn settings(of_address: u32) -> Settings {
        Settings {
            of_address,
            excepted: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn peer(address: &str) -> Peer {
        Peer::direct((address.parse::<std::net::IpAddr>().unwrap(), 9).into())
    }

    #[test]
    fn an_address_has_its_share() {
        let shares = shares(2);
        let take = |address| shares.take(peer(address));
        let first = take("192.0.2.1").unwrap();
        let _second = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1").unwrap_err(), Crowded);
        let _other = take("192.0.2.2").unwrap();
        drop(first);
        let _third = take("192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1").unwrap_err(), Crowded);
        let _networks = [take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap()];
        assert_eq!(take("2001:db8::3").unwrap_err(), Crowded);
        assert_eq!(shares.refused(), 3);
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone() {
        let shares = shares(1);
        let one = shares.take(peer("192.0.2.1")).unwrap();
        assert!(shares.take(peer("192.0.2.1")).is_err());
        drop(one);
        assert!(shares.table().open.is_empty());
    }

    #[test]
    fn a_limit_counts_who_came_before_it() {
        let shares = shares(0);
        let take = || shares.take(peer("192.0.2.1"));
        let (first, second) = (take().unwrap(), take().unwrap());
        shares.configure(settings(2));
        assert!(take().is_err());
        shares.configure(settings(1));
        drop(first);
        assert!(take().is_err());
        drop(second);
        assert!(take().is_ok());
    }

    #[test]
    fn this_host_and_proxies_do_not_count() {
        let shares = shares(1);
        for address in ["127.0.0.1", "::1", "10.1.2.3"] {
            let _one = shares.take(peer(address)).unwrap();
            assert!(shares.take(peer(address)).is_ok(), "{address}");
        }
        let told = Peer {
            is_proxied: true,
            ..peer("127.0.0.1")
        };
        let _one = shares.take(told).unwrap();
        assert!(shares.take(told).is_err());
    }

    #[tokio::test]
    async fn a_proxy_passes_its_place_on() {
        let permits = Permits::with_shares(2, &shares(1));
        let proxy = || peer("10.0.0.1");
        let first = permits.give(permits.place().await, proxy()).unwrap();
        let first = first.pass_on(peer("192.0.2.1")).unwrap();
        let second = permits.give(permits.place().await, proxy()).unwrap();
        assert_eq!(second.pass_on(peer("192.0.2.1")).unwrap_err(), Crowded);
        let second = permits.give(permits.place().await, proxy()).unwrap();
        assert_eq!(permits.places.available_permits(), 0);
        drop(first);
        assert!(second.pass_on(peer("192.0.2.1")).is_ok());
        assert_eq!(permits.places.available_permits(), 2);
    }
}
