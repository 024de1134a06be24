//! Listening to announcements of multicast sessions, which become channels (RFC 2974).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Feeds;
use super::sap_sessions::{Admission, SapSessions, Step};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::{Config, Sap};
use crate::net::multicast::{Casts, SAP_PORT};
use crate::net::receiver::{Receiver, Reception, Senders};
use crate::wire::sap::Packet;

/// Where sessions of each scope are announced (RFC 2974, 3): global, organisation-local, local; then the same of IPv6.
const GROUPS: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(224, 2, 127, 254)),
    IpAddr::V4(Ipv4Addr::new(239, 195, 255, 255)),
    IpAddr::V4(Ipv4Addr::new(239, 255, 255, 255)),
    IpAddr::V6(Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 2, 0x7ffe)),
    IpAddr::V6(Ipv6Addr::new(0xff08, 0, 0, 0, 0, 0, 2, 0x7ffe)),
    IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 2, 0x7ffe)),
];

/// How often sessions are looked at that may be over.
const EXPIRY: Duration = Duration::from_secs(10);

/// The longest packet that is read, in bytes; longer ones should not be sent (RFC 2974, 6).
const LONGEST: usize = 4096;

/// Listens while the configuration says so.
pub struct SapListener {
    feeds: Arc<Feeds>,
    casts: Arc<Casts>,
    clock: Clock,
    settings: watch::Receiver<Arc<Config>>,
    sessions: SapSessions,
}

impl SapListener {
    /// A listener that offers what it hears of to `feeds`, but for what `casts` themselves send.
    pub fn new(
        feeds: Arc<Feeds>,
        casts: Arc<Casts>,
        settings: watch::Receiver<Arc<Config>>,
        clock: Clock,
    ) -> Self {
        Self {
            feeds,
            casts,
            clock,
            settings,
            sessions: SapSessions::default(),
        }
    }

    /// Listens until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
        self.withdraw_all().await;
    }

    async fn follow(&mut self) {
        loop {
            let config = Arc::clone(&self.settings.borrow_and_update());
            let (sap, interface) = (config.sap.clone(), config.multicast.interface.clone());
            let receivers = match sap.listen {
                true => receivers(&interface),
                false => Vec::new(),
            };
            let mut settings = self.settings.clone();
            let is_other =
                |config: &Arc<Config>| config.sap != sap || config.multicast.interface != interface;
            let other = async { settings.wait_for(is_other).await.map(drop) };
            tokio::select! {
                // The sender of settings outlives the server.
                _ = other => {}
                () = self.listen(&receivers, &sap, &interface) => {}
            }
            self.withdraw_all().await;
        }
    }

    /// Takes what arrives, for ever.
    async fn listen(&mut self, receivers: &[Receiver], sap: &Sap, interface: &str) {
        let mut expiry = tokio::time::interval(EXPIRY);
        loop {
            tokio::select! {
                _ = expiry.tick() => {
                    for channel in self.sessions.expire(self.clock.now()) {
                        self.withdraw(&channel, "was not announced for too long").await;
                    }
                }
                (packet, sender) = next(receivers) => {
                    self.take(&packet, sender, sap, interface).await;
                }
            }
        }
    }

    async fn take(&mut self, datagram: &[u8], sender: SocketAddr, sap: &Sap, interface: &str) {
        let packet = match Packet::read(datagram) {
            Ok(packet) => packet,
            Err(error) => return tracing::debug!(%sender, "announcement: {error}"),
        };
        let now = self.clock.now();
        let admission = Admission {
            groups: sap.groups.clone(),
            own: self.casts.groups(),
            senders: sap.senders.clone(),
            most: sap.sessions.into(),
        };
        match self.sessions.take(&packet, sender.ip(), &admission, now) {
            Step::Nothing => {}
            Step::Offer(channel) => self.offer(&channel, sender.ip(), interface).await,
            Step::Withdraw(channel) => self.withdraw(&channel, "was withdrawn").await,
            Step::Refuse(reason) => tracing::debug!(%sender, "announcement refused: {reason}"),
        }
    }

    async fn offer(&mut self, channel: &MediaPath, sender: IpAddr, interface: &str) {
        let origin = format!("announcement of {sender}");
        let sdp = self.sessions.sdp(channel).unwrap_or_default();
        match self.feeds.offer(channel, &origin, sdp, interface).await {
            Ok(()) => tracing::info!(%channel, "a session was announced by {sender}"),
            Err(refused) => {
                tracing::warn!(%channel, "the session that {sender} announces is passed over: {refused}");
                self.sessions.forget(channel);
            }
        }
    }

    async fn withdraw(&self, channel: &MediaPath, why: &str) {
        tracing::info!(%channel, "the session {why}");
        self.feeds.withdraw(channel).await;
    }

    async fn withdraw_all(&mut self) {
        for channel in self.sessions.clear() {
            self.feeds.withdraw(&channel).await;
        }
    }
}

/// Those of the groups that can be joined.
fn receivers(interface: &str) -> Vec<Receiver> {
    let receiver = |group| {
        let reception = Reception {
            address: SocketAddr::new(group, SAP_PORT),
            senders: Senders::Any,
            interface: interface.to_owned(),
        };
        let receiver = Receiver::bind(&reception);
        receiver.inspect_err(|error| tracing::debug!(%group, "no announcements are heard: {error}"))
    };
    let receivers: Vec<_> = GROUPS
        .into_iter()
        .filter_map(|group| receiver(group).ok())
        .collect();
    if receivers.is_empty() {
        tracing::warn!("no announcements are heard: none of their groups can be joined");
    }
    receivers
}

/// The next datagram of any; never without receivers. Cancel safe.
async fn next(receivers: &[Receiver]) -> (Vec<u8>, SocketAddr) {
    if receivers.is_empty() {
        return std::future::pending().await;
    }
    let received = receivers.iter().map(|receiver| {
        Box::pin(async move {
            let mut buffer = vec![0; LONGEST];
            loop {
                if let Ok((size, sender)) = receiver.receive(&mut buffer).await {
                    buffer.truncate(size);
                    return (buffer, sender);
                }
            }
        })
    });
    select_all(received).await.0
}
