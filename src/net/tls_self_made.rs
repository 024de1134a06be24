//! A certificate that the server makes for itself, where it is given none: for the names of this
//! machine, signed by its own key.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};

use super::tls_files::TlsFiles;

/// For how long it is good. Apple's systems take none that is good for more than 825 days.
const LIFETIME: Duration = Duration::from_secs(800 * DAY);

/// Clocks of clients may be behind.
const BEFORE: Duration = Duration::from_secs(DAY);

const DAY: u64 = 24 * 60 * 60;

/// Makes a certificate for `names`, which are names and addresses, with a key for this user alone, and
/// writes both where `files` says. Blocks.
///
/// # Errors
/// What the system says of the files.
pub(super) fn make(files: &TlsFiles, names: &[String], now: SystemTime) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = params(names, now).map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    files.write(&certificate.pem(), &key.serialize_pem())
}

fn params(names: &[String], now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let names = names.iter().filter(|name| is_name(name)).cloned();
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Reelcast");
    params.not_before = (now - BEFORE).into();
    params.not_after = (now + LIFETIME).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Whether clients may take it for the name of a server.
fn is_name(text: &str) -> bool {
    let is_fit = |letter: u8| letter.is_ascii_alphanumeric() || b"-.".contains(&letter);
    text.parse::<IpAddr>().is_ok() || (!text.is_empty() && text.bytes().all(is_fit))
}
