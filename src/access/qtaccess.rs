//! Access files: the rules of a folder (QTSS manual, "Controlling Access to Streamed Media"). Pure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::texts::Fault;
use crate::base::lines::{entries, lines};

/// What a `qtaccess` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccessFile {
    /// `AuthName`: the realm that Basic shows.
    pub(super) name: Option<String>,
    /// `AuthUserFile`, as it is spelled.
    pub(super) users: Option<String>,
    /// `AuthGroupFile`, as it is spelled.
    pub(super) groups: Option<String>,
    /// `AuthScheme`; `None`: as the settings say.
    pub(super) scheme: Option<Scheme>,
    /// Who may watch: whom any of these lets in.
    readers: Vec<Require>,
    /// Who may publish from other hosts.
    writers: Vec<Require>,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// To watch.
    Read,
    /// To publish.
    Write,
    /// To administer the server.
    Administer,
}

/// How users log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// The password does not travel.
    #[default]
    Digest,
    /// The password travels as it is.
    Basic,
}

/// One `require` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Require {
    /// Everybody, without a password.
    AnyUser,
    /// Everybody in the users file.
    ValidUser,
    /// These users.
    Users(Vec<String>),
    /// The members of these groups.
    Groups(Vec<String>),
}

/// What the lines of a section are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Section {
    is_limit: bool,
    /// Whether they are about watching.
    reads: bool,
    /// Whether they are about publishing.
    writes: bool,
}

/// Lines outside of all sections are about watching.
const OUTSIDE: Section = Section {
    is_limit: false,
    reads: true,
    writes: false,
};

/// Whose members may publish where no file says who may (QTSS manual, "Create a Group File").
const PUBLISHERS: &str = "broadcaster";

/// Whose members administer the server.
const ADMINISTRATORS: &str = "admin";

impl AccessFile {
    /// Reads the text of a file, whose lines end as on any system. Keywords are taken in any case.
    ///
    /// # Errors
    /// The first line that makes no sense, or that nobody is let in.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut file = Self::silent();
        let mut section = OUTSIDE;
        for (number, line) in entries(text) {
            let read = match line.strip_prefix('<') {
                Some(tag) => section.follow(tag).map(|next| section = next),
                None => file.take(line, section),
            };
            read.map_err(|text| Fault { line: number, text })?;
        }
        let last = lines(text).count();
        let fault = |text: &str| Fault {
            line: last,
            text: text.to_owned(),
        };
        if section.is_limit {
            return Err(fault("a <Limit> is not closed; add </Limit>"));
        }
        if file.readers.is_empty() {
            let text = "nobody is let in to watch; add a line, as \"require valid-user\"";
            return Err(fault(text));
        }
        Ok(file)
    }

    /// Takes a line, of which the lines of `section` tell whether it counts.
    fn take(&mut self, line: &str, section: Section) -> Result<(), String> {
        let words = words(line)?;
        let (keyword, values) = words.split_first().ok_or("an empty line")?;
        match keyword.to_ascii_lowercase().as_str() {
            "authname" => self.name = Some(only(keyword, values)?),
            "authuserfile" => self.users = Some(only(keyword, values)?),
            "authgroupfile" => self.groups = Some(only(keyword, values)?),
            "authscheme" => self.scheme = Some(only(keyword, values)?.parse()?),
            "require" => {
                let required = Require::read(values)?;
                if section.writes {
                    self.writers.push(required.clone());
                }
                if section.reads {
                    self.readers.push(required);
                }
            }
            _ => {
                let known = "AuthName, AuthUserFile, AuthGroupFile, AuthScheme, require";
                return Err(format!("unknown keyword {keyword}; there are {known}"));
            }
        }
        Ok(())
    }

    /// What counts where there is no file.
    pub(super) fn absent() -> Self {
        Self {
            readers: vec![Require::AnyUser],
            ..Self::silent()
        }
    }

    fn silent() -> Self {
        Self {
            name: None,
            users: None,
            groups: None,
            scheme: None,
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }

    /// Who may: whom any of these lets in.
    pub(super) fn required(&self, action: Action) -> Vec<Require> {
        let members = |group: &str| vec![Require::Groups(vec![group.to_owned()])];
        match action {
            Action::Read => self.readers.clone(),
            Action::Write if self.writers.is_empty() => members(PUBLISHERS),
            Action::Write => self.writers.clone(),
            Action::Administer => members(ADMINISTRATORS),
        }
    }
}

impl Section {
    /// The section after the line `<tag`.
    fn follow(self, tag: &str) -> Result<Self, String> {
        let tag = tag.strip_suffix('>').ok_or("a tag without its >")?.trim();
        let mut words = tag.split_whitespace();
        let name = words.next().unwrap_or_default();
        if name.eq_ignore_ascii_case("/Limit") {
            return Ok(OUTSIDE);
        }
        if !name.eq_ignore_ascii_case("Limit") {
            return Err(format!("unknown tag <{tag}>; there is <Limit READ WRITE>"));
        }
        if self.is_limit {
            return Err("a <Limit> within another; close the first by </Limit>".to_owned());
        }
        let mut limit = Self {
            is_limit: true,
            reads: false,
            writes: false,
        };
        for action in words {
            match action.to_ascii_uppercase().as_str() {
                "READ" => limit.reads = true,
                "WRITE" => limit.writes = true,
                _ => return Err(format!("unknown action {action}; there are READ and WRITE")),
            }
        }
        if !limit.reads && !limit.writes {
            return Err("<Limit> without READ or WRITE".to_owned());
        }
        Ok(limit)
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "digest" => Ok(Self::Digest),
            "basic" => Ok(Self::Basic),
            _ => Err(format!("unknown scheme {name}; there are basic and digest")),
        }
    }
}

