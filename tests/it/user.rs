//! `[server] user`: root binds the ports, and another user does the rest.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Output;

use nix::unistd::{Uid, User};
use tempfile::TempDir;
use tokio::process::Command;

use super::support::client::{Client, status};
use super::support::movies::clips;
use super::support::program::Program;

/// Somebody whom every system has.
const OTHER: &str = "nobody";

const WARNING: &str = "running as root";

fn is_root() -> bool {
    let root = Uid::effective().is_root();
    if !root {
        println!("skipped: only root can become another user");
    }
    root
}

/// A movies folder for everybody to read, wherever the clips lie.
fn movies() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(clips().join("clock.mp4"), folder.path().join("clock.mp4")).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What the system tells of each thread of a process behind `field`.
fn of_threads(process: u32, field: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread that has just ended has nothing to tell.
    let statuses =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let told = statuses.map(|status| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    told.collect()
}

#[tokio::test]
async fn nothing_is_left_of_root_in_any_thread() {
    if !is_root() {
        return;
    }
    let other = User::from_name(OTHER)
        .unwrap()
        .expect("every system has it");
    let movies = movies();
    let server = Program::start_with(movies.path(), &[("REELCAST_SERVER_USER", OTHER)]).await;
    let (user, group) = (other.uid.to_string(), other.gid.to_string());
    for (field, expected) in [
        ("Uid:", [&user[..]; 4].join(" ")),
        ("Gid:", [&group[..]; 4].join(" ")),
        ("Groups:", group.clone()),
        ("CapInh:", "0000000000000000".to_owned()),
        ("CapPrm:", "0000000000000000".to_owned()),
        ("CapEff:", "0000000000000000".to_owned()),
        ("CapAmb:", "0000000000000000".to_owned()),
    ] {
        let told = of_threads(server.process(), field);
        assert!(told.len() > 1, "{told:?}");
        assert!(
            told.iter().all(|told| *told == expected),
            "{field} {told:?}"
        );
    }
    for written in ["", "logs", "logs/error.log", "logs/access.log"] {
        let facts = fs::metadata(server.state().join(written)).unwrap();
        assert_eq!(facts.uid(), other.uid.as_raw(), "state/{written}");
        assert_eq!(facts.gid(), other.gid.as_raw(), "state/{written}");
    }
    let mut client = Client::connect(server.rtsp).await;
    let url = format!("rtsp://{}/clock.mp4", server.rtsp);
    assert_eq!(status(&client.ask("DESCRIBE", &url, "").await), 200);
    assert!(!server.log().iter().any(|line| line.contains(WARNING)));
    let place = fs::read_dir(server.state().parent().unwrap()).unwrap();
    assert_eq!(place.count(), 1, "the server writes into state alone");
}

#[tokio::test]
async fn root_is_warned_unless_it_is_meant() {
    if !is_root() {
        return;
    }
    for (user, warned) in [("", true), ("root", false)] {
        let server = Program::start_with(&clips(), &[("REELCAST_SERVER_USER", user)]).await;
        let log = server.log();
        assert_eq!(
            log.iter().any(|line| line.contains(WARNING)),
            warned,
            "{log:#?}"
        );
    }
}

/// The program in a folder of its own, where everybody may write, with the setting `[server] user`.
fn program(user: &str) -> (TempDir, Command) {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelcast"));
    command.current_dir(place.path()).kill_on_drop(true);
    command.env("REELCAST_SERVER_USER", user);
    command.env("REELCAST_TS_LISTEN", "");
    for section in ["RTSP", "HTTP", "ADMIN"] {
        command.env(format!("REELCAST_{section}_LISTEN"), "127.0.0.1:0");
        command.env(format!("REELCAST_{section}_TLS_LISTEN"), "");
    }
    (place, command)
}

/// Whether `output` is that of a program which has told `reason`, and has written nothing in `place`.
fn assert_failed(output: Output, place: &TempDir, reason: &str) {
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains(reason), "{told}");
    let written = fs::read_dir(place.path()).unwrap();
    assert_eq!(written.count(), 0, "nothing is written");
}

/// Both the server and `reelcast check` say what is wrong.
#[tokio::test]
async fn without_that_user_there_is_no_server() {
    for arguments in [&["check"][..], &[]] {
        let (place, mut command) = program("no such user");
        let output = command.args(arguments).output().await.unwrap();
        assert_failed(output, &place, "there is no user no such user");
    }
}

#[tokio::test]
async fn who_is_not_root_becomes_nobody_else() {
    let (place, mut command) = program("root");
    if Uid::effective().is_root() {
        let other = User::from_name(OTHER).unwrap();
        command.uid(other.expect("every system has it").uid.as_raw());
    }
    let output = match command.output().await {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            println!("skipped: {OTHER} may not start programs here");
            return;
        }
        output => output.unwrap(),
    };
    assert_failed(output, &place, "only root can become root");
}
