//! From a file, the environment and the command line to a checked [`Config`].
//!
//! Each key is read by itself, so that one run reports every fault, each with
//! its place and its fix.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Table, Value};

use super::fault::{Fault, Place};
use super::hls_channels;
use super::hls_groups;
use super::key::{self, Key};
use super::logins::{self, Logins};
use super::settings::Config;
use super::sources::{self, Sources};
use super::tables::Tables;
use super::verify;

/// The defaults that the program carries; also the file that is installed as the manual of the settings.
pub const EMBEDDED: &str = include_str!("../../conf/reelcast.toml");

/// The names of lists of tables.
const SOURCES: &str = "source";
const HLS_CHANNELS: &str = "hls.channel";
const HLS_GROUPS: &str = "hls.group";

const PLACES: [&str; 2] = ["conf/reelcast.toml", "/etc/reelcast/reelcast.toml"];

/// Where settings come from; later ones win: file, environment, command line.
#[derive(Clone, Debug, Default)]
pub struct SettingsSource {
    /// The file that was asked for; without one the usual places are searched.
    pub file: Option<PathBuf>,
    /// Environment variables; those that begin with `REELCAST_` count.
    pub environment: Vec<(String, String)>,
    /// The movies folder of the command line.
    pub movies: Option<PathBuf>,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that they came from; `None` for the embedded one.
    pub file: Option<PathBuf>,
    /// What is odd about them, yet usable.
    pub warnings: Vec<Fault>,
}

impl SettingsSource {
    /// `file` and this process's environment.
    pub fn new(file: Option<PathBuf>, movies: Option<PathBuf>) -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self {
            file,
            environment: std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            movies,
        }
    }

    /// The file that counts: the one that was asked for, else the first that
    /// exists of `conf/reelcast.toml` and `/etc/reelcast/reelcast.toml`.
    pub fn find(&self) -> Option<PathBuf> {
        let asked = self.file.clone();
        asked.or_else(|| self.places().into_iter().find(|file| file.is_file()))
    }

    /// Where the file may be, whether it is there or not.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        match &self.file {
            Some(asked) => vec![asked.clone()],
            None => PLACES.iter().map(PathBuf::from).collect(),
        }
    }
}

/// Reads and checks the configuration that `source` names.
///
/// # Errors
/// Everything that is wrong with it; nothing of a faulty configuration is used.
pub fn load(source: &SettingsSource) -> Result<Loaded, Vec<Fault>> {
    let file = source.find();
    let text = match &file {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| vec![unreadable(file, &error)])?
        }
        None => EMBEDDED.to_owned(),
    };
    let mut reading = Reading::new();
    reading.file(file.as_deref(), &text);
    reading.environment(&source.environment);
    if let Some(movies) = &source.movies {
        let value = Value::String(movies.to_string_lossy().into_owned());
        reading.set("server.movies", value, Place::Argument);
    }
    let (config, warnings) = reading.finish(&source.environment)?;
    Ok(Loaded {
        config,
        file,
        warnings,
    })
}

fn unreadable(file: &Path, error: &std::io::Error) -> Fault {
    Fault {
        place: Place::File(file.to_owned()),
        text: format!("cannot be read: {error}"),
        fix: "name a file that this user may read".to_owned(),
    }
}

