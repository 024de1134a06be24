//! Names of movies and channels, as URLs spell them.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The longest path, in bytes after decoding.
pub const MAX_PATH: usize = 1024;

/// The names of files that govern access.
const OF_ACCESS: [&str; 3] = ["qtaccess", "qtusers", "qtgroups"];

const IN_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`');

/// A normalised path below the movies folder: `news/today.mov`.
///
/// It has no leading or trailing slash, no empty, `.` or `..` component, no NUL
/// and no backslash, so joining it to a root cannot leave the root (a symbolic
/// link still can; that is the administrator's decision).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaPath(String);

/// Why a path was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Longer than [`MAX_PATH`].
    #[error("path is longer than {MAX_PATH} bytes")]
    TooLong,
    /// It has a `..` component, an encoded slash, a NUL, a control character or a backslash.
    #[error("path has a component that is not a plain name")]
    NotPlain,
    /// It does not decode to UTF-8.
    #[error("path is not UTF-8")]
    NotUtf8,
}

impl MediaPath {
    /// Reads the path of a URL, percent-encoded, without its query.
    ///
    /// Components are split before they are decoded, so an encoded slash can
    /// only be part of a name, and is refused.
    ///
    /// # Errors
    /// [`BadPath`] for anything that could not be a plain path below a folder.
    pub fn from_url(path: &str) -> Result<Self, BadPath> {
        let mut decoded = String::with_capacity(path.len());
        for component in path.split('/').filter(|part| !part.is_empty()) {
            if !component.contains('%') {
                push_component(&mut decoded, component)?;
                continue;
            }
            let name = percent_decode_str(component)
                .decode_utf8()
                .map_err(|_| BadPath::NotUtf8)?;
            push_component(&mut decoded, &name)?;
        }
        Ok(Self(decoded))
    }

    /// Reads a path in plain form, as configuration and folders give it.
    ///
    /// # Errors
    /// [`BadPath`], as for [`from_url`](Self::from_url).
    pub fn from_plain(path: &str) -> Result<Self, BadPath> {
        let mut plain = String::with_capacity(path.len());
        for component in path.split('/').filter(|part| !part.is_empty()) {
            push_component(&mut plain, component)?;
        }
        Ok(Self(plain))
    }

    /// The normalised path, decoded, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as it stands in a URL, percent-encoded, without a leading slash.
    pub fn to_url(&self) -> String {
        utf8_percent_encode(&self.0, IN_URL).to_string()
    }

    /// The file below `root` that this path names.
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The path of what is called `name` in this folder; `None` for no plain name.
    pub fn join(&self, name: &str) -> Option<Self> {
        Self::from_plain(&format!("{}/{name}", self.0))
            .ok()
            .filter(|_| !name.contains('/'))
    }

    /// Whether this is the root itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` is `folder` or lies in it; matches whole components only.
    pub fn is_below(&self, folder: &Self) -> bool {
        match self.0.strip_prefix(&folder.0) {
            Some(rest) => rest.is_empty() || folder.is_root() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Whether any component is that of a dot-file or of a file that governs access, which nothing serves,
    /// lists or takes, also as the name of a channel.
    pub fn is_private(&self) -> bool {
        let mut names = self.0.split('/');
        names.any(|name| name.starts_with('.') || is_of_access(name))
    }

    /// The name of the channel that this names: without the `.sdp` to which every channel answers as well.
    pub fn channel_name(&self) -> &str {
        self.0.strip_suffix(".sdp").unwrap_or(&self.0)
    }

    /// Whether both name the same channel, if there is one.
    pub fn is_same_channel(&self, other: &Self) -> bool {
        self.channel_name() == other.channel_name()
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folder that holds this path; the root's is the root.
    pub fn parent(&self) -> Self {
        Self(
            self.0
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder)
                .to_owned(),
        )
    }
}

fn is_of_access(name: &str) -> bool {
    let bare = name.strip_suffix(".sdp").unwrap_or(name);
    // Some file systems do not tell letters of different case apart.
    let mut known = OF_ACCESS.iter();
    known.any(|known| bare.eq_ignore_ascii_case(known))
}

fn push_component(path: &mut String, name: &str) -> Result<(), BadPath> {
    let plain = name != ".."
        && !name
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\'));
    if !plain {
        return Err(BadPath::NotPlain);
    }
    if name == "." || name.is_empty() {
        return Ok(());
    }
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
    if path.len() > MAX_PATH {
        Err(BadPath::TooLong)
    } else {
        Ok(())
    }
}

impl fmt::Display for MediaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Result<String, BadPath> {
        MediaPath::from_url(path).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn urls_are_normalised() {
        assert_eq!(url("/a//b/./c%20d.mov/").as_deref(), Ok("a/b/c d.mov"));
        assert_eq!(url("").as_deref(), Ok(""));
        assert_eq!(url("/%C3%BC.mov").as_deref(), Ok("ü.mov"));
    }

    #[test]
    fn no_spelling_climbs() {
        for bad in [
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/a%2f..%2fx",
            "/a%00",
            "/..\\x",
            "/%5c",
            "/a%0a",
        ] {
            assert_eq!(url(bad), Err(BadPath::NotPlain), "{bad}");
        }
        assert_eq!(url("/%ff"), Err(BadPath::NotUtf8));
        assert_eq!(url(&"a/".repeat(600)), Err(BadPath::TooLong));
    }

    #[test]
    fn folders_match_whole_components() {
        let path = MediaPath::from_plain("news/today.mov").unwrap();
        assert!(path.is_below(&MediaPath::from_plain("news").unwrap()));
        assert!(path.is_below(&MediaPath::from_plain("").unwrap()));
        assert!(!path.is_below(&MediaPath::from_plain("new").unwrap()));
        assert_eq!(path.parent().as_str(), "news");
        assert_eq!(path.name(), "today.mov");
    }

    #[test]
    fn channels_answer_with_and_without_sdp() {
        let path = |text| MediaPath::from_plain(text).unwrap();
        assert_eq!(path("tv/live.sdp").channel_name(), "tv/live");
        assert_eq!(path("live").channel_name(), "live");
        assert!(path("live").is_same_channel(&path("live.sdp")));
        assert!(!path("live").is_same_channel(&path("live.sdp.sdp")));
    }

    #[test]
    fn files_of_access_and_dot_files_are_private() {
        for (path, is_private) in [
            ("qtaccess", true),
            ("a/QtUsers", true),
            ("a/qtgroups/b.mov", true),
            ("qtaccess.sdp", true),
            (".a", true),
            ("a/.b/c", true),
            ("a/qtaccess.mov", false),
            ("a.b", false),
            ("", false),
        ] {
            let path = MediaPath::from_plain(path).unwrap();
            assert_eq!(path.is_private(), is_private, "{path}");
        }
    }

    #[test]
    fn urls_round_trip() {
        let path = MediaPath::from_plain("a b/100%?#.mov").unwrap();
        assert_eq!(MediaPath::from_url(&path.to_url()), Ok(path));
    }
}
