//! The `[[source]]` tables: which channels are fed from where.

use std::collections::HashMap;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::quantity;
use super::source_url::{Scheme, SourceUrl};
use super::tables::Tables;
use crate::base::path::MediaPath;

/// One channel and where it is fed from.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelSource {
    /// The channel's name.
    pub channel: MediaPath,
    /// Where the media come from.
    pub url: SourceUrl,
    /// Whether the source runs only while somebody watches the channel.
    pub on_demand: bool,
    /// How long a source on demand goes on after its last viewer has left.
    pub stop_delay: Duration,
    /// How the packets of an RTSP source travel.
    pub transport: Transport,
    /// Which certificate a source over TLS may show.
    pub certificate: Certificate,
    /// A source that gives no answer or no media for so long has failed.
    pub timeout: Duration,
    /// About how long to wait after a first failure.
    pub retry_first: Duration,
    /// About how long to wait at most.
    pub retry_longest: Duration,
}

/// How RTP packets travel from an RTSP source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    #[default]
    Tcp,
    /// By UDP.
    Udp,
}

/// Which certificate the other side of a TLS connection may show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// One for its name, signed by an authority that this system trusts.
    #[default]
    Trusted,
    /// The one whose SHA-256 this is, whoever signed it.
    Pinned([u8; 32]),
    /// Any: encrypted, but to whom is not known.
    Any,
}

/// The tables of a file.
pub(super) struct Sources<'a>(pub(super) Tables<'a>);

/// A table as far as its keys can be read one by one.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Draft {
    #[serde(deserialize_with = "channel")]
    channel: Option<MediaPath>,
    url: Option<SourceUrl>,
    on_demand: bool,
    #[serde(with = "quantity::duration")]
    stop_delay: Duration,
    transport: Transport,
    certificate: Certificate,
    #[serde(with = "quantity::duration")]
    timeout: Duration,
    #[serde(with = "quantity::duration")]
    retry_first: Duration,
    #[serde(with = "quantity::duration")]
    retry_longest: Duration,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            channel: None,
            url: None,
            on_demand: false,
            stop_delay: Duration::from_secs(10),
            transport: Transport::default(),
            certificate: Certificate::default(),
            timeout: Duration::from_secs(10),
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(30),
        }
    }
}

/// The keys of a table, each with what to write when its value cannot be read.
const KEYS: [(&str, &str); 9] = [
    ("channel", "write a name such as \"camera\""),
    ("url", "write one such as \"rtsp://camera/live\""),
    ("on_demand", "write true or false"),
    ("stop_delay", "the default is \"10s\""),
    ("transport", "the default is \"tcp\""),
    ("certificate", "the default is \"trusted\""),
    ("timeout", "the default is \"10s\""),
    ("retry_first", "the default is \"1s\""),
    ("retry_longest", "the default is \"30s\""),
];

/// A table that was read, with where its keys stand.
struct Written {
    whole: usize,
    spans: HashMap<String, usize>,
}

