//! The server's certificate and private key: read from files, made where there are none, and read
//! again when the files change.
//!
//! Connections that are there keep what they have begun with.

use std::fs;
use std::io;
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
use super::tls_files::{Facts, Fault, TlsFiles};
use super::tls_proofs::{self, TlsProofs};
use super::tls_self_made;
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::base::file_stamp::FileStamp;

/// How often the files are looked at.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// How long before its end a certificate that the server has made is replaced, and the log tells of others.
const LAST_DAYS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Where the server has its certificate from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From somebody who sees to it.
    Given(TlsFiles),
    /// Fetched from an authority.
    Fetched {
        /// Where it will be, or is.
        files: TlsFiles,
        /// Where one that the server makes for itself is kept, to be shown until then.
        until_then: TlsFiles,
    },
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
    proofs: TlsProofs,
}

/// A certificate with its key.
#[derive(Debug)]
struct Shown {
    source: Source,
    is_self_made: bool,
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
            proofs: TlsProofs::default(),
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
            let (identity, now) = (Arc::clone(&self), clock.present_wall());
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
        self.shown.load().is_self_made
    }

    /// Proves to an authority that asks by TLS that `name` is this server's, with the SHA-256 that it
    /// asks for, until that is [forgotten](Self::forget_proofs).
    ///
    /// # Errors
    /// When `name` cannot stand in a certificate.
    pub fn prove(&self, name: &str, digest: &[u8; 32]) -> io::Result<()> {
        self.proofs.add(name, digest)
    }

    /// Proves nothing any more.
    pub fn forget_proofs(&self) {
        self.proofs.forget();
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
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if tls_proofs::is_asked_for(&hello) {
            return self.proofs.of(&hello);
        }
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
            Self::Given(files) => files.read().map(drop),
            Self::Fetched { .. } | Self::SelfMade(_) => Ok(()),
        }
    }

    fn files(&self) -> &TlsFiles {
        match self {
            Self::Given(files) | Self::Fetched { files, .. } | Self::SelfMade(files) => files,
        }
    }
}

impl Shown {
    fn load(origin: &Origin, names: &[String], now: SystemTime) -> Result<Self, Fault> {
        // First, so that what is written meanwhile is seen by the next look.
        let source = Source::look(origin.clone());
        match origin {
            Origin::Fetched { until_then, .. } if source.is_nowhere() => {
                Self::make(source, until_then, names, now)
            }
            Origin::Given(files) => {
                let shown = Self::read(source, files)?;
                shown.warn_of_end(now);
                Ok(shown)
            }
            // Some are made for a few days; who fetches them tells if there is no other.
            Origin::Fetched { files, .. } => Self::read(source, files),
            Origin::SelfMade(files) => Self::make(source, files, names, now),
        }
    }

    /// The one that the server has made, or makes now.
    fn make(
        source: Source,
        files: &TlsFiles,
        names: &[String],
        now: SystemTime,
    ) -> Result<Self, Fault> {
        let found = Self::read(source.clone(), files);
        let shown = match found.ok().filter(|shown| !shown.is_about_to_end(now)) {
            Some(shown) => shown,
            None => {
                let made = tls_self_made::make(files, names, now);
                made.map_err(|source| Fault::Unmade {
                    file: files.certificate.clone(),
                    source,
                })?;
                Self::read(Source::look(source.origin), files)?
            }
        };
        Ok(Self {
            is_self_made: true,
            ..shown
        })
    }

    fn read(source: Source, files: &TlsFiles) -> Result<Self, Fault> {
        let (key, certificate) = files.read()?;
        Ok(Self {
            source,
            is_self_made: false,
            key: Arc::new(key),
            fingerprint: Fingerprint::of(&certificate),
            ends: Facts::of_der(&certificate).map(|facts| facts.ends),
        })
    }

    /// Whether there is nothing else to be shown.
    fn is_current(&self, source: &Source, now: SystemTime) -> bool {
        self.source == *source && !(self.is_self_made && self.is_about_to_end(now))
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
    certificate: Option<FileStamp>,
    key: Option<FileStamp>,
}

impl Source {
    fn look(origin: Origin) -> Self {
        let stamp = |file: &Path| fs::metadata(file).ok().map(|facts| FileStamp::of(&facts));
        let files = origin.files();
        Self {
            certificate: stamp(&files.certificate),
            key: stamp(&files.key),
            origin,
        }
    }

    fn is_nowhere(&self) -> bool {
        self.certificate.is_none() && self.key.is_none()
    }
}

#[cfg(test)]
mod tests;
