//! The `[[hls.group]]` tables: several channels as the variants of one program.

use std::fmt;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table};

use super::fault::{Fault, Place};
use super::settings::Config;
use super::tables::Tables;
use crate::base::path::MediaPath;

/// Channels that show the same at several bit rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsGroup {
    /// The name of the program.
    pub name: MediaPath,
    /// The channels, in the order in which players are told of them.
    pub variants: Vec<MediaPath>,
}

/// A table that was read, before all other settings are known.
pub(super) struct Draft {
    group: HlsGroup,
    /// Where its values stand.
    name_at: usize,
    variants_at: Vec<usize>,
    name_place: Place,
    variant_places: Vec<Place>,
}

const KEYS: [&str; 2] = ["name", "variants"];

/// What is one for all variants of a group, because players that switch between them expect
/// playlists that reach back alike, have parts alike and change alike (rfc8216bis, 6.2.4).
const SHARED: [&str; 5] = [
    "playlist_type",
    "part_duration",
    "window",
    "segments",
    "dvr",
];

/// Reads the value of `hls.group`: its good tables; what is wrong is added to the faults of `tables`.
pub(super) fn read(tables: &mut Tables<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Draft> {
    let list = tables.list(value);
    let drafts: Vec<_> = list
        .into_iter()
        .filter_map(|(table, whole)| Draft::read(tables, table, whole))
        .collect();
    for (index, draft) in drafts.iter().enumerate() {
        draft.check(&drafts, index, tables);
    }
    drafts
}

impl Draft {
    fn read(tables: &mut Tables<'_>, table: &DeTable<'_>, whole: usize) -> Option<Self> {
        let (mut name, mut variants) = (None, None);
        for (key, value) in table {
            match &**key.get_ref() {
                "name" => {
                    let at = value.span().start;
                    name = Some(
                        tables
                            .channel("name", value, FIX_NAME)
                            .map(|path| (path, at)),
                    );
                }
                "variants" => variants = Some(list(tables, value)),
                _ => tables.unknown(key, &KEYS),
            }
        }
        for (key, fix, is_there) in [
            ("name", FIX_NAME, name.is_some()),
            ("variants", FIX_VARIANTS, variants.is_some()),
        ] {
            if !is_there {
                tables.fault(whole, format!("this group has no `{key}`"), fix);
            }
        }
        let ((name, name_at), variants) = (name??, variants??);
        let (variants, variants_at): (_, Vec<_>) = variants.into_iter().unzip();
        Some(Self {
            group: HlsGroup { name, variants },
            name_at,
            name_place: tables.place(name_at),
            variant_places: variants_at.iter().map(|at| tables.place(*at)).collect(),
            variants_at,
        })
    }

    /// The group, unless something else that `config` tells of has its name, or its variants are
    /// packaged in ways that do not go together.
    pub(super) fn finish(self, config: &Config) -> Result<HlsGroup, Fault> {
        let fault = self.rival(config).or_else(|| self.disagreement(config));
        fault.map_or(Ok(self.group), Err)
    }

    /// What else has the name.
    fn rival(&self, config: &Config) -> Option<Fault> {
        let name = &self.group.name;
        let is_rival = |channel: &MediaPath| channel.is_same_channel(name);
        let listens = !config.ts.listen.is_empty();
        let what = if config
            .sources
            .iter()
            .any(|source| is_rival(&source.channel))
        {
            "a [[source]]"
        } else if listens && is_rival(&config.ts.channel) {
            "the channel of [ts]"
        } else if name.below(&config.server.movies).is_file() {
            "a movie"
        } else {
            return None;
        };
        Some(Fault {
            text: format!("hls.group.name: `{name}` is the name of {what} already"),
            place: self.name_place.clone(),
            fix: "choose another name".to_owned(),
        })
    }

    /// A setting in which a variant differs from the first, and must not.
    fn disagreement(&self, config: &Config) -> Option<Fault> {
        let settings = |channel| {
            let table = Table::try_from(config.hls_of(channel));
            table.expect("every setting has a form in TOML")
        };
        let (first, others) = self.group.variants.split_first()?;
        let expected = settings(first);
        let mut others = others.iter().zip(self.variant_places.iter().skip(1));
        others.find_map(|(variant, place)| {
            let own = settings(variant);
            let mut pairs = SHARED.into_iter().filter_map(|key| {
                let pair = (own.get(key)?, expected.get(key)?);
                Some((key, pair))
            });
            let (key, (here, there)) = pairs.find(|(_, (here, there))| here != there)?;
            Some(Fault {
                text: format!(
                    "hls.group.variants: `{variant}` has {key} = {here}, and `{first}` has {there}"
                ),
                place: place.clone(),
                fix: format!("give all variants of a group the same {key}"),
            })
        })
    }

    /// What the tables say together that they cannot mean.
    fn check(&self, all: &[Self], index: usize, tables: &mut Tables<'_>) {
        let HlsGroup { name, variants } = &self.group;
        let before = all.get(..index).unwrap_or_default();
        if before
            .iter()
            .any(|other| other.group.name.is_same_channel(name))
        {
            let text = format!("hls.group.name: `{name}` is a group already");
            tables.fault(self.name_at, text, "choose another name");
        }
        for (place, (variant, at)) in variants.iter().zip(&self.variants_at).enumerate() {
            let earlier = variants.get(..place).unwrap_or_default();
            let is_group = |other: &Self| other.group.name.is_same_channel(variant);
            let has = |other: &Self| other.group.has(variant);
            let (what, fix) = if all.iter().any(is_group) {
                ("is a group, and its variants are channels", "name channels")
            } else if earlier.iter().any(|other| other.is_same_channel(variant)) {
                ("stands there twice", "remove one of them")
            } else if before.iter().any(has) {
                ("belongs to another group", "remove it from one of them")
            } else {
                continue;
            };
            let text = format!("hls.group.variants: `{variant}` {what}");
            tables.fault(*at, text, fix);
        }
    }
}

const FIX_NAME: &str = "write one such as \"news\"";
const FIX_VARIANTS: &str = "write the names of channels, such as [\"news-hd\", \"news-sd\"]";

/// The names of a list, each with its place; `None` when one is none, and for a list without any.
fn list(tables: &mut Tables<'_>, value: &Spanned<DeValue<'_>>) -> Option<Vec<(MediaPath, usize)>> {
    let items = match value.get_ref() {
        DeValue::Array(items) if !items.is_empty() => items,
        _ => {
            let text = "hls.group.variants: not a list of channels".to_owned();
            tables.fault(value.span().start, text, FIX_VARIANTS);
            return None;
        }
    };
    let read = items.iter().map(|item| {
        let path = tables.channel("variants", item, FIX_NAME)?;
        Some((path, item.span().start))
    });
    // All of them, so that every fault is told.
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// Displays as its variants: `news-hd, news-sd`.
impl fmt::Display for HlsGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.variants.iter().map(MediaPath::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

impl HlsGroup {
    /// Its own name and those of its channels: who watches it may watch all of them.
    pub fn names(&self) -> impl Iterator<Item = &MediaPath> {
        [&self.name].into_iter().chain(&self.variants)
    }

    /// Whether that channel is one of its variants.
    pub fn has(&self, channel: &MediaPath) -> bool {
        self.variants
            .iter()
            .any(|variant| variant.is_same_channel(channel))
    }
}

impl Config {
    /// The group of that name.
    pub fn hls_group(&self, name: &MediaPath) -> Option<&HlsGroup> {
        self.hls_groups.iter().find(|group| group.name == *name)
    }

    /// The group that a channel belongs to.
    pub fn hls_group_of(&self, channel: &MediaPath) -> Option<&HlsGroup> {
        self.hls_groups.iter().find(|group| group.has(channel))
    }

    /// The channels of the group that `name` is of, whether it is that of the program or of a variant.
    pub fn hls_variants(&self, name: &MediaPath) -> &[MediaPath] {
        let of_variant = self.hls_variant(name).map(|(group, _)| group);
        let group = of_variant.or_else(|| self.hls_group(name));
        group.map_or(&[], |group| &group.variants)
    }

    /// The group, and the channel of it, whose files are reached by that name.
    pub fn hls_variant(&self, name: &MediaPath) -> Option<(&HlsGroup, &MediaPath)> {
        self.hls_groups.iter().find_map(|group| {
            let rest = name.as_str().strip_prefix(group.name.as_str())?;
            let rest = rest.strip_prefix('/')?;
            let mut variants = group.variants.iter();
            Some((group, variants.find(|variant| variant.as_str() == rest)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_all(text: &str) -> (Vec<HlsGroup>, Vec<String>) {
        let document = DeTable::parse(text).unwrap();
        let place = |offset| Place::at(Path::new("a.toml"), text, offset);
        let mut tables = Tables::new("hls.group", &place, text);
        let drafts = read(&mut tables, document.get_ref().get("group").unwrap());
        let mut groups = Vec::new();
        for draft in drafts {
            match draft.finish(&Config::default()) {
                Ok(group) => groups.push(group),
                Err(fault) => tables.faults.push(fault),
            }
        }
        let faults = tables.faults.iter().map(Fault::to_string).collect();
        (groups, faults)
    }

    #[test]
    fn groups_have_a_name_and_channels() {
        let text = "[[group]]\nname = 'news'\nvariants = ['hd', 'tv/sd.sdp']\n\
                    [[group]]\nname = 'tv'\nvariants = ['low']\n";
        let (groups, faults) = read_all(text);
        assert_eq!(faults, [""; 0]);
        let path = |name| MediaPath::from_plain(name).unwrap();
        let config = Config {
            hls_groups: groups,
            ..Config::default()
        };
        let news = config.hls_group(&path("news")).unwrap();
        assert_eq!(news.variants, [path("hd"), path("tv/sd.sdp")]);
        assert_eq!(config.hls_group_of(&path("tv/sd")), Some(news));
        assert_eq!(config.hls_group_of(&path("news")), None);
        let variant = config.hls_variant(&path("news/tv/sd.sdp")).unwrap();
        assert_eq!(variant, (news, &path("tv/sd.sdp")));
        assert_eq!(config.hls_variant(&path("news/low")), None);
        for name in ["news", "news/hd"] {
            assert_eq!(config.hls_variants(&path(name)), news.variants);
        }
        assert!(config.hls_variants(&path("hd")).is_empty());
    }

    #[test]
    fn a_name_is_that_of_nothing_else() {
        let movies = tempfile::tempdir().unwrap();
        std::fs::write(movies.path().join("film.mp4"), "").unwrap();
        let mut config = Config::default();
        config.server.movies = movies.path().to_owned();
        let fault = |name: &str| {
            let text = format!("[[group]]\nname = '{name}'\nvariants = ['a']\n");
            let document = DeTable::parse(&text).unwrap();
            let place = |offset| Place::at(Path::new("a.toml"), &text, offset);
            let mut tables = Tables::new("hls.group", &place, &text);
            let mut drafts = read(&mut tables, document.get_ref().get("group").unwrap());
            let finished = drafts.remove(0).finish(&config);
            finished.err().map(|fault| fault.to_string())
        };
        assert_eq!(fault("news"), None);
        for (name, what) in [("film.mp4", "a movie"), ("stream", "the channel of [ts]")] {
            let text = format!(
                "a.toml:2:8: hls.group.name: `{name}` is the name of {what} already; \
                 choose another name"
            );
            assert_eq!(fault(name), Some(text));
        }
    }

    #[test]
    fn every_fault_has_its_place_and_fix() {
        let text = "[[group]]\nname = 'a'\nvariants = []\n\
                    [[group]]\nnane = 'b'\nvariants = ['x', 5, '../y']\n\
                    [[group]]\nname = 'c'\nvariants = ['d', 'x', 'x.sdp']\n\
                    [[group]]\nname = 'd'\nvariants = ['c', 'd', 'x']\n\
                    [[group]]\nname = 'd.sdp'\nvariants = ['z']\n";
        let (_, faults) = read_all(text);
        assert_eq!(
            faults,
            [
                "a.toml:3:12: hls.group.variants: not a list of channels; write the names of \
                 channels, such as [\"news-hd\", \"news-sd\"]",
                "a.toml:5:1: there is no key `hls.group.nane`; did you mean `name`?",
                "a.toml:6:18: hls.group.variants: invalid type: integer `5`, expected a string; \
                 write one such as \"news\"",
                "a.toml:6:21: hls.group.variants: path has a component that is not a plain name; \
                 write one such as \"news\"",
                "a.toml:4:1: this group has no `name`; write one such as \"news\"",
                "a.toml:9:13: hls.group.variants: `d` is a group, and its variants are channels; \
                 name channels",
                "a.toml:9:23: hls.group.variants: `x.sdp` stands there twice; remove one of them",
                "a.toml:12:13: hls.group.variants: `c` is a group, and its variants are channels; \
                 name channels",
                "a.toml:12:18: hls.group.variants: `d` is a group, and its variants are channels; \
                 name channels",
                "a.toml:12:23: hls.group.variants: `x` belongs to another group; remove it from \
                 one of them",
                "a.toml:14:8: hls.group.name: `d.sdp` is a group already; choose another name",
            ]
        );
    }
}
