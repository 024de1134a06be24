//! The two files of a certificate and its private key, in PEM: read, and written for this user alone; and
//! what a certificate says of itself.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server, then those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file cannot be read.
    #[error("{}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file does not have what it should.
    #[error("{}: there is no {what} in PEM form in it", .file.display())]
    Missing {
        /// Which.
        file: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// Certificate and key cannot be used, together or at all.
    #[error("the certificate {} with the key {}", .files.certificate.display(), .files.key.display())]
    Unusable {
        /// Which.
        files: TlsFiles,
        /// What TLS says.
        #[source]
        source: rustls::Error,
    },
    /// The server cannot make a certificate for itself.
    #[error("making a certificate in {}", .file.display())]
    Unmade {
        /// Where it should be.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl TlsFiles {
    /// `certificate.pem` and `key.pem` in that folder.
    pub fn within(folder: &Path) -> Self {
        Self {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        }
    }

    /// Reads both; also returns the server's own certificate alone. Blocks.
    ///
    /// # Errors
    /// [`Fault`], but not [`Fault::Unmade`].
    pub(super) fn read(&self) -> Result<(CertifiedKey, CertificateDer<'static>), Fault> {
        let text = read(&self.certificate)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.unwrap_or_default();
        let Some(own) = certificates.first().cloned() else {
            return Err(missing(&self.certificate, "certificate"));
        };
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?);
        let key =
            key.map_err(|_: pem::Error| missing(&self.key, "private key without password"))?;
        match CertifiedKey::from_der(certificates, key, &ring::default_provider()) {
            Ok(read) => Ok((read, own)),
            Err(source) => Err(Fault::Unusable {
                files: self.clone(),
                source,
            }),
        }
    }

    /// Writes both, each whole or not at all; their folder is made if it is not there. Blocks.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, certificate: &str, key: &str) -> io::Result<()> {
        for file in [&self.certificate, &self.key] {
            let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        write_private(&self.key, key)?;
        write_private(&self.certificate, certificate)
    }
}

/// Writes a file that only this user may read, whole or not at all; its folder is made if it is not
/// there. Blocks.
///
/// # Errors
/// What the system says.
pub fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let new = file.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&new, file)
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// From when on it is good (RFC 5280, 4.1.2.5).
    pub begins: SystemTime,
    /// Until when.
    pub ends: SystemTime,
    /// The names of hosts that it is for (RFC 5280, 4.2.1.6).
    pub names: Vec<String>,
}

impl Facts {
    /// Those of the first certificate in one of these files; `None` when there is none. Blocks.
    pub fn of(files: &TlsFiles) -> Option<Self> {
        Self::of_der(&CertificateDer::from_pem_file(&files.certificate).ok()?)
    }

    pub(super) fn of_der(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = read.validity();
        let names = read.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.as_slice());
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        };
        Some(Self {
            begins: time_of(validity.not_before)?,
            ends: time_of(validity.not_after)?,
            names: names.unwrap_or_default().iter().filter_map(name).collect(),
        })
    }
}

fn time_of(time: ASN1Time) -> Option<SystemTime> {
    let seconds = u64::try_from(time.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|source| Fault::Unreadable {
        file: file.to_owned(),
        source,
    })
}

fn missing(file: &Path, what: &'static str) -> Fault {
    Fault::Missing {
        file: file.to_owned(),
        what,
    }
}
