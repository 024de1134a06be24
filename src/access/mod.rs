//! Who may watch what, and publish it: access files, users and groups, logging in by Basic and Digest,
//! signed URLs, and JSON Web Tokens.
//!
//! [`Gate`] is the one place that decides, for RTSP and HTTP alike; who asks it builds an
//! [`Attempt`] and obeys the [`Verdict`].

mod about;
mod argon2id;
mod caller;
mod challenge;
mod credentials;
mod des_crypt;
mod digest;
mod gate;
mod groups;
mod guard;
mod guards;
mod guesses;
mod holder;
mod md5_crypt;
mod networks;
mod nonces;
mod passes;
mod passwords;
mod qtaccess;
mod rules;
mod secret;
mod settings;
mod signing;
mod texts;
mod token_issuer;
mod tokens;
mod user_file;
mod users;

pub use about::About;
pub use caller::Caller;
pub use challenge::Client;
pub use gate::{Attempt, Gate, Signed, Verdict};
pub use guards::Files;
pub use networks::{Networks, Range};
pub use qtaccess::Scheme;
pub use rules::Rules;
pub use settings::{Jwt, KeySet, Settings};
pub use signing::{NoKey, SIGNED, SigningKeys, Terms, key_line};
pub use texts::is_private;
pub use token_issuer::Fetch;
pub use tokens::{Bearer, TOKEN};
pub use user_file::{Unfit, UserFile};

/// What queries of URLs say that must not be shown: whoever has it is let in.
pub const SECRETS: [&str; 2] = [SIGNED, TOKEN];
