//! Folders of `src/` depend downward only, and some words belong to some folders.

use super::source::Source;

/// A folder may use itself and folders of a lower rank.
const RANKS: [(&str, u8); 21] = [
    ("base", 0),
    ("wire", 1),
    ("codec", 2),
    ("container", 3),
    ("media", 4),
    ("access", 4),
    ("config", 5),
    ("log", 5),
    ("net", 5),
    ("acme", 6),
    ("client", 6),
    ("hls", 7),
    ("lint", 6),
    ("vod", 6),
    ("source", 7),
    ("rtsp", 8),
    ("http", 8),
    ("tool", 8),
    ("app", 9),
    ("lib", 10),
    ("main", 10),
];

/// Folders that turn bytes into values and back: no runtime, no sockets, no clock.
const PURE: [&str; 3] = ["wire", "codec", "container"];

const IMPURE: [&str; 9] = [
    "tokio",
    "std::fs",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "Instant::now",
    "SystemTime::now",
    "Clock::start",
];

/// What opens or tunes sockets; connections that `net` accepted may travel as `TcpStream`.
const SOCKETS: [&str; 6] = [
    "socket2",
    "quinn_udp",
    "webrtc_util::ifaces",
    "UdpSocket",
    "TcpListener",
    "TcpStream::connect",
];

#[test]
fn folders_depend_downward() {
    let mut faults = Vec::new();
    for source in Source::all() {
        let own = source.folder();
        let Some(rank) = rank(own) else {
            faults.push(format!("{}: the folder {own} has no rank", source.path));
            continue;
        };
        for (line, used) in uses(&source.text) {
            let lower = self::rank(&used).is_some_and(|other| other < rank);
            if used != own && !lower {
                faults.push(format!("{}:{line}: {own} uses {used}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn parsers_and_writers_are_pure() {
    let faults = naming(&IMPURE, |folder| PURE.contains(&folder));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn only_net_handles_sockets() {
    let faults = naming(&SOCKETS, |folder| folder != "net");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn uses_are_found_in_every_form() {
    let text = "use crate::base::id;\nuse crate::{wire::rtp, codec::{Kind, Sink}};\n\
                // crate::app\nlet x = crate::vod::open(crate::net::x);\nuse crate::{\n    log,\n};\n";
    let found: Vec<_> = uses(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["base", "wire", "codec", "vod", "net", "log"]);
}

fn rank(folder: &str) -> Option<u8> {
    let known = RANKS.iter().find(|(name, _)| *name == folder);
    known.map(|(_, rank)| *rank)
}

/// The code lines outside tests that name one of `words`, in the folders that `applies` chooses.
fn naming(words: &[&str], applies: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for source in Source::all() {
        if source.is_tests() || !applies(source.folder()) {
            continue;
        }
        for (number, line) in source.lines() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number}: names {word}", source.path));
            }
        }
    }
    faults
}

/// Every folder that `text` reaches by `crate::`, with the line where it does.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut code = String::new();
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => first_names(group),
            None => vec![word(rest)],
        };
        // `$crate` in a macro and items of the crate's root have no folder of their own.
        found.extend(
            names
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| (line, name)),
        );
    }
    found
}

/// The first name of each path in a braced group, whose opening brace is gone.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut start = true;
    for (at, character) in group.char_indices() {
        match character {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            ',' if depth == 0 => start = true,
            _ if start && !character.is_whitespace() => {
                names.push(word(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
        .collect()
}
