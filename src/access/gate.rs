//! The one decision point: may this client watch, or publish, what has this name, or administer the server?

mod administration;
mod attempt;
mod consulting;
mod openers;

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::caller::Caller;
use super::credentials::Credentials;
use super::decider::Decider;
use super::guard::{Denied, Guard, Identity, Rule};
use super::guards::Guards;
use super::guesses::Guesses;
use super::networks::ClientNetworks;
use super::nonces::Nonces;
use super::passes::Passes;
use super::passwords::Passwords;
use super::qtaccess::Action;
use super::question::Deed;
use super::settings::Settings;
use super::signing::SigningKeys;
use super::texts::Texts;
use super::tickets::Tickets;
use super::token_issuer::TokenIssuer;
use super::tokens::Bearer;
use super::web::Web;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;

pub use attempt::{Attempt, Signed, Ticket};

/// Whether it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everybody may.
    Open,
    /// This user may.
    User(String),
    /// Whoever has the URL may, for it is signed with this name.
    Signed(MediaPath),
    /// Whom its token names may.
    Bearer(Bearer),
    /// It has to log in, or to log in as somebody else: 401 with these `WWW-Authenticate` headers.
    Challenge(Vec<String>),
    /// It has tried too many wrong passwords, and may try again after this time: 429.
    Later(Duration),
    /// Too many passwords wait already to be looked at; it may try again at once: 503.
    Busy,
    /// Nobody may, because a file of rules or users has a fault, which was logged: 403.
    Closed,
    /// Nobody may from that network: 403.
    Foreign,
    /// Another server says that it may not: 403.
    Refused,
    /// Another server has to say whether it may, and does not: 503.
    Undecided,
}

/// Who may watch and publish what.
#[derive(Debug)]
pub struct Gate {
    settings: Mutex<Settings>,
    guards: Guards,
    signing_keys: Texts<SigningKeys>,
    networks: watch::Sender<Arc<ClientNetworks>>,
    issuer: Arc<TokenIssuer>,
    nonces: Mutex<Nonces>,
    passes: Passes,
    passwords: Passwords,
    guesses: Mutex<Guesses>,
    decider: Decider,
    tickets: Tickets,
    clock: Clock,
}

