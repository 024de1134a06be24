//! Request URIs, taken apart.

use crate::base::id::TrackId;

/// A request URI (RFC 2326, 3.2): absolute, only a path, or `*`. Nothing in it is percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUri {
    /// `rtsp`, `rtspu`, `rtsps`, as it was spelt.
    pub scheme: Option<String>,
    /// Host and port, with a user name if one was sent.
    pub authority: Option<String>,
    /// The path from its first slash on, without query and fragment; `*` for the server itself.
    pub path: String,
    /// What stands after the first `?`.
    pub query: Option<String>,
}

impl RequestUri {
    /// Takes `text` apart; anything is a URI, in doubt a relative path.
    pub fn read(text: &str) -> Self {
        let text = text.split('#').next().unwrap_or_default().trim();
        let (scheme, authority, rest) = split_authority(text);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Self {
            scheme: scheme.map(str::to_owned),
            authority: authority.map(str::to_owned),
            path: rooted(path),
            query,
        }
    }

    /// Whether this is `*`, the server as a whole.
    pub fn is_server(&self) -> bool {
        self.path == "*"
    }

    /// The path without a track's suffix, and the track that the suffix names.
    ///
    /// Suffixes are `/trackID=3`, `/streamid=3`, `/track3`, `/stream=3`, and `/3`
    /// as QTSS accepted it, in any case. A client that appends the suffix after a
    /// query is understood too. Since a movie may bear such a name, look for the
    /// whole path first where it could be one.
    pub fn split_track(&self) -> (&str, Option<TrackId>) {
        if let Some(track) = self.query.as_deref().and_then(track_after_query) {
            return (&self.path, Some(track));
        }
        match split_suffix(self.path.trim_end_matches('/')) {
            Some((path, track)) => (path, Some(track)),
            None => (&self.path, None),
        }
    }
}

fn split_authority(text: &str) -> (Option<&str>, Option<&str>, &str) {
    let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| is_scheme(scheme))
    else {
        return (None, None, text);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    (Some(scheme), Some(authority), rest)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn rooted(path: &str) -> String {
    if path == "*" || path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// A track's suffix at the end of a query; a bare number there is part of the query.
fn track_after_query(query: &str) -> Option<TrackId> {
    let (_, name) = query.rsplit_once('/')?;
    let bare = name.starts_with(|first: char| first.is_ascii_digit());
    if bare { None } else { track(name) }
}

fn split_suffix(text: &str) -> Option<(&str, TrackId)> {
    let (path, name) = text.rsplit_once('/')?;
    Some((path, track(name)?))
}

fn track(name: &str) -> Option<TrackId> {
    let digits_at = name.find(|c: char| c.is_ascii_digit())?;
    let (word, digits) = name.split_at(digits_at);
    let known = [
        "",
        "trackid=",
        "streamid=",
        "track=",
        "stream=",
        "track",
        "stream",
    ];
    if !known.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return None;
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(TrackId)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, Option<u32>) {
        let uri = RequestUri::read(text);
        let (path, track) = uri.split_track();
        (path.to_owned(), track.map(|track| track.0))
    }

    #[test]
    fn absolute_and_relative_uris_are_taken_apart() {
        let uri = RequestUri::read("rtsp://me@h:554/a b/c%20d.mov?x=1?y#z");
        assert_eq!(uri.scheme.as_deref(), Some("rtsp"));
        assert_eq!(uri.authority.as_deref(), Some("me@h:554"));
        assert_eq!(uri.path, "/a b/c%20d.mov");
        assert_eq!(uri.query.as_deref(), Some("x=1?y"));
        assert_eq!(RequestUri::read("RTSP://[::1]:8554").path, "/");
        assert_eq!(RequestUri::read("rtsp://h?q").query.as_deref(), Some("q"));
        assert_eq!(RequestUri::read("/a.mov").path, "/a.mov");
        assert_eq!(RequestUri::read("a.mov").path, "/a.mov");
        assert!(RequestUri::read("*").is_server());
        assert_eq!(RequestUri::read("/x/http://y").scheme, None);
    }

    #[test]
    fn track_suffixes_are_split_off() {
        for name in [
            "trackID=3",
            "TRACKID=3",
            "streamid=3",
            "track3",
            "stream=3",
            "3",
        ] {
            let whole = format!("rtsp://h/a/b.mov/{name}");
            assert_eq!(split(&whole), ("/a/b.mov".to_owned(), Some(3)), "{name}");
        }
        assert_eq!(split("/a.mov?q=/4"), ("/a.mov".to_owned(), None));
        assert_eq!(split("/a.mov/trackID=3/"), ("/a.mov".to_owned(), Some(3)));
        assert_eq!(
            split("/a.mov?q=1/trackID=4"),
            ("/a.mov".to_owned(), Some(4))
        );
    }

    #[test]
    fn other_names_are_no_tracks() {
        for path in [
            "/a.mov",
            "/a3.mov",
            "/track3.mov",
            "/trackID=",
            "/trackID=x",
            "/trackID=99999999999",
        ] {
            assert_eq!(split(path), (path.to_owned(), None));
        }
    }
}
