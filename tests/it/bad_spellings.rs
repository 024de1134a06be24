//! However a path is spelled, and by whichever way it is asked for, it is guarded as its plain form is.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reelcast::base::path::MediaPath;
use reelcast::config::HlsGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::client::status;
use crate::support::clip::Clip;
use crate::support::movies::clips;
use crate::support::server::Server;

use super::access::HA1;

/// The `Authorization` of `ann`, who may watch all of it, for the scheme Basic.
pub(super) const ANN: &str = "Basic YW5uOnNlY3JldA==";

/// What comes of a spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// The guarded movie: 401.
    Guarded,
    /// No name of anything, or of something that is not there.
    Nothing,
}

/// Spellings of `/secret/clock.mp4`, and what looks like them.
const SPELLINGS: [(&str, Is); 64] = [
    ("/secret/clock.mp4", Is::Guarded),
    ("//secret/clock.mp4", Is::Guarded),
    ("///secret///clock.mp4", Is::Guarded),
    ("/./secret/clock.mp4", Is::Guarded),
    ("/secret/./clock.mp4", Is::Guarded),
    ("/secret/././/./clock.mp4", Is::Guarded),
    ("/%2e/secret/clock.mp4", Is::Guarded),
    ("/secret/%2E/clock.mp4", Is::Guarded),
    ("/secret/clock.mp4/", Is::Guarded),
    ("/secret/clock.mp4//", Is::Guarded),
    ("/secret/clock.mp4/.", Is::Guarded),
    ("/%73ecret/clock.mp4", Is::Guarded),
    (
        "/%73%65%63%72%65%74/%63%6c%6f%63%6b%2e%6d%70%34",
        Is::Guarded,
    ),
    (
        "/%73%65%63%72%65%74/%63%6C%6F%63%6B%2E%6D%70%34",
        Is::Guarded,
    ),
    ("/secret/clock%2emp4", Is::Guarded),
    ("/secret/cloc%6b.mp4", Is::Guarded),
    ("/secret/clock.mp4?x", Is::Guarded),
    ("/secret/clock.mp4?/open/clock.mp4", Is::Guarded),
    ("/secret/clock.mp4?x=/../open", Is::Guarded),
    ("/secret/clock.mp4#x", Is::Guarded),
    ("/secret/clock.mp4#/../../open/clock.mp4", Is::Guarded),
    ("/secret/clock.mp4;x", Is::Guarded),
    ("/secret/clock.mp4%20", Is::Guarded),
    ("/secret/clock.mp4.", Is::Guarded),
    ("/secret/clock.mp4%3fx", Is::Guarded),
    ("/secret/clock.mp4%23x", Is::Guarded),
    ("/secret/CLOCK.MP4", Is::Guarded),
    ("/secret/clock.mp4/trackID=1", Is::Guarded),
    ("/secret/clock.mp4/clock.mp4", Is::Guarded),
    ("/secret/nothing", Is::Guarded),
    ("/secret", Is::Guarded),
    ("/secret/", Is::Guarded),
    // Links that lead into the folder, and one back to it from where it is.
    ("/open/link.mp4", Is::Guarded),
    ("/open/%6cink.mp4", Is::Guarded),
    ("/open/folder/clock.mp4", Is::Guarded),
    ("/open//folder/./clock.mp4", Is::Guarded),
    ("/open/folder", Is::Guarded),
    ("/open/loop/secret/clock.mp4", Is::Guarded),
    ("/open/loop/open/loop/open/folder/clock.mp4", Is::Guarded),
    // A link to a folder elsewhere that has rules of its own.
    ("/open/elsewhere/clock.mp4", Is::Guarded),
    ("/open/elsewhere.mp4", Is::Guarded),
    // A group of a channel of the folder, guarded by HTTP, and nothing by RTSP.
    ("/program", Is::Nothing),
    ("//%70rogram/", Is::Nothing),
    ("/open/../secret/clock.mp4", Is::Nothing),
    ("/open/%2e%2e/secret/clock.mp4", Is::Nothing),
    ("/open/.%2e/secret/clock.mp4", Is::Nothing),
    ("/open/%2E./secret/clock.mp4", Is::Nothing),
    ("/open/..%2fsecret/clock.mp4", Is::Nothing),
    ("/open/..%5csecret/clock.mp4", Is::Nothing),
    ("/../movies/secret/clock.mp4", Is::Nothing),
    ("/secret%2fclock.mp4", Is::Nothing),
    ("/secret%2Fclock.mp4", Is::Nothing),
    ("/secret%5cclock.mp4", Is::Nothing),
    ("/secret%00/clock.mp4", Is::Nothing),
    ("/open/%00/../secret/clock.mp4", Is::Nothing),
    ("/%2573ecret/clock.mp4", Is::Nothing),
    ("/secret%252fclock.mp4", Is::Nothing),
    ("/secret%u002fclock.mp4", Is::Nothing),
    ("/secret%c0%afclock.mp4", Is::Nothing),
    ("/secret%ff/clock.mp4", Is::Nothing),
    ("/secret%0d%0a/clock.mp4", Is::Nothing),
    ("/secret;x/clock.mp4", Is::Nothing),
    ("/SECRET/clock.mp4", Is::Nothing),
    ("/secret%20/clock.mp4", Is::Nothing),
];

