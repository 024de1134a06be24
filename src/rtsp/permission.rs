//! Whether the client of a request may watch what the request names: the gate is asked, and its
//! verdict told.

use crate::access::{Attempt, Client, Verdict};
use crate::base::path::MediaPath;
use crate::wire::rtsp::Request;

use super::ask::Ask;
use super::connection::Connection;
use super::party::Party;
use super::refusal::Refusal;
use super::target::Target;

impl Connection {
    /// Lets `ask`, which is that of `request`, pass if it is not about watching, or if the client may watch.
    ///
    /// It is asked before anything is looked for. Cancel safe.
    ///
    /// # Errors
    /// 401 for a client that has to log in, 403 when nobody may watch.
    pub(super) async fn permit(
        &self,
        request: &Request,
        ask: &Ask,
        party: Option<&Party>,
    ) -> Result<(), Refusal> {
        let names = match (ask, party) {
            (Ask::Describe(describe), _) => names_of(&describe.target),
            (Ask::Setup(setup), _) => names_of(&setup.target),
            (Ask::Play(_), Some(party)) => vec![party.watched().facts().path.clone()],
            _ => return Ok(()),
        };
        let attempt = Attempt {
            method: request.method.name(),
            uri: None,
            authorization: request.headers.get("Authorization"),
            client: Client::read(request.headers.get("User-Agent").unwrap_or_default()),
        };
        match self.service().parts.gate.decide(&names, &attempt).await {
            Verdict::Open | Verdict::User(_) => Ok(()),
            Verdict::Challenge(challenges) => Err(Refusal::challenge(challenges)),
            Verdict::Closed => Err(Refusal::new(403, "a file of rules or users has a fault")),
        }
    }
}

/// All readings of a URL.
fn names_of(target: &Target) -> Vec<MediaPath> {
    let movie = target.track.as_ref().map(|(movie, _)| movie.path.clone());
    movie
        .into_iter()
        .chain([target.whole.path.clone()])
        .collect()
}
