//! Another server that says who may, as clients of RTSP and HTTP meet it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reelcast::config::Config;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::access::{HA1, basic};
use super::hls::{ask, get};
use super::rtsp_tunnel::Tunnel;
use super::uri_player::{follow, told};
use crate::support::client::{Client, header, status};
use crate::support::clip::Clip;
use crate::support::movies::clips;
use crate::support::publisher::{SDP, announce};
use crate::support::server::Server;

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// What the other server says to a question: the status of its answer, or 0 for none.
type Say = fn(&Value) -> u16;

/// The other server; ends when dropped.
struct Other {
    url: String,
    say: Arc<Mutex<Say>>,
    asked: Arc<Mutex<Vec<Value>>>,
    _task: JoinSet<()>,
}

impl Other {
    async fn start(say: Say) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/may?x=1", listener.local_addr().unwrap());
        let (say, asked) = (Arc::new(Mutex::new(say)), Arc::default());
        let mut task = JoinSet::new();
        let (says, notes) = (Arc::clone(&say), Arc::clone(&asked));
        task.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                visits.spawn(answer(stream, Arc::clone(&says), Arc::clone(&notes)));
            }
        });
        Self {
            url,
            say,
            asked,
            _task: task,
        }
    }

    fn change(&self, say: Say) {
        *self.say.lock().unwrap() = say;
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<Value> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn answer(mut stream: TcpStream, say: Arc<Mutex<Say>>, asked: Arc<Mutex<Vec<Value>>>) {
    let question = question(&mut stream).await;
    let status = (*say.lock().unwrap())(&question);
    asked.lock().unwrap().push(question);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let answer = format!("HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

async fn question(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let request = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            assert!(head.starts_with("POST /may?x=1 HTTP/1.1\r\n"), "{head}");
            assert_eq!(header(&request, "content-type"), Some("application/json"));
            let length = header(&request, "content-length").unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return serde_json::from_str(body).unwrap();
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "{request}");
    }
}

/// A server with a movie in each of the folders `yes`, `no` and `login`, and in `ann`, which has an access file;
/// with the channels `yes/live` and `no/live`. It asks the server at `url`.
fn start(url: &str, change: impl FnOnce(&mut Config)) -> (tempfile::TempDir, Server, Vec<Clip>) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    for name in ["yes", "no", "login", "ann"] {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::copy(clips().join("clock.mp4"), place.join("clock.mp4")).unwrap();
    }
    let rules = "AuthScheme basic\nrequire user ann";
    fs::write(folder.path().join("ann/qtaccess"), rules).unwrap();
    let server = Server::start(folder.path(), |config| {
        config.access.users = vec![users];
        config.access.callback.url = url.to_owned();
        config.http.download = true;
        config.hls.target_duration = Duration::from_secs(2);
        change(config);
    });
    let publish = |name: &str| {
        let mut clip = Clip::publish(&server, name);
        clip.send_until(5.0);
        clip
    };
    let clips = vec![publish("yes/live"), publish("no/live")];
    (folder, server, clips)
}