impl Require {
    fn read(values: &[String]) -> Result<Self, String> {
        let (kind, names) = values.split_first().ok_or("require whom?")?;
        let is_named = !names.is_empty();
        match kind.to_ascii_lowercase().as_str() {
            "any-user" if !is_named => Ok(Self::AnyUser),
            "valid-user" if !is_named => Ok(Self::ValidUser),
            "user" if is_named => Ok(Self::named(names, Self::Users)),
            "group" if is_named => Ok(Self::Groups(names.to_vec())),
            "user" | "group" => Err(format!("require {kind} without a name")),
            "any-user" | "valid-user" => Err(format!("names after require {kind}")),
            _ => Err(format!(
                "unknown require {kind}; there are user, group, valid-user and any-user"
            )),
        }
    }

    /// Of the names of users two are no names, as the manual has it.
    fn named(names: &[String], users: impl Fn(Vec<String>) -> Self) -> Self {
        let is = |word| names.iter().any(|name| name == word);
        if is("any-user") {
            Self::AnyUser
        } else if is("valid-user") {
            Self::ValidUser
        } else {
            users(names.to_vec())
        }
    }
}

/// The words of a line, of which some may stand in quotation marks.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or("a quotation mark has no partner")?,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

fn only(keyword: &str, values: &[String]) -> Result<String, String> {
    match values {
        [value] if !value.is_empty() => Ok(value.clone()),
        [] | [_] => Err(format!("{keyword} without a value")),
        _ => Err(format!(
            "{keyword} takes one value; put quotation marks around blanks"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publishers() -> Vec<Require> {
        vec![Require::Groups(vec!["broadcaster".to_owned()])]
    }

    fn users(names: &[&str]) -> Require {
        Require::Users(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_example_of_the_manual_is_read() {
        let text = "AuthName \"Members only\"\r\nAuthUserFile /etc/streaming/qtusers\r\
            # a comment\n\nAuthGroupFile groups\nAuthScheme basic\nrequire user ann bob\n\
            require group staff\n";
        let file = AccessFile::read(text).unwrap();
        assert_eq!(file.name.as_deref(), Some("Members only"));
        assert_eq!(file.users.as_deref(), Some("/etc/streaming/qtusers"));
        assert_eq!(file.groups.as_deref(), Some("groups"));
        assert_eq!(file.scheme, Some(Scheme::Basic));
        let staff = Require::Groups(vec!["staff".to_owned()]);
        let required = [users(&["ann", "bob"]), staff];
        assert_eq!(file.required(Action::Read), required);
        assert_eq!(file.required(Action::Write), publishers());
    }

    #[test]
    fn whom_a_file_lets_in() {
        for (text, required) in [
            ("require valid-user", vec![Require::ValidUser]),
            ("REQUIRE Any-User", vec![Require::AnyUser]),
            ("require user valid-user", vec![Require::ValidUser]),
            ("\u{feff}  require\tuser ann", vec![users(&["ann"])]),
            (
                "<Limit WRITE>\nrequire any-user\n</Limit>\nrequire user ann",
                vec![users(&["ann"])],
            ),
            (
                "<Limit READ>\nrequire user ann\n</Limit>\n<Limit WRITE>\nrequire user bob\n</Limit>",
                vec![users(&["ann"])],
            ),
            (
                "<limit write read>\nrequire user ann\n</limit>",
                vec![users(&["ann"])],
            ),
        ] {
            let file = AccessFile::read(text);
            assert_eq!(file.map(|file| file.readers), Ok(required), "{text}");
        }
    }

    #[test]
    fn who_may_publish() {
        for (text, required) in [
            ("require any-user", publishers()),
            (
                "require any-user\n<Limit WRITE>\nrequire user ann\nrequire group staff\n</Limit>",
                vec![users(&["ann"]), Require::Groups(vec!["staff".to_owned()])],
            ),
            (
                "<Limit WRITE READ>\nrequire user ann\n</Limit>",
                vec![users(&["ann"])],
            ),
        ] {
            let found = AccessFile::read(text).unwrap().required(Action::Write);
            assert_eq!(found, required, "{text}");
        }
        let absent = AccessFile::absent();
        assert_eq!(absent.required(Action::Write), publishers());
        assert_eq!(absent.required(Action::Read), [Require::AnyUser]);
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (text, line) in [
            ("", 1),
            ("AuthName x\n", 2),
            ("require valid-user\nreqire user ann", 2),
            ("require", 1),
            ("require user", 1),
            ("require everybody", 1),
            ("require valid-user ann", 1),
            ("AuthName Members only\nrequire valid-user", 1),
            ("AuthName \"Members\nrequire valid-user", 1),
            ("AuthScheme ntlm\nrequire valid-user", 1),
            ("AuthUserFile\nrequire valid-user", 1),
            ("<Limit WRITE>\nrequire any-user\n</Limit>", 3),
            ("<Limit>\nrequire any-user\n</Limit>", 1),
            ("<Limit READ>\nrequire any-user", 2),
            ("<Limit READ\nrequire any-user\n</Limit>", 1),
            ("<Limit READ>\n<Limit WRITE>\nrequire any-user\n</Limit>", 2),
            ("<Directory x>\nrequire any-user\n</Directory>", 1),
            ("<Limit GET>\nrequire any-user\n</Limit>", 1),
        ] {
            let fault = AccessFile::read(text).expect_err(text);
            assert_eq!(fault.line, line, "{text}: {fault:?}");
        }
    }
}
