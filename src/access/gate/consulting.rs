//! The question to another server, which is asked after the access files and has to say yes as well.

use std::sync::Arc;

use tracing::info;

use super::{Attempt, Gate, Verdict};
use crate::access::challenge;
use crate::access::credentials::Credentials;
use crate::access::decider::Decisions;
use crate::access::guard::Rule;
use crate::access::question::{Answer, Deed, Guest, Question, others_part};
use crate::access::tokens::bearer_token;
use crate::base::path::MediaPath;

/// The realm of those who log in at the other server.
const REALM: &str = "Reelcast";

impl Gate {
    /// Whether another server is asked who may.
    pub fn is_consulting(&self) -> bool {
        self.settings().callback.is_some()
    }

    /// What it was asked, and what it said so far.
    pub fn decisions(&self) -> Decisions {
        self.decider.decisions()
    }

    /// The verdict about the `deed` to what has this name, when `verdict` is that of the access files, whose
    /// rules these are.
    pub(super) async fn consult(
        &self,
        deed: Deed,
        name: &MediaPath,
        rules: &[Arc<Rule>],
        verdict: Verdict,
        attempt: &Attempt<'_>,
    ) -> Verdict {
        if !verdict.lets_in() || !self.is_consulting() {
            return verdict;
        }
        let guest = self.guest(&verdict, attempt);
        // The files know of no password, so the other server has to say whether it is right.
        let is_guess = !matches!(verdict, Verdict::User(_))
            && attempt.authorization.is_some()
            && !guest.password.is_empty();
        if let Some(wait) = self.wait(attempt, &guest.user).filter(|_| is_guess) {
            return Verdict::Later(wait);
        }
        match self.ask(deed, name, &guest, attempt).await {
            Answer::Yes => {
                if is_guess {
                    self.guesses().right(attempt.peer, &guest.user);
                }
                verdict
            }
            Answer::No => {
                let (peer, user) = (attempt.peer, guest.user);
                info!(%peer, %name, ?deed, user, "[access.callback] says no");
                Verdict::Refused
            }
            Answer::Nothing => Verdict::Undecided,
            Answer::LogIn => {
                if is_guess {
                    let now = self.clock.now();
                    self.guesses().wrong(attempt.peer, &guest.user, now);
                }
                self.request_login(rules, attempt)
            }
        }
    }

    /// Whether a client who may watch something may see what is in the list of `folder`. Cancel safe.
    pub async fn may_list(&self, folder: &MediaPath, guest: &Guest, attempt: &Attempt<'_>) -> bool {
        !self.is_consulting() || self.ask(Deed::Read, folder, guest, attempt).await == Answer::Yes
    }

    /// The answer of the other server; yes without one.
    async fn ask(
        &self,
        deed: Deed,
        name: &MediaPath,
        guest: &Guest,
        attempt: &Attempt<'_>,
    ) -> Answer {
        let Some(callback) = self.settings().callback.clone() else {
            return Answer::Yes;
        };
        let question = Question::new(attempt.peer, deed, name, attempt.protocol, guest);
        self.decider.ask(&callback, &question).await
    }

    /// What the other server is told of a client about whom the access files say `verdict`. Its password is among it
    /// only if the settings say so, and a name without one only if it was proven.
    pub fn guest(&self, verdict: &Verdict, attempt: &Attempt<'_>) -> Guest {
        let tells_passwords = self.tells_passwords();
        let credentials = attempt.authorization.and_then(Credentials::read);
        let (user, password) = match (verdict, credentials) {
            (Verdict::Bearer(bearer), _) => (bearer.user.clone(), String::new()),
            (_, Some(Credentials::Basic { user, password })) if tells_passwords => (user, password),
            (Verdict::User(user), _) => (user.clone(), String::new()),
            _ => Default::default(),
        };
        let header = attempt.authorization.and_then(bearer_token);
        let now = Guest {
            user,
            password,
            token: attempt.token.or(header).unwrap_or_default().to_owned(),
            query: others_part(attempt.query),
        };
        match self.ticket_holder(attempt) {
            Some(before) => now.after(before),
            None => now,
        }
    }

    /// What URLs in an answer about `name` have to say for the other server to be asked about `guest` again, whose
    /// request this is: a ticket. `None` when nobody is asked, or nothing is known of the guest.
    pub fn ticket(&self, name: &MediaPath, guest: &Guest, attempt: &Attempt<'_>) -> Option<String> {
        if guest.is_nobody() || !self.is_consulting() {
            return None;
        }
        // It ends when it was to end at first, however often it is shown.
        if let Some(shown) = attempt.ticket
            && self.ticket_holder(attempt).as_ref() == Some(guest)
        {
            return Some(shown.ticket.to_owned());
        }
        let until = self.clock.now() + self.settings().pass_lifetime;
        self.tickets.issue(name, guest, until)
    }

    fn ticket_holder(&self, attempt: &Attempt<'_>) -> Option<Guest> {
        let shown = attempt.ticket?;
        self.tickets
            .guest(shown.ticket, shown.name, self.clock.now())
    }

    /// Asks to log in: as the access files say, or by a password for the other server if it may be told one.
    fn request_login(&self, rules: &[Arc<Rule>], attempt: &Attempt<'_>) -> Verdict {
        if let Some(rule) = rules.first() {
            return self.challenge(rule, false, attempt);
        }
        match self.tells_passwords() {
            true => Verdict::Challenge(vec![challenge::basic(REALM)]),
            false => Verdict::Refused,
        }
    }

    /// Whether the other server may be told passwords.
    fn tells_passwords(&self) -> bool {
        let settings = self.settings();
        let callback = settings.callback.as_ref();
        callback.is_some_and(|callback| callback.passwords)
    }
}

impl Verdict {
    /// Whether the client may.
    fn lets_in(&self) -> bool {
        matches!(
            self,
            Self::Open | Self::User(_) | Self::Signed(_) | Self::Bearer(_)
        )
    }
}

#[cfg(test)]
mod tests;