/// The settings read so far, over the defaults.
struct Reading {
    keys: Vec<Key>,
    table: Table,
    places: HashMap<String, Place>,
    sources: sources::Said,
    hls_channels: Vec<hls_channels::Draft>,
    hls_groups: Vec<hls_groups::Draft>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Reading {
    fn new() -> Self {
        Self {
            keys: Key::all(),
            table: key::defaults(),
            places: HashMap::new(),
            sources: sources::Said::default(),
            hls_channels: Vec::new(),
            hls_groups: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn file(&mut self, file: Option<&Path>, text: &str) {
        let file = file.unwrap_or_else(|| Path::new("reelcast.toml (embedded)"));
        let (document, errors) = DeTable::parse_recoverable(text);
        let syntax: Vec<Fault> = errors
            .iter()
            .map(|error| Fault {
                place: Place::at(file, text, error.span().map_or(0, |span| span.start)),
                text: error.message().to_owned(),
                fix: String::new(),
            })
            .collect();
        self.section(
            document.get_ref(),
            "",
            &|offset| Place::at(file, text, offset),
            text,
        );
        // What the parser made of a broken line is not worth a second complaint.
        self.faults.retain(|fault| {
            let line = fault.place.line();
            !syntax.iter().any(|broken| broken.place.line() == line)
        });
        self.faults.extend(syntax);
    }

    fn section(
        &mut self,
        table: &DeTable<'_>,
        prefix: &str,
        place: &dyn Fn(usize) -> Place,
        text: &str,
    ) {
        for (name, value) in table {
            let full = format!("{prefix}{}", name.get_ref());
            let at = place(name.span().start);
            if full == SOURCES {
                self.sources = Sources::read(Tables::new(SOURCES, place, text), value);
                self.faults.append(&mut self.sources.faults);
                continue;
            }
            if full == HLS_CHANNELS {
                let mut tables = Tables::new(HLS_CHANNELS, place, text);
                self.hls_channels = hls_channels::read(&mut tables, value);
                self.faults.append(&mut tables.faults);
                continue;
            }
            if full == HLS_GROUPS {
                let mut tables = Tables::new(HLS_GROUPS, place, text);
                self.hls_groups = hls_groups::read(&mut tables, value);
                self.faults.append(&mut tables.faults);
                continue;
            }
            if self.keys.iter().any(|key| key.name == full) {
                let written = text.get(value.span()).unwrap_or_default();
                match read_value(written) {
                    Ok(read) => self.set(&full, read, place(value.span().start)),
                    Err(error) => self.fault(at, error, String::new()),
                }
                continue;
            }
            let inside = format!("{full}.");
            let is_section = self.keys.iter().any(|key| key.name.starts_with(&inside));
            match value.get_ref() {
                DeValue::Table(inner) if is_section => self.section(inner, &inside, place, text),
                _ if is_section => {
                    let fix = format!("write its keys below a line [{full}]");
                    self.fault(at, format!("`{full}` is a section"), fix);
                }
                found => self.unknown(&full, prefix, matches!(found, DeValue::Table(_)), at),
            }
        }
    }

    fn environment(&mut self, variables: &[(String, String)]) {
        for (name, text) in variables {
            if !name.starts_with(key::PREFIX) || name.starts_with(logins::PREFIX) {
                continue;
            }
            let place = Place::Variable(name.clone());
            let found = self.keys.iter().find(|key| key.variable() == *name);
            match found.map(|key| (key.name.clone(), key.value_of(text))) {
                Some((key, value)) => self.set(&key, value, place),
                None => {
                    let variables: Vec<_> = self.keys.iter().map(Key::variable).collect();
                    let near = key::nearest(name, variables.iter().map(String::as_str));
                    self.warnings.push(Fault {
                        place,
                        text: "overrides no setting".to_owned(),
                        fix: near.map_or_else(String::new, |near| format!("did you mean {near}?")),
                    });
                }
            }
        }
    }

    /// Takes `value` for the key `name`, or says why it cannot be.
    fn set(&mut self, name: &str, value: Value, place: Place) {
        let Some(key) = self.keys.iter().find(|key| key.name == name) else {
            return;
        };
        let mut alone = Table::new();
        key.set(&mut alone, value.clone());
        match Config::deserialize(alone) {
            Ok(_) => {
                key.set(&mut self.table, value);
                self.places.insert(name.to_owned(), place);
            }
            Err(error) => {
                let text = format!("{name}: {}", error.message().trim());
                let fix = format!("the default is {}", key.default);
                self.fault(place, text, fix);
            }
        }
    }

    fn unknown(&mut self, full: &str, prefix: &str, is_table: bool, place: Place) {
        let word = full.strip_prefix(prefix).unwrap_or(full);
        let text = if is_table {
            format!("there is no section [{full}]")
        } else {
            format!("there is no key `{full}`")
        };
        let fix = if is_table {
            let sections = self.keys.iter().map(Key::section);
            key::nearest(full, sections).map(|near| format!("did you mean [{near}]?"))
        } else {
            self.similar_key(word, prefix)
        };
        self.fault(place, text, fix.unwrap_or_else(|| self.choices(prefix)));
    }

    /// The key that was meant: one of this section, else one of that name elsewhere.
    fn similar_key(&self, word: &str, prefix: &str) -> Option<String> {
        let here = prefix.trim_end_matches('.');
        let siblings = self.keys.iter().filter(|key| key.section() == here);
        if let Some(near) = key::nearest(word, siblings.map(Key::last)) {
            return Some(format!("did you mean `{near}`?"));
        }
        let near = key::nearest(word, self.keys.iter().map(Key::last))?;
        let homes: Vec<_> = self
            .keys
            .iter()
            .filter(|key| key.last() == near)
            .map(|key| format!("[{}]", key.section()))
            .collect();
        Some(format!("`{near}` belongs in {}", homes.join(" or ")))
    }

    fn choices(&self, prefix: &str) -> String {
        let here = prefix.trim_end_matches('.');
        let mut names: Vec<_> = match here {
            "" => self
                .keys
                .iter()
                .map(|key| format!("[{}]", key.section()))
                .collect(),
            _ => {
                let siblings = self.keys.iter().filter(|key| key.section() == here);
                siblings.map(|key| key.last().to_owned()).collect()
            }
        };
        names.dedup();
        format!("remove it; there are {}", names.join(", "))
    }

    fn fault(&mut self, place: Place, text: String, fix: String) {
        self.faults.push(Fault { place, text, fix });
    }

    /// Gives the sources the logins that they want.
    fn log_in(&mut self, config: &mut Config, environment: &[(String, String)]) {
        let mut logins = Logins::new(config.access.logins.clone(), environment);
        for wanted in std::mem::take(&mut self.sources.logins) {
            let mut sources = config.sources.iter_mut();
            let source = sources.find(|source| source.channel == wanted.channel);
            match logins.find(&wanted.name, &wanted.place) {
                Ok(login) => {
                    if let Some(source) = source {
                        source.url.set_credentials(login);
                    }
                }
                // What is wrong with a file is wrong for all that need it.
                Err(fault) if self.faults.contains(&fault) => {}
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    fn finish(
        mut self,
        environment: &[(String, String)],
    ) -> Result<(Config, Vec<Fault>), Vec<Fault>> {
        let mut config = match Config::deserialize(self.table.clone()) {
            Ok(config) => config,
            Err(error) => {
                self.fault(Place::Embedded, error.message().to_owned(), String::new());
                return Err(self.faults);
            }
        };
        config.sources = std::mem::take(&mut self.sources.sources);
        config.source_access = std::mem::take(&mut self.sources.rules);
        self.log_in(&mut config, environment);
        for draft in std::mem::take(&mut self.hls_channels) {
            match draft.finish(&config.hls) {
                Ok(channel) => config.hls_channels.push(channel),
                Err(mut faults) => self.faults.append(&mut faults),
            }
        }
        for draft in std::mem::take(&mut self.hls_groups) {
            match draft.finish(&config) {
                Ok(group) => config.hls_groups.push(group),
                Err(fault) => self.faults.push(fault),
            }
        }
        for objection in verify::objections(&config) {
            let place = self.places.get(objection.key).cloned();
            let fault = Fault {
                place: place.unwrap_or(Place::Embedded),
                text: format!("{}: {}", objection.key, objection.text),
                fix: objection.fix,
            };
            if objection.fatal {
                self.faults.push(fault);
            } else {
                self.warnings.push(fault);
            }
        }
        self.faults.sort_by_key(|fault| fault.place.line());
        if self.faults.is_empty() {
            Ok((config, self.warnings))
        } else {
            Err(self.faults)
        }
    }
}

/// The value that is `written` in the file.
pub(super) fn read_value(written: &str) -> Result<Value, String> {
    ValueDeserializer::parse(written)
        .and_then(Value::deserialize)
        .map_err(|error| error.message().to_owned())
}

#[cfg(test)]
mod tests;
