//! What is wrong with a configuration, where, and how to mend it.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use serde::de::Error;

/// One thing that is wrong with a configuration.
///
/// Displays as `conf/reelcast.toml:12:9: what is wrong; how to mend it`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub text: String,
    /// How to mend it; empty when the text says it.
    pub fix: String,
}

/// Where a value was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file as a whole.
    File(PathBuf),
    /// A place in a file.
    Position {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The command line.
    Argument,
    /// The embedded defaults.
    Embedded,
}

impl Place {
    /// The place of byte `offset` in the `text` of `file`.
    pub(super) fn at(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self::Position {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The line, when the place has one.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Position { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Position { file, line, column } => {
                write!(f, "{}:{line}:{column}", file.display())
            }
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Argument => f.write_str("command line"),
            Self::Embedded => f.write_str("embedded configuration"),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)?;
        if !self.fix.is_empty() {
            write!(f, "; {}", self.fix)?;
        }
        Ok(())
    }
}

/// What a value is told that is not `wanted`, in words that say how it should look.
pub(super) fn wrong<E: Error>(text: &str, wanted: impl Display) -> E {
    E::custom(format_args!("`{text}` is not {wanted}"))
}