impl Gate {
    /// The gate to what lies below the movies folder `root`.
    ///
    /// `web` is the way to other servers, that of tokens' issuer and the one that is asked who may.
    pub fn new(root: PathBuf, settings: Settings, web: Arc<dyn Web>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            guards: Guards::new(root, settings.files.clone()),
            settings: Mutex::new(settings),
            signing_keys: Texts::default(),
            networks: watch::Sender::default(),
            decider: Decider::new(Arc::clone(&web), clock),
            tickets: Tickets::new(rand::random()),
            issuer: Arc::new(TokenIssuer::new(web, clock)),
            nonces: Mutex::new(Nonces::new(rand::random(), clock.started())),
            passes: Passes::new(rand::random(), clock.started()),
            passwords: Passwords::new(rand::random()),
            guesses: Mutex::default(),
            clock,
        })
    }

    /// Takes other settings from now on.
    pub fn configure(&self, settings: Settings) {
        self.guards.configure(settings.files.clone());
        let is_other = self.settings().callback != settings.callback;
        *self.settings() = settings;
        if is_other {
            self.decider.forget();
        }
    }

    /// Lets clients in from these networks only from now on; at first from all.
    pub fn set_networks(&self, networks: ClientNetworks) {
        self.networks.send_replace(Arc::new(networks));
    }

    /// From where clients are let in.
    pub fn networks(&self) -> Arc<ClientNetworks> {
        Arc::clone(&self.networks.borrow())
    }

    /// Returns when `peer` may not publish any more, because its network is not let in. Cancel safe.
    pub async fn until_foreign(&self, peer: IpAddr) {
        let mut networks = self.networks.subscribe();
        // Its sender is part of the gate.
        let _ = networks
            .wait_for(|networks| !networks.publish.has(peer))
            .await;
    }

    /// Whether a client may watch what has `names`: all readings of one URL, of which each must be
    /// allowed by the files. Another server, if one is asked, is asked about the first, so that has to be
    /// what is meant. To be asked before anything is looked for, so that nobody learns what there is.
    ///
    /// Cancel safe.
    pub async fn may_watch(
        self: &Arc<Self>,
        names: &[MediaPath],
        attempt: &Attempt<'_>,
    ) -> Verdict {
        if !self.networks().watch.has(attempt.peer) {
            return Verdict::Foreign;
        }
        let rules = self.rules(names).await;
        let verdict = self.files_say(&rules, attempt).await;
        let Some(name) = names.first() else {
            return verdict;
        };
        self.consult(Deed::Read, name, &rules, verdict, attempt)
            .await
    }

    /// Whether `caller` may publish what has this name: programs of this host may, others as the
    /// access files say. To be asked before anything is looked for.
    ///
    /// Cancel safe.
    pub async fn may_publish(
        self: &Arc<Self>,
        name: &MediaPath,
        caller: &Caller<'_>,
        attempt: &Attempt<'_>,
    ) -> Verdict {
        if !self.networks().publish.has(caller.peer) {
            return Verdict::Foreign;
        }
        let rules = match caller.is_of_this_host() {
            true => Vec::new(),
            false => self.rules_of_publishers(name).await,
        };
        // A signature is for watching.
        let attempt = Attempt {
            signed: None,
            ..*attempt
        };
        let verdict = self.files_say(&rules, &attempt).await;
        self.consult(Deed::Publish, name, &rules, verdict, &attempt)
            .await
    }

    /// The verdict by `rules`.
    async fn files_say(self: &Arc<Self>, rules: &[Arc<Rule>], attempt: &Attempt<'_>) -> Verdict {
        if let Some(signed) = attempt.signed.filter(|_| is_for_some(rules))
            && let Some(name) = self.signed(signed, attempt.peer).await
        {
            return Verdict::Signed(name);
        }
        if let Some(bearer) = self.bearer(rules, attempt).await {
            return Verdict::Bearer(bearer);
        }
        self.judge(rules, attempt).await
    }

    async fn rules_of_publishers(self: &Arc<Self>, name: &MediaPath) -> Vec<Arc<Rule>> {
        let (gate, name) = (Arc::clone(self), name.clone());
        let look = move || gate.guards.guard(&name, Action::Write);
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|_| closed()).0
    }

    async fn judge(&self, rules: &[Arc<Rule>], attempt: &Attempt<'_>) -> Verdict {
        let Some(first) = rules.first() else {
            return Verdict::Open;
        };
        let credentials = attempt.authorization.and_then(Credentials::read);
        let name = credentials.as_ref().map(Credentials::user);
        if let Some(wait) = name.and_then(|name| self.wait(attempt, name)) {
            return Verdict::Later(wait);
        }
        let mut user = "";
        for rule in rules {
            match self.admit(rule, credentials.as_ref(), attempt).await {
                Ok(admitted) => user = admitted,
                Err(Denied::Closed) => return Verdict::Closed,
                Err(Denied::Busy) => return Verdict::Busy,
                Err(Denied::TooMany) => {
                    let wait = name.and_then(|name| self.wait(attempt, name));
                    return Verdict::Later(wait.unwrap_or_default());
                }
                Err(denied) => {
                    if let Some(name) = name.filter(|_| denied == Denied::Wrong) {
                        self.guesses().wrong(attempt.peer, name, self.clock.now());
                    }
                    return self.challenge(rule, false, attempt);
                }
            }
        }
        let now = self.clock.now();
        if let Some(Credentials::Digest(answer)) = &credentials {
            let count = answer.count.as_ref().map(|count| count.number);
            let place = attempt.place();
            if self
                .nonces()
                .take(&answer.nonce, count, place, now)
                .is_err()
            {
                return self.challenge(first, true, attempt);
            }
        }
        self.guesses().right(attempt.peer, user);
        Verdict::User(user.to_owned())
    }

    /// Whom `rule` lets in of those who have `credentials`: the user's name.
    async fn admit<'c>(
        &self,
        rule: &Rule,
        credentials: Option<&'c Credentials>,
        attempt: &Attempt<'_>,
    ) -> Result<&'c str, Denied> {
        let user = match rule.identify(credentials, attempt)? {
            Identity::Proven(user) => user,
            Identity::Told {
                user,
                password,
                secret,
            } => {
                // Of many wrong ones at once most have to wait, and are counted meanwhile.
                let may_try = || self.wait(attempt, user).is_none();
                let is_right = self.passwords.is_right(secret, password, may_try).await;
                let is_right = is_right.map_err(Denied::from)?;
                is_right.then_some(user).ok_or(Denied::Wrong)?
            }
        };
        let is_let_in = rule.lets_in(user);
        is_let_in.then_some(user).ok_or(Denied::Unlisted)
    }

    /// How long the client has to wait before it may try another password of `user`; `None` when it may now.
    fn wait(&self, attempt: &Attempt<'_>, user: &str) -> Option<Duration> {
        self.guesses().wait(attempt.peer, user, self.clock.now())
    }

    /// How many logins were refused because too many passwords waited to be looked at.
    pub fn busy_logins(&self) -> u64 {
        self.passwords.refused()
    }

    /// Whether it is known without a look at the files that everybody may watch what has `names`. Where it is not known,
    /// [`may_watch`](Self::may_watch) says the same as this would, and knows it for a while.
    pub fn is_known_open<'n>(&self, mut names: impl Iterator<Item = &'n MediaPath>) -> bool {
        if self.is_consulting() || !self.networks.borrow().watch.is_everybody() {
            return false;
        }
        let now = self.clock.now();
        names.all(|name| {
            let known = self.guards.fresh(name, now);
            known.is_some_and(|guard| guard.0.is_empty())
        })
    }

    /// Whether everybody may watch what has this name. Cancel safe.
    pub async fn is_open(self: &Arc<Self>, name: &MediaPath) -> bool {
        !self.is_consulting() && self.rules(std::slice::from_ref(name)).await.is_empty()
    }

    /// Those of `names` that have no rules but those of `folder`, so that whoever may see its list
    /// may see them in it. Cancel safe.
    pub async fn as_open_as(
        self: &Arc<Self>,
        folder: &MediaPath,
        names: HashSet<MediaPath>,
    ) -> HashSet<MediaPath> {
        let (gate, folder) = (Arc::clone(self), folder.clone());
        let look = move || {
            let known = gate.guard_now(&folder);
            let is_as_open = |name: &MediaPath| {
                let guard = gate.guard_now(name);
                guard.0.iter().all(|rule| known.0.contains(rule))
            };
            names.into_iter().filter(is_as_open).collect()
        };
        // Of what could not be looked at nothing is open.
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// All rules that guard `names`.
    async fn rules(self: &Arc<Self>, names: &[MediaPath]) -> Vec<Arc<Rule>> {
        let mut rules = Vec::new();
        for name in names {
            let guard = self.guard(name).await;
            for rule in &guard.0 {
                if !rules.contains(rule) {
                    rules.push(Arc::clone(rule));
                }
            }
        }
        rules
    }

    async fn guard(self: &Arc<Self>, name: &MediaPath) -> Arc<Guard> {
        if let Some(guard) = self.guards.fresh(name, self.clock.now()) {
            return guard;
        }
        let (gate, name) = (Arc::clone(self), name.clone());
        let looked = tokio::task::spawn_blocking(move || gate.guard_now(&name)).await;
        looked.unwrap_or_else(|_| Arc::new(closed()))
    }

    /// Blocks.
    fn guard_now(&self, name: &MediaPath) -> Arc<Guard> {
        let now = self.clock.now();
        let known = self.guards.fresh(name, now);
        known.unwrap_or_else(|| self.guards.look(name, now))
    }

    fn challenge(&self, rule: &Rule, is_stale: bool, attempt: &Attempt<'_>) -> Verdict {
        let (place, now) = (attempt.place(), self.clock.now());
        let nonce = self.nonces().make(rand::random(), place, now);
        Verdict::Challenge(rule.challenges(&nonce, is_stale, attempt.client))
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `rules` let in some, but not everybody.
fn is_for_some(rules: &[Arc<Rule>]) -> bool {
    !rules.is_empty() && !rules.iter().any(|rule| **rule == Rule::Closed)
}

/// For what could not be looked at.
fn closed() -> Guard {
    Guard(vec![Arc::new(Rule::Closed)])
}

#[cfg(test)]
mod tests;
