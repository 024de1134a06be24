//! The `WWW-Authenticate` headers that a client is asked by to log in (RFC 7617, 2; RFC 7616, 3.3). Pure.

use super::digest::Algorithm;

/// What a client understands of challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// It takes several challenges, and the newer words in them.
    Modern,
    /// It was made when servers had one, in the words of RFC 2069.
    Old,
}

impl Client {
    /// Reads what a client calls itself.
    pub fn read(user_agent: &str) -> Self {
        let names = ["QTS", "QuickTime"];
        match names.iter().any(|name| user_agent.starts_with(name)) {
            true => Self::Old,
            false => Self::Modern,
        }
    }
}

/// Asks for a user's name and password as they are.
pub(super) fn basic(realm: &str) -> String {
    format!("Basic realm=\"{}\"", quoted(realm))
}

/// Asks for a proof that the password is known, by each of `algorithms` in its order; `is_stale`
/// when nothing was wrong but the nonce.
pub(super) fn digest(
    realm: &str,
    algorithms: &[Algorithm],
    nonce: &str,
    is_stale: bool,
    client: Client,
) -> Vec<String> {
    let realm = quoted(realm);
    let stale = if is_stale { ", stale=true" } else { "" };
    match client {
        Client::Modern => {
            let challenge = |algorithm: &Algorithm| {
                let algorithm = algorithm.name();
                format!(
                    "Digest realm=\"{realm}\", qop=\"auth\", algorithm={algorithm}, nonce=\"{nonce}\"{stale}"
                )
            };
            algorithms.iter().map(challenge).collect()
        }
        Client::Old => vec![format!(
            "Digest realm=\"{realm}\", nonce=\"{nonce}\"{stale}"
        )],
    }
}

/// A text as it stands between quotation marks (RFC 9110, 5.6.4).
fn quoted(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    let mut quoted = String::new();
    for letter in plain {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_written_as_clients_read_them() {
        use Algorithm::{Md5, Sha256};
        assert_eq!(basic("a \"b\""), r#"Basic realm="a \"b\"""#);
        assert_eq!(
            digest("Films", &[Sha256, Md5], "n", false, Client::Modern),
            [
                r#"Digest realm="Films", qop="auth", algorithm=SHA-256, nonce="n""#,
                r#"Digest realm="Films", qop="auth", algorithm=MD5, nonce="n""#,
            ]
        );
        assert_eq!(
            digest("Films", &[Sha256, Md5], "n", true, Client::Old),
            [r#"Digest realm="Films", nonce="n", stale=true"#]
        );
        let old = Client::read("QTS (qtver=6.4;os=Windows NT 5.1)");
        assert_eq!(old, Client::Old);
        assert_eq!(Client::read("Lavf62.3.100"), Client::Modern);
    }
}
