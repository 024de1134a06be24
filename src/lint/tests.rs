//! Every rule is broken on purpose, and must be found.

mod answers;
mod fragments;
mod groups;
mod playlists;
mod sounds;
mod transport;
mod versions;

use std::collections::BTreeSet;

use super::finding::Findings;
use super::rule::Level;
use super::rules;

/// What was found where a rule is broken, with the name of that rule.
type Fault = (&'static str, Findings);

fn faults() -> Vec<Fault> {
    [
        playlists::faults(),
        versions::faults(),
        transport::faults(),
        fragments::faults(),
        sounds::faults(),
        groups::faults(),
        answers::faults(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_fault_is_found() {
    let missed: Vec<_> = faults()
        .into_iter()
        .filter(|(rule, findings)| findings.all().iter().all(|one| one.rule.name != *rule))
        .map(|(rule, findings)| {
            let others = findings
                .into_iter()
                .map(|one| format!("{}: {}", one.rule.name, one.found));
            (rule, others.collect::<Vec<_>>())
        })
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_rule_has_a_fault() {
    let seeded: BTreeSet<&str> = faults().iter().map(|(rule, _)| *rule).collect();
    let without: Vec<_> = rules()
        .map(|rule| rule.name)
        .filter(|name| !seeded.contains(name))
        .collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn rules_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for rule in rules() {
        assert!(names.insert(rule.name), "{} is there twice", rule.name);
        assert!(
            !rule.source.is_empty() && !rule.change.is_empty(),
            "{}",
            rule.name
        );
    }
}

/// Nothing but advice was found.
fn assert_sound(findings: &Findings) {
    let grave: Vec<_> = findings
        .all()
        .iter()
        .filter(|one| one.rule.level != Level::Advice)
        .collect();
    assert!(grave.is_empty(), "{grave:#?}");
}
