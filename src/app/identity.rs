//! The server's certificate as the settings ask for it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::acme;
use crate::config::Config;
use crate::net::addresses;
use crate::net::tls_files::{Fault, TlsFiles};
use crate::net::tls_identity::{Origin, TlsIdentity};

/// The certificate for all who come by TLS; `None` when the settings let nobody. Blocks.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn open(config: &Config, now: SystemTime) -> Result<Option<Arc<TlsIdentity>>, Fault> {
    let (rtsp, http, admin) = (&config.rtsp, &config.http, &config.admin);
    let lists = [&rtsp.tls_listen, &http.tls_listen, &admin.tls_listen];
    if lists.iter().all(|list| list.is_empty()) {
        return Ok(None);
    }
    TlsIdentity::open(origin(config), names(), now).map(Some)
}

/// Whether a certificate that the settings name can be used. Blocks.
///
/// # Errors
/// Why it cannot.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    origin(config).check()
}

/// Where it is from.
pub(super) fn origin(config: &Config) -> Origin {
    let (given, own) = (
        &config.tls,
        TlsFiles::within(&config.server.state.join("tls")),
    );
    if config.is_certificate_fetched() {
        return Origin::Fetched {
            files: TlsFiles::within(&acme::folder(config)),
            until_then: own,
        };
    }
    if given.certificate.as_os_str().is_empty() {
        return Origin::SelfMade(own);
    }
    Origin::Given(TlsFiles {
        certificate: given.certificate.clone(),
        key: given.key.clone(),
    })
}

/// What this machine is called.
fn names() -> Vec<String> {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let addresses = addresses::of_this_machine();
    let addresses = addresses.iter().map(ToString::to_string);
    ["localhost".to_owned(), host]
        .into_iter()
        .chain(addresses)
        .collect()
}
