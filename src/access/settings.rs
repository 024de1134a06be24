//! What the configuration says of access.

use std::path::PathBuf;
use std::time::Duration;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            files: Files::default(),
            signing_keys: PathBuf::new(),
            pass_lifetime: Duration::from_secs(12 * 60 * 60),
        }
    }
}
