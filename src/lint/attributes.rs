//! Attribute lists of tags (rfc8216bis, 4.2).

use std::fmt::Display;

use super::finding::{Findings, Line};
use super::rule::rules;

rules! {
    SYNTAX "attribute-list" Error "bis 4.2"
        "write NAME=VALUE, separated by commas without blanks, each name once";
    TYPE "attribute-type" Error "bis 4.2"
        "give the attribute a value of the type that its tag asks for, with quotes if and only if it is a quoted string";
    MISSING "attribute-missing" Error "bis 4.4"
        "add the attribute, which the tag requires";
}

/// The attributes of a tag.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    line: Line,
    tag: &'a str,
    list: Vec<Attribute<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    name: &'a str,
    /// Without its quotes.
    value: &'a str,
    is_quoted: bool,
}

impl<'a> Attributes<'a> {
    /// Those of the tag `tag`, whose value is `text`.
    pub(super) fn read(line: Line, tag: &'a str, text: &'a str, findings: &mut Findings) -> Self {
        let mut list: Vec<Attribute<'_>> = Vec::new();
        for piece in pieces(text) {
            let Some(attribute) = Attribute::read(piece) else {
                findings.add(
                    &SYNTAX,
                    line,
                    format!("{tag} has {piece:?} for an attribute"),
                );
                continue;
            };
            if list.iter().any(|other| other.name == attribute.name) {
                let found = format!("{tag} has {} twice", attribute.name);
                findings.add(&SYNTAX, line, found);
            }
            list.push(attribute);
        }
        Self { line, tag, list }
    }

    /// Where the tag stands.
    pub(super) fn line(&self) -> Line {
        self.line
    }

    /// Whether there is an attribute of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Reports those of `names` that are not there.
    pub(super) fn require(&self, names: &[&str], findings: &mut Findings) {
        for name in names.iter().filter(|name| !self.has(name)) {
            let found = format!("{} has no {name}", self.tag);
            findings.add(&MISSING, self.line, found);
        }
    }

    /// A quoted string, without its quotes.
    pub(super) fn quoted(&self, name: &str, findings: &mut Findings) -> Option<String> {
        let attribute = self.find(name)?;
        if !attribute.is_quoted {
            self.wrong(name, "a quoted string", findings);
        }
        Some(attribute.value.to_owned())
    }

    /// A word without quotes.
    pub(super) fn word(&self, name: &str, findings: &mut Findings) -> Option<&'a str> {
        let attribute = self.find(name)?;
        if attribute.is_quoted || attribute.value.is_empty() {
            self.wrong(name, "a word without quotes", findings);
        }
        Some(attribute.value)
    }

    /// Whether it is `YES`; another value than that and `NO` is a fault.
    pub(super) fn yes(&self, name: &str, findings: &mut Findings) -> bool {
        match self.word(name, findings) {
            None | Some("NO") => false,
            Some("YES") => true,
            Some(_) => {
                self.wrong(name, "YES or NO", findings);
                false
            }
        }
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str, findings: &mut Findings) -> Option<u64> {
        let found = self.bare(name).and_then(|value| value.parse().ok());
        self.or_wrong(found, name, "a whole number", findings)
    }

    /// A number, with or without decimals, not negative.
    pub(super) fn decimal(&self, name: &str, findings: &mut Findings) -> Option<f64> {
        let found = self.bare(name).and_then(decimal);
        self.or_wrong(found, name, "a number", findings)
    }

    /// Two numbers: `1280x720`.
    pub(super) fn size(&self, name: &str, findings: &mut Findings) -> Option<(u32, u32)> {
        let read = |value: &str| {
            let (width, height) = value.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        };
        let found = self.bare(name).and_then(read);
        self.or_wrong(found, name, "WIDTHxHEIGHT", findings)
    }

    fn or_wrong<T>(
        &self,
        found: Option<T>,
        name: &str,
        wanted: &str,
        findings: &mut Findings,
    ) -> Option<T> {
        if found.is_none() && self.has(name) {
            self.wrong(name, wanted, findings);
        }
        found
    }

    fn wrong(&self, name: &str, wanted: impl Display, findings: &mut Findings) {
        let value = self.find(name).map_or("", |attribute| attribute.value);
        let found = format!("{} of {} is not {wanted}: {value:?}", name, self.tag);
        findings.add(&TYPE, self.line, found);
    }

    /// The value of an attribute that has no quotes.
    pub(super) fn bare(&self, name: &str) -> Option<&'a str> {
        let attribute = self.find(name).filter(|attribute| !attribute.is_quoted);
        attribute.map(|attribute| attribute.value)
    }

    fn find(&self, name: &str) -> Option<&Attribute<'a>> {
        self.list.iter().find(|attribute| attribute.name == name)
    }
}

impl<'a> Attribute<'a> {
    fn read(piece: &'a str) -> Option<Self> {
        let (name, value) = piece.split_once('=')?;
        let is_name = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-';
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        let unquoted = value.strip_prefix('"');
        let value = match unquoted {
            Some(rest) => rest.strip_suffix('"').filter(|text| !text.contains('"'))?,
            None if value.contains(['"', ' ']) => return None,
            None => value,
        };
        Some(Self {
            name,
            value,
            is_quoted: unquoted.is_some(),
        })
    }
}

/// A decimal number as playlists write it: digits and at most one point.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let is_digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_digits)
}

/// What stands between commas, of which those in quotes do not count.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(text: &'a str, findings: &mut Findings) -> Attributes<'a> {
        Attributes::read(Line(7), "EXT-X-A", text, findings)
    }

    #[test]
    fn values_have_types() {
        let mut findings = Findings::default();
        let list = read(
            "URI=\"a,b=c\",N=12,D=1.5,S=4x3,Y=YES,E=METHOD-1",
            &mut findings,
        );
        assert_eq!(list.quoted("URI", &mut findings).as_deref(), Some("a,b=c"));
        assert_eq!(list.integer("N", &mut findings), Some(12));
        assert_eq!(list.decimal("D", &mut findings), Some(1.5));
        assert_eq!(list.size("S", &mut findings), Some((4, 3)));
        assert_eq!(list.word("E", &mut findings), Some("METHOD-1"));
        assert!(list.yes("Y", &mut findings) && !list.yes("Z", &mut findings));
        assert!(findings.all().is_empty(), "{findings:?}");
    }

    #[test]
    fn what_is_wrong_is_told_once_with_its_line() {
        for (text, name, told) in [
            (
                "URI=a",
                "URI",
                "URI of EXT-X-A is not a quoted string: \"a\"",
            ),
            ("N=\"1\"", "N", "N of EXT-X-A is not a whole number: \"1\""),
            ("N=1,N=2", "N", "EXT-X-A has N twice"),
            ("N=1, M=2", "N", "EXT-X-A has \" M=2\" for an attribute"),
            ("M=1", "N", "EXT-X-A has no N"),
        ] {
            let mut findings = Findings::default();
            let list = read(text, &mut findings);
            list.require(&[name], &mut findings);
            match name {
                "URI" => drop(list.quoted(name, &mut findings)),
                _ => drop(list.integer(name, &mut findings)),
            }
            let [finding] = findings.all() else {
                panic!("{text}: {findings:?}");
            };
            assert_eq!((&finding.found[..], &finding.place[..]), (told, "line 7"));
        }
    }
}
