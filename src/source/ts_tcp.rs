//! A transport stream from a TCP server.

use url::Position;

use super::{Attempt, Failure, Silence};
use crate::config::ChannelSource;
use crate::net::connect;

/// A channel fed from a TCP server.
#[derive(Debug)]
pub(super) struct TsTcp {
    settings: ChannelSource,
}

impl TsTcp {
    pub(super) fn new(settings: &ChannelSource) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Reads until the server ends or falls silent.
    pub(super) async fn feed(&self, attempt: &Attempt) -> Failure {
        let url = self.settings.url.url();
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let patience = self.settings.timeout;
        match connect::connect(authority, patience).await {
            Ok(mut stream) => {
                let reading = attempt.ts_reading(patience, Silence::Fails);
                reading.run(&mut stream).await
            }
            Err(source) => Failure::Connect {
                host: authority.to_owned(),
                source,
            },
        }
    }
}
