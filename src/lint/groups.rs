//! Groups of renditions beside one another: each is another encoding of the same (rfc8216bis, 4.4.6.1.1).
//!
//! The protocol demands it. It is no error here, for players go on with what a group has; but who changes from one variant
//! to another may lose the language that he has chosen.

use std::collections::BTreeSet;

use super::finding::Findings;
use super::multivariant::{Multivariant, Rendition};
use super::rule::rules;

rules! {
    MEMBERS "group-members" Warning "bis 4.4.6.1.1"
        "give all groups of a type the same members by their NAME, each encoded as the group is: a viewer who changes between \
         variants keeps what he has chosen";
    ATTRIBUTES "group-attributes" Warning "bis 4.4.6.1.1"
        "tell of the same member alike in all groups of a type: only URI and CHANNELS may differ";
}

/// A group, and what refers to it.
struct Group<'p> {
    kind: &'p str,
    name: &'p str,
    members: Vec<&'p Rendition>,
    /// The pathways whose variants refer to it, those of none among them.
    pathways: BTreeSet<Option<&'p str>>,
}

/// Compares each group with the first of its type: those of other pathways have nothing to do with it.
pub(super) fn check(playlist: &Multivariant, findings: &mut Findings) {
    let groups = groups(playlist);
    for (at, group) in groups.iter().enumerate() {
        let mut before = groups.iter().take(at);
        if let Some(first) = before.find(|other| other.is_beside(group)) {
            compare(first, group, findings);
        }
    }
}

/// The groups in the order in which they begin.
fn groups(playlist: &Multivariant) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for member in &playlist.renditions {
        let is_own =
            |group: &&mut Group<'_>| group.kind == member.kind && group.name == member.group;
        match groups.iter_mut().find(is_own) {
            Some(group) => group.members.push(member),
            None => groups.push(Group {
                kind: &member.kind,
                name: &member.group,
                members: vec![member],
                pathways: pathways(playlist, member),
            }),
        }
    }
    groups
}

fn pathways<'p>(playlist: &'p Multivariant, member: &Rendition) -> BTreeSet<Option<&'p str>> {
    let refers = |(kind, group): &(&str, String)| *kind == member.kind && *group == member.group;
    let variants = playlist.variants.iter();
    let variants = variants.filter(|variant| variant.groups.iter().any(refers));
    variants.map(|variant| variant.pathway.as_deref()).collect()
}

impl Group<'_> {
    fn is_beside(&self, other: &Self) -> bool {
        self.kind == other.kind && !self.pathways.is_disjoint(&other.pathways)
    }

    /// The names that another has, and this one has not.
    fn lacks<'o>(&self, other: &'o Group<'_>) -> Vec<&'o str> {
        let names = other.members.iter().map(|member| member.name.as_str());
        let is_here = |name: &str| self.members.iter().any(|member| member.name == name);
        names.filter(|name| !is_here(name)).collect()
    }
}

fn compare(first: &Group<'_>, group: &Group<'_>, findings: &mut Findings) {
    let line = group
        .members
        .first()
        .map_or_else(Default::default, |member| member.line);
    for (has, lacks) in [(first, group), (group, first)] {
        let names = lacks.lacks(has);
        if !names.is_empty() {
            let found = format!("{:?} has {names:?}, {:?} has not", has.name, lacks.name);
            findings.add(&MEMBERS, line, found);
        }
    }
    for member in &group.members {
        let mut others = first.members.iter();
        let other = others.find(|other| other.name == member.name);
        let differ = other.map_or_else(Vec::new, |other| differing(member, other));
        if !differ.is_empty() {
            let of = (&member.name, first.name, differ.join(", "));
            let found = format!("{:?} has in {:?} another {}", of.0, of.1, of.2);
            findings.add(&ATTRIBUTES, member.line, found);
        }
    }
}

/// The attributes that have to be the same, and are not.
fn differing(one: &Rendition, other: &Rendition) -> Vec<&'static str> {
    let is_same = [
        ("LANGUAGE", one.language == other.language),
        ("DEFAULT", one.default == other.default),
        ("AUTOSELECT", is_selected(one) == is_selected(other)),
        ("FORCED", one.forced == other.forced),
        ("INSTREAM-ID", one.instream == other.instream),
    ];
    let differing = is_same.into_iter().filter(|(_, is_same)| !is_same);
    differing.map(|(name, _)| name).collect()
}

fn is_selected(one: &Rendition) -> bool {
    one.autoselect == Some(true)
}
