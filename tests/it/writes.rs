//! The server writes into its own folders only: whoever of `src/` writes at all is named here.

use std::collections::BTreeMap;

use super::source::Source;

/// What changes a file system, or has others do so.
const MARKS: [&str; 18] = [
    "Command::new",
    "DirBuilder",
    "File::create",
    "OpenOptions",
    "UnixDatagram",
    "UnixListener",
    "chown(",
    "create_dir",
    "fs::copy",
    "fs::rename",
    "fs::write",
    "hard_link(",
    "remove_dir",
    "remove_file",
    "set_len(",
    "set_permissions",
    "fs::symlink",
    "tempfile",
];

/// Who does, and what.
const WRITERS: [(&str, &str); 9] = [
    (
        "src/app/user.rs",
        "makes `[server] state` for the user that root becomes",
    ),
    ("src/hls/numbers.rs", "state/numbers"),
    ("src/hls/spools.rs", "state/dvr"),
    (
        "src/hls/transcode/child.rs",
        "ffmpeg, which writes into a pipe",
    ),
    (
        "src/hls/transcode/facts.rs",
        "ffprobe, which does not write",
    ),
    ("src/log/roll.rs", "state/logs"),
    ("src/net/tls_files.rs", "state/tls and state/acme"),
    (
        "src/source/ts_pipe.rs",
        "holds a named pipe open, so that it does not end with its writer",
    ),
    (
        "src/tool/replacing.rs",
        "the files of users or keys that tools are told to change; no part of the server",
    ),
];

#[test]
fn nobody_writes_who_is_not_known_to() {
    let mut found = BTreeMap::new();
    for source in Source::all().iter().filter(|source| !source.is_tests()) {
        for (number, line) in source.lines() {
            if MARKS.iter().any(|mark| line.contains(mark)) {
                found.entry(source.path.clone()).or_insert(number);
            }
        }
    }
    let known: Vec<_> = WRITERS.iter().map(|(path, _)| (*path).to_owned()).collect();
    let writers: Vec<_> = found.keys().cloned().collect();
    assert_eq!(writers, known, "first lines: {found:#?}");
}
