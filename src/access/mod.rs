//! Who may watch what, and publish it: access files, users and groups, logging in by Basic and Digest,
//! and signed URLs.
//!
//! [`Gate`] is the one place that decides, for RTSP and HTTP alike; who asks it builds an
//! [`Attempt`] and obeys the [`Verdict`].

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
mod user_file;
mod users;

pub use caller::Caller;
pub use challenge::Client;
pub use gate::{Attempt, Gate, Signed, Verdict};
pub use guards::Files;
pub use networks::{Networks, Range};
pub use qtaccess::Scheme;
pub use rules::Rules;
pub use settings::Settings;
pub use signing::{NoKey, SECRETS, SIGNED, SigningKeys, Terms, key_line};
pub use user_file::{Unfit, UserFile};
