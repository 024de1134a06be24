//! The server's certificate and private key: read from files, made where there are none, and read
//! again when the files change.
//!
//! Connections that are there keep what they have begun with.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tracing::{error, info, warn};

use super::tls::Fingerprint;
use super::tls_files::{Fault, TlsFiles, end_of};
use super::tls_self_made;
use crate::base::clock::Clock;
use crate::base::error::chain;

/// How often the files are looked at.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// How long before its end a certificate that the server has made is replaced, and the log tells of others.
const LAST_DAYS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Where the server has its certificate from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From somebody who sees to it.
    Given(TlsFiles),
    /// It makes one for itself, and keeps it in these files.
    SelfMade(TlsFiles),
}

/// What the server shows to prove who it is.
#[derive(Debug)]
pub struct TlsIdentity {
    shown: ArcSwap<Shown>,
    origin: Mutex<Origin>,
    /// What a certificate that the server makes is good for.
    names: Vec<String>,
}

/// A certificate with its key.
#[derive(Debug)]
struct Shown {
    source: Source,
    key: Arc<CertifiedKey>,
    fingerprint: Fingerprint,
    ends: Option<SystemTime>,
}

impl TlsIdentity {
    /// That of `origin`; a certificate that has to be made is made for `names`. Blocks.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open(origin: Origin, names: Vec<String>, now: SystemTime) -> Result<Arc<Self>, Fault> {
        let shown = Shown::load(&origin, &names, now)?;
        Ok(Arc::new(Self {
            shown: ArcSwap::from_pointee(shown),
            origin: Mutex::new(origin),
            names,
        }))
    }

    /// From now on the certificate comes from `origin`, as soon as it can be used.
    pub fn configure(&self, origin: Origin) {
        *self.origin() = origin;
    }

    /// Keeps to what the files say, for as long as it is polled.
    pub async fn follow(self: Arc<Self>, clock: Clock) {
        let mut looks = interval(LOOK_TIME);
        let mut refused = None;
        loop {
            looks.tick().await;
            let (identity, now) = (Arc::clone(&self), clock.wall(clock.now()));
            let look = move || identity.look(refused, now);
            refused = spawn_blocking(look).await.unwrap_or_default();
        }
    }

    /// When the certificate that is shown ends; `None` when it does not say so intelligibly.
    pub fn ends(&self) -> Option<SystemTime> {
        self.shown.load().ends
    }

    /// The SHA-256 of the certificate that is shown, as text.
    pub fn fingerprint(&self) -> String {
        self.shown.load().fingerprint.to_string()
    }

    /// Whether nobody but this server vouches for its certificate.
    pub fn is_self_made(&self) -> bool {
        matches!(self.shown.load().source.origin, Origin::SelfMade(_))
    }

    /// Loads what has changed. What is of no use is told of once: `refused` is what was so the last time,
    /// as is what is returned. Blocks.
    fn look(&self, refused: Option<Source>, now: SystemTime) -> Option<Source> {
        let source = Source::look(self.origin().clone());
        if self.shown.load().is_current(&source, now) || refused.as_ref() == Some(&source) {
            return refused;
        }
        match Shown::load(&source.origin, &self.names, now) {
            Ok(shown) => {
                let fingerprint = shown.fingerprint;
                self.shown.store(Arc::new(shown));
                info!("new TLS connections get the certificate {fingerprint}");
                None
            }
            Err(fault) => {
                error!("the certificate stays as it was: {}", chain(&fault));
                Some(source)
            }
        }
    }

    fn origin(&self) -> MutexGuard<'_, Origin> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for TlsIdentity {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.load().key))
    }
}

impl Origin {
    /// Whether there is something of use, as far as it is not made by the server. Blocks.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Given(_) => Shown::read(self).map(drop),
            Self::SelfMade(_) => Ok(()),
        }
    }

    fn files(&self) -> &TlsFiles {
        match self {
            Self::Given(files) | Self::SelfMade(files) => files,
        }
    }
}

impl Shown {
    fn load(origin: &Origin, names: &[String], now: SystemTime) -> Result<Self, Fault> {
        match origin {
            Origin::Given(_) => {
                let shown = Self::read(origin)?;
                shown.warn_of_end(now);
                Ok(shown)
            }
            Origin::SelfMade(files) => match Self::read(origin) {
                Ok(shown) if !shown.is_about_to_end(now) => Ok(shown),
                _ => {
                    let made = tls_self_made::make(files, names, now);
                    made.map_err(|source| Fault::Unmade {
                        file: files.certificate.clone(),
                        source,
                    })?;
                    Self::read(origin)
                }
            },
        }
    }

    fn read(origin: &Origin) -> Result<Self, Fault> {
        // First, so that what is written meanwhile is seen by the next look.
        let source = Source::look(origin.clone());
        let (key, certificate) = origin.files().read()?;
        Ok(Self {
            source,
            key: Arc::new(key),
            fingerprint: Fingerprint::of(&certificate),
            ends: end_of(&certificate),
        })
    }

    /// Whether there is nothing else to be shown.
    fn is_current(&self, source: &Source, now: SystemTime) -> bool {
        let is_self_made = matches!(source.origin, Origin::SelfMade(_));
        self.source == *source && !(is_self_made && self.is_about_to_end(now))
    }

    fn is_about_to_end(&self, now: SystemTime) -> bool {
        self.ends.is_none_or(|ends| ends < now + LAST_DAYS)
    }

    fn warn_of_end(&self, now: SystemTime) {
        if self.ends.is_some_and(|ends| ends < now) {
            warn!(
                "the certificate {} is over: clients refuse it",
                self.fingerprint
            );
        } else if self.is_about_to_end(now) {
            warn!(
                "the certificate {} ends in less than two weeks",
                self.fingerprint
            );
        }
    }
}

/// Where a certificate is from, and how its files looked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    origin: Origin,
    certificate: Option<Stamp>,
    key: Option<Stamp>,
}

/// By what a file is known to have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl Source {
    fn look(origin: Origin) -> Self {
        let stamp = |file: &Path| fs::metadata(file).ok().map(|facts| Stamp::of(&facts));
        let files = origin.files();
        Self {
            certificate: stamp(&files.certificate),
            key: stamp(&files.key),
            origin,
        }
    }
}

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        Self {
            modified: facts.modified().ok(),
            changed: (facts.ctime(), facts.ctime_nsec()),
            size: facts.size(),
            inode: facts.ino(),
        }
    }
}

#[cfg(test)]
mod tests;
