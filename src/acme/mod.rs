//! Certificates from an authority, by ACME (RFC 8555): fetched when there is none for the names of this
//! server, and again before it ends.
//!
//! Showing them is not done here (`net/tls_identity`), and neither is answering at port 80 (`http/server`).

mod account;
mod authority;
mod order;
mod proofs;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info};

use crate::base::backoff::Backoff;
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::config::{Acme, Config};
use crate::net::tls_files::{Facts, TlsFiles};
use crate::net::tls_identity::TlsIdentity;

pub use proofs::Proofs;

/// How long to wait at most, and at least, until the certificate is looked at again.
const LONGEST_LOOK: Duration = Duration::from_secs(60 * 60);
const SHORTEST_LOOK: Duration = Duration::from_secs(10);

/// How long to wait after a failure; authorities allow few of them.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The authority, or the way to it.
    #[error("the authority")]
    Authority(#[from] instant_acme::Error),
    /// It does not believe that a name is this server's.
    #[error("{0}")]
    Refused(String),
    /// Files of the account, the certificate or its key.
    #[error("files below {}", .folder.display())]
    Files {
        /// Where they are.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Sees to it that there is a certificate.
#[derive(Debug)]
pub struct Renewal {
    /// The settings, also when they change.
    pub settings: watch::Receiver<Arc<Config>>,
    /// What is shown, also to an authority that asks by TLS.
    pub identity: Arc<TlsIdentity>,
    /// What is answered to an authority that asks by HTTP.
    pub proofs: Arc<Proofs>,
    /// The time.
    pub clock: Clock,
}

impl Renewal {
    /// Fetches certificates as the settings say, for as long as it is polled.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            let config = Arc::clone(&self.settings.borrow_and_update());
            let wait = match self.attend(&config).await {
                Ok(rest) => {
                    backoff.reset();
                    rest.clamp(SHORTEST_LOOK, LONGEST_LOOK)
                }
                Err(failure) => {
                    let wait = backoff.wait(rand::random());
                    let minutes = wait.as_secs() / 60;
                    let reason = chain(&failure);
                    error!(
                        "no certificate for {:?}: {reason}; the next attempt is in {minutes} minutes",
                        config.acme.domains
                    );
                    wait
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = another_wish(&mut self.settings, &config) => backoff.reset(),
            }
        }
    }

    /// Fetches a certificate if there has to be another one; returns for how long it will do.
    async fn attend(&self, config: &Config) -> Result<Duration, Failure> {
        if !config.is_certificate_fetched() {
            return Ok(Duration::MAX);
        }
        let folder = folder(config);
        let files = TlsFiles::within(&folder);
        if let Some(rest) = self.good_for(&files, &config.acme).await {
            return Ok(rest);
        }
        let account = account::open(&config.acme, &folder).await?;
        let fetched = self.fetch(&account, &config.acme).await;
        self.proofs.forget();
        self.identity.forget_proofs();
        let (certificate, key) = fetched?;
        let new = files.clone();
        let written = spawn_blocking(move || new.write(&certificate, &key)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|source| Failure::Files { folder, source })?;
        info!("a certificate for {:?} has come", config.acme.domains);
        let rest = self.good_for(&files, &config.acme).await;
        rest.ok_or_else(|| {
            let text =
                "what the authority gave is not for all names, or ends too soon by this clock";
            Failure::Refused(text.to_owned())
        })
    }

    /// For how long the certificate in `files` will do; `None` if there has to be another one.
    async fn good_for(&self, files: &TlsFiles, acme: &Acme) -> Option<Duration> {
        let (files, acme, now) = (files.clone(), acme.clone(), self.now());
        let look = move || good_for(&Facts::of(&files)?, &acme, now);
        spawn_blocking(look).await.ok().flatten()
    }

    fn now(&self) -> SystemTime {
        self.clock.present_wall()
    }
}

/// Where the account and the certificate are kept.
pub fn folder(config: &Config) -> PathBuf {
    config.server.state.join("tls/acme")
}

/// How long a certificate has until the last third of its life begins; `None` when that has, or it is not for
/// all names.
fn good_for(facts: &Facts, acme: &Acme, now: SystemTime) -> Option<Duration> {
    let rest = facts.ends.duration_since(now).ok()?;
    let lifetime = facts.ends.duration_since(facts.begins).ok()?;
    let mut domains = acme.domains.iter();
    let is_for_all = domains.all(|domain| facts.names.contains(domain));
    let rest = rest.checked_sub(lifetime / 3)?;
    (is_for_all && !rest.is_zero()).then_some(rest)
}

/// Returns when the settings ask for another certificate than `config` does. Cancel safe.
async fn another_wish(settings: &mut watch::Receiver<Arc<Config>>, config: &Config) {
    let differs = |new: &Arc<Config>| new.acme != config.acme || new.tls != config.tls;
    if settings.wait_for(differs).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_replaced_in_its_last_third_and_for_other_names() {
        let day = Duration::from_secs(24 * 60 * 60);
        let begins = SystemTime::UNIX_EPOCH;
        let facts = Facts {
            begins,
            ends: begins + 90 * day,
            names: vec!["a.example".to_owned(), "b.example".to_owned()],
        };
        let days_left = |domains: &[&str], day_of_life: u32| {
            let acme = Acme {
                domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
                ..Acme::default()
            };
            let rest = good_for(&facts, &acme, begins + day_of_life * day);
            rest.map(|rest| rest.as_secs() / day.as_secs())
        };
        assert_eq!(days_left(&["a.example"], 1), Some(59));
        assert_eq!(days_left(&["b.example", "a.example"], 59), Some(1));
        for day_of_life in [60, 61, 100] {
            assert_eq!(days_left(&["a.example"], day_of_life), None);
        }
        assert_eq!(days_left(&["a.example", "c.example"], 1), None);
    }
}