impl Sources<'_> {
    /// Reads the value of `source`: its good tables; what is wrong is added to `faults`.
    pub(super) fn read(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<ChannelSource> {
        let mut sources: Vec<ChannelSource> = Vec::new();
        for (table, whole) in self.0.list(value) {
            let Some((source, written)) = self.table(table, whole) else {
                continue;
            };
            let is_input = |one: &ChannelSource| one.url.is_standard_input();
            if is_input(&source) && sources.iter().any(is_input) {
                let text = "source.url: standard input has a source already".to_owned();
                self.fault(written.of("url"), text, "remove one of them");
            }
            if sources.iter().any(|other| other.shares_channel(&source)) {
                let text = format!("source.channel: `{}` has a source already", source.channel);
                self.fault(written.of("channel"), text, "choose another name");
            }
            self.check(&source, &written);
            sources.push(source);
        }
        sources
    }

    fn table(&mut self, table: &DeTable<'_>, whole: usize) -> Option<(ChannelSource, Written)> {
        let mut read = Table::new();
        let mut written = Written {
            whole,
            spans: HashMap::new(),
        };
        let faults = self.0.faults.len();
        for (name, value) in table {
            self.key(name, value, &mut read);
            let name = name.get_ref().to_string();
            written.spans.insert(name, value.span().start);
        }
        let draft = Draft::deserialize(read).unwrap_or_default();
        for (name, missing) in [
            ("channel", draft.channel.is_none()),
            ("url", draft.url.is_none()),
        ] {
            if missing && !written.spans.contains_key(name) {
                let text = format!("this source has no `{name}`");
                self.fault(whole, text, fix_of(name));
            }
        }
        (self.0.faults.len() == faults).then_some(())?;
        Some((draft.finish()?, written))
    }

    fn key(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        read: &mut Table,
    ) {
        let word: &str = name.get_ref();
        if !KEYS.iter().any(|(key, _)| *key == word) {
            self.0.unknown(name, &KEYS.map(|(key, _)| key));
            return;
        }
        match self.0.value(value).and_then(|value| alone(word, value)) {
            Ok(value) => {
                read.insert(word.to_owned(), value);
            }
            Err(error) => {
                let text = format!("source.{word}: {error}");
                self.fault(value.span().start, text, fix_of(word));
            }
        }
    }

    /// What a single key cannot say.
    fn check(&mut self, source: &ChannelSource, written: &Written) {
        let scheme = source.url.scheme();
        if source.transport == Transport::Udp && scheme != Scheme::Rtsp {
            let fix =
                "remove it; only rtsp: has the choice, and rtsps: carries media in its connection";
            let text = "source.transport: out of place".to_owned();
            self.fault(written.of("transport"), text, fix);
        }
        if source.certificate != Certificate::Trusted
            && !matches!(scheme, Scheme::Rtsps | Scheme::Https)
        {
            let text = "source.certificate: out of place".to_owned();
            self.fault(
                written.of("certificate"),
                text,
                "remove it; the URL uses no TLS",
            );
        }
        let longest = Duration::from_secs(86_400);
        for (name, value, least) in [
            ("stop_delay", source.stop_delay, Duration::ZERO),
            ("timeout", source.timeout, Duration::from_secs(1)),
            (
                "retry_first",
                source.retry_first,
                Duration::from_millis(100),
            ),
            ("retry_longest", source.retry_longest, source.retry_first),
        ] {
            if !(least..=longest).contains(&value) {
                let text = format!("source.{name}: out of bounds");
                let fix = format!("choose {least:?} to 1d");
                self.fault(written.of(name), text, &fix);
            }
        }
    }

    fn fault(&mut self, at: usize, text: String, fix: &str) {
        self.0.fault(at, text, fix);
    }
}

impl Written {
    /// Where the value of `key` stands, or the table when the key was left out.
    fn of(&self, key: &str) -> usize {
        self.spans.get(key).copied().unwrap_or(self.whole)
    }
}

impl Draft {
    fn finish(self) -> Option<ChannelSource> {
        Some(ChannelSource {
            channel: self.channel?,
            url: self.url?,
            on_demand: self.on_demand,
            stop_delay: self.stop_delay,
            transport: self.transport,
            certificate: self.certificate,
            timeout: self.timeout,
            retry_first: self.retry_first,
            retry_longest: self.retry_longest,
        })
    }
}

impl ChannelSource {
    /// The source of `channel` at `url`, with the defaults of everything else.
    pub fn new(channel: MediaPath, url: SourceUrl) -> Self {
        let draft = Draft {
            channel: Some(channel),
            url: Some(url),
            ..Draft::default()
        };
        draft.finish().expect("channel and URL are there")
    }

    /// Whether both would feed one channel, which answers with and without `.sdp`.
    fn shares_channel(&self, other: &Self) -> bool {
        let name = |source: &Self| {
            let path = source.channel.as_str();
            path.strip_suffix(".sdp").unwrap_or(path).to_owned()
        };
        name(self) == name(other)
    }
}

/// `value`, when it can be the value of `key`.
fn alone(key: &str, value: Value) -> Result<Value, String> {
    let mut table = Table::new();
    table.insert(key.to_owned(), value.clone());
    match Draft::deserialize(table) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.message().trim().to_owned()),
    }
}

fn fix_of(key: &str) -> &'static str {
    let found = KEYS.iter().find(|(name, _)| *name == key);
    found.map_or("", |(_, fix)| fix)
}

fn channel<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MediaPath>, D::Error> {
    quantity::channel::deserialize(from).map(Some)
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.as_str() {
            "trusted" => Ok(Self::Trusted),
            "any" => Ok(Self::Any),
            _ => fingerprint(&text).map(Self::Pinned).ok_or_else(|| {
                D::Error::custom(format_args!(
                    "`{text}` is not \"trusted\", \"any\" or \"sha256:\" and 64 hexadecimal digits"
                ))
            }),
        }
    }
}

/// The bytes of `sha256:` and pairs of hexadecimal digits, with or without colons between.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .strip_prefix("sha256:")?
        .chars()
        .filter(|character| *character != ':')
        .map(|character| {
            character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests;