/// How something is asked for.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// GET of the path with this behind it.
    Get(&'static str),
    Head,
    /// GET of `http://host` and the path.
    Absolute,
    Rtsp(&'static str),
    Tunnel,
    /// A reference movie, as QuickTime asks for it on the port of RTSP.
    Reference,
}

const WAYS: [Way; 17] = [
    Way::Get(""),
    Way::Get("?json"),
    Way::Get("?embed"),
    Way::Get("?poster"),
    Way::Get("?download"),
    Way::Get(".m3u8"),
    Way::Get("/index.m3u8"),
    Way::Get("/cmaf.m3u8"),
    Way::Get("/ts.m3u8"),
    Way::Get("/media.m3u8"),
    Way::Get(".ts"),
    Way::Head,
    Way::Absolute,
    Way::Rtsp("DESCRIBE"),
    Way::Rtsp("SETUP"),
    Way::Tunnel,
    Way::Reference,
];

/// A server with an open folder, a guarded one, and links from the one into the other.
pub(super) struct House {
    pub(super) server: Server,
    folder: tempfile::TempDir,
    _elsewhere: tempfile::TempDir,
    _clip: Clip,
}

impl House {
    pub(super) fn start() -> Self {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        for name in ["open", "secret/deep", "door"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let users = root.join("qtusers");
        fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
        let rules = "AuthScheme basic\nrequire user ann";
        let clip = clips().join("clock.mp4");
        for place in [&root.join("secret"), elsewhere.path()] {
            fs::write(place.join("qtaccess"), rules).unwrap();
            fs::copy(&clip, place.join("clock.mp4")).unwrap();
            fs::write(place.join("clock.jpg"), "a picture").unwrap();
        }
        fs::write(root.join("door/qtaccess"), rules).unwrap();
        fs::copy(&clip, root.join("secret/deep/clock.mp4")).unwrap();
        fs::copy(&clip, root.join("open/clock.mp4")).unwrap();
        let link = |to: &Path, name: &str| symlink(to, root.join("open").join(name)).unwrap();
        link(&root.join("secret/clock.mp4"), "link.mp4");
        link(&root.join("secret/clock.jpg"), "clock.jpg");
        link(&root.join("secret"), "folder");
        link(root, "loop");
        link(elsewhere.path(), "elsewhere");
        link(&elsewhere.path().join("clock.mp4"), "elsewhere.mp4");
        let server = Server::start(root, |config| {
            config.access.users = vec![users];
            config.http.download = true;
            let name = |path| MediaPath::from_plain(path).unwrap();
            config.hls_groups.push(HlsGroup {
                name: name("program"),
                variants: vec![name("secret/live")],
            });
        });
        let mut clip = Clip::publish(&server, "secret/live");
        clip.send_until(4.0);
        Self {
            server,
            folder,
            _elsewhere: elsewhere,
            _clip: clip,
        }
    }

    /// The folder of movies.
    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until pages know all movies, which are looked into for half a second at a time.
    async fn until_looked_through(&self) {
        let last = "/secret/deep/clock.mp4?json";
        let login = format!("Authorization: {ANN}\r\n");
        let known = async {
            while self.ask(Way::Get(""), last, &login).await.statuses != [200] {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), known)
            .await
            .expect("all movies");
    }

    /// What is answered to who asks for `path` in that way, with these header lines.
    async fn ask(&self, way: Way, path: &str, headers: &str) -> Said {
        let (rtsp, http) = (self.server.address, self.server.http);
        let get = |method: &str, target: &str| {
            format!(
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
            )
        };
        let url = format!("rtsp://{rtsp}{path}");
        let request = |method: &str, url: &str, headers: &str| {
            let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
            format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{transport}{headers}\r\n")
        };
        match way {
            Way::Get(suffix) => say(http, get("GET", &format!("{path}{suffix}"))).await,
            Way::Head => say(http, get("HEAD", path)).await,
            Way::Absolute => say(http, get("GET", &format!("http://localhost{path}"))).await,
            Way::Rtsp("SETUP") => {
                let track = format!("{url}/trackID=1");
                say(rtsp, request("SETUP", &track, headers)).await
            }
            Way::Rtsp(method) => say(rtsp, request(method, &url, headers)).await,
            Way::Tunnel => tunnelled(http, &request("DESCRIBE", &url, headers)).await,
            Way::Reference => say(rtsp, get("GET", path)).await,
        }
    }
}

/// All that a server answers until it closes.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) statuses: Vec<u16>,
    pub(super) text: String,
}

impl Said {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let is_status = |line: &&str| {
            ["HTTP/1.", "RTSP/1."]
                .iter()
                .any(|way| line.starts_with(way))
        };
        Self {
            statuses: text.lines().filter(is_status).map(status).collect(),
            text,
        }
    }

    /// Whether it tells anything of media.
    pub(super) fn has_media(&self) -> bool {
        let marks = ["m=video", "#EXTM3U", "\"duration\":", "a picture", "ftyp"];
        marks.iter().any(|mark| self.text.contains(mark))
    }
}

