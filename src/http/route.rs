//! Which URL of the HTTP port is what. Pure.

use super::titles::is_of_titles;
use crate::base::path::{BadPath, MediaPath};
use crate::hls::object::{Object, Packing};
use crate::hls::packager::{Directives, Skip};
use crate::hls::progress::Wanted;
use crate::wire::query::value;

/// What a URL of this port names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// News of what a channel plays.
    Titles,
    /// Something of a channel or a movie.
    Hls {
        /// The channel or movie.
        name: MediaPath,
        object: Object,
        /// Whether it lies beside what it is of, and not in its folder: `/NAME.m3u8`.
        is_beside: bool,
    },
    /// A channel, a movie or a folder itself; the root is the list of what there is.
    Page(MediaPath),
}

impl Route {
    /// Reads the path of a URL.
    ///
    /// # Errors
    /// [`BadPath`] for what can be no name of anything.
    pub(super) fn read(path: &str) -> Result<Self, BadPath> {
        if is_of_titles(path) {
            return Ok(Self::Titles);
        }
        let path = MediaPath::from_url(path)?;
        if let Some((name, object)) = Object::in_folder(&path) {
            return Ok(Self::Hls {
                name,
                object,
                is_beside: false,
            });
        }
        Ok(Self::beside(&path).unwrap_or(Self::Page(path)))
    }

    /// What a path names beside a channel or a movie, though it may be in the folder of another: `/a/ts.m3u8` is a playlist
    /// of `a`, or that of `a/ts`.
    pub(super) fn beside(path: &MediaPath) -> Option<Self> {
        let (name, object) = Object::beside(path)?;
        Some(Self::Hls {
            name,
            object,
            is_beside: true,
        })
    }

    /// What goes before the URIs in a playlist that is read from there.
    pub(super) fn way(&self) -> String {
        match self {
            Self::Hls {
                name,
                is_beside: true,
                ..
            } => {
                let folder = MediaPath::from_plain(name.name()).unwrap_or_default();
                // In front of it, a colon is no part of a scheme.
                format!("./{}/", folder.to_url())
            }
            _ => String::new(),
        }
    }

    /// What a signature of such a URL is about; `None` for what cannot be watched.
    pub(super) fn subject(&self) -> Option<&MediaPath> {
        match self {
            Self::Titles => None,
            Self::Hls { name, .. } | Self::Page(name) => Some(name),
        }
    }

    /// The names of all that may be watched by it.
    pub(super) fn names(&self) -> Vec<MediaPath> {
        match self {
            Self::Titles => Vec::new(),
            Self::Hls { name, .. } => vec![name.clone()],
            Self::Page(path) => {
                let streamed = endless(path).map(|(name, _)| name);
                [path.clone()].into_iter().chain(streamed).collect()
            }
        }
    }
}

/// What `path` names below `prefix`, where a proxy shows this server. One that takes the prefix away by
/// itself is served as well.
pub(super) fn below<'p>(prefix: &str, path: &'p str) -> &'p str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Which channel, and in which packing, a path asks for that ends like a file of sound or a
/// transport stream: `/NAME.ts`, `/NAME.mp3`, `/NAME.aac`.
pub(super) fn endless(path: &MediaPath) -> Option<(MediaPath, Packing)> {
    let (name, extension) = path.as_str().rsplit_once('.')?;
    let packing = Packing::of_extension(extension)?;
    let name = Some(name).filter(|name| !name.ends_with('/'))?;
    let name = MediaPath::from_plain(name).ok()?;
    (!name.is_root()).then_some((name, packing))
}

