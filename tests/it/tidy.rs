//! The map of the tree is true, and files keep to their budget.
//!
//! `ARCHITECTURE.md` holds the tree as a fenced block of indented names: a line
//! at the left edge begins with `src/`, deeper lines are two blanks further in,
//! folders end in a slash, and what follows the name is free. A folder's line
//! stands for its `mod.rs`; files of tests need no line.

use std::collections::BTreeSet;
use std::fs;

use super::source::{Source, root};

/// The most lines of a file, without its tests.
const MOST_LINES: usize = 400;

#[test]
fn the_map_shows_every_file_and_no_other() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let told = mapped(&map);
    let there: BTreeSet<String> = Source::all()
        .iter()
        .filter(|source| !source.is_tests())
        .map(|source| source.path.replace("/mod.rs", "/"))
        .collect();
    let missing: Vec<_> = there.difference(&told).collect();
    let gone: Vec<_> = told
        .difference(&there)
        .filter(|path| !path.ends_with('/') || !root().join(path).is_dir())
        .collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "ARCHITECTURE.md\nlacks: {missing:#?}\nshows what is gone: {gone:#?}"
    );
}

#[test]
fn files_keep_to_their_budget() {
    let long: Vec<_> = Source::all()
        .iter()
        .filter(|source| !source.is_tests())
        .map(|source| (source.path.clone(), source.code.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines: {long:#?}");
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> = Source::all()
        .iter()
        .filter(|source| !source.is_tests() && !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    assert!(silent.is_empty(), "without a head: {silent:#?}");
}

#[test]
fn the_form_of_the_map_is_understood() {
    let map = "Text.\n```\nsrc/lib.rs   the list\nsrc/wire/    bytes\n  rtp.rs     header\n  rtsp/      words\n    uri.rs\nsrc/main.rs\n```\nsrc/not/this.rs\n";
    let told: Vec<_> = mapped(map).into_iter().collect();
    assert_eq!(
        told,
        [
            "src/lib.rs",
            "src/main.rs",
            "src/wire/",
            "src/wire/rtp.rs",
            "src/wire/rtsp/",
            "src/wire/rtsp/uri.rs",
        ]
    );
}

/// The paths of the tree that a map shows; folders with their slash.
fn mapped(map: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut folders: Vec<String> = Vec::new();
    for block in map.split("```").skip(1).step_by(2) {
        for line in block.lines() {
            let depth = (line.len() - line.trim_start().len()) / 2;
            let Some(name) = line.split_whitespace().next() else {
                continue;
            };
            let is_ours = if depth == 0 {
                name.starts_with("src/")
            } else {
                depth <= folders.len()
            };
            if !is_ours {
                folders.clear();
                continue;
            }
            folders.truncate(depth);
            let path = format!("{}{name}", folders.concat());
            if name.ends_with('/') {
                folders.push(name.to_owned());
            }
            if name.ends_with('/') || name.ends_with(".rs") {
                paths.insert(path);
            }
        }
    }
    paths
}