/// How long an answer may have not begun, and have not gone on, before a client says that nothing follows.
const QUIET: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(200)];

/// Sends all of `bytes`, and reads until the server closes, whether it takes all or not. Who asks by HTTP and says
/// that nothing follows does not wait for the answer, so that is said only when it is silent.
pub(super) async fn say(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Said {
    let bytes = bytes.as_ref().to_vec();
    let is_http = bytes.windows(6).any(|six| six == b"HTTP/1");
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        let is_sent = writer.write_all(&bytes).await.is_ok();
        // Nothing follows what was dropped.
        (is_sent && is_http).then_some(writer)
    });
    let mut answer = Vec::new();
    let read = async {
        let quiet = |answer: &Vec<u8>| QUIET[usize::from(!answer.is_empty())];
        // A server that has not read all resets the connection.
        while let Ok(read) = timeout(quiet(&answer), reader.read_buf(&mut answer)).await {
            if !read.is_ok_and(|size| size > 0) {
                return;
            }
        }
        sending.abort();
        drop(sending);
        reader.read_to_end(&mut answer).await.ok();
    };
    timeout(Duration::from_secs(30), read)
        .await
        .expect("an end");
    Said::of(&answer)
}

/// What is answered to a request through a tunnel of its own.
async fn tunnelled(address: SocketAddr, request: &str) -> Said {
    let cookie: u64 = rand::random();
    let head = |method: &str| format!("{method} / HTTP/1.0\r\nx-sessioncookie: {cookie}\r\n\r\n");
    let mut post = TcpStream::connect(address).await.unwrap();
    let sent = head("POST") + &STANDARD.encode(request);
    post.write_all(sent.as_bytes()).await.unwrap();
    let mut get = TcpStream::connect(address).await.unwrap();
    get.write_all(head("GET").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while Said::of(&answer).statuses.len() < 2 {
            assert!(get.read_buf(&mut answer).await.unwrap() > 0, "{answer:?}");
        }
    };
    timeout(Duration::from_secs(30), read)
        .await
        .expect("an answer");
    let mut said = Said::of(&answer);
    // The first answer is that of the tunnel.
    said.statuses.remove(0);
    said
}

