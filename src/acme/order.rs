//! One order: the names are proven, and the certificate is made and fetched (RFC 8555, 7.4).

use std::fmt::Write;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};

use sha2::{Digest, Sha256};

use super::{Failure, Renewal};
use crate::config::{Acme, Challenge};

impl Renewal {
    /// A certificate with those that lead to the authority, and its private key, both in PEM.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn fetch(
        &self,
        account: &Account,
        acme: &Acme,
    ) -> Result<(String, String), Failure> {
        let names = acme.domains.iter().cloned().map(Identifier::Dns);
        let names: Vec<_> = names.collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        self.prove(&mut order, acme.challenge).await?;
        if order.poll_ready(&RetryPolicy::default()).await? != OrderStatus::Ready {
            return Err(Failure::Refused(reasons(&mut order).await));
        }
        let key = order.finalize().await?;
        let certificate = order.poll_certificate(&RetryPolicy::default()).await?;
        Ok((certificate, key))
    }

    /// Answers for every name that the authority does not believe yet, and asks it to look.
    async fn prove(&self, order: &mut Order, challenge: Challenge) -> Result<(), Failure> {
        let kind = match challenge {
            Challenge::Http01 => ChallengeType::Http01,
            Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let Some(mut question) = authorization.challenge(kind.clone()) else {
                let text = format!("the authority does not ask by {kind:?}");
                return Err(Failure::Refused(text));
            };
            self.answer(&question, challenge)?;
            question.set_ready().await?;
        }
        Ok(())
    }

    fn answer(&self, question: &ChallengeHandle<'_>, challenge: Challenge) -> Result<(), Failure> {
        let answer = question.key_authorization();
        match challenge {
            Challenge::Http01 => self.proofs.add(&question.token, answer.as_str()),
            Challenge::TlsAlpn01 => {
                let name = question.identifier().to_string();
                let proven = self
                    .identity
                    .prove(&name, &Sha256::digest(answer.as_str()).into());
                proven.map_err(|error| Failure::Refused(error.to_string()))?;
            }
        }
        Ok(())
    }
}

/// Why the authority does not believe it.
async fn reasons(order: &mut Order) -> String {
    let mut reasons = "the authority refuses".to_owned();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        for problem in state.challenges.iter().filter_map(|one| one.error.as_ref()) {
            write!(reasons, "; {problem}").expect("a String takes everything");
        }
    }
    reasons
}
