use std::fs;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::access::gate;
use crate::access::{Callback, Caller, Files, Settings, Ticket, Web};
use crate::base::clock::Clock;
use crate::base::peer::Peer;

/// HA1 of `ann` and `secret` in the realm `Films`.
const ANN: &str = "c0246d1bbd99545245aca0d67458ee50";

/// Answers as this says of each question, and keeps the questions.
struct Other {
    answer: fn(&Value) -> u16,
    asked: Mutex<Vec<Value>>,
}

impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Other")
    }
}

impl Web for Other {
    fn fetch(&self, _: Url) -> BoxFuture<'static, io::Result<Bytes>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }

    fn post(&self, _: Url, json: Bytes) -> BoxFuture<'static, io::Result<u16>> {
        let question: Value = serde_json::from_slice(&json).unwrap();
        let status = (self.answer)(&question);
        self.asked.lock().unwrap().push(question);
        Box::pin(async move { Ok(status) })
    }
}

impl Other {
    /// The values that the last question has for `word`.
    fn last(&self, word: &str) -> Value {
        self.asked.lock().unwrap().last().unwrap()[word].clone()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A gate whose folder `basic` asks for Ann by Basic, `digest` for her by Digest, and `closed` has a fault.
fn gate(passwords: bool, answer: fn(&Value) -> u16) -> (TempDir, Arc<Gate>, Arc<Other>) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{ANN}\n")).unwrap();
    for (name, rules) in [
        ("basic", "AuthScheme basic\nrequire user ann"),
        ("digest", "require user ann"),
        ("closed", "reqire user ann"),
    ] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("qtaccess"), rules).unwrap();
    }
    let settings = Settings {
        files: Files {
            users: vec![users],
            ..Files::default()
        },
        callback: Some(Callback {
            url: Url::parse("https://other.example/").unwrap(),
            timeout: Duration::from_secs(5),
            answer_lifetime: Duration::ZERO,
            passwords,
        }),
        ..Settings::default()
    };
    let other = Arc::new(Other {
        answer,
        asked: Mutex::default(),
    });
    let web: Arc<dyn Web> = Arc::<Other>::clone(&other);
    let gate = Gate::new(folder.path().to_owned(), settings, web, Clock::start());
    (folder, gate, other)
}

fn name(path: &str) -> MediaPath {
    MediaPath::from_plain(path).unwrap()
}