#[tokio::test]
async fn every_spelling_is_guarded_in_every_way() {
    let house = House::start();
    for (path, is) in SPELLINGS {
        for way in WAYS {
            let said = house.ask(way, path, "").await;
            let [status] = said.statuses[..] else {
                panic!("{way:?} {path}: {said:?}");
            };
            let is_refused = match (is, way) {
                // It says where to log in, whether there is anything or not. It knows no fragments.
                (Is::Guarded, Way::Reference) => [200, 404].contains(&status),
                (Is::Guarded, _) => status == 401,
                (Is::Nothing, _) => [400, 401, 403, 404, 405].contains(&status),
            };
            assert!(is_refused && !said.has_media(), "{way:?} {path}: {said:?}");
        }
    }
}

#[tokio::test]
async fn who_logs_in_gets_what_is_spelled() {
    let house = House::start();
    house.until_looked_through().await;
    let login = format!("Authorization: {ANN}\r\n");
    for path in [
        "/secret/clock.mp4",
        "//%73ecret/./clock.mp4",
        "/open/link.mp4",
    ] {
        for way in WAYS {
            let expected = match way {
                Way::Get("?poster") if path != "/open/link.mp4" => 200,
                Way::Get("?poster" | ".ts") => 404,
                _ => 200,
            };
            let said = house.ask(way, path, &login).await;
            assert_eq!(said.statuses, [expected], "{way:?} {path}: {}", said.text);
        }
    }
}

#[tokio::test]
async fn pictures_of_what_is_guarded_are_shown_to_nobody_else() {
    let house = House::start();
    fs::write(house.root().join("door.jpg"), "a picture").unwrap();
    fs::write(house.root().join("free.jpg"), "a picture").unwrap();
    fs::copy(clips().join("clock.mp4"), house.root().join("free.mp4")).unwrap();
    for (path, expected) in [
        ("/free.mp4?poster", 200),
        ("/free.mp4?poster=1", 200),
        // By a link, and as that of another name that begins alike.
        ("/open/clock.mp4?poster", 404),
        ("/door.mp4?poster", 404),
        ("/door.jpg?poster", 404),
        ("/door?poster", 401),
    ] {
        let said = house.ask(Way::Get(""), path, "").await;
        assert_eq!(said.statuses, [expected], "{path}");
    }
}

#[tokio::test]
async fn lists_name_nothing_that_a_link_leads_to() {
    let house = House::start();
    house.until_looked_through().await;
    for path in ["/?json", "/open?json", "/open/?json"] {
        let said = house.ask(Way::Get(""), path, "").await;
        assert!(said.text.contains("\"open/clock.mp4\""), "{}", said.text);
        for name in [
            "program",
            "open/link",
            "open/folder",
            "elsewhere",
            "secret",
            "door",
            "?poster",
        ] {
            assert!(!said.text.contains(name), "{name}: {}", said.text);
        }
    }
    let login = format!("Authorization: {ANN}\r\n");
    let said = house.ask(Way::Get(""), "/secret?json", &login).await;
    for name in ["secret/clock.mp4", "secret/deep/clock.mp4", "secret/live"] {
        assert!(said.text.contains(&format!("\"{name}\"")), "{}", said.text);
    }
}

/// One letter of a path: as it is, or encoded with digits of either case.
fn letter(letter: char) -> impl Strategy<Value = String> {
    let byte = u32::from(letter);
    prop_oneof![
        4 => Just(letter.to_string()),
        1 => Just(format!("%{byte:02x}")),
        1 => Just(format!("%{byte:02X}")),
    ]
}

/// What stands between two names of a path, or before the first.
fn separator() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("/"),
        1 => Just("//"),
        1 => Just("/./"),
        1 => Just("///.//"),
        1 => Just("/%2e/"),
        1 => Just("/%2E/./"),
    ]
}

