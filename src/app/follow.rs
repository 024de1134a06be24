//! Settings as the parts want them, and telling the parts when they change.

use std::sync::Arc;

use tokio::sync::watch;

use super::identity;
use crate::access::Gate;
use crate::base::path::MediaPath;
use crate::config::{Config, Live, Rtsp};
use crate::media::mounts::{self, Mounts};
use crate::media::sessions::{Role, Sessions};
use crate::net::fan::{self, Fan};
use crate::net::multicast::{self, Casts};
use crate::net::permits::{self, Shares};
use crate::net::tls_identity::TlsIdentity;
use crate::vod::{Pace, Pacer};

/// The parts that are told of changed settings, for they do not look them up by themselves.
pub(super) struct Followers {
    pub(super) gate: Arc<Gate>,
    pub(super) pacer: Arc<Pacer>,
    pub(super) mounts: Arc<Mounts>,
    pub(super) fan: Arc<Fan>,
    pub(super) casts: Arc<Casts>,
    pub(super) identity: Option<Arc<TlsIdentity>>,
    pub(super) sessions: Sessions,
    pub(super) shares: Arc<Shares>,
}

impl Followers {
    /// Tells them of every change.
    pub(super) async fn follow(self, mut settings: watch::Receiver<Arc<Config>>) {
        while settings.changed().await.is_ok() {
            let config = Arc::clone(&settings.borrow_and_update());
            self.gate.configure(config.gate_settings());
            self.gate.set_networks(config.client_networks());
            self.end_foreign_sessions();
            self.shares.configure(connection_settings(&config));
            self.pacer.set_pace(pace(&config.rtsp));
            self.mounts.configure(channel_limits(&config.live));
            self.mounts.set_groups(group_names(&config));
            self.fan.configure(fan_settings(&config.live));
            self.casts.configure(multicast_settings(&config));
            if let Some(identity) = &self.identity {
                identity.configure(identity::origin(&config));
            }
        }
    }

    /// Ends the sessions of clients whose networks are let in no longer.
    fn end_foreign_sessions(&self) {
        let networks = self.gate.networks();
        self.sessions.end_those(|facts| {
            // What is sent to a group has nobody's address.
            facts.role != Role::Group
                && !networks.let_in(facts.role == Role::Publisher, facts.peer.ip())
        });
    }
}

/// How many connections an address may have; proxies have those of all who come through them.
pub(super) fn connection_settings(config: &Config) -> permits::Settings {
    let proxy = &config.proxy;
    permits::Settings {
        of_address: config.limits.tcp_connections_per_address,
        excepted: [&proxy.tcp[..], &proxy.http].concat(),
    }
}

pub(super) fn pace(rtsp: &Rtsp) -> Pace {
    Pace {
        tcp_interval: rtsp.tcp_interval,
        udp_interval: rtsp.udp_interval,
        payload_limit: usize::from(rtsp.max_packet),
    }
}

pub(super) fn channel_limits(live: &Live) -> mounts::Limits {
    mounts::Limits {
        ring_bytes: live.ring_bytes,
        ring_time: live.ring_time,
        grace: live.grace,
        hold: live.hold,
        channels: live.channels as usize,
        ..mounts::Limits::default()
    }
}

/// The names that no channel may have, for they are those of groups.
pub(super) fn group_names(config: &Config) -> Vec<MediaPath> {
    let groups = config.hls_groups.iter();
    groups.map(|group| group.name.clone()).collect()
}

pub(super) fn fan_settings(live: &Live) -> fan::Settings {
    fan::Settings {
        fast_start_rate: live.fast_start_rate,
        slow_reader: live.slow_reader,
    }
}

pub(super) fn multicast_settings(config: &Config) -> multicast::Settings {
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
