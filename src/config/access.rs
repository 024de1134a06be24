//! `[access]` as the gate takes it, `[access.jwt]` and `[access.callback]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::quantity;
use super::settings::Config;
use crate::access::{Callback, Files, Jwt, KeySet, Settings};

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
            callback: access.callback.settings(),
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
        url_of_http(&self.keys)
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

/// Which other server says who may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessCallback {
    /// The URL where it is asked; empty: no server is.
    pub url: String,
    /// How long it may take to answer.
    #[serde(with = "quantity::duration")]
    pub timeout: Duration,
    /// For how long an answer is good.
    #[serde(with = "quantity::duration")]
    pub answer_lifetime: Duration,
    /// Whether it is told passwords.
    pub passwords: bool,
}

impl Default for AccessCallback {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout: Duration::from_secs(5),
            answer_lifetime: Duration::from_secs(30),
            passwords: false,
        }
    }
}

impl AccessCallback {
    /// The URL; `None` without one, and for what is none of HTTP.
    pub(super) fn url(&self) -> Option<Url> {
        url_of_http(&self.url)
    }

    fn settings(&self) -> Option<Callback> {
        Some(Callback {
            url: self.url()?,
            timeout: self.timeout,
            answer_lifetime: self.answer_lifetime,
            passwords: self.passwords,
        })
    }
}

fn url_of_http(text: &str) -> Option<Url> {
    let is_web = ["http:", "https:"];
    let is_web = is_web.iter().any(|scheme| text.starts_with(scheme));
    Url::parse(text).ok().filter(|_| is_web)
}
