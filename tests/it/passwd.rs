//! `reelcast passwd`, run as a user and as a script run it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use super::access::{HA1, HA1_SHA256};

/// Runs `program` in `folder` with `input` in a pipe; whether it succeeded, and what it told.
fn run(folder: &Path, program: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), told)
}

#[test]
fn users_are_added_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("qtusers");
    let link = folder.path().join("qtpasswd");
    symlink(env!("CARGO_BIN_EXE_reelcast"), &link).unwrap();
    let reelcast = Path::new(env!("CARGO_BIN_EXE_reelcast"));
    let passwd = |arguments: &[&str], input: &str| {
        let arguments = [&["passwd"], arguments].concat();
        run(folder.path(), reelcast, &arguments, input)
    };
    let text = || fs::read_to_string(&file).unwrap();
    let digest = format!(":{HA1}:{HA1_SHA256}\n");
    let is_ann = |line: &str| line.starts_with("ann:$argon2id$v=19$") && line.ends_with(&digest);
    let is_ann_alone = |text: &str| text.strip_prefix("realm Films\n").is_some_and(is_ann);

    let (done, told) = passwd(&["qtusers", "ann"], "secret\nsecret\n");
    assert!(!done && told.contains("-c REALM creates it"), "{told}");
    let (done, told) = passwd(&["-c", "Films", "qtusers", "ann"], "secret\nsecret\n");
    assert!(done && told.contains("ann is added"), "{told}");
    assert!(is_ann_alone(&text()), "{}", text());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let (done, told) = run(folder.path(), &link, &["qtusers", "bob"], "x\r\nx");
    assert!(done && told.contains("bob is added"), "{told}");
    let (done, told) = passwd(&["qtusers", "ann"], "other\nother\n");
    assert!(done && told.contains("ann has another password"), "{told}");
    assert!(!text().contains(HA1) && text().contains("\nbob:$argon2id$"));
    let (done, told) = passwd(&["-s", "basic", "qtusers", "bob"], "x\nx");
    assert!(done && told.contains("bob has another password"), "{told}");
    assert!(
        text()
            .lines()
            .any(|line| line.starts_with("bob:$argon2id$") && line.ends_with("::"))
    );
    let (done, _) = passwd(&["-s", "digest", "qtusers", "bob"], "x\nx");
    assert!(done && text().contains("\nbob::"), "{}", text());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );

    let before = text();
    for (arguments, input, why) in [
        (&["qtusers", "ann"][..], "one\ntwo\n", "differ"),
        (&["qtusers", "ann"], "one\n", "no password"),
        (&["qtusers", "ann"], "\n\n", "a password has"),
        (&["qtusers", "a:b"], "x\nx\n", "a user's name has"),
        (
            &["-s", "none", "qtusers", "ann"],
            "x\nx\n",
            "there are basic and digest",
        ),
        (&["-d", "qtusers", "cid"], "", "no user cid"),
        (
            &["-c", "Films", "qtusers", "ann"],
            "x\nx\n",
            "-F overwrites",
        ),
    ] {
        let (done, told) = passwd(arguments, input);
        assert!(!done && told.contains(why), "{arguments:?}: {told}");
        assert_eq!(text(), before);
    }
    let (done, told) = passwd(&["-d", "qtusers", "bob"], "");
    assert!(done && told.contains("bob is deleted"), "{told}");
    let (done, _) = passwd(&["-F", "-c", "Films", "qtusers", "ann"], "secret\nsecret\n");
    assert!(done);
    assert!(is_ann_alone(&text()), "{}", text());
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the file and the link");
}

/// As /etc/reelcast of the Debian package, whose group is the server's.
#[test]
fn the_group_of_a_shared_folder_may_read_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2750)).unwrap();
    let arguments = ["passwd", "-c", "Films", "qtusers", "ann"];
    let reelcast = Path::new(env!("CARGO_BIN_EXE_reelcast"));
    let (done, told) = run(folder.path(), reelcast, &arguments, "secret\nsecret\n");
    assert!(done, "{told}");
    let facts = fs::metadata(folder.path().join("qtusers")).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o640);
}
