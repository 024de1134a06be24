//! Times as log lines write them.

use std::time::SystemTime;

use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// `at` in the time zone of this host; in UTC where that is unknown.
pub(super) fn local(at: SystemTime) -> OffsetDateTime {
    let utc = OffsetDateTime::from(at);
    UtcOffset::local_offset_at(utc).map_or(utc, |offset| utc.to_offset(offset))
}

/// `2026-11-21 03:37:43`
pub(super) fn date_time(at: OffsetDateTime) -> String {
    format!("{} {}", date(at), time(at))
}

/// `2026-11-21`
pub(super) fn date(at: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]");
    at.format(form).unwrap_or_default()
}

/// `03:37:43`
pub(super) fn time(at: OffsetDateTime) -> String {
    let form = format_description!("[hour]:[minute]:[second]");
    at.format(form).unwrap_or_default()
}
