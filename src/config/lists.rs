//! How lists are written in the file: one text for one item, as `"[::]:8554"`, or a list of texts.
//!
//! Each submodule serves one field type by `#[serde(with = "…")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fault::wrong;

/// Socket addresses, one or a list: `"[::]:8554"`, `["127.0.0.1:554", "127.0.0.1:7070"]`.
pub(super) mod addresses {
    use std::net::SocketAddr;

    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<SocketAddr>, D::Error> {
        let read = |text: String| {
            text.parse().map_err(|_| {
                wrong(
                    &text,
                    "an IP address and a port: \"[::]:8554\", \"127.0.0.1:8554\"",
                )
            })
        };
        let list = List::deserialize(from)?.items();
        list.into_iter().map(read).collect()
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &[SocketAddr],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }
}

/// Texts, one or a list.
pub(super) mod texts {
    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<String>, D::Error> {
        Ok(List::deserialize(from)?.items())
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &[String],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }
}

/// Lines of an access file, one or a list; none is `None`.
pub(super) mod rules {
    use serde::de::Error;

    use super::*;
    use crate::access::Rules;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Rules>, D::Error> {
        let lines = List::deserialize(from)?.items();
        let rules = (!lines.is_empty()).then(|| Rules::read(lines));
        rules.transpose().map_err(D::Error::custom)
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<Rules>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let lines = value.as_ref().map_or(&[][..], Rules::lines);
        lines.serialize(to)
    }
}

/// Paths, one or a list.
pub(super) mod paths {
    use std::path::PathBuf;

    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let list = List::deserialize(from)?.items();
        Ok(list.into_iter().map(PathBuf::from).collect())
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &[PathBuf],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }
}

/// One text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum List {
    One(String),
    Many(Vec<String>),
}

impl List {
    pub(super) fn items(self) -> Vec<String> {
        match self {
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
    }
}
