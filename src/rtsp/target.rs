//! What the URL of a request names: a movie or channel, or one track of it.

use std::net::SocketAddr;

use crate::base::id::TrackId;
use crate::base::path::{BadPath, MediaPath};
use crate::wire::rtsp::uri::RequestUri;

use super::refusal::Refusal;

/// Where a request has come in, which completes a URL that is a bare path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entrance {
    /// The server's address on the connection.
    pub(super) local: SocketAddr,
    /// Whether the connection is TLS.
    pub(super) is_encrypted: bool,
}

/// The movie or channel, and perhaps the track, that a request's URL names.
///
/// A control URL ends in `/trackID=3`, in another product's word before the
/// digits, or in bare digits. A movie may itself bear such a name as well, so both
/// readings are kept, and the request's method decides which holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// The URL as the client spelled it, made absolute.
    pub(super) url: String,
    /// The URL taken as that of a whole movie or channel.
    pub(super) whole: Movie,
    /// The URL taken as that of a track.
    pub(super) track: Option<(Movie, TrackId)>,
    /// The host and port; the server's own address if the client sent none.
    pub(super) authority: String,
    /// The query without its question mark, empty if there is none.
    pub(super) query: String,
}

/// A movie or channel by its URL and its path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Movie {
    /// The absolute URL, without query and final slash.
    pub(super) url: String,
    /// The path in the library and among the channels.
    pub(super) path: MediaPath,
}

impl Entrance {
    /// The scheme of URLs that lead here again.
    pub(super) fn scheme(self) -> &'static str {
        if self.is_encrypted { "rtsps" } else { "rtsp" }
    }
}

impl Target {
    /// Reads a request URI that has come in by `entrance`, which stands in for the scheme and authority
    /// that a bare path lacks. `None` for `*`.
    ///
    /// # Errors
    /// 404 for a path that cannot be that of a movie, 414 for one that is too long.
    pub(super) fn read(text: &str, entrance: Entrance) -> Result<Option<Self>, Refusal> {
        let uri = RequestUri::read(text);
        if uri.is_server() {
            return Ok(None);
        }
        let authority = authority(&uri, entrance.local);
        let scheme = uri.scheme.as_deref().unwrap_or_else(|| entrance.scheme());
        let origin = format!("{scheme}://{authority}");
        let whole = Movie::read(&origin, &uri.path)?;
        let track = match uri.split_track() {
            (path, Some(id)) => Some((Movie::read(&origin, path)?, id)),
            (_, None) => None,
        };
        let query = uri.query.unwrap_or_default();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(Some(Self {
            url: format!("{}{mark}{query}", whole.url),
            whole,
            track,
            authority,
            query,
        }))
    }

    /// Leaves the reading that is the movie or channel `name`, or a track of it.
    pub(super) fn narrow(&mut self, name: &MediaPath) {
        match &self.track {
            Some((movie, _)) if movie.path == *name => self.whole = movie.clone(),
            _ => self.track = None,
        }
    }

    /// Whether this is the movie at `path`, or a track of it.
    pub(super) fn names(&self, path: &MediaPath) -> bool {
        self.whole.path == *path
            || self
                .track
                .as_ref()
                .is_some_and(|(movie, _)| movie.path == *path)
    }
}

impl Movie {
    fn read(origin: &str, path: &str) -> Result<Self, Refusal> {
        let spelled = path.trim_end_matches('/');
        let path = MediaPath::from_url(spelled).map_err(refuse)?;
        Ok(Self {
            url: format!("{origin}{spelled}"),
            path,
        })
    }
}

/// Host and port without the user's name, which is not to be repeated in answers.
fn authority(uri: &RequestUri, local: SocketAddr) -> String {
    match uri.authority.as_deref() {
        None | Some("") => local.to_string(),
        Some(sent) => sent
            .rsplit_once('@')
            .map_or(sent, |(_, host)| host)
            .to_owned(),
    }
}

fn refuse(fault: BadPath) -> Refusal {
    match fault {
        BadPath::TooLong => Refusal::new(414, fault.to_string()),
        BadPath::NotPlain | BadPath::NotUtf8 => Refusal::new(404, fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrance(is_encrypted: bool) -> Entrance {
        Entrance {
            local: "192.0.2.1:8554".parse().unwrap(),
            is_encrypted,
        }
    }

    fn read(text: &str) -> Target {
        Target::read(text, entrance(false)).unwrap().unwrap()
    }

    #[test]
    fn urls_are_completed_and_stripped() {
        let target = read("rtsp://user:secret@host:1554/a%20b.mov/?x=1");
        assert_eq!(target.whole.url, "rtsp://host:1554/a%20b.mov");
        assert_eq!(target.whole.path.as_str(), "a b.mov");
        assert_eq!(target.query, "x=1");
        assert_eq!(target.track, None);
        assert_eq!(read("/a.mov").whole.url, "rtsp://192.0.2.1:8554/a.mov");
    }

    #[test]
    fn what_comes_by_tls_stays_there() {
        let read = |text: &str| Target::read(text, entrance(true)).unwrap().unwrap();
        for (text, url) in [
            ("/a.mov", "rtsps://192.0.2.1:8554/a.mov"),
            ("a.mov/trackID=1", "rtsps://192.0.2.1:8554/a.mov/trackID=1"),
            ("rtsp://h/a.mov", "rtsp://h/a.mov"),
        ] {
            assert_eq!(read(text).url, url);
        }
    }

    #[test]
    fn tracks_are_named_in_many_ways() {
        for name in ["trackID=3", "streamid=3", "track3", "3"] {
            let target = read(&format!("rtsp://h/a.mov/{name}"));
            let (movie, id) = target.track.unwrap();
            assert_eq!((movie.url.as_str(), id), ("rtsp://h/a.mov", TrackId(3)));
            assert_eq!(target.url, format!("rtsp://h/a.mov/{name}"));
        }
    }

    #[test]
    fn one_reading_can_be_left() {
        let both = || read("rtsp://h/a/3?x");
        let name = |path| MediaPath::from_plain(path).unwrap();
        let mut track = both();
        track.narrow(&name("a"));
        assert_eq!(track.whole.path, name("a"));
        assert!(track.names(&name("a")) && !track.names(&name("a/3")));
        let mut whole = both();
        whole.narrow(&name("a/3"));
        assert_eq!((whole.whole.path, whole.track), (name("a/3"), None));
    }

    #[test]
    fn the_server_is_no_movie_and_no_path_climbs() {
        let read = |text| Target::read(text, entrance(false));
        assert_eq!(read("*"), Ok(None));
        let climbing = read("rtsp://h/%2e%2e/passwd");
        assert_eq!(climbing.map_err(|refusal| refusal.status.0), Err(404));
    }
}
