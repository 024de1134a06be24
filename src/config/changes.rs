//! What differs between two configurations, and which differences need a restart.

use std::fmt;

use super::key::{self, Key};
use super::settings::Config;
use super::sources::ChannelSource;
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
const RESTART: [&str; 11] = [
    "server.movies",
    "server.state",
    "server.user",
    "server.follow_links",
    "rtsp.listen",
    "rtsp.udp_ports",
    "http.listen",
    "admin.listen",
    "ts.listen",
    "limits.movie_cache",
    "log.error.format",
];

impl Changes {
    /// What has to change for `old` to become `new`.
    pub fn between(old: &Config, new: &Config) -> Self {
        let (old_sources, new_sources) = (&old.sources, &new.sources);
        let (old, new) = (key::table_of(old), key::table_of(new));
        let changes = Key::all().into_iter().filter_map(|key| {
            let (before, after) = (key.value_in(&old)?, key.value_in(&new)?);
            (before != after).then(|| Change {
                old: before.to_string(),
                new: after.to_string(),
                restart: RESTART.contains(&key.name.as_str()),
                key: key.name,
            })
        });
        let mut all: Vec<_> = changes.collect();
        all.extend(sources(old_sources, new_sources));
        Self(all)
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

/// The sources that come, go or change, one entry a channel.
fn sources<'s>(
    old: &'s [ChannelSource],
    new: &'s [ChannelSource],
) -> impl Iterator<Item = Change> + 's {
    let of = |list: &'s [ChannelSource], channel: &MediaPath| {
        list.iter().find(|source| source.channel == *channel)
    };
    let gone = old
        .iter()
        .filter(move |one| of(new, &one.channel).is_none());
    let gone = gone.map(|source| (Some(source), None));
    let others = new
        .iter()
        .map(move |one| (of(old, &one.channel), Some(one)));
    gone.chain(others)
        .filter(|(before, after)| before != after)
        .map(|(before, after)| Change::of_source(before, after))
}

impl Change {
    fn of_source(before: Option<&ChannelSource>, after: Option<&ChannelSource>) -> Self {
        let text = |source: Option<&ChannelSource>| {
            source.map_or_else(|| "none".to_owned(), |source| source.url.to_string())
        };
        let channel = after.or(before).map(|source| source.channel.as_str());
        Self {
            key: format!("source {}", channel.unwrap_or_default()),
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
    use crate::config::SourceUrl;

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
    fn restart_keys_exist() {
        let keys = Key::all();
        for name in RESTART {
            assert!(keys.iter().any(|key| key.name == name), "{name}");
        }
    }
}
