//! All that was found, for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::finding::{Finding, Findings};
use super::rule::Level;

/// What a look at a URL has found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The URL.
    pub url: String,
    /// What it is: how many playlists, segments and parts were read, and for how long.
    pub looked: Looked,
    /// The findings, the gravest first.
    pub findings: Vec<Note>,
    /// Whether a playlist had parts.
    pub is_low_latency: bool,
    /// Where each of them is, by playlist and rule.
    #[serde(skip)]
    places: BTreeMap<(String, &'static str), usize>,
    /// Rules whose findings are not wanted.
    #[serde(skip)]
    allowed: Vec<String>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Looked {
    /// Media playlists.
    pub streams: usize,
    /// Answers that were playlists.
    pub playlists: usize,
    /// Segments.
    pub segments: usize,
    /// Parts.
    pub parts: usize,
    /// For how long, in seconds.
    pub seconds: f64,
}

/// A finding, and how often it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// The rule.
    pub rule: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// The playlist.
    pub subject: String,
    /// Where in it, or in what it tells of, it was found first.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What to change.
    pub change: &'static str,
    /// How often it was found.
    pub times: usize,
}

impl Report {
    /// Of the URL `url`, without findings of the rules `allowed`.
    pub fn new(url: &str, allowed: &[String]) -> Self {
        Self {
            url: url.to_owned(),
            allowed: allowed.to_vec(),
            ..Self::default()
        }
    }

    /// Adds what was found in the playlist `subject`, or in what that tells of.
    pub fn add(&mut self, subject: &str, findings: Findings) {
        for finding in findings {
            if !self.allowed.iter().any(|name| name == finding.rule.name) {
                self.add_one(subject, finding);
            }
        }
    }

    fn add_one(&mut self, subject: &str, Finding { rule, place, found }: Finding) {
        let key = (subject.to_owned(), rule.name);
        if let Some(note) = self
            .places
            .get(&key)
            .and_then(|at| self.findings.get_mut(*at))
        {
            note.times += 1;
            return;
        }
        self.places.insert(key, self.findings.len());
        self.findings.push(Note {
            level: rule.level,
            rule: rule.name,
            source: rule.source,
            subject: subject.to_owned(),
            place,
            found,
            change: rule.change,
            times: 1,
        });
    }

    /// Puts the gravest findings first. Nothing can be added after that.
    pub fn sort(&mut self) {
        self.places.clear();
        self.findings.sort_by_key(|note| note.level);
    }

    /// How many findings of this level there are.
    pub fn count(&self, level: Level) -> usize {
        self.findings
            .iter()
            .filter(|note| note.level == level)
            .count()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Looked {
            streams,
            playlists,
            segments,
            parts,
            seconds,
        } = self.looked;
        writeln!(
            f,
            "{}\n{streams} media playlists read {playlists} times in {seconds:.0} s, with {segments} segments and {parts} parts",
            self.url
        )?;
        for note in &self.findings {
            write!(f, "\n{note}")?;
        }
        let count = |level| self.count(level);
        writeln!(
            f,
            "\n{} errors, {} warnings, {} pieces of advice",
            count(Level::Error),
            count(Level::Warning),
            count(Level::Advice)
        )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {} ({})", self.level, self.rule, self.source)?;
        let place = match self.place.is_empty() {
            true => String::new(),
            false => format!(", {}", self.place),
        };
        writeln!(f, "   where  {}{place}", self.subject)?;
        let times = match self.times {
            1 => String::new(),
            times => format!(" (and {} times more)", times - 1),
        };
        writeln!(f, "   found  {}{times}", self.found)?;
        writeln!(f, "   change {}", self.change)
    }
}
