//! Whom media is offered by SRTP, `[rtsp] srtp`.

use serde::{Deserialize, Serialize};

/// Whose media may go by SRTP. Keys are told in session descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// Nobody's.
    Off,
    /// That of clients which come by TLS, so that nobody else learns the keys.
    Tls,
    /// That of all clients; whoever reads their connections knows the keys.
    Always,
}

impl Srtp {
    /// Whether a client may have it whose connection is encrypted, or is not.
    pub fn is_for(self, encrypted: bool) -> bool {
        match self {
            Self::Off => false,
            Self::Tls => encrypted,
            Self::Always => true,
        }
    }
}
