//! The files of `src/`, as the tests about the tree see them.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of `src/`.
pub(crate) struct Source {
    /// Its path from the top of the repository, `src/wire/rtp.rs`.
    pub(crate) path: String,
    /// Its text without the tests at its end.
    pub(crate) code: String,
    /// Its whole text.
    pub(crate) text: String,
}

impl Source {
    /// Every file of `src/`, in the order of their paths.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        collect(&root().join("src"), &mut paths);
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let code = match text.find("\n#[cfg(test)]") {
            Some(tests) => text[..tests].to_owned(),
            None => text.clone(),
        };
        let path = path.strip_prefix(root()).unwrap();
        Self {
            path: path.to_str().unwrap().to_owned(),
            code,
            text,
        }
    }

    /// The folder of `src/` that it belongs to; `lib` and `main` for the files beside them.
    pub(crate) fn folder(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap();
        let first = inside.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether it holds nothing but tests.
    pub(crate) fn is_tests(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        matches!(name, "tests.rs" | "fuzz_corpus.rs" | "stand_in.rs")
            || self.path.contains("/tests/")
    }

    /// The lines of its code with their numbers, without comments.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let plain = |line| match str::find(line, "//") {
            Some(comment) => &line[..comment],
            None => line,
        };
        let lines = self.code.lines().map(plain);
        lines.enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}
