//! The `[[source]]` tables: which channels are fed from where.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::certificate::Certificate;
use super::fault::{Fault, Place};
use super::source_url::{Scheme, SourceUrl};
use super::tables::Tables;
use super::{channel_name, lists, quantity};
use crate::access::Rules;
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

/// The tables of a file.
pub(super) struct Sources<'a> {
    tables: Tables<'a>,
    /// Who may watch which of the channels.
    rules: Vec<(MediaPath, Rules)>,
    logins: Vec<WantedLogin>,
}

/// What the tables say.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The good ones.
    pub(super) sources: Vec<ChannelSource>,
    /// Who may watch which of the channels.
    pub(super) rules: Vec<(MediaPath, Rules)>,
    /// The sources whose login stands elsewhere.
    pub(super) logins: Vec<WantedLogin>,
    /// What is wrong with the tables.
    pub(super) faults: Vec<Fault>,
}

/// A login that a source is to have.
#[derive(Debug)]
pub(super) struct WantedLogin {
    pub(super) channel: MediaPath,
    /// The login's name.
    pub(super) name: String,
    /// Where the name stands.
    pub(super) place: Place,
}

/// A table as far as its keys can be read one by one.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Draft {
    #[serde(deserialize_with = "channel")]
    channel: Option<MediaPath>,
    url: Option<SourceUrl>,
    login: Option<String>,
    #[serde(with = "lists::rules")]
    access: Option<Rules>,
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
            login: None,
            access: None,
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
const KEYS: [(&str, &str); 11] = [
    ("channel", "write a name such as \"camera\""),
    ("url", "write one such as \"rtsp://camera/live\""),
    ("login", "write the name of one, such as \"cameras\""),
    (
        "access",
        "write lines of an access file, such as \"require valid-user\"",
    ),
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

impl<'a> Sources<'a> {
    /// Reads the value of `source` in `tables`.
    pub(super) fn read(tables: Tables<'a>, value: &Spanned<DeValue<'_>>) -> Said {
        let mut reading = Self {
            tables,
            rules: Vec::new(),
            logins: Vec::new(),
        };
        let sources = reading.sources(value);
        Said {
            sources,
            rules: reading.rules,
            logins: reading.logins,
            faults: reading.tables.faults,
        }
    }

    fn sources(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<ChannelSource> {
        let mut sources: Vec<ChannelSource> = Vec::new();
        for (table, whole) in self.tables.list(value) {
            let Some((source, written)) = self.table(table, whole) else {
                continue;
            };
            let is_input = |one: &ChannelSource| one.url.is_standard_input();
            if is_input(&source) && sources.iter().any(is_input) {
                let text = "source.url: standard input has a source already".to_owned();
                self.fault(written.of("url"), text, "remove one of them");
            }
            let is_fed = |other: &ChannelSource| other.channel.is_same_channel(&source.channel);
            if sources.iter().any(is_fed) {
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
        let faults = self.tables.faults.len();
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
        (self.tables.faults.len() == faults).then_some(())?;
        if let Some((channel, rules)) = draft.channel.clone().zip(draft.access.clone()) {
            self.rules.push((channel, rules));
        }
        if let Some(name) = &draft.login {
            self.want_login(
                name.clone(),
                draft.channel.clone()?,
                draft.url.as_ref()?,
                &written,
            );
        }
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
            self.tables.unknown(name, &KEYS.map(|(key, _)| key));
            return;
        }
        match self
            .tables
            .value(value)
            .and_then(|value| alone(word, value))
        {
            Ok(value) => {
                read.insert(word.to_owned(), value);
            }
            Err(error) => {
                let text = format!("source.{word}: {error}");
                self.fault(value.span().start, text, fix_of(word));
            }
        }
    }

    /// Notes that the source of `channel` is to have the login `name`.
    fn want_login(&mut self, name: String, channel: MediaPath, url: &SourceUrl, written: &Written) {
        let at = written.of("login");
        let objection = match url.scheme() {
            scheme if !scheme.has_credentials() => "remove it; the URL is of a kind without users",
            _ if url.credentials().is_some() => "remove it, or the user in the URL",
            _ => {
                let place = self.tables.place(at);
                return self.logins.push(WantedLogin {
                    channel,
                    name,
                    place,
                });
            }
        };
        self.fault(at, "source.login: out of place".to_owned(), objection);
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
        self.tables.fault(at, text, fix);
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
    channel_name::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests;
