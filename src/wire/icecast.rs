//! What source clients of Icecast and SHOUTcast say beside the media: what the station is, in
//! header fields, and what it plays, in requests of their own.

use percent_encoding::percent_decode;

use super::head::decode;
use super::headers::Headers;

/// The longest text that is kept of a field, in bytes.
const MAX_TEXT: usize = 1024;

/// What a source client says of its station, in fields named `ice-`, `icy-` or `x-audiocast-`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Station {
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The kind of music.
    pub genre: Option<String>,
    /// Where to read more.
    pub url: Option<String>,
    /// Bits a second, as far as announced.
    pub bit_rate: Option<u64>,
}

impl Station {
    /// What the fields say, without control characters and at bounded length.
    pub fn read(headers: &Headers) -> Self {
        let field = |name: &str| {
            let names = ["ice-", "icy-", "x-audiocast-"].map(|prefix| format!("{prefix}{name}"));
            let value = names.iter().find_map(|name| headers.get(name))?;
            let text = plain(value);
            (!text.is_empty()).then_some(text)
        };
        Self {
            name: field("name"),
            description: field("description"),
            genre: field("genre"),
            url: field("url"),
            bit_rate: field("bitrate")
                .or_else(|| field("br"))
                .and_then(|text| bit_rate(&text)),
        }
    }

    /// What a session description's `i=` line can say: the description and the genre.
    pub fn information(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.description, &self.genre]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        (!parts.is_empty()).then(|| parts.join(" - "))
    }
}

/// Kilobits a second, perhaps a list of them: `128`, `Quality 5`.
fn bit_rate(text: &str) -> Option<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    let kilobits: u64 = digits.parse().ok().filter(|rate| *rate > 0)?;
    kilobits.checked_mul(1000)
}

/// A request to change what a station plays: `/admin/metadata` of Icecast, `/admin.cgi` of SHOUTcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleUpdate {
    /// The channel, as its URL has it; SHOUTcast has only one and names none.
    pub mount: Option<String>,
    /// The title; empty when nothing is on.
    pub title: String,
}

/// Why a request is no update of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoUpdate {
    /// `mode` is another one.
    #[error("only mode=updinfo is known")]
    Mode,
    /// No title at all.
    #[error("song is missing")]
    Song,
}

impl TitleUpdate {
    /// Reads the query of the request's URL.
    ///
    /// Text is in the character set that `charset` names, UTF-8 or Latin-1; without it, UTF-8 if
    /// it can be. Icecast also takes `artist` and `title` for `song`.
    ///
    /// # Errors
    /// [`NoUpdate`]; the answer is 400.
    pub fn read(query: &str) -> Result<Self, NoUpdate> {
        let fields: Vec<(&str, Vec<u8>)> = query.split('&').map(field).collect();
        let bytes = |name: &str| {
            let mut found = fields.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| value.as_slice())
        };
        if bytes("mode").is_some_and(|mode| mode != b"updinfo") {
            return Err(NoUpdate::Mode);
        }
        let latin = bytes("charset").is_some_and(is_latin_1);
        let text = |name: &str| bytes(name).map(|value| plain(&text(value, latin)));
        let title = match (text("song"), text("artist"), text("title")) {
            (Some(song), _, _) => song,
            (None, Some(artist), Some(title)) => format!("{artist} - {title}"),
            (None, one, other) => one.or(other).ok_or(NoUpdate::Song)?,
        };
        Ok(Self {
            mount: text("mount"),
            title,
        })
    }
}

/// A `name=value` of a query, the value decoded to its bytes.
fn field(pair: &str) -> (&str, Vec<u8>) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let value = value.replace('+', " ");
    (name, percent_decode(value.as_bytes()).collect())
}

fn is_latin_1(charset: &[u8]) -> bool {
    [&b"iso-8859-1"[..], b"iso8859-1", b"latin1", b"latin-1"]
        .iter()
        .any(|name| charset.eq_ignore_ascii_case(name))
}

fn text(bytes: &[u8], latin_1: bool) -> String {
    if latin_1 {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    decode(bytes).into_owned()
}

/// `text` on one line and not too long.
fn plain(text: &str) -> String {
    let text = text
        .get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default();
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_is_read_from_any_generation_of_fields() {
        let mut headers = Headers::new();
        for (name, value) in [
            ("Ice-Name", " Radio\u{7} Zürich "),
            ("icy-genre", "Jazz"),
            ("ice-description", "All of it"),
            ("x-audiocast-url", "http://radio.example/"),
            ("ice-bitrate", "128, 128"),
        ] {
            headers.push(name, value);
        }
        let station = Station::read(&headers);
        assert_eq!(station.name.as_deref(), Some("Radio Zürich"));
        assert_eq!(station.information().as_deref(), Some("All of it - Jazz"));
        assert_eq!(station.url.as_deref(), Some("http://radio.example/"));
        assert_eq!(station.bit_rate, Some(128_000));
        let nothing = Station::read(&Headers::new());
        assert_eq!((nothing.information(), nothing), (None, Station::default()));
    }

    #[test]
    fn titles_are_read_in_both_character_sets() {
        let title = |query: &str| TitleUpdate::read(query).map(|update| update.title);
        for (query, expected) in [
            ("mode=updinfo&song=A+%26+B%20-%20C", "A & B - C"),
            ("mode=updinfo&song=Bj%C3%B6rk", "Björk"),
            ("mode=updinfo&song=Bj%F6rk", "Björk"),
            ("mode=updinfo&charset=ISO-8859-1&song=Bj%C3%B6rk", "BjÃ¶rk"),
            ("mode=updinfo&charset=UTF-8&song=Bj%C3%B6rk", "Björk"),
            ("pass=x&mode=updinfo&song=", ""),
            ("artist=A&title=B", "A - B"),
            ("title=B", "B"),
            ("song=a%0d%0ab%00", "ab"),
        ] {
            assert_eq!(title(query).as_deref(), Ok(expected), "{query}");
        }
        assert_eq!(title("mode=updinfo"), Err(NoUpdate::Song));
        assert_eq!(title("mode=fallbacks&song=a"), Err(NoUpdate::Mode));
        assert_eq!(title(""), Err(NoUpdate::Song));
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let query = format!(
            "mount=/a%20b&song={}",
            "ü".repeat(600).replace('ü', "%C3%BC")
        );
        let update = TitleUpdate::read(&query).unwrap();
        assert_eq!(update.mount.as_deref(), Some("/a b"));
        assert_eq!(update.title, "ü".repeat(512));
    }
}
