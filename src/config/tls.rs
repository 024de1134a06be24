//! `[tls]`: the certificate that the server shows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The server's certificate; what listens with it stands in the sections of what is spoken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate with those that lead to its authority, in PEM; empty: one that the server makes.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}