/// Reads the directives of a playlist's query (rfc8216bis, 6.2.5.1); others are not looked at.
///
/// # Errors
/// What is wrong with them, for people.
pub(super) fn directives(query: &str) -> Result<Directives, &'static str> {
    let number = |name| value(query, name).map(str::parse::<u64>).transpose();
    let sequence = number("_HLS_msn").map_err(|_| "_HLS_msn is no number\n")?;
    let part = number("_HLS_part").map_err(|_| "_HLS_part is no number\n")?;
    if part.is_some() && sequence.is_none() {
        return Err("_HLS_part needs _HLS_msn\n");
    }
    let wanted = sequence.map(|sequence| Wanted {
        sequence,
        part: part.map(|part| u32::try_from(part).unwrap_or(u32::MAX)),
    });
    let skip = match value(query, "_HLS_skip") {
        Some("YES") => Some(Skip::Segments),
        Some("v2") => Some(Skip::Titles),
        _ => None,
    };
    Ok(Directives { wanted, skip })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::object::Flavour;

    #[test]
    fn playlists_lie_in_the_folder_of_a_name_and_beside_it() {
        for (path, name, object, way) in [
            ("/a.m3u8", "a", "index.m3u8", "./a/"),
            (
                "/news/a%20b.mp4.m3u8",
                "news/a b.mp4",
                "index.m3u8",
                "./a%20b.mp4/",
            ),
            ("/a/index.m3u8", "a", "index.m3u8", ""),
            ("//news/./live/index.m3u8", "news/live", "index.m3u8", ""),
            ("/index.m3u8", "index", "index.m3u8", "./index/"),
            ("/a/0000000a-7.1.m4s", "a", "0000000a-7.1.m4s", ""),
            ("/a/media-ts.m3u8", "a", "media-ts.m3u8", ""),
            ("/a/other.m3u8", "a/other", "index.m3u8", "./other/"),
        ] {
            let route = Route::read(path).unwrap();
            assert_eq!(route.way(), way, "{path}");
            let Route::Hls {
                name: found,
                object: what,
                ..
            } = route
            else {
                panic!("{path}");
            };
            assert_eq!((found.as_str(), what.to_string().as_str()), (name, object));
        }
    }

    #[test]
    fn a_playlist_in_a_folder_may_be_beside_another() {
        let beside = |path: &str| Route::beside(&MediaPath::from_plain(path).unwrap());
        let of = |name| Route::Hls {
            name: MediaPath::from_plain(name).unwrap(),
            object: Object::Multivariant(Flavour::LowLatency),
            is_beside: true,
        };
        assert_eq!(beside("a/ts.m3u8"), Some(of("a/ts")));
        assert_eq!(beside("a/b/audio1.m3u8"), Some(of("a/b/audio1")));
        assert_eq!(of("a/ts").way(), "./ts/");
        for path in ["a/0000000a-7.1.m4s", "a/.m3u8", "a/ts"] {
            assert_eq!(beside(path), None, "{path}");
        }
    }

    #[test]
    fn proxies_may_show_this_server_below_a_path() {
        for (prefix, path, expected) in [
            ("", "/a", "/a"),
            ("/media", "/media/a", "/a"),
            ("/media", "/media", "/"),
            ("/media", "/media/", "/"),
            ("/media", "/media/media/a", "/media/a"),
            ("/media", "/mediathek", "/mediathek"),
            ("/media", "/%6dedia/a", "/%6dedia/a"),
            ("/media", "/a", "/a"),
            ("/media", "*", "*"),
        ] {
            assert_eq!(below(prefix, path), expected, "{prefix} {path}");
        }
    }

    #[test]
    fn other_paths_are_pages() {
        assert_eq!(Route::read("/admin.cgi"), Ok(Route::Titles));
        for path in ["/", "/a.ts", "/a/.m3u8", "/7.m4s"] {
            let plain = MediaPath::from_url(path).unwrap();
            assert_eq!(Route::read(path), Ok(Route::Page(plain)), "{path}");
        }
        assert_eq!(Route::read("/a/%2e%2e/b"), Err(BadPath::NotPlain));
    }

    #[test]
    fn endless_streams_are_named_like_files() {
        let read = |path: &str| endless(&MediaPath::from_plain(path).unwrap());
        let is = |name, packing| Some((MediaPath::from_plain(name).unwrap(), packing));
        assert_eq!(read("a.ts"), is("a", Packing::Ts));
        assert_eq!(read("news/a.b.mp3"), is("news/a.b", Packing::Mp3));
        assert_eq!(read("a.mov.aac"), is("a.mov", Packing::Aac));
        for path in ["a", "a.m4s", "ts", "a/.ts", ".ts"] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn directives_are_read() {
        let wanted = |sequence, part| Some(Wanted { sequence, part });
        for (query, expected) in [
            ("", Some((None, None))),
            ("a=b&_HLS_msn=7", Some((wanted(7, None), None))),
            ("_HLS_skip=YES", Some((None, Some(Skip::Segments)))),
            (
                "_HLS_msn=7&_HLS_part=2&_HLS_skip=v2",
                Some((wanted(7, Some(2)), Some(Skip::Titles))),
            ),
            ("_HLS_skip=NO", Some((None, None))),
            ("_HLS_part=2", None),
            ("_HLS_msn=-1", None),
            ("_HLS_msn=", None),
        ] {
            let read = directives(query).ok();
            let read = read.map(|read| (read.wanted, read.skip));
            assert_eq!(read, expected, "{query}");
        }
    }
}
