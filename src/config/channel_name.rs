//! How the name of a channel is written in the file: `"stream"`.
//!
//! To be used by `#[serde(with = "channel_name")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::base::path::MediaPath;

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MediaPath, D::Error> {
    let text = String::deserialize(from)?;
    let path = MediaPath::from_plain(&text).map_err(D::Error::custom)?;
    if path.is_root() || path.is_private() {
        return Err(D::Error::custom(format_args!(
            "`{text}` is no name of a channel"
        )));
    }
    Ok(path)
}

pub(super) fn serialize<S: Serializer>(value: &MediaPath, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value.as_str())
}
