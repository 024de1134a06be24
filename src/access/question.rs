//! What another server is asked that decides who may, and what its answer means. Pure.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::passes::PASS;
use super::signing::SIGNED;
use super::tickets::TICKET;
use super::tokens::TOKEN;
use crate::base::path::MediaPath;

/// What a client wants to do, in the words of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Deed {
    /// Watch, list or download.
    Read,
    /// Publish, or send titles.
    Publish,
}

/// How a client comes, in the words of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// By RTSP over any transport.
    Rtsp,
    /// For playlists, keys and media of HLS.
    Hls,
    /// For anything else by HTTP.
    Http,
}

/// What is known of a client: what it has shown, and what it says itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Guest {
    /// The user that it has shown to be, or says that it is beside a password; or nothing.
    pub(super) user: String,
    /// The password, where the settings let it be told; or nothing.
    pub(super) password: String,
    /// The token that it shows, of which nothing is known; or nothing.
    pub(super) token: String,
    /// What the query of its URL says that is not said to this server.
    pub(super) query: String,
}

impl Guest {
    /// The name of its user; empty when none is known.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether nothing is known of it.
    pub(super) fn is_nobody(&self) -> bool {
        *self == Self::default()
    }

    /// What a client is known by that says this now and has said `before` where it got its URL.
    ///
    /// Players put words of their own into queries, so what was said before counts there.
    pub(super) fn after(self, before: Self) -> Self {
        let (user, password) = match self.user.is_empty() {
            true => (before.user, before.password),
            false => (self.user, self.password),
        };
        let either = |one: String, other: String| if one.is_empty() { other } else { one };
        Self {
            user,
            password,
            token: either(self.token, before.token),
            query: either(before.query, self.query),
        }
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        let texts = [&self.user, &self.password, &self.token, &self.query];
        texts.iter().map(|text| text.len()).sum()
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guest({:?})", self.user)
    }
}

/// A question, as it goes out.
#[derive(Serialize)]
pub(super) struct Question<'a> {
    pub(super) ip: IpAddr,
    pub(super) action: Deed,
    pub(super) path: &'a str,
    pub(super) protocol: Protocol,
    #[serde(flatten)]
    pub(super) guest: &'a Guest,
}

impl<'a> Question<'a> {
    /// Whether `guest`, who is at `peer`, may do `action` to what has this name.
    pub(super) fn new(
        peer: IpAddr,
        action: Deed,
        name: &'a MediaPath,
        protocol: Protocol,
        guest: &'a Guest,
    ) -> Self {
        Self {
            ip: peer.to_canonical(),
            action,
            path: name.as_str(),
            protocol,
            guest,
        }
    }

    /// The same as JSON (RFC 8259).
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("all its parts are texts")
    }
}

/// What the other server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Not before it is known who that is.
    LogIn,
    /// Nothing that makes sense, or nothing at all.
    Nothing,
}

impl Answer {
    /// What a status of HTTP says.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Yes,
            401 => Self::LogIn,
            403 => Self::No,
            _ => Self::Nothing,
        }
    }
}

/// What `query` says but for what is said to this server: secrets of its own, directives of HLS, and what players
/// tell of their playback (CTA-5004).
pub(super) fn others_part(query: &str) -> String {
    let is_own = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        [SIGNED, TOKEN, TICKET, PASS, "CMCD"].contains(&name) || name.starts_with("_HLS_")
    };
    let pairs = query.split('&').filter(|pair| !is_own(pair));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(texts: [&str; 4]) -> Guest {
        let [user, password, token, query] = texts.map(str::to_owned);
        Guest {
            user,
            password,
            token,
            query,
        }
    }

    #[test]
    fn a_question_has_all_its_words() {
        let name = MediaPath::from_plain("news/\"a\" b.mp4").unwrap();
        let guest = guest(["ann", "", "t", "key=1&x"]);
        let peer = "::ffff:192.0.2.1".parse().unwrap();
        let question = Question::new(peer, Deed::Publish, &name, Protocol::Rtsp, &guest);
        let said: serde_json::Value = serde_json::from_str(&question.to_json()).unwrap();
        let expected = serde_json::json!({
            "ip": "192.0.2.1",
            "action": "publish",
            "path": "news/\"a\" b.mp4",
            "protocol": "rtsp",
            "user": "ann",
            "password": "",
            "token": "t",
            "query": "key=1&x",
        });
        assert_eq!(said, expected);
    }

    #[test]
    fn only_three_kinds_of_statuses_make_sense() {
        for (status, answer) in [
            (200, Answer::Yes),
            (204, Answer::Yes),
            (299, Answer::Yes),
            (401, Answer::LogIn),
            (403, Answer::No),
            (100, Answer::Nothing),
            (302, Answer::Nothing),
            (400, Answer::Nothing),
            (404, Answer::Nothing),
            (500, Answer::Nothing),
            (0, Answer::Nothing),
        ] {
            assert_eq!(Answer::of_status(status), answer, "{status}");
        }
    }

    #[test]
    fn what_is_said_to_this_server_is_not_told() {
        for (query, told) in [
            ("", ""),
            ("key=1", "key=1"),
            ("signed=s&key=1&token=t&json&pass=p&ticket=x", "key=1&json"),
            ("_HLS_msn=7&_HLS_part=1", ""),
            ("CMCD=sid%3D%22a%22&key=1", "key=1"),
            ("pass&tokens=1&_HLS", "tokens=1&_HLS"),
        ] {
            assert_eq!(others_part(query), told, "{query}");
        }
    }

    #[test]
    fn what_was_said_before_fills_what_is_not_said_now() {
        let before = || guest(["ann", "secret", "t", "key=1"]);
        assert_eq!(guest(["", "", "", ""]).after(before()), before());
        assert_eq!(
            guest(["bob", "", "", "x=2"]).after(before()),
            guest(["bob", "", "t", "key=1"])
        );
        let now = guest(["", "", "u", "x=2"]);
        assert_eq!(
            now.after(guest(["", "", "", ""])),
            guest(["", "", "u", "x=2"])
        );
        assert!(guest(["", "", "", ""]).is_nobody() && !before().is_nobody());
        assert!(!format!("{:?}", before()).contains("secret"));
    }
}
