//! What differs between two configurations, and which differences need a restart.

use std::fmt;

use toml::Table;

use super::key::{self, Key};
use super::settings::Config;
use super::sources::ChannelSource;
use crate::access::Rules;
use crate::base::path::MediaPath;

/// The settings that differ between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

/// One setting that differs; displays as `rtsp.listen: "[::]:1" -> "[::]:2"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key with its section.
    pub key: String,
    /// The old value, as the file would say it.
    pub old: String,
    /// The new value, as the file would say it.
    pub new: String,
    /// Whether it takes effect only with the next start.
    pub restart: bool,
}

/// Settings that the parts of the server read once, when they start.
const RESTART: [&str; 15] = [
    "server.movies",
    "server.state",
    "server.user",
    "server.follow_links",
    "rtsp.listen",
    "rtsp.tls_listen",
    "rtsp.udp_ports",
    "http.listen",
    "http.tls_listen",
    "admin.listen",
    "admin.tls_listen",
    "ts.listen",
    "hls.dvr_cache",
    "limits.movie_cache",
    "log.error.format",
];

impl Changes {
    /// What has to change for `old` to become `new`.
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut tables = changes("source", &sources(old), &sources(new));
        tables.extend(changes("source.access", &access(old), &access(new)));
        tables.extend(changes("hls.channel", &channels(old), &channels(new)));
        tables.extend(changes("hls.group", &groups(old), &groups(new)));
        let (old, new) = (key::table_of(old), key::table_of(new));
        let keys = Key::all().into_iter().filter_map(|key| {
            let (before, after) = (key.value_in(&old)?, key.value_in(&new)?);
            (before != after).then(|| Change {
                old: before.to_string(),
                new: after.to_string(),
                restart: RESTART.contains(&key.name.as_str()),
                key: key.name,
            })
        });
        Self(keys.chain(tables).collect())
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The differences, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }
}

/// One table of a list.
#[derive(PartialEq)]
struct Entry<'c, T: ?Sized> {
    channel: &'c MediaPath,
    settings: &'c T,
    /// What is told of them.
    text: String,
}

fn sources(config: &Config) -> Vec<Entry<'_, ChannelSource>> {
    let entries = config.sources.iter().map(|source| Entry {
        channel: &source.channel,
        settings: source,
        text: source.url.to_string(),
    });
    entries.collect()
}

fn access(config: &Config) -> Vec<Entry<'_, Rules>> {
    let entries = config.source_access.iter().map(|(channel, rules)| Entry {
        channel,
        settings: rules,
        text: rules.to_string(),
    });
    entries.collect()
}

fn channels(config: &Config) -> Vec<Entry<'_, Table>> {
    let entries = config.hls_channels.iter().map(|one| Entry {
        channel: &one.channel,
        settings: one.written(),
        text: one.to_string(),
    });
    entries.collect()
}

fn groups(config: &Config) -> Vec<Entry<'_, [MediaPath]>> {
    let entries = config.hls_groups.iter().map(|group| Entry {
        channel: &group.name,
        settings: &group.variants[..],
        text: group.to_string(),
    });
    entries.collect()
}

/// The tables called `name` that come, go or change, one entry a channel.
fn changes<T: PartialEq + ?Sized>(
    name: &str,
    old: &[Entry<'_, T>],
    new: &[Entry<'_, T>],
) -> Vec<Change> {
    let gone = old.iter().filter(|one| one.find_in(new).is_none());
    let gone = gone.map(|entry| (Some(entry), None));
    let others = new.iter().map(|one| (one.find_in(old), Some(one)));
    gone.chain(others)
        .filter(|(before, after)| before != after)
        .map(|(before, after)| Change::of_table(name, before, after))
        .collect()
}

impl<T: ?Sized> Entry<'_, T> {
    /// The entry of the same channel.
    fn find_in<'e>(&self, list: &'e [Self]) -> Option<&'e Self> {
        list.iter().find(|other| other.channel == self.channel)
    }
}

