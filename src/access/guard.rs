//! What guards a name: the rules that a client has to satisfy, all of them. Pure.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::challenge::{self, Client};
use super::credentials::Credentials;
use super::digest::{Algorithm, Answer};
use super::gate::Attempt;
use super::groups::Groups;
use super::passwords::Unchecked;
use super::qtaccess::{AccessFile, Require, Scheme};
use super::secret::Secret;
use super::users::Users;

/// All rules of a name for one action; none, and everybody may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guard(pub(super) Vec<Arc<Rule>>);

/// One access file with those that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A file has a fault: nobody may.
    Closed,
    /// Users may.
    Users {
        access: Arc<AccessFile>,
        /// How they log in.
        scheme: Scheme,
        /// Whom any of these lets in.
        required: Vec<Require>,
        users: Arc<Users>,
        groups: Arc<Groups>,
    },
}

/// Who a client says that it is.
pub(super) enum Identity<'c> {
    /// It has shown that it knows this user's password.
    Proven(&'c str),
    /// It has told a password, which is right if it is of `secret`.
    Told {
        user: &'c str,
        password: &'c str,
        secret: Secret,
    },
}

/// Why a client may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Nobody may.
    Closed,
    /// Nobody is logged in, or not by the scheme that is asked for.
    Unknown,
    /// The password is wrong, or there is no such user.
    Wrong,
    /// It was not looked at, for the client has tried too many.
    TooMany,
    /// It was not looked at, for too many wait already.
    Busy,
    /// The user may not, whoever it is.
    Unlisted,
}

impl From<Unchecked> for Denied {
    fn from(unchecked: Unchecked) -> Self {
        match unchecked {
            Unchecked::TooMany => Self::TooMany,
            Unchecked::Busy => Self::Busy,
        }
    }
}

impl Rule {
    /// Who a client with these `credentials` is, before it is known whether it is let in.
    ///
    /// A nonce is not looked at here.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) fn identify<'c>(
        &self,
        credentials: Option<&'c Credentials>,
        attempt: &Attempt<'_>,
    ) -> Result<Identity<'c>, Denied> {
        let Self::Users { scheme, users, .. } = self else {
            return Err(Denied::Closed);
        };
        match (scheme, credentials) {
            (Scheme::Basic, Some(Credentials::Basic { user, password })) => Ok(Identity::Told {
                user,
                password,
                secret: users.secret(user),
            }),
            (Scheme::Digest, Some(Credentials::Digest(answer))) => {
                let is_proof = is_proof(answer, users, attempt);
                let user = is_proof.then_some(&*answer.user);
                user.map(Identity::Proven).ok_or(Denied::Wrong)
            }
            _ => Err(Denied::Unknown),
        }
    }

    /// The same for users who log in by the scheme that is `wanted`.
    pub(super) fn by(&self, wanted: Scheme) -> Self {
        let mut rule = self.clone();
        if let Self::Users { scheme, .. } = &mut rule {
            *scheme = wanted;
        }
        rule
    }

    /// Whether this lets `user` in, who is known.
    pub(super) fn lets_in(&self, user: &str) -> bool {
        match self {
            Self::Closed => false,
            Self::Users {
                required, groups, ..
            } => required.iter().any(|one| one.lets_in(user, groups)),
        }
    }

    /// Whether this lets in whom a token names, who need not be in a file of users.
    pub(super) fn takes(&self, user: &str, told_groups: &[String]) -> bool {
        let Self::Users {
            required, groups, ..
        } = self
        else {
            return false;
        };
        let is_told = |one: &Require| match one {
            Require::Groups(names) => names.iter().any(|group| told_groups.contains(group)),
            _ => false,
        };
        let mut required = required.iter();
        required.any(|one| one.lets_in(user, groups) || is_told(one))
    }

    /// Those of `groups` that this asks for.
    pub(super) fn asked_groups<'g>(&self, groups: &'g [String]) -> Vec<&'g String> {
        let Self::Users { required, .. } = self else {
            return Vec::new();
        };
        let asks = |group: &&String| {
            let mut required = required.iter();
            required.any(|one| matches!(one, Require::Groups(names) if names.contains(group)))
        };
        groups.iter().filter(asks).collect()
    }

    /// What changes when `user` has to log in again; `None` for one who is not let in.
    pub(super) fn standing(&self, user: &str) -> Option<String> {
        let Self::Users { users, .. } = self else {
            return None;
        };
        users.standing(user).filter(|_| self.lets_in(user))
    }

    /// The `WWW-Authenticate` headers that ask a client to log in; none when nobody may.
    pub(super) fn challenges(&self, nonce: &str, is_stale: bool, client: Client) -> Vec<String> {
        let Self::Users {
            access,
            scheme,
            users,
            ..
        } = self
        else {
            return Vec::new();
        };
        let realm = users.realm();
        match scheme {
            Scheme::Basic => vec![challenge::basic(access.name.as_deref().unwrap_or(realm))],
            Scheme::Digest => challenge::digest(realm, users.algorithms(), nonce, is_stale, client),
        }
    }
}

impl Require {
    /// Whether `user`, who is known, is let in.
    fn lets_in(&self, user: &str, groups: &Groups) -> bool {
        match self {
            Self::AnyUser | Self::ValidUser => true,
            Self::Users(names) => names.iter().any(|name| name == user),
            Self::Groups(names) => names.iter().any(|group| groups.has(group, user)),
        }
    }
}

/// Whether an answer shows that the client knows the user's password.
fn is_proof(answer: &Answer, users: &Users, attempt: &Attempt<'_>) -> bool {
    let is_offered = |algorithm: Algorithm| users.algorithms().contains(&algorithm);
    let is_about_this = attempt.about.is_of(answer);
    if !is_about_this || answer.realm != users.realm() || !is_offered(answer.algorithm) {
        return false;
    }
    // For a name that is not in the file there is as much to do.
    let ha1 = users.ha1(&answer.user, answer.algorithm);
    let expected = answer.expected(ha1.unwrap_or_default(), attempt.method);
    let told = answer.response.to_ascii_lowercase();
    let is_same: bool = expected.as_bytes().ct_eq(told.as_bytes()).into();
    ha1.is_some() && is_same
}
