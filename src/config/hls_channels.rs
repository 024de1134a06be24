//! The `[[hls.channel]]` tables: settings of `[hls]` that are others for one channel.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::bounds;
use super::fault::{Fault, Place};
use super::hls::Hls;
use super::quantity;
use super::tables::Tables;
use crate::base::path::MediaPath;

/// One channel and how it is packaged.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelHls {
    /// The channel's name.
    pub channel: MediaPath,
    /// The settings of `[hls]`, but those that its table says.
    pub hls: Hls,
    /// What its table says.
    written: Table,
}

/// A table that was read, before the settings of `[hls]` are known.
pub(super) struct Draft {
    channel: MediaPath,
    written: Table,
    /// Where the values stand.
    places: HashMap<String, Place>,
}

/// The keys of a table: the channel, and the settings that belong to one.
const KEYS: [&str; 11] = [
    CHANNEL,
    "target_duration",
    "part_duration",
    "window",
    "segments",
    "window_bytes",
    "playlist_type",
    "dvr",
    "dvr_bytes",
    "package",
    "idle_stop",
];

const CHANNEL: &str = "channel";

/// Reads the value of `hls.channel`: its good tables; what is wrong is added to the faults of `tables`.
pub(super) fn read(tables: &mut Tables<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (table, whole) in tables.list(value) {
        let Some((draft, named)) = Draft::read(tables, table, whole) else {
            continue;
        };
        if drafts
            .iter()
            .any(|other| is_same(&other.channel, &draft.channel))
        {
            let text = format!(
                "hls.channel.channel: `{}` has a table already",
                draft.channel
            );
            tables.fault(named, text, "remove one of them");
        }
        drafts.push(draft);
    }
    drafts
}

impl Draft {
    /// Reads a table, with where the name of its channel stands.
    fn read(tables: &mut Tables<'_>, table: &DeTable<'_>, whole: usize) -> Option<(Self, usize)> {
        let (mut channel, mut named) = (None, None);
        let (mut written, mut places) = (Table::new(), HashMap::new());
        for (name, value) in table {
            let key: &str = name.get_ref();
            let at = value.span().start;
            if !KEYS.contains(&key) {
                tables.unknown(name, &KEYS);
                continue;
            }
            let (fix, read) = if key == CHANNEL {
                named = Some(at);
                let read = tables.value(value).and_then(name_of);
                let read = read.map(|name| channel = Some(name));
                ("write a name such as \"camera\"", read)
            } else {
                let read = tables.value(value).and_then(|value| alone(key, value));
                let read = read.map(|value| {
                    written.insert(key.to_owned(), value);
                    places.insert(key.to_owned(), tables.place(at));
                });
                ("remove it for that of [hls]", read)
            };
            if let Err(error) = read {
                tables.fault(at, format!("hls.channel.{key}: {error}"), fix);
            }
        }
        if named.is_none() {
            let text = "this table has no `channel`".to_owned();
            tables.fault(whole, text, "write a name such as \"camera\"");
        }
        let draft = Self {
            channel: channel?,
            written,
            places,
        };
        Some((draft, named?))
    }

    /// What the channel's settings are where those of `[hls]` are known.
    pub(super) fn finish(self, hls: &Hls) -> Result<ChannelHls, Vec<Fault>> {
        let mut table = Table::try_from(hls).expect("every setting has a form in TOML");
        table.extend(self.written.clone());
        let hls = Hls::deserialize(table).expect("each value was read alone");
        let faults = bounds::hls(&hls).into_iter().filter_map(|objection| {
            let key = objection.key.strip_prefix("hls.")?;
            Some(Fault {
                place: self.places.get(key)?.clone(),
                text: format!("hls.channel.{key}: {}", objection.text),
                fix: objection.fix,
            })
        });
        let faults: Vec<_> = faults.collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(ChannelHls {
            channel: self.channel,
            hls,
            written: self.written,
        })
    }
}

impl ChannelHls {
    /// Whether it is for this channel, which answers with and without `.sdp`.
    pub(super) fn is_of(&self, channel: &MediaPath) -> bool {
        is_same(&self.channel, channel)
    }