/// Spellings of one of `paths`.
fn spelling(paths: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(paths).prop_flat_map(|path| {
        let names = path.split('/').map(|name| {
            let letters: Vec<_> = name.chars().map(letter).collect();
            (separator(), letters)
        });
        let names: Vec<_> = names.collect();
        names.prop_map(|names| {
            let names = names.into_iter();
            names
                .map(|(separator, letters)| format!("{separator}{}", letters.concat()))
                .collect::<String>()
        })
    })
}

/// What guarded things are called: a movie, a channel, one with a folder of its name, and by links.
const GUARDED: [&str; 8] = [
    "secret/clock.mp4",
    "secret/deep/clock.mp4",
    "secret/live",
    "secret/live.sdp",
    "door",
    "door.sdp",
    "open/folder/deep/clock.mp4",
    "open/link.mp4",
];

/// Names that mean something, that climb, and that are none.
const NAMES: [&str; 31] = [
    "secret",
    "open",
    "folder",
    "loop",
    "elsewhere",
    "link.mp4",
    "clock.mp4",
    "clock.jpg",
    "deep",
    "door",
    "live",
    "live.sdp",
    "qtaccess",
    "qtusers",
    "..",
    ".",
    "",
    "%2e%2e",
    "%2e",
    "..%2f",
    "%2f",
    "%5c",
    "%00",
    ";",
    "%",
    "%73ecret",
    "%6fpen",
    "SECRET",
    "trackID=1",
    "index.m3u8",
    "nothing",
];

/// Paths of such names.
fn path() -> impl Strategy<Value = String> {
    let names = proptest::collection::vec(proptest::sample::select(&NAMES[..]), 1..7);
    names.prop_map(|names| format!("/{}", names.join("/")))
}

/// Where a path leads by the rules of URLs (RFC 3986) and of the file system; `None` for no path
/// of names, or one that leads out of the folder.
fn place(root: &Path, path: &str) -> Option<PathBuf> {
    let mut place = root.to_owned();
    for component in path.split('/').filter(|name| !name.is_empty()) {
        let name = percent_decode_str(component).decode_utf8().ok()?;
        let is_plain = !name.contains(|one: char| one.is_control() || "/\\".contains(one));
        let mut components = Path::new(&*name).components();
        match (components.next(), components.next()) {
            (Some(Component::CurDir), None) if is_plain => {}
            (Some(Component::Normal(name)), None) if is_plain => place.push(name),
            _ => return None,
        }
    }
    Some(place)
}

/// Whether what lies there is guarded: the folder is, or the nearest that there is of those above it.
fn is_guarded(house: &House, place: &Path) -> bool {
    let there = place
        .ancestors()
        .find_map(|place| place.canonicalize().ok());
    let there = there.expect("the root is there");
    let root = house.root().canonicalize().unwrap();
    let is_open = |folder: &str| there.starts_with(root.join(folder));
    there != root && !is_open("open")
}

#[test]
fn no_spelling_is_guarded_less_than_its_plain_form() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let house = House::start();
    let ways = proptest::sample::select(&WAYS[..WAYS.len() - 1]);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let checked = runner.run(&(spelling(&GUARDED), ways.clone()), |(path, way)| {
        let said = runtime.block_on(house.ask(way, &path, ""));
        prop_assert_eq!(
            &said.statuses[..],
            &[401],
            "{:?} {}: {}",
            way,
            path,
            said.text
        );
        Ok(())
    });
    checked.unwrap();
    let checked = runner.run(&(path(), ways), |(path, way)| {
        let said = runtime.block_on(house.ask(way, &path, ""));
        let place = place(house.root(), &path);
        let may_be_served = place.is_some_and(|place| !is_guarded(&house, &place));
        let is_served = said.statuses.iter().any(|status| *status < 400) || said.has_media();
        prop_assert!(
            may_be_served || !is_served,
            "{:?} {}: {}",
            way,
            path,
            said.text
        );
        Ok(())
    });
    checked.unwrap();
}
