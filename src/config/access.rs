//! `[access]` as the gate takes it, and `[access.jwt]`.

use serde::{Deserialize, Serialize};
use url::Url;

use super::settings::Config;
use crate::access::{Files, Jwt, KeySet, Settings};

impl Config {
    /// What the gate has to know.
    pub fn gate_settings(&self) -> Settings {
        let access = &self.access;
        let channels = self.channel_access();
        let channels = channels.map(|(channel, rules)| (channel.clone(), rules.clone()));
        Settings {
            files: Files {
                users: access.users.clone(),
                groups: access.groups.clone(),
                may_lack: !access.jwt.keys.is_empty(),
                scheme: access.scheme,
                channels: channels.collect(),
            },
            signing_keys: self.signing_keys(),
            pass_lifetime: access.pass_lifetime,
            jwt: (!access.jwt.keys.is_empty()).then(|| access.jwt.settings()),
        }
    }
}

/// Whose JSON Web Tokens let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessJwt {
    /// The file or URL of the keys; empty: no tokens.
    pub keys: String,
    /// Who has to have made them (`iss`).
    pub issuer: String,
    /// For whom they have to be (`aud`).
    pub audience: String,
    /// The claim that has the user's name.
    pub user: String,
    /// The claim that has the user's groups.
    pub groups: String,
}

impl Default for AccessJwt {
    fn default() -> Self {
        Self {
            keys: String::new(),
            issuer: String::new(),
            audience: String::new(),
            user: "sub".to_owned(),
            groups: "groups".to_owned(),
        }
    }
}

impl AccessJwt {
    /// The URL of the keys; `None` when they are in a file, or there are none.
    pub(super) fn url(&self) -> Option<Url> {
        let is_web = ["http:", "https:"];
        let is_web = is_web.iter().any(|scheme| self.keys.starts_with(scheme));
        Url::parse(&self.keys).ok().filter(|_| is_web)
    }

    fn settings(&self) -> Jwt {
        Jwt {
            keys: match self.url() {
                Some(url) => KeySet::Url(url),
                None => KeySet::File(self.keys.clone().into()),
            },
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            user: self.user.clone(),
            groups: self.groups.clone(),
        }
    }
}
