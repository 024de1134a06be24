//! What an answer by Digest has to be about, and whether it is: it says so itself (RFC 7616, 3.4: `uri`).
//! Pure.

use super::digest::Answer;
use crate::base::path::MediaPath;
use crate::wire::rtsp::uri::RequestUri;

/// What an answer by Digest has to be about.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// This URL, as the request spells it; and each answer is good once, as in HTTP.
    Url(&'a str),
    /// One of these names, in whatever spelling, or what the request spells, as in RTSP: there players name the
    /// presentation when they ask for one of its tracks, and those that know no `qop` are served too.
    Names {
        /// What the request spells.
        spelled: &'a str,
        /// What it names, and what that is a track of.
        names: &'a [MediaPath],
    },
}

impl About<'_> {
    /// Whether `answer` is about this.
    pub(super) fn is_of(&self, answer: &Answer) -> bool {
        match self {
            Self::Url(url) => answer.count.is_some() && answer.uri == *url,
            Self::Names { spelled, names } => {
                let is_named = |name| names.contains(&name);
                answer.uri == *spelled || name_of(&answer.uri).is_some_and(is_named)
            }
        }
    }
}

/// What a URL of RTSP, or the path in it, names.
fn name_of(uri: &str) -> Option<MediaPath> {
    MediaPath::from_url(&RequestUri::read(uri).path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::digest::{Algorithm, Count};

    fn answer(uri: &str, count: Option<Count>) -> Answer {
        Answer {
            user: "ann".to_owned(),
            realm: "Films".to_owned(),
            nonce: "n".to_owned(),
            uri: uri.to_owned(),
            algorithm: Algorithm::Md5,
            count,
            response: String::new(),
        }
    }

    #[test]
    fn an_answer_by_rtsp_is_about_the_movie_or_its_track() {
        let track = ["a b.mov/trackID=1".to_owned(), "a b.mov".to_owned()];
        let names = track.map(|name| MediaPath::from_plain(&name).unwrap());
        let about = About::Names {
            spelled: "rtsp://h:554/a%20b.mov/trackID=1",
            names: &names,
        };
        for (uri, expected) in [
            // FFmpeg and GStreamer; live555, which knows the base of the description; paths alone.
            ("rtsp://h:554/a%20b.mov/trackID=1", true),
            ("rtsp://h:554/a%20b.mov/", true),
            ("rtsp://h/a%20b.mov", true),
            ("rtsp://h/a%20b.mov?token=x", true),
            ("/a%20b.mov/trackID=1", true),
            ("a%20b.mov", true),
            ("RTSPS://h//./%61%20b.mov", true),
            ("rtsp://h/a%20b.mov/trackID=2", false),
            ("rtsp://h/b.mov", false),
            ("rtsp://h/", false),
            ("rtsp://h/a%20b.mov/../b.mov", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(about.is_of(&answer(uri, None)), expected, "{uri}");
        }
        let server = About::Names {
            spelled: "*",
            names: &names[1..],
        };
        assert!(server.is_of(&answer("*", None)));
        assert!(!server.is_of(&answer("/", None)));
    }

    #[test]
    fn an_answer_by_http_is_about_the_url_and_counted() {
        let count = Count {
            spelled: "00000001".to_owned(),
            number: 1,
            client_nonce: "c".to_owned(),
        };
        let about = About::Url("/a?x");
        assert!(about.is_of(&answer("/a?x", Some(count.clone()))));
        assert!(!about.is_of(&answer("/a?x", None)));
        assert!(!about.is_of(&answer("/a", Some(count))));
    }
}
