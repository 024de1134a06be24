//! The `Authorization` header: what a client says to log in (RFC 7617, RFC 7616 3.4). Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_auth::ChallengeParser;

use super::digest::{Algorithm, Answer, Count};

/// The longest header that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// What a client logs in with.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    Basic { user: String, password: String },
    Digest(Answer),
}

impl Credentials {
    /// Who logs in, or says so.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Basic { user, .. } => user,
            Self::Digest(answer) => &answer.user,
        }
    }

    /// Reads the value of the header; `None` for what makes no sense.
    pub(super) fn read(value: &str) -> Option<Self> {
        if value.len() > LONGEST || value.chars().any(char::is_control) {
            return None;
        }
        let (scheme, rest) = value.trim_start().split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => read_basic(rest.trim()),
            "digest" => read_digest(value.trim_start()).map(Self::Digest),
            _ => None,
        }
    }
}

fn read_basic(token: &str) -> Option<Credentials> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    let is_plain = !text.chars().any(char::is_control);
    is_plain.then(|| Credentials::Basic {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Its parameters are written like those of a challenge.
fn read_digest(value: &str) -> Option<Answer> {
    let mut said = ChallengeParser::new(value);
    let params = said.next()?.ok()?.params;
    if said.next().is_some() {
        return None;
    }
    let find = |wanted: &str| {
        let mut found = params
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let (_, value) = found.next()?;
        // Which of two would count?
        found.next().is_none().then(|| value.to_unescaped())
    };
    let is_given = |wanted: &str| {
        let mut names = params.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    let algorithm = match is_given("algorithm") {
        true => Algorithm::read(&find("algorithm")?)?,
        false => Algorithm::Md5,
    };
    let count = match is_given("qop") {
        true => Some(Count::of(&find("qop")?, find("nc")?, find("cnonce")?)?),
        false => None,
    };
    Some(Answer {
        user: find("username")?,
        realm: find("realm")?,
        nonce: find("nonce")?,
        uri: find("uri")?,
        algorithm,
        count,
        response: find("response")?,
    })
}

impl Count {
    fn of(qop: &str, spelled: String, client_nonce: String) -> Option<Self> {
        let is_hex = spelled.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !qop.eq_ignore_ascii_case("auth") || spelled.len() != 8 || !is_hex {
            return None;
        }
        let number = u32::from_str_radix(&spelled, 16).ok()?;
        Some(Self {
            spelled,
            number,
            client_nonce,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_is_read() {
        let read = |text: &[u8]| match Credentials::read(&basic(text)) {
            Some(Credentials::Basic { user, password }) => Some((user, password)),
            _ => None,
        };
        let is = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read(b"ann:a:b"), is("ann", "a:b"));
        assert_eq!(read("änn:ß".as_bytes()), is("änn", "ß"));
        assert_eq!(read(b":"), is("", ""));
        for text in [&b"ann"[..], b"ann:\0", b"ann\r\n:x", b"ann:\xff", b""] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn digest_is_read() {
        let value = r#"Digest username="a\"n\\n", realm="Films", nonce="n", uri="/a b", response="r", algorithm=sha-256, qop=auth, nc=0000000A, cnonce="c", opaque="o""#;
        let Some(Credentials::Digest(answer)) = Credentials::read(value) else {
            panic!("not read");
        };
        assert_eq!(answer.user, "a\"n\\n");
        assert_eq!(answer.uri, "/a b");
        assert_eq!(answer.algorithm, Algorithm::Sha256);
        assert_eq!(answer.count.map(|count| count.number), Some(10));
        let old =
            r#"digest username="ann",realm="Films",nonce="n",uri="rtsp://h/a.mov",response="r""#;
        let Some(Credentials::Digest(answer)) = Credentials::read(old) else {
            panic!("not read");
        };
        assert_eq!((answer.algorithm, answer.count), (Algorithm::Md5, None));
    }

    #[test]
    fn nonsense_is_not_read() {
        let good = r#"Digest username="a", realm="r", nonce="n", uri="u", response="r""#;
        for value in [
            "",
            "Basic",
            "Basic ???",
            "Bearer x",
            "Digest",
            r#"Digest username="a""#,
            &format!("{good}, username=\"b\""),
            &format!("{good}, qop=auth-int, nc=00000001, cnonce=\"c\""),
            &format!("{good}, qop=auth"),
            &format!("{good}, qop=auth, nc=1, cnonce=\"c\""),
            &format!("{good}, qop=auth, nc=+0000001, cnonce=\"c\""),
            &format!("{good}, algorithm=MD5-sess"),
            &format!("{good}, algorithm=MD5, algorithm=SHA-256"),
            &format!("{good}, Basic realm=\"x\""),
            &format!("{good}, opaque=\"{}\"", "o".repeat(LONGEST)),
        ] {
            assert!(Credentials::read(value).is_none(), "{value}");
        }
        assert!(Credentials::read(good).is_some());
    }
}
