//! What opens something without a password: a pass, a token, or the signature of a URL.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Attempt, Gate, Signed, Verdict, is_for_some};
use crate::access::guard::Rule;
use crate::access::pass_holder::PassHolder;
use crate::access::question::Deed;
use crate::access::signing::SigningKeys;
use crate::access::texts::Fault;
use crate::access::tokens::{Bearer, bearer_token};
use crate::base::path::MediaPath;

impl Gate {
    /// A pass to what `names` begin with, for `user`, who may watch all of them now: to be told in
    /// URLs. `None` when everybody may, or nobody, or for a name that is too long for one. Cancel safe.
    pub async fn pass(self: &Arc<Self>, names: &[MediaPath], user: &str) -> Option<String> {
        let holder = PassHolder::User(user);
        let standing = self.standing(&self.rules(names).await, &holder)?;
        let lifetime = self.settings().pass_lifetime;
        let until = self.passes.end(self.clock.now(), lifetime);
        self.passes.make(names.first()?, user, &standing, until)
    }

    /// The same for whom a token names; it ends with the token. Cancel safe.
    pub async fn pass_of(self: &Arc<Self>, names: &[MediaPath], bearer: &Bearer) -> Option<String> {
        let name = names.first()?;
        let rules = self.rules(names).await;
        let holder = PassHolder::of(bearer, &rules);
        let standing = self.standing(&rules, &holder)?;
        let now = self.clock.latest_wall();
        let left = bearer.until.duration_since(now).ok()?;
        let (now, lifetime) = (self.clock.now(), self.settings().pass_lifetime);
        let until = (now + left.min(lifetime)).min(self.passes.end(now, lifetime));
        self.passes
            .make(name, &holder.to_string(), &standing, until)
    }

    /// The verdict about the bearer of `pass`, which lets watch what `names` begin with, as it did when all of them had
    /// the rules of now, and nothing else; `asked` is the one of them that the request is about. `None` when the
    /// pass is no good. Cancel safe.
    pub async fn honours(
        self: &Arc<Self>,
        pass: &str,
        names: &[MediaPath],
        asked: &MediaPath,
        attempt: &Attempt<'_>,
    ) -> Option<Verdict> {
        if !self.networks().watch.has(attempt.peer) {
            return None;
        }
        let rules = self.rules(names).await;
        let standing = |holder: &str| self.standing(&rules, &PassHolder::read(holder));
        let now = self.clock.now();
        let is_good = self.passes.is_good(pass, names.first()?, standing, now);
        if !is_good {
            return None;
        }
        let verdict = self.consult(Deed::Read, asked, &rules, Verdict::Open, attempt);
        Some(verdict.await)
    }

    /// Whom the token of a client names, if `rules` let that user in.
    pub(super) async fn bearer(
        &self,
        rules: &[Arc<Rule>],
        attempt: &Attempt<'_>,
    ) -> Option<Bearer> {
        let header = attempt.authorization.and_then(bearer_token);
        let token = attempt.token.or(header).filter(|_| is_for_some(rules))?;
        let jwt = self.settings().jwt.clone()?;
        let bearer = self.issuer.read(token, &jwt).await?;
        let mut rules = rules.iter();
        let is_let_in = rules.all(|rule| rule.takes(&bearer.user, &bearer.groups));
        is_let_in.then_some(bearer)
    }

    /// With which of its names a URL is signed that came from `peer`.
    pub(super) async fn signed(
        self: &Arc<Self>,
        signed: Signed<'_>,
        peer: IpAddr,
    ) -> Option<MediaPath> {
        let (gate, signature) = (Arc::clone(self), signed.signature.to_owned());
        let mut names = signed.names.to_vec();
        let look = move || {
            let keys = gate.signing_keys()?;
            let now = gate.clock.latest_wall();
            names.retain(|name| keys.know(&signature, name, peer, now));
            names.pop()
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// The keys as they are now; `None` when there are none. Blocks.
    fn signing_keys(&self) -> Option<Arc<SigningKeys>> {
        let file = self.settings().signing_keys.clone();
        let read = |text: &str, private: Result<(), Fault>| {
            private?;
            SigningKeys::read(text).map_err(Fault::from)
        };
        self.signing_keys.of_keys(&file, read).ok().flatten()
    }

    /// What changes when a pass of `holder` is over before its end; `None` when not all rules let the
    /// holder in, or there are none.
    fn standing(&self, rules: &[Arc<Rule>], holder: &PassHolder<'_>) -> Option<String> {
        match holder {
            _ if rules.is_empty() => None,
            PassHolder::User(user) => {
                let said = rules.iter().map(|rule| rule.standing(user));
                let said: Vec<_> = said.collect::<Option<_>>()?;
                Some(said.join("\n"))
            }
            PassHolder::Bearer { user, groups } => {
                let jwt = self.settings().jwt.clone()?;
                let is_let_in = rules.iter().all(|rule| rule.takes(user, groups));
                is_let_in.then(|| format!("{}\n{}", jwt.issuer, jwt.audience))
            }
        }
    }
}
