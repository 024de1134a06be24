//! The server: started in order and stopped in reverse.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::group::Group;
use super::identity;
use super::listeners::{Addresses, Bound};
use super::parts::{Parts, Setting};
use crate::acme::Renewal;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::http::admin;
use crate::log::access::AccessLog;
use crate::media::mounts::Mounts;
use crate::net::listen::Listener;
use crate::net::multicast::Announcer;
use crate::net::tls_files::Fault;
use crate::net::tls_identity::TlsIdentity;
use crate::rtsp;
use crate::source::{SapListener, SdpFolder, ts_listener};
use crate::vod::Library;

/// How often channels are looked at whose publisher may not come back.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long sessions and connections may take to end.
const FAREWELL: Duration = Duration::from_secs(4);

/// A running server.
pub(super) struct Server {
    addresses: Addresses,
    parts: Parts,
    /// Serves clients; ends first, together with the sources.
    clients: Group,
    /// Feeds channels as the configuration and the files of the movies folder say.
    sources: Group,
    /// Watches over the rest; ends last.
    supervision: Group,
}

impl Server {
    /// Starts to serve those who come to what is `bound`. Needs a tokio runtime.
    ///
    /// # Errors
    /// Why there is no certificate for those who come by TLS; then nothing was started.
    pub(super) fn start(
        settings: &watch::Receiver<Arc<Config>>,
        bound: Bound,
        access_log: &AccessLog,
        clock: Clock,
    ) -> Result<Self, Fault> {
        let config = Arc::clone(&settings.borrow());
        let identity = identity::open(&config, clock.present_wall())?;
        let shares = Arc::clone(bound.shares());
        let listeners = bound.listen(identity.as_ref());
        let setting = Setting {
            identity,
            shares,
            settings: settings.clone(),
            access_log: access_log.clone(),
            clock,
        };
        let sources = Group::default();
        let server = Self {
            addresses: listeners.addresses(),
            parts: Parts::build(&setting, &sources.stop),
            clients: Group::default(),
            sources,
            supervision: Group::default(),
        };
        server.supervise(listeners.admin, &setting);
        server.feed(listeners.ts, &setting);
        server.serve(listeners.rtsp, listeners.http);
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What is shown to who comes by TLS.
    pub(super) fn identity(&self) -> Option<&TlsIdentity> {
        self.parts.identity.as_deref()
    }

    /// The movies.
    pub(super) fn library(&self) -> &Arc<Library> {
        &self.parts.library
    }

    fn supervise(&self, admin: Vec<Listener>, setting: &Setting) {
        let supervision = &self.supervision;
        for listener in admin {
            let metrics = Arc::clone(&self.parts.metrics);
            let gate = Arc::clone(&self.parts.gate);
            let stop = supervision.stop.clone();
            let settings = setting.settings.clone();
            supervision.spawn(admin::serve(listener, metrics, gate, settings, stop));
        }
        let followers = self.parts.followers();
        supervision.spawn(followers.follow(setting.settings.clone()));
        if let Some(identity) = &self.parts.identity {
            supervision.spawn(Arc::clone(identity).follow(setting.clock));
            let renewal = Renewal {
                settings: setting.settings.clone(),
                identity: Arc::clone(identity),
                proofs: Arc::clone(&self.parts.web.proofs),
                clock: setting.clock,
            };
            supervision.spawn(renewal.run());
        }
        let mounts = Arc::clone(&self.parts.mounts);
        supervision.spawn(expire_channels(mounts, setting.clock));
        let mounts = Arc::clone(&self.parts.mounts);
        supervision.spawn(Arc::clone(&self.parts.web.hls).watch(mounts));
        supervision.spawn(Arc::clone(&self.parts.web).watch());
    }

    /// Starts what feeds channels by itself.
    fn feed(&self, ts: Vec<Listener>, setting: &Setting) {
        let (group, parts) = (&self.sources, &self.parts);
        let settings = || setting.settings.clone();
        let stop = || group.stop.clone();
        let configured = Arc::clone(&parts.sources).run(settings(), stop());
        group.spawn_stoppable(configured);
        let library = Arc::clone(&parts.library);
        let files = SdpFolder::new(library, Arc::clone(&parts.feeds), settings());
        group.spawn_stoppable(files.run(stop()));
        let (feeds, casts) = (Arc::clone(&parts.feeds), Arc::clone(&parts.casts));
        let heard = SapListener::new(feeds, Arc::clone(&casts), settings(), setting.clock);
        group.spawn_stoppable(heard.run(stop()));
        group.spawn_stoppable(Announcer::new(casts, setting.clock).run(stop()));
        for listener in ts {
            let mounts = Arc::clone(&parts.mounts);
            group.spawn(ts_listener::serve(
                listener,
                Arc::clone(&parts.gate),
                mounts,
                settings(),
                Arc::clone(&parts.encoders),
                setting.clock,
            ));
        }
    }

    /// Starts what clients speak to.
    fn serve(&self, rtsp: Vec<Listener>, http: Vec<Listener>) {
        let clients = &self.clients;
        let service = || Arc::clone(&self.parts.service);
        let stop = || clients.stop.clone();
        let (expiring, until) = (service(), stop());
        clients.spawn_stoppable(async move { expiring.expire_sessions(until).await });
        for listener in rtsp {
            clients.spawn_stoppable(rtsp::serve(listener, service(), stop()));
        }
        for listener in http {
            let web = Arc::clone(&self.parts.web);
            let plain = move |accepted, first| {
                let web = Arc::clone(&web);
                async move { web.serve(accepted, first).await }
            };
            let serving = rtsp::serve_http_port(listener, service(), plain, stop());
            clients.spawn_stoppable(serving);
        }
    }

    /// Ends every session with its farewell, then what served them; takes at most 5 s.
    pub(super) async fn stop(self) {
        // A source that is told to stop takes no offence at losing its channel.
        self.sources.stop.cancel();
        self.parts.mounts.stop();
        let (clients, sources) =
            tokio::join!(self.clients.end(FAREWELL), self.sources.end(FAREWELL));
        if !clients {
            tracing::warn!("some sessions did not end in time");
        }
        if !sources {
            tracing::warn!("some sources did not end in time");
        }
        self.parts.web.hls.stop().await;
        self.parts.fan.stop().await;
        self.parts.pacer.stop().await;
        self.supervision.end(Duration::from_secs(1)).await;
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
