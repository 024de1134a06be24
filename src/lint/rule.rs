//! A rule: what it is called, where it is written, and what to change when it is broken.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The protocol forbids it, and players may fail.
    Error,
    /// The protocol advises against it, or Apple requires more than the protocol does.
    Warning,
    /// The media could be encoded or delivered better.
    Advice,
}

/// One rule.
///
/// Its source is a rule of Apple's authoring specification for HLS (`Apple 7.6`), a section of
/// draft-pantos-hls-rfc8216bis (`bis 4.4.3.1`), or both.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called here, in small letters.
    pub name: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Where it is written.
    pub source: &'static str,
    /// What to change when it is broken.
    pub change: &'static str,
}

/// The rules of a module, and the list of them.
macro_rules! rules {
    ($($vis:vis $rule:ident $name:literal $level:ident $source:literal $change:literal;)*) => {
        $(
            #[doc = $change]
            $vis const $rule: $crate::lint::rule::Rule = $crate::lint::rule::Rule {
                name: $name,
                level: $crate::lint::rule::Level::$level,
                source: $source,
                change: $change,
            };
        )*

        /// The rules that are checked here.
        pub(super) const RULES: &[&$crate::lint::rule::Rule] = &[$(&$rule),*];
    };
}

pub(super) use rules;
