//! Lists of tables in the file, such as `[[source]]`: their keys, and where what is wrong with them stands.
//!
//! The plain keys of a section are no lists, so `load` reads them; no environment variable
//! overrides what stands in a list.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::fault::{Fault, Place};
use super::{channel_name, key};
use crate::base::path::MediaPath;

/// The lists of one name.
pub(super) struct Tables<'a> {
    name: &'static str,
    place: &'a dyn Fn(usize) -> Place,
    text: &'a str,
    /// What is wrong with them.
    pub(super) faults: Vec<Fault>,
}

impl<'a> Tables<'a> {
    /// Those called `name` in the `text` of a file; `place` says where a byte of it is.
    pub(super) fn new(
        name: &'static str,
        place: &'a dyn Fn(usize) -> Place,
        text: &'a str,
    ) -> Self {
        Self {
            name,
            place,
            text,
            faults: Vec::new(),
        }
    }

    /// The tables of a list, each with where it begins.
    pub(super) fn list<'v>(
        &mut self,
        value: &'v Spanned<DeValue<'v>>,
    ) -> Vec<(&'v DeTable<'v>, usize)> {
        let DeValue::Array(items) = value.get_ref() else {
            self.not_tables(value.span().start);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span().start)),
                _ => self.not_tables(item.span().start),
            }
        }
        tables
    }

    /// The value of a key as it is written.
    pub(super) fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
        super::load::read_value(self.text.get(value.span()).unwrap_or_default())
    }

    /// The name of a channel that is the value of `key`; `None`, and a fault with that `fix`, when it is none.
    pub(super) fn channel(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        fix: &str,
    ) -> Option<MediaPath> {
        let read = self.value(value).and_then(|name| {
            let read = channel_name::deserialize(name);
            read.map_err(|error| error.message().trim().to_owned())
        });
        read.map_err(|error| {
            let text = format!("{}.{key}: {error}", self.name);
            self.fault(value.span().start, text, fix);
        })
        .ok()
    }

    /// What `read` makes of a table that stands in one of them, under that name with theirs before it.
    pub(super) fn inside<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.name, name);
        let read = read(self);
        self.name = outside;
        read
    }

    /// Says that a key is none of `names`.
    pub(super) fn unknown(&mut self, key: &Spanned<Cow<'_, str>>, names: &[&str]) {
        let word: &str = key.get_ref();
        let fix = match key::nearest(word, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("remove it; there are {}", names.join(", ")),
        };
        let text = format!("there is no key `{}.{word}`", self.name);
        self.fault(key.span().start, text, &fix);
    }

    /// Says that something is wrong at that byte.
    pub(super) fn fault(&mut self, at: usize, text: String, fix: &str) {
        self.faults.push(Fault {
            place: self.place(at),
            text,
            fix: fix.to_owned(),
        });
    }

    /// The place of a byte.
    pub(super) fn place(&self, at: usize) -> Place {
        (self.place)(at)
    }

    fn not_tables(&mut self, at: usize) {
        let name = self.name;
        let fix = format!("write its keys below a line [[{name}]]");
        self.fault(at, format!("`{name}` is a list of tables"), &fix);
    }
}
