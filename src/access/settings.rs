//! What the configuration says of access.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::guards::Files;

/// The settings of access, which can change while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where users and groups are.
    pub files: Files,
    /// The file of the keys that URLs are signed with; it need not be there.
    pub signing_keys: PathBuf,
    /// For how long the URLs in playlists are good for who has logged in.
    pub pass_lifetime: Duration,
    /// Whose tokens let in; nobody's when it is `None`.
    pub jwt: Option<Jwt>,
    /// Which other server is asked as well; none when it is `None`.
    pub callback: Option<Callback>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            files: Files::default(),
            signing_keys: PathBuf::new(),
            pass_lifetime: Duration::from_secs(12 * 60 * 60),
            jwt: None,
            callback: None,
        }
    }
}

/// Whose JSON Web Tokens are taken, and what they tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// Where the keys are that they are signed with.
    pub keys: KeySet,
    /// What they have to say of who made them (`iss`).
    pub issuer: String,
    /// For whom they have to be (`aud`).
    pub audience: String,
    /// The claim that has the user's name.
    pub user: String,
    /// The claim that has the user's groups.
    pub groups: String,
}

/// Where a JSON Web Key Set is (RFC 7517, 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySet {
    /// In a file.
    File(PathBuf),
    /// At a URL of HTTP.
    Url(Url),
}

/// Another server that says who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Where it is asked, by HTTP.
    pub url: Url,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// For how long an answer is good.
    pub answer_lifetime: Duration,
    /// Whether it is told the passwords that clients tell.
    pub passwords: bool,
}
