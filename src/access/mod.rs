//! Who may watch what, and publish it: access files, users and groups, logging in by Basic and Digest,
//! signed URLs, JSON Web Tokens, and the question to another server.
//!
//! [`Gate`] is the one place that decides, for RTSP and HTTP alike; who asks it builds an
//! [`Attempt`] and obeys the [`Verdict`].

mod about;
mod argon2id;
mod caller;
mod challenge;
mod credentials;
mod decider;
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
mod pass_holder;
mod passes;
mod passwords;
mod qtaccess;
mod question;
mod rules;
mod secret;
mod settings;
mod signing;
mod texts;
mod tickets;
mod token_issuer;
mod tokens;
mod user_file;
mod users;
mod web;

pub use about::About;
pub use caller::Caller;
pub use challenge::Client;
pub use decider::Decisions;
pub use gate::{Attempt, Gate, Signed, Ticket, Verdict};
pub use guards::Files;
pub use networks::{ClientNetworks, Networks};
pub use passes::PASS;
pub use qtaccess::Scheme;
pub use question::{Guest, Protocol};
pub use rules::Rules;
pub use settings::{Callback, Jwt, KeySet, Settings};
pub use signing::{NoKey, SIGNED, SigningKeys, Terms, key_line};
pub use texts::is_private;
pub use tickets::TICKET;
pub use tokens::{Bearer, TOKEN};
pub use user_file::{Unfit, UserFile};
pub use web::Web;

/// What queries of URLs say that must not be shown: whoever has it is let in.
pub const SECRETS: [&str; 4] = [SIGNED, TOKEN, PASS, TICKET];