/// Yes, no or a login, as the folder is called; yes for the root.
fn by_folder(question: &Value) -> u16 {
    let path = question["path"].as_str().unwrap();
    match path.split('/').next().unwrap() {
        "yes" | "ann" | "" => 200,
        "no" => 403,
        "login" => 401,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn watching_is_asked_about_by_rtsp_and_http() {
    let other = Other::start(by_folder).await;
    let (_folder, server, _clips) = start(&other.url, |_| {});
    let mut tunnel = Tunnel::open(&server).await;
    for (folder, expected) in [("yes", 200), ("no", 403), ("login", 403)] {
        for (thing, protocol) in [
            ("", "http"),
            ("clock.mp4", "http"),
            ("clock.mp4?json", "http"),
            ("clock.mp4?download", "http"),
            ("clock.mp4.m3u8", "hls"),
            ("clock.mp4/ts.m3u8", "hls"),
            ("live.m3u8", "hls"),
            ("live/index.m3u8", "hls"),
        ] {
            let target = format!("/{folder}/{thing}");
            let found = get(server.http, &target).await;
            let is_there = folder == "yes" || !thing.starts_with("live");
            assert_eq!(found.status == 200, expected == 200 && is_there, "{target}");
            if expected != 200 {
                assert_eq!(found.status, expected, "{target}");
            } else {
                let cached = found.header("Cache-Control").unwrap_or("no-store");
                let is_own = cached == "no-store" || cached.starts_with("private");
                assert!(is_own, "{target}: {cached}");
            }
            if let [question] = other.asked().as_slice() {
                assert_eq!(question["protocol"], protocol, "{target}");
                assert_eq!(question["action"], "read", "{target}");
                assert_eq!(question["ip"], "127.0.0.1", "{target}");
            }
        }
        let url = format!("rtsp://{}/{folder}/clock.mp4", server.address);
        let mut client = Client::connect(server.address).await;
        assert_eq!(
            client.status_of("DESCRIBE", &url, "").await,
            expected,
            "{url}"
        );
        let control = format!("{url}/trackID=1");
        let found = client.status_of("SETUP", &control, TRANSPORT).await;
        assert_eq!(found, expected, "{control}");
        let described = tunnel.answer_to("DESCRIBE", &url, "").await;
        assert_eq!(status(&described), expected, "{url} in a tunnel");
        for question in other.asked() {
            let name = format!("{folder}/clock.mp4");
            assert_eq!(question["path"], name);
            assert_eq!(question["protocol"], "rtsp");
        }
        let reference = ask(server.address, "GET", &format!("/{folder}/nothing"), "").await;
        assert!(reference.text().starts_with("rtsptext"));
    }
    let yes = "access_callbacks_total{answer=\"yes\"}";
    let (asked, saved) = (
        server.count(yes),
        server.count("access_callbacks_saved_total"),
    );
    assert_eq!(get(server.http, "/yes/clock.mp4.m3u8").await.status, 200);
    assert_eq!(server.count(yes), asked);
    assert!(server.count("access_callbacks_saved_total") > saved);
}

#[tokio::test]
async fn playing_by_rtsp_is_asked_about_by_the_movies_name() {
    let other = Other::start(by_folder).await;
    let (_folder, server, _clips) = start(&other.url, |config| {
        config.access.callback.answer_lifetime = Duration::ZERO;
    });
    let url = format!("rtsp://{}/yes/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let described = client.ask("DESCRIBE", &format!("{url}?key=1"), "").await;
    assert_eq!(status(&described), 200, "{described}");
    let (_, session) = client.set_up(&format!("{url}/trackID=1"), TRANSPORT).await;
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
    let asked = other.asked();
    assert_eq!(asked.len(), 3);
    for question in asked {
        assert_eq!(question["path"], "yes/clock.mp4");
        assert_eq!(question["query"], "key=1");
    }
    other.change(|_| 403);
    assert_eq!(client.status_of("PAUSE", &url, &session).await, 200);
    assert_eq!(client.status_of("PLAY", &url, &session).await, 403);
}

#[tokio::test]
async fn publishing_is_asked_about() {
    let other = Other::start(by_folder).await;
    let (_folder, server, _clips) = start(&other.url, |_| {});
    for (folder, expected) in [("yes", 200), ("no", 403), ("login", 403)] {
        let url = format!("rtsp://{}/{folder}/new?key=1", server.address);
        let mut client = Client::connect(server.address).await;
        let announced = announce(&mut client, &url, SDP).await;
        assert_eq!(status(&announced), expected, "{url}");
        let [question] = <[Value; 1]>::try_from(other.asked()).unwrap();
        assert_eq!(question["action"], "publish");
        assert_eq!(question["query"], "key=1");
        let send = async |method, target: &str, headers| {
            let client = Client::connect(server.http).await;
            status(&client.ask_http(method, target, headers).await)
        };
        let body = "Content-Type: audio/mpeg\r\nContent-Length: 0\r\n";
        let put = send("PUT", &format!("/{folder}/radio"), body).await;
        assert_eq!(put == 403, expected == 403, "{put}");
        let [question] = <[Value; 1]>::try_from(other.asked()).unwrap();
        assert_eq!(question["path"], format!("{folder}/radio"));
        let title = format!("/admin/metadata?mode=updinfo&mount=/{folder}/live&song=x");
        let titled = send("GET", &title, "").await;
        assert_eq!(titled == 403, expected == 403, "{titled}");
        other.asked();
    }
}

#[tokio::test]
async fn files_and_the_other_server_have_to_say_yes() {
    let other = Other::start(by_folder).await;
    let (_folder, server, _clips) = start(&other.url, |config| {
        config.access.callback.answer_lifetime = Duration::ZERO;
    });
    let (target, login) = ("/ann/clock.mp4.m3u8", basic("ann:secret"));
    assert_eq!(get(server.http, target).await.status, 401);
    assert!(other.asked().is_empty());
    let answer = ask(server.http, "GET", target, &login).await;
    assert_eq!(answer.status, 200);
    let [question] = <[Value; 1]>::try_from(other.asked()).unwrap();
    assert_eq!(
        (&question["user"], &question["password"]),
        (&"ann".into(), &"".into())
    );
    // Who follows the URIs is still known by name.
    assert!(follow(&server, target, &answer).await.len() > 3);
    let asked = other.asked();
    assert!(asked.len() > 3);
    for question in asked {
        assert_eq!(
            (&question["user"], &question["path"]),
            (&"ann".into(), &"ann/clock.mp4".into())
        );
    }
    // A pass is not an answer.
    let media = &told(target, &answer)[0];
    assert_eq!(get(server.http, media).await.status, 200);
    for (say, expected) in [((|_| 403) as Say, 403), (|_| 401, 401), (|_| 500, 503)] {
        other.change(say);
        assert_eq!(get(server.http, media).await.status, expected);
        assert_eq!(
            ask(server.http, "GET", target, &login).await.status,
            expected
        );
    }
}

/// Yes to Ann, and to those with the key.
fn by_login(question: &Value) -> u16 {
    let is_ann = question["user"] == "ann" && question["password"] == "right";
    let mut query = question["query"].as_str().unwrap().split('&');
    let has_key = query.any(|pair| pair == "key=1") || question["token"] == "abc";
    if is_ann || has_key { 200 } else { 401 }
}

#[tokio::test]
async fn the_other_server_may_check_logins_which_count_for_all_that_a_playlist_tells() {
    let other = Other::start(by_login).await;
    let (_folder, server, _clips) = start(&other.url, |config| {
        config.access.callback.passwords = true;
        config.access.callback.answer_lifetime = Duration::ZERO;
    });
    for name in ["yes/clock.mp4", "yes/live"] {
        let target = format!("/{name}.m3u8");
        let asked = get(server.http, &target).await;
        assert_eq!(asked.status, 401, "{target}");
        let challenge = asked.header("WWW-Authenticate");
        assert_eq!(challenge, Some("Basic realm=\"Reelcast\""));
        let wrong = ask(server.http, "GET", &target, &basic("ann:wrong")).await;
        assert_eq!(wrong.status, 401, "{target}");
        for (query, header) in [
            ("", basic("ann:right")),
            ("?key=1", String::new()),
            ("?token=abc", String::new()),
            ("", "Authorization: Bearer abc\r\n".to_owned()),
        ] {
            let target = format!("{target}{query}");
            let answer = ask(server.http, "GET", &target, &header).await;
            assert_eq!(answer.status, 200, "{target}");
            for secret in ["key=", "token=", "right"] {
                assert!(!answer.text().contains(secret), "{}", answer.text());
            }
            assert!(follow(&server, &target, &answer).await.len() > 3);
            let elsewhere = told(&target, &answer)[0].replace("yes/", "no/");
            assert_eq!(
                get(server.http, &elsewhere).await.status,
                401,
                "{elsewhere}"
            );
        }
        let page = get(server.http, &format!("/{name}?json&key=1")).await;
        let page: Value = serde_json::from_str(page.text()).unwrap();
        for playlist in page["playlists"].as_array().unwrap() {
            let url = playlist["url"].as_str().unwrap();
            assert!(!url.contains("key="), "{url}");
            assert_eq!(get(server.http, url).await.status, 200, "{url}");
        }
    }
    let url = format!("rtsp://{}/yes/live", server.address);
    let mut client = Client::connect(server.address).await;
    let asked = client.ask("DESCRIBE", &url, "").await;
    assert_eq!(status(&asked), 401);
    assert_eq!(
        header(&asked, "WWW-Authenticate"),
        Some("Basic realm=\"Reelcast\"")
    );
    let login = basic("ann:right");
    assert_eq!(client.status_of("DESCRIBE", &url, &login).await, 200);
    let mut client = Client::connect(server.address).await;
    let url = format!("{url}?token=abc");
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 200);
}

#[tokio::test]
async fn lists_tell_of_folders_that_the_other_server_lets_see() {
    let other = Other::start(by_folder).await;
    let (_folder, server, _clips) = start(&other.url, |_| {});
    let list = async |target: &str, kind: &str| {
        let page = get(server.http, target).await;
        let page: Value = serde_json::from_str(page.text()).unwrap();
        let cards = page[kind].as_array().unwrap().iter();
        let urls = cards.map(|card| card["url"].as_str().unwrap().to_owned());
        urls.collect::<Vec<_>>()
    };
    for target in ["/?json", "/yes/?json"] {
        assert_eq!(list(target, "channels").await, ["/yes/live"]);
        let movies = list(target, "movies").await;
        let is_of_yes = |url: &String| url.starts_with("/yes/");
        assert!(movies.iter().all(is_of_yes), "{movies:?}");
    }
    server.configure(|config| config.access.callback.url.clear());
    assert_eq!(list("/?json", "channels").await.len(), 2);
}

/// Checks what clients are told when nothing sensible is answered.
async fn is_undecided(server: &Server) {
    let answer = get(server.http, "/yes/clock.mp4.m3u8").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let url = format!("rtsp://{}/yes/live", server.address);
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 503);
    let announced = announce(&mut client, &url, SDP).await;
    assert_eq!(status(&announced), 503);
    assert!(server.count("access_callbacks_total{answer=\"none\"}") >= 3);
}

#[tokio::test]
async fn nobody_is_let_in_without_an_answer() {
    let briefly = |config: &mut Config| config.access.callback.timeout = Duration::from_millis(300);
    for say in [(|_| 0) as Say, |_| 500, |_| 302, |_| 404, |_| 100] {
        let other = Other::start(say).await;
        let (_folder, server, _clips) = start(&other.url, briefly);
        is_undecided(&server).await;
    }
}

#[tokio::test]
async fn nobody_is_let_in_by_what_is_no_server_of_http() {
    // Nobody listens there any more.
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let (_folder, server, _clips) = start(&format!("http://{address}/may"), |_| {});
    is_undecided(&server).await;
    for garbage in [
        "",
        "200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "SSH-2.0-x\r\n",
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(garbage.as_bytes()).await;
            }
        });
        let (_folder, server, _clips) = start(&format!("http://{address}/may"), |_| {});
        is_undecided(&server).await;
    }
}

