//! What was found: the rule that is broken, where, and how.

use std::fmt::Display;

use super::rule::Rule;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where in the playlist or segment; empty when it is about the whole.
    pub place: String,
    /// What is wrong there.
    pub found: String,
}

/// What was found so far, in the order in which it was found.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a broken rule.
    pub fn add(&mut self, rule: &'static Rule, place: impl Display, found: impl Display) {
        self.0.push(Finding {
            rule,
            place: place.to_string(),
            found: found.to_string(),
        });
    }

    /// All of them.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A line of a playlist, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line(pub usize);

impl Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.0)
    }
}
