//! JSON Web Tokens (RFC 7519): somebody whom the settings trust says who their bearer is. Pure.

mod signatures;

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::settings::Jwt;

/// How tokens are called in queries.
pub const TOKEN: &str = "token";

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// How much the issuer's clock may be ahead when a token begins.
const LEEWAY: Duration = Duration::from_secs(60);

/// The keys that tokens are signed with (RFC 7517, 5).
#[derive(Clone, Default)]
pub(super) struct TokenKeys(Vec<TokenKey>);

/// One of them, and what it may be used with.
#[derive(Clone)]
struct TokenKey {
    id: Option<String>,
    /// The token does not choose.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKeys({})", self.0.len())
    }
}

/// Whom a token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The user's name.
    pub user: String,
    /// The groups of which the token says that the user is in them.
    pub(super) groups: Vec<String>,
    /// When it ends.
    pub(super) until: SystemTime,
}

/// What is wrong with a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKeySet {
    #[error("no JSON Web Key Set: an object with the list `keys`")]
    Form,
    #[error("there is no key in it that signatures can be checked with")]
    Empty,
}

impl TokenKeys {
    /// Reads a JSON Web Key Set; keys of other kinds and uses are left out. Symmetric keys count when
    /// the set `is_secret`.
    ///
    /// # Errors
    /// [`NoKeySet`].
    pub(super) fn read(json: &str, is_secret: bool) -> Result<Self, NoKeySet> {
        signatures::install();
        let set: Value = serde_json::from_str(json).map_err(|_| NoKeySet::Form)?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(NoKeySet::Form)?.iter();
        let keys = keys.filter_map(|key| serde_json::from_value(key.clone()).ok());
        let keys: Vec<_> = keys
            .filter(|key: &Jwk| is_secret || !is_symmetric(key))
            .filter_map(|key| TokenKey::of(&key))
            .collect();
        match keys.is_empty() {
            true => Err(NoKeySet::Empty),
            false => Ok(Self(keys)),
        }
    }

    /// Whether who knows these keys can make tokens by one of them.
    pub(super) fn has_secrets(&self) -> bool {
        use Algorithm::{HS256, HS384, HS512};
        let is_secret = |algorithm: &Algorithm| matches!(algorithm, HS256 | HS384 | HS512);
        let mut algorithms = self.0.iter().flat_map(|key| &key.algorithms);
        algorithms.any(is_secret)
    }

    /// Whether there is a key for `token`; when there is none, the issuer may have another one by now.
    pub(super) fn has_key_of(&self, token: &str) -> bool {
        self.key_of(token).is_some()
    }

    /// Whom `token` names, if an issuer has made it as the settings say, and it is good at the time `now`.
    pub(super) fn read_token(&self, token: &str, wanted: &Jwt, now: SystemTime) -> Option<Bearer> {
        let key = self.key_of(token)?;
        let mut validation = Validation::new(*key.algorithms.first()?);
        validation.algorithms.clone_from(&key.algorithms);
        validation.set_issuer(&[&wanted.issuer]);
        validation.set_audience(&[&wanted.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Below, by the time that does not run back.
        validation.validate_exp = false;
        let decoded = decode::<Map<String, Value>>(token, &key.key, &validation);
        let claims = decoded.ok()?.claims;
        let until = claims.get("exp").and_then(time)?;
        let from = match claims.get("nbf") {
            Some(from) => time(from)?,
            None => UNIX_EPOCH,
        };
        if now >= until || now + LEEWAY < from {
            return None;
        }
        Some(Bearer {
            user: claims.get(&wanted.user).and_then(name)?,
            groups: claims.get(&wanted.groups).map(groups).unwrap_or_default(),
            until,
        })
    }

    /// The key that a token says it is signed with; the only one for a token that says none.
    fn key_of(&self, token: &str) -> Option<&TokenKey> {
        if token.len() > LONGEST || has_demands(token)? {
            return None;
        }
        let header = decode_header(token).ok()?;
        match (header.kid, self.0.as_slice()) {
            (Some(id), keys) => keys.iter().find(|key| key.id.as_ref() == Some(&id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl TokenKey {
    fn of(key: &Jwk) -> Option<Self> {
        use Algorithm::{
            ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
        };
        if !matches!(
            key.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        ) {
            return None;
        }
        let possible: &[Algorithm] = match &key.algorithm {
            AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => &[ES256],
                EllipticCurve::P384 => &[ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(pair) => match pair.curve {
                EllipticCurve::Ed25519 => &[EdDSA],
                _ => return None,
            },
            AlgorithmParameters::OctetKey(_) => &[HS256, HS384, HS512],
        };
        let decoding = DecodingKey::from_jwk(key).ok()?;
        if is_symmetric(key) && is_short(&decoding) {
            return None;
        }
        let mut algorithms = possible.to_vec();
        if let Some(only) = key.common.key_algorithm {
            let only = Algorithm::from_str(&only.to_string()).ok()?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        Some(Self {
            id: key.common.key_id.clone(),
            key: decoding,
            algorithms,
        })
    }
}

/// Whether a secret can be found by trying (RFC 7518, 3.2).
fn is_short(key: &DecodingKey) -> bool {
    matches!(key.kind(), DecodingKeyKind::SecretOrDer(secret) if secret.len() < 32)
}

/// The token of an `Authorization` header (RFC 6750, 2.1).
pub(super) fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_symmetric(key: &Jwk) -> bool {
    matches!(key.algorithm, AlgorithmParameters::OctetKey(_))
}

/// Whether the header demands to be understood in ways that are not known here (RFC 7515, 4.1.11).
fn has_demands(token: &str) -> Option<bool> {
    let header = token.split('.').next()?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
    Some(header.contains_key("crit"))
}

/// A time of day (RFC 7519, 2: NumericDate).
fn time(claim: &Value) -> Option<SystemTime> {
    let seconds = Duration::try_from_secs_f64(claim.as_f64()?).ok()?;
    UNIX_EPOCH.checked_add(seconds)
}

fn name(claim: &Value) -> Option<String> {
    let name = claim.as_str().filter(|name| is_name(name))?;
    Some(name.to_owned())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// A list, or one text with spaces between the names, as scopes are written (RFC 6749, 3.3).
fn groups(claim: &Value) -> Vec<String> {
    match claim {
        Value::Array(names) => names.iter().filter_map(name).collect(),
        Value::String(names) => {
            let names = names.split(' ').filter(|name| is_name(name));
            names.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
