//! How origins of web pages are written in the file: `"https://player.example"`.
//!
//! To be used by `#[serde(with = "origins")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use url::Url;

use super::fault::wrong;
use super::lists::List;

/// One or a list, each as browsers write it in `Origin` (RFC 6454, 6.2).
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let list = List::deserialize(from)?.items();
    list.iter().map(|text| read(text.trim())).collect()
}

pub(super) fn serialize<S: Serializer>(value: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(value)
}

fn read<E: Error>(text: &str) -> Result<String, E> {
    let url = Url::parse(text).ok().filter(is_origin);
    url.map(|url| url.origin().ascii_serialization())
        .ok_or_else(|| {
            wrong(
                text,
                "where pages come from: \"https://player.example\", \"http://127.0.0.1:3000\"",
            )
        })
}

/// Whether a URL says nothing but its scheme, host and port.
fn is_origin(url: &Url) -> bool {
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    is_web && is_bare && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, origin) in [
            ("https://player.example", Some("https://player.example")),
            (
                "HTTPS://Player.Example:443/",
                Some("https://player.example"),
            ),
            ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
            ("http://[::1]:80", Some("http://[::1]")),
            (
                "https://bücher.example",
                Some("https://xn--bcher-kva.example"),
            ),
            ("player.example", None),
            ("https://player.example/page", None),
            ("https://ann@player.example", None),
            ("https://player.example?a", None),
            ("file:///", None),
            ("null", None),
            ("*", None),
            ("", None),
        ] {
            let found = read::<toml::de::Error>(text).ok();
            assert_eq!(found.as_deref(), origin, "{text}");
        }
    }
}