    /// What its table says.
    pub(super) fn written(&self) -> &Table {
        &self.written
    }
}

/// Displays as what differs from `[hls]`: `dvr = "15m", package = "always"`.
impl fmt::Display for ChannelHls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.written.iter();
        let settings: Vec<_> = settings
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        f.write_str(&settings.join(", "))
    }
}

fn is_same(one: &MediaPath, other: &MediaPath) -> bool {
    let name = |path: &MediaPath| {
        let path = path.as_str();
        path.strip_suffix(".sdp").unwrap_or(path).to_owned()
    };
    name(one) == name(other)
}

fn name_of(value: Value) -> Result<MediaPath, String> {
    quantity::channel::deserialize(value).map_err(|error| error.message().trim().to_owned())
}

/// `value`, when it can be the value of `key`.
fn alone(key: &str, value: Value) -> Result<Value, String> {
    let mut table = Table::new();
    table.insert(key.to_owned(), value.clone());
    match Hls::deserialize(table) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.message().trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::{Package, PlaylistType};

    fn read_all(text: &str) -> (Vec<ChannelHls>, Vec<String>) {
        let document = DeTable::parse(text).unwrap();
        let place = |offset| Place::at(Path::new("a.toml"), text, offset);
        let mut tables = Tables::new("hls.channel", &place, text);
        let value = document.get_ref().get("channel").unwrap();
        let base = Hls {
            window: Duration::from_secs(90),
            ..Hls::default()
        };
        let mut channels = Vec::new();
        for draft in read(&mut tables, value) {
            match draft.finish(&base) {
                Ok(channel) => channels.push(channel),
                Err(mut faults) => tables.faults.append(&mut faults),
            }
        }
        let faults = tables.faults.iter().map(Fault::to_string).collect();
        (channels, faults)
    }

    #[test]
    fn a_table_changes_what_it_says() {
        let text = "[[channel]]\nchannel = 'news'\ndvr = '2h'\npackage = 'always'\n\
                    [[channel]]\nchannel = 'a/concert.sdp'\nplaylist_type = 'event'\n";
        let (channels, faults) = read_all(text);
        assert_eq!(faults, [""; 0]);
        let [news, concert] = channels.as_slice() else {
            panic!("{channels:?}")
        };
        assert_eq!(news.hls.dvr, Duration::from_secs(7200));
        assert_eq!(news.hls.package, Package::Always);
        assert_eq!(news.hls.window, Duration::from_secs(90));
        assert_eq!(news.to_string(), "dvr = \"2h\", package = \"always\"");
        assert_eq!(concert.hls.playlist_type, PlaylistType::Event);
        assert!(concert.is_of(&MediaPath::from_plain("a/concert").unwrap()));
        assert!(!concert.is_of(&news.channel));
    }

    #[test]
    fn every_fault_has_its_place_and_fix() {
        let text = "[[channel]]\nchanel = 'a'\ndvr = 5\n\
                    [[channel]]\nchannel = '../a'\n\
                    [[channel]]\nchannel = 'b'\nwindow = '2h'\n\
                    [[channel]]\nchannel = 'b'\nffmpeg = 'x'\n";
        let (_, faults) = read_all(text);
        assert_eq!(
            faults,
            [
                "a.toml:2:1: there is no key `hls.channel.chanel`; did you mean `channel`?",
                "a.toml:3:7: hls.channel.dvr: `5` is not a duration with its unit: \
                 \"100ms\", \"60s\", \"5m\", \"1h\"; remove it for that of [hls]",
                "a.toml:1:1: this table has no `channel`; write a name such as \"camera\"",
                "a.toml:5:11: hls.channel.channel: path has a component that is not a plain name; \
                 write a name such as \"camera\"",
                "a.toml:11:1: there is no key `hls.channel.ffmpeg`; remove it; there are channel, \
                 target_duration, part_duration, window, segments, window_bytes, playlist_type, \
                 dvr, dvr_bytes, package, idle_stop",
                "a.toml:10:11: hls.channel.channel: `b` has a table already; remove one of them",
                "a.toml:8:10: hls.channel.window: out of bounds; choose 1 to 3600 seconds",
            ]
        );
    }
}
