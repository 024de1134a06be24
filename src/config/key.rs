//! The names of the settings: in the file, in the environment, and misspelt.

use toml::{Table, Value};

use super::settings::Config;

/// One setting: where it stands in the file, and its default.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Section and name, joined by points: `log.error.level`.
    pub(super) name: String,
    /// The default, as the file would say it.
    pub(super) default: Value,
}

impl Key {
    /// Every key, in the order of the names.
    pub(super) fn all() -> Vec<Self> {
        let mut keys = Vec::new();
        collect(&defaults(), "", &mut keys);
        keys
    }

    /// The environment variable that overrides this key: `REELCAST_LOG_ERROR_LEVEL`.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The key's own name, without its section.
    pub(super) fn last(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// The section, `log.error`.
    pub(super) fn section(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
    }

    /// The value that the text of an environment variable stands for; lists are separated by commas.
    pub(super) fn value_of(&self, text: &str) -> Value {
        let text = text.trim();
        let plain = || Value::String(text.to_owned());
        match self.default {
            Value::Array(_) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Value::from)
                .collect::<Vec<_>>()
                .into(),
            Value::Boolean(_) => text.parse().map_or_else(|_| plain(), Value::Boolean),
            Value::Integer(_) => text.parse().map_or_else(|_| plain(), Value::Integer),
            _ => plain(),
        }
    }

    /// Puts `value` for this key into `table`, making its section where it lacks.
    pub(super) fn set(&self, table: &mut Table, value: Value) {
        let mut section = table;
        for name in self.section().split('.') {
            let entry = section
                .entry(name)
                .or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = entry else { return };
            section = inner;
        }
        section.insert(self.last().to_owned(), value);
    }

    /// This key's value in `table`.
    pub(super) fn value_in<'t>(&self, table: &'t Table) -> Option<&'t Value> {
        let mut section = table;
        for name in self.section().split('.') {
            section = section.get(name)?.as_table()?;
        }
        section.get(self.last())
    }
}

/// What every variable that overrides a key begins with.
pub(super) const PREFIX: &str = "REELCAST_";

/// The settings of `config` as the file would say them.
pub(super) fn table_of(config: &Config) -> Table {
    Table::try_from(config).expect("every setting has a form in TOML")
}

/// The defaults as the file would say them.
pub(super) fn defaults() -> Table {
    table_of(&Config::default())
}

/// The name that somebody who wrote `word` most likely meant.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&word, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn collect(table: &Table, prefix: &str, into: &mut Vec<Key>) {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        match value {
            Value::Table(inner) => collect(inner, &format!("{name}."), into),
            other => into.push(Key {
                name,
                default: other.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        let mut keys = Key::all();
        keys.retain(|key| key.name == name);
        keys.pop().unwrap()
    }

    #[test]
    fn variables_name_section_and_key() {
        assert_eq!(key("rtsp.udp_ports").variable(), "REELCAST_RTSP_UDP_PORTS");
        assert_eq!(
            key("log.error.level").variable(),
            "REELCAST_LOG_ERROR_LEVEL"
        );
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut variables: Vec<_> = Key::all().iter().map(Key::variable).collect();
        let all = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let value = key("rtsp.listen").value_of("127.0.0.1:1, 127.0.0.1:2");
        assert_eq!(value.as_array().map(Vec::len), Some(2));
        assert_eq!(key("rtsp.listen").value_of(""), Value::Array(Vec::new()));
    }

    #[test]
    fn misspelt_names_find_the_right_one() {
        let names = ["listen", "tls_listen", "udp_ports", "session_timeout"];
        assert_eq!(nearest("lisen", names), Some("listen"));
        assert_eq!(nearest("udp_port", names), Some("udp_ports"));
        assert_eq!(nearest("SessionTimeout", names), Some("session_timeout"));
        assert_eq!(nearest("colour", names), None);
    }
}
