//! The `[[hls.channel]]` tables: settings of `[hls]` that are others for one channel.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::bounds;
use super::fault::{Fault, Place};
use super::hls::Hls;
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
    written: Written,
}

/// What a table says.
#[derive(Default)]
struct Written {
    settings: Table,
    /// Where the values stand, by their keys.
    places: HashMap<String, Place>,
}

/// The keys of a table: the channel, and the settings that belong to one.
const KEYS: [&str; 15] = [
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
    "start_wait",
    "transcode",
    "compat",
    ENCRYPTION,
];

const CHANNEL: &str = "channel";

/// The keys of the table in it that has this name.
const ENCRYPTION_KEYS: [&str; 4] = ["method", "keys", "rotate_after", "key_file"];

const ENCRYPTION: &str = "encryption";

/// Reads the value of `hls.channel`: its good tables; what is wrong is added to the faults of `tables`.
pub(super) fn read(tables: &mut Tables<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (table, whole) in tables.list(value) {
        let Some((draft, named)) = Draft::read(tables, table, whole) else {
            continue;
        };
        if drafts
            .iter()
            .any(|other| other.channel.is_same_channel(&draft.channel))
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
        let mut written = Written::default();
        for (name, value) in table {
            match (&**name.get_ref(), value.get_ref()) {
                (CHANNEL, _) => {
                    named = Some(value.span().start);
                    channel = tables.channel(CHANNEL, value, FIX_NAME);
                }
                (ENCRYPTION, DeValue::Table(inner)) => {
                    tables.inside("hls.channel.encryption", |tables| {
                        written.take(tables, inner, &ENCRYPTION_KEYS, Some(ENCRYPTION));
                    })
                }
                (key, _) if KEYS.contains(&key) => written.take_one(tables, None, key, value),
                _ => tables.unknown(name, &KEYS),
            }
        }
        if named.is_none() {
            let text = "this table has no `channel`".to_owned();
            tables.fault(whole, text, FIX_NAME);
        }
        let draft = Self {
            channel: channel?,
            written,
        };
        Some((draft, named?))
    }

    /// What the channel's settings are where those of `[hls]` are known.
    pub(super) fn finish(self, hls: &Hls) -> Result<ChannelHls, Vec<Fault>> {
        let Written { settings, places } = self.written;
        let mut table = Table::try_from(hls).expect("every setting has a form in TOML");
        merge(&mut table, settings.clone());
        let hls = Hls::deserialize(table).expect("each value was read alone");
        let faults = bounds::hls(&hls).into_iter().filter_map(|objection| {
            let key = objection.key.strip_prefix("hls.")?;
            Some(Fault {
                place: places.get(key)?.clone(),
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
            written: settings,
        })
    }
}

impl Written {
    /// Takes the settings `keys` of a section of `[hls]`.
    fn take(
        &mut self,
        tables: &mut Tables<'_>,
        table: &DeTable<'_>,
        keys: &[&str],
        section: Option<&str>,
    ) {
        for (name, value) in table {
            let key: &str = name.get_ref();
            match keys.contains(&key) {
                true => self.take_one(tables, section, key, value),
                false => tables.unknown(name, keys),
            }
        }
    }

    /// Takes a setting of a section of `[hls]`, or says why it cannot be.
    fn take_one(
        &mut self,
        tables: &mut Tables<'_>,
        section: Option<&str>,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) {
        let at = value.span().start;
        let full = section.map_or_else(|| key.to_owned(), |section| format!("{section}.{key}"));
        let read = tables.value(value);
        match read.and_then(|value| alone(section, key, value)) {
            Ok(table) => {
                merge(&mut self.settings, table);
                self.places.insert(full, tables.place(at));
            }
            Err(error) => {
                let text = format!("hls.channel.{full}: {error}");
                tables.fault(at, text, "remove it for that of [hls]");
            }
        }
    }
}

/// Puts what `newer` says over what `table` says.
fn merge(table: &mut Table, newer: Table) {
    for (key, value) in newer {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(newer)) => merge(inner, newer),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

impl ChannelHls {
    /// Whether it is for this channel, which answers with and without `.sdp`.
    pub(super) fn is_of(&self, channel: &MediaPath) -> bool {
        self.channel.is_same_channel(channel)
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

const FIX_NAME: &str = "write a name such as \"camera\"";

/// A table of `[hls]` that says `value` for a key of a section, when that can be.
fn alone(section: Option<&str>, key: &str, value: Value) -> Result<Table, String> {
    let with = |key: &str, value| Table::from_iter([(key.to_owned(), value)]);
    let own = with(key, value);
    let table = match section {
        Some(section) => with(section, Value::Table(own)),
        None => own,
    };
    match Hls::deserialize(table.clone()) {
        Ok(_) => Ok(table),
        Err(error) => Err(error.message().trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::{Encryption, KeyCount, Method, Package, PlaylistType};

    fn read_all(text: &str) -> (Vec<ChannelHls>, Vec<String>) {
        let document = DeTable::parse(text).unwrap();
        let place = |offset| Place::at(Path::new("a.toml"), text, offset);
        let mut tables = Tables::new("hls.channel", &place, text);
        let value = document.get_ref().get("channel").unwrap();
        let base = Hls {
            window: Duration::from_secs(90),
            encryption: Encryption {
                method: Method::Aes128,
                ..Encryption::default()
            },
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
    fn encryption_is_another_as_far_as_it_is_said() {
        let text = "[[channel]]\nchannel = 'a'\nencryption = { method = 'sample-aes' }\ncompat = true\n\
                    [[channel]]\nchannel = 'b'\n[channel.encryption]\nkeys = 'rotate'\nrotate_after = 7\n";
        let (channels, faults) = read_all(text);
        assert_eq!(faults, [""; 0]);
        let [a, b] = channels.as_slice() else {
            panic!("{channels:?}")
        };
        assert_eq!(a.hls.encryption.method, Method::SampleAes);
        assert_eq!(a.hls.encryption.keys, KeyCount::Each);
        assert!(a.hls.offers_compat());
        assert_eq!(b.hls.encryption.method, Method::Aes128);
        assert_eq!(b.hls.encryption.rotate_after, 7);
        assert_eq!(
            a.to_string(),
            "compat = true, encryption = { method = \"sample-aes\" }"
        );
        let text = "[[channel]]\nchannel = 'a'\nencryption = 'aes-128'\n\
                    [[channel]]\nchannel = 'b'\n[channel.encryption]\nkeys = 'two'\nmetod = 'none'\n\
                    [[channel]]\nchannel = 'c'\nencryption.rotate_after = 0\n";
        let (_, faults) = read_all(text);
        assert_eq!(
            faults,
            [
                "a.toml:3:14: hls.channel.encryption: invalid type: string \"aes-128\", expected \
                 struct Encryption; remove it for that of [hls]",
                "a.toml:7:8: hls.channel.encryption.keys: unknown variant `two`, expected one of \
                 `one`, `each`, `rotate`; remove it for that of [hls]",
                "a.toml:8:1: there is no key `hls.channel.encryption.metod`; did you mean `method`?",
                "a.toml:11:27: hls.channel.encryption.rotate_after: out of bounds; choose at least 1",
            ]
        );
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
                 dvr, dvr_bytes, package, idle_stop, start_wait, transcode, compat, encryption",
                "a.toml:10:11: hls.channel.channel: `b` has a table already; remove one of them",
                "a.toml:8:10: hls.channel.window: out of bounds; choose 1 to 3600 seconds",
            ]
        );
    }
}