impl Change {
    fn of_table<T: ?Sized>(
        name: &str,
        before: Option<&Entry<'_, T>>,
        after: Option<&Entry<'_, T>>,
    ) -> Self {
        let text = |entry: Option<&Entry<'_, T>>| {
            entry.map_or_else(|| "none".to_owned(), |entry| entry.text.clone())
        };
        let channel = after.or(before).map(|entry| entry.channel.as_str());
        Self {
            key: format!("{name} {}", channel.unwrap_or_default()),
            old: text(before),
            new: text(after),
            restart: false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.old, self.new)?;
        if self.restart {
            f.write_str(" (needs a restart)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HlsGroup, SettingsSource, SourceUrl, load};

    #[test]
    fn differences_are_told_by_key() {
        let old = Config::default();
        let mut new = old.clone();
        new.limits.connections = 5;
        new.rtsp.udp_ports = 7000..=7009;
        let changes = Changes::between(&old, &new);
        let told: Vec<_> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            told,
            [
                "limits.connections: 0 -> 5",
                "rtsp.udp_ports: \"6970-9999\" -> \"7000-7009\" (needs a restart)",
            ]
        );
        assert!(Changes::between(&old, &old).is_empty());
    }

    #[test]
    fn sources_are_told_by_channel() {
        let source = |channel: &str, url: &str| {
            let channel = MediaPath::from_plain(channel).unwrap();
            ChannelSource::new(channel, SourceUrl::read(url).unwrap())
        };
        let config = |sources: &[ChannelSource]| Config {
            sources: sources.to_vec(),
            ..Config::default()
        };
        let old = config(&[
            source("same", "rtsp://a/"),
            source("gone", "rtsp://b/"),
            source("other", "rtsp://u:old@c/"),
        ]);
        let new = config(&[
            source("other", "rtsp://u:new@c/"),
            source("same", "rtsp://a/"),
            source("new", "udp://127.0.0.1:5000"),
        ]);
        let told: Vec<_> = Changes::between(&old, &new)
            .iter()
            .map(Change::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "source gone: rtsp://b/ -> none",
                "source other: rtsp://c/ -> rtsp://c/",
                "source new: none -> udp://127.0.0.1:5000",
            ]
        );
    }

    #[test]
    fn channels_are_told_by_what_their_tables_say() {
        let config = |window: &str, text: &str| {
            let text =
                format!("[hls]\nwindow = '{window}'\n[[hls.channel]]\nchannel = 'a'\n{text}");
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let source = SettingsSource {
                file: Some(file.path().to_owned()),
                ..SettingsSource::default()
            };
            load(&source).unwrap().config
        };
        let old = config("90s", "dvr = '15m'");
        let changes = Changes::between(&old, &config("60s", "dvr = '1h'\nsegments = 9"));
        let told: Vec<_> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            told,
            [
                "hls.window: \"90s\" -> \"1m\"",
                "hls.channel a: dvr = \"15m\" -> dvr = \"1h\", segments = 9",
            ]
        );
        let changes = Changes::between(&old, &config("60s", "dvr = '15m'"));
        assert_eq!(changes.iter().count(), 1);
    }

    #[test]
    fn groups_are_told_by_name() {
        let path = |name: &str| MediaPath::from_plain(name).unwrap();
        let config = |variants: &[&str]| Config {
            hls_groups: vec![HlsGroup {
                name: path("news"),
                variants: variants.iter().map(|name| path(name)).collect(),
            }],
            ..Config::default()
        };
        let changes = Changes::between(&config(&["hd", "sd"]), &config(&["hd"]));
        let told: Vec<_> = changes.iter().map(Change::to_string).collect();
        assert_eq!(told, ["hls.group news: hd, sd -> hd"]);
        let changes = Changes::between(&config(&["hd"]), &Config::default());
        let told: Vec<_> = changes.iter().map(Change::to_string).collect();
        assert_eq!(told, ["hls.group news: hd -> none"]);
    }

    #[test]
    fn restart_keys_exist() {
        let keys = Key::all();
        for name in RESTART {
            assert!(keys.iter().any(|key| key.name == name), "{name}");
        }
    }
}
