//! `[log.error]` and `[log.access]`: what is written down, and for how long.

use serde::{Deserialize, Serialize};

/// The logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `[log.error]`
    pub error: LogError,
    /// `[log.access]`
    pub access: LogAccess,
}

/// The error log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogError {
    /// Whether the file is written.
    pub enabled: bool,
    /// The least severe messages that are logged.
    pub level: Level,
    /// How the lines of the file look.
    pub format: LogFormat,
    /// Roll at this age in days; 0: never.
    pub roll_days: u32,
    /// Roll at this size in KB of 1024 bytes; 0: never.
    pub roll_kb: u32,
}

impl Default for LogError {
    fn default() -> Self {
        Self {
            enabled: true,
            level: Level::Info,
            format: LogFormat::Human,
            roll_days: 7,
            roll_kb: 250,
        }
    }
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogAccess {
    /// Whether the file is written.
    pub enabled: bool,
    /// Roll at this age in days; 0: never.
    pub roll_days: u32,
    /// Roll at this size in KB of 1024 bytes; 0: never.
    pub roll_kb: u32,
}

impl Default for LogAccess {
    fn default() -> Self {
        Self {
            enabled: true,
            roll_days: 7,
            roll_kb: 10_000,
        }
    }
}

/// How severe a message of the error log must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What stops the server or a part of it.
    Error,
    /// What went wrong and was lived with.
    Warn,
    /// What the server does.
    Info,
    /// What a session does.
    Debug,
    /// What a packet does.
    Trace,
}

/// How the lines of the error log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people, as QTSS wrote them.
    Human,
    /// One JSON object a line.
    Json,
}