#[tokio::test]
async fn nobody_is_let_in_by_a_server_with_a_certificate_of_its_own() {
    let other = Other::start(|_| 200).await;
    let plain = other.url.strip_prefix("http://").unwrap();
    let plain = plain.split('/').next().unwrap().parse().unwrap();
    let door = super::pull_tls::TlsDoor::to(plain).await;
    let url = format!("https://localhost:{}/may?x=1", door.address.port());
    let (_folder, server, _clips) = start(&url, |_| {});
    is_undecided(&server).await;
    assert!(other.asked().is_empty());
    server.configure(|config| config.access.callback.url.clone_from(&other.url));
    let answer = get(server.http, "/yes/clock.mp4.m3u8").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_endless_stream_is_asked_about_by_the_name_of_its_channel() {
    let other = Other::start(by_folder).await;
    let (folder, server, _clips) = start(&other.url, |_| {});
    let question = async |target: &str| {
        get(server.http, target).await;
        let [question] = <[Value; 1]>::try_from(other.asked()).unwrap();
        question["path"].clone()
    };
    assert_eq!(question("/no/live.ts").await, "no/live");
    let movie = Path::new("no/live.mp3");
    fs::write(folder.path().join(movie), b"").unwrap();
    assert_eq!(question("/no/live.mp3").await, "no/live.mp3");
}
