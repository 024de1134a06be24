//! `[acme]`: certificates that an authority gives to whoever proves to have a name.

use serde::{Deserialize, Serialize};

use super::lists;

/// From whom, and for what names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The names of this server; none: it asks nobody.
    #[serde(with = "lists::texts")]
    pub domains: Vec<String>,
    /// Where the authority reaches whoever runs the server.
    pub email: String,
    /// How the authority sees that the names are this server's.
    pub challenge: Challenge,
    /// The URL at which the authority tells what it can do (RFC 8555, 7.1.1).
    pub directory: String,
}

/// How an authority sees that a name is this server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// It asks at port 80 (RFC 8555, 8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// It shakes hands at port 443 (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            email: String::new(),
            challenge: Challenge::Http01,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
        }
    }
}