fn attempt<'a>(authorization: Option<&'a str>, query: &'a str) -> Attempt<'a> {
    Attempt {
        query,
        ..gate::tests::attempt(authorization)
    }
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

/// Yes for names that end in `yes`, and so on.
fn by_name(question: &Value) -> u16 {
    let path = question["path"].as_str().unwrap();
    match path.rsplit('/').next().unwrap() {
        "yes" => 200,
        "no" => 403,
        "login" => 401,
        _ => 500,
    }
}

/// Yes to Ann with her password; others have to log in.
fn by_password(question: &Value) -> u16 {
    let is_ann = question["user"] == "ann" && question["password"] == "secret";
    if is_ann { 200 } else { 401 }
}

/// Yes to those whose URL says the key.
fn by_key(question: &Value) -> u16 {
    if question["query"] == "key=1" {
        200
    } else {
        403
    }
}

#[tokio::test]
async fn files_and_the_other_server_have_to_say_yes() {
    let (_folder, gate, other) = gate(false, by_name);
    let (ann, wrong) = (basic("ann:secret"), basic("ann:wrong"));
    let user = || Verdict::User("ann".to_owned());
    for (path, login, expected) in [
        ("yes", None, Verdict::Open),
        ("no", None, Verdict::Refused),
        ("broken", None, Verdict::Undecided),
        // No file says how.
        ("login", None, Verdict::Refused),
        ("basic/yes", Some(&ann), user()),
        ("basic/no", Some(&ann), Verdict::Refused),
        ("basic/broken", Some(&ann), Verdict::Undecided),
        ("closed/yes", Some(&ann), Verdict::Closed),
    ] {
        let attempt = attempt(login.map(String::as_str), "");
        let verdict = gate.may_watch(&[name(path)], &attempt).await;
        assert_eq!(verdict, expected, "{path}");
    }
    assert_eq!(other.count(), 7);
    // Who is let in by no file is not asked about, and a login is asked for as the file says.
    for (path, login, is_asked) in [
        ("basic/yes", None, false),
        ("basic/yes", Some(&wrong), false),
        ("basic/login", Some(&ann), true),
    ] {
        let before = other.count();
        let attempt = attempt(login.map(String::as_str), "");
        let Verdict::Challenge(challenges) = gate.may_watch(&[name(path)], &attempt).await else {
            panic!("{path}");
        };
        assert_eq!(challenges, ["Basic realm=\"Films\""]);
        assert_eq!(other.count() > before, is_asked, "{path} {login:?}");
    }
    assert!(!gate.is_open(&name("yes")).await);
}

#[tokio::test]
async fn a_password_is_told_only_where_the_settings_say_so() {
    let ann = basic("ann:secret");
    for (passwords, path, user, password) in [
        (false, "yes", "", ""),
        (false, "basic/yes", "ann", ""),
        (true, "yes", "ann", "secret"),
        (true, "basic/yes", "ann", "secret"),
    ] {
        let (_folder, gate, other) = gate(passwords, by_name);
        gate.may_watch(&[name(path)], &attempt(Some(&ann), ""))
            .await;
        let told = (other.last("user"), other.last("password"));
        assert_eq!(told, (user.into(), password.into()), "{passwords} {path}");
        assert_eq!(other.last("token"), "");
    }
    let (_folder, gate, other) = gate(true, by_name);
    let shown = attempt(Some("Bearer x.y"), "key=1&pass=p");
    gate.may_watch(&[name("yes")], &shown).await;
    assert_eq!(
        (other.last("token"), other.last("user")),
        ("x.y".into(), "".into())
    );
    assert_eq!(other.last("query"), "key=1");
}

#[tokio::test]
async fn the_other_server_may_check_passwords_but_not_too_many() {
    let (_folder, gate, other) = gate(true, by_password);
    let verdict = async |login: &str| {
        let login = basic(login);
        let attempt = attempt(Some(&login).filter(|_| !login.is_empty()).map(|x| &**x), "");
        gate.may_watch(&[name("a")], &attempt).await
    };
    let asked = gate.may_watch(&[name("a")], &attempt(None, "")).await;
    let expected = Verdict::Challenge(vec!["Basic realm=\"Reelcast\"".to_owned()]);
    assert_eq!(asked, expected);
    assert_eq!(verdict("ann:secret").await, Verdict::Open);
    for number in 0..20 {
        assert_eq!(verdict(&format!("ann:{number}")).await, expected);
    }
    let before = other.count();
    assert!(matches!(verdict("ann:secret").await, Verdict::Later(_)));
    assert_eq!(other.count(), before);
}

#[tokio::test]
async fn publishers_are_asked_about_wherever_they_are() {
    let (_folder, gate, other) = gate(false, by_name);
    for (path, peer, expected) in [
        ("yes", "127.0.0.1", Verdict::Open),
        ("no", "127.0.0.1", Verdict::Refused),
        ("broken", "127.0.0.1", Verdict::Undecided),
        ("login", "127.0.0.1", Verdict::Refused),
    ] {
        let ip = peer.parse().unwrap();
        let caller = Caller::at(Peer::direct((ip, 9).into()));
        let attempt = Attempt {
            peer: ip,
            ..attempt(None, "")
        };
        let verdict = gate.may_publish(&name(path), &caller, &attempt).await;
        assert_eq!(verdict, expected, "{path} {peer}");
        assert_eq!(other.last("action"), "publish");
        assert_eq!(other.last("ip"), peer);
    }
    let before = other.count();
    let caller = Caller::at(Peer::direct(([192, 0, 2, 1], 9).into()));
    let verdict = gate
        .may_publish(&name("yes"), &caller, &attempt(None, ""))
        .await;
    assert_ne!(verdict, Verdict::Open);
    assert_eq!(other.count(), before);
}

#[tokio::test]
async fn a_pass_is_no_answer_of_the_other_server() {
    let (_folder, gate, other) = gate(false, by_name);
    let names = [name("basic/no")];
    let pass = gate.pass(&names, "ann").await.unwrap();
    let seen = attempt(None, "");
    let verdict = gate.honours(&pass, &names, &names[0], &seen).await;
    assert_eq!(verdict, Some(Verdict::Refused));
    assert_eq!(other.count(), 1);
    let others = [name("basic/yes")];
    let verdict = gate.honours(&pass, &others, &others[0], &seen).await;
    assert_eq!(verdict, None);
}

#[tokio::test]
async fn a_ticket_stands_for_what_was_said_at_the_playlist() {
    let (_folder, gate, other) = gate(false, by_key);
    let (a, b) = (name("a"), name("b"));
    let first = attempt(None, "key=1&_HLS_msn=1");
    let verdict = gate.may_watch(&[name("a")], &first).await;
    let guest = gate.guest(&verdict, &first);
    let ticket = gate.ticket(&a, &guest, &first).unwrap();
    let shown = |of, query| Attempt {
        ticket: Some(Ticket {
            ticket: &ticket,
            name: of,
        }),
        ..attempt(None, query)
    };
    for (of, query, expected) in [
        (&a, "ticket=x", Verdict::Open),
        (&a, "ticket=x&_=17", Verdict::Open),
        (&b, "ticket=x", Verdict::Refused),
    ] {
        let attempt = shown(of, query);
        let verdict = gate.may_watch(std::slice::from_ref(of), &attempt).await;
        assert_eq!(verdict, expected, "{query}");
        if expected == Verdict::Open {
            assert_eq!(other.last("query"), "key=1");
            // It goes on with the same ticket.
            let guest = gate.guest(&verdict, &attempt);
            assert_eq!(gate.ticket(of, &guest, &attempt).as_ref(), Some(&ticket));
        }
    }
    let nobody = attempt(None, "");
    let guest = gate.guest(&Verdict::Open, &nobody);
    assert_eq!(gate.ticket(&a, &guest, &nobody), None);
}
