use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::BoxFuture;
use proptest::prelude::*;
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::access::caller::Caller;
use crate::access::digest::{Algorithm, Answer, Count};
use crate::access::networks::Networks;
use crate::access::rules::Rules;
use crate::access::{About, Client, Files, Protocol, Scheme};
use crate::base::peer::Peer;

/// HA1 of `ann` and `secret`, and of `bob` and `hidden`, in the realm `Films`.
const ANN: (&str, &str) = (
    "c0246d1bbd99545245aca0d67458ee50",
    "e62787a7eb67786205354d5afd5f109f104cdc78dde801a212bc7b2ae1caabf3",
);
const BOB: (&str, &str) = (
    "8a3138383f16197782b66f3b0d051b46",
    "835a0decd3cd02aedf6f900479eefce3d9cf5a9e303695c598558ccc7b24e7e3",
);

fn folder(files: &[(&str, &str)]) -> (TempDir, Arc<Gate>) {
    let folder = tempfile::tempdir().unwrap();
    let users = format!(
        "realm Films\nann:x:{}:{}\nbob:x:{}:{}\n",
        ANN.0, ANN.1, BOB.0, BOB.1
    );
    let of_house = [("qtusers", users.as_str()), ("qtgroups", "staff: bob\n")];
    for (name, text) in of_house.iter().chain(files) {
        write(folder.path(), name, text);
    }
    let files = Files {
        users: vec!["/nowhere/qtusers".into(), folder.path().join("qtusers")],
        groups: vec![folder.path().join("qtgroups")],
        ..Files::default()
    };
    let settings = Settings {
        files,
        signing_keys: folder.path().join("signing-keys"),
        pass_lifetime: Duration::from_secs(60),
        ..Settings::default()
    };
    let gate = Gate::new(
        folder.path().to_owned(),
        settings,
        Arc::new(Nothing),
        Clock::start(),
    );
    (folder, gate)
}

/// There are no other servers.
#[derive(Debug)]
struct Nothing;

impl Web for Nothing {
    fn fetch(&self, _: Url) -> BoxFuture<'static, io::Result<Bytes>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }

    fn post(&self, _: Url, _: Bytes) -> BoxFuture<'static, io::Result<u16>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn name(path: &str) -> MediaPath {
    MediaPath::from_url(path).unwrap()
}

pub(super) fn attempt(authorization: Option<&str>) -> Attempt<'_> {
    Attempt {
        peer: "192.0.2.1".parse().unwrap(),
        method: "GET",
        about: About::Url("/a"),
        authorization,
        client: Client::Modern,
        signed: None,
        token: None,
        ticket: None,
        protocol: Protocol::Hls,
        query: "",
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The verdict in a word.
async fn verdict(gate: &Arc<Gate>, path: &str, authorization: Option<&str>) -> String {
    let (name, attempt) = (name(path), attempt(authorization));
    in_a_word(gate.may_watch(&[name], &attempt).await)
}

fn in_a_word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Open => "open".to_owned(),
        Verdict::User(user) => user,
        Verdict::Signed(_) => "signed".to_owned(),
        Verdict::Bearer(bearer) => bearer.user,
        Verdict::Challenge(_) => "401".to_owned(),
        Verdict::Later(_) => "429".to_owned(),
        Verdict::Busy => "503".to_owned(),
        Verdict::Closed => "403".to_owned(),
        Verdict::Foreign => "foreign".to_owned(),
        Verdict::Refused | Verdict::Undecided => "refused".to_owned(),
    }
}

/// Checks what Ann and Bob are told of each path.
async fn assert_verdicts(gate: &Arc<Gate>, expected: &[(&str, &str, &str)]) {
    let (ann, bob) = (basic("ann", "secret"), basic("bob", "hidden"));
    for (path, ann_is, bob_is) in expected {
        assert_eq!(verdict(gate, path, Some(&ann)).await, *ann_is, "{path}");
        assert_eq!(verdict(gate, path, Some(&bob)).await, *bob_is, "{path}");
    }
}

#[tokio::test]
async fn the_nearest_file_decides() {
    let (_folder, gate) = folder(&[
        ("open/a.mov", ""),
        ("users/qtaccess", "AuthScheme basic\nrequire valid-user"),
        ("users/deep/er/a.mov", ""),
        ("users/free/qtaccess", "require any-user"),
        (
            "users/staff/qtaccess",
            "AuthScheme basic\nrequire group staff",
        ),
        ("users/ann/qtaccess", "AuthScheme basic\nrequire user ann"),
        ("users/bad/qtaccess", "reqire user ann"),
        (
            "users/lost/qtaccess",
            "AuthUserFile none\nAuthScheme basic\nrequire user ann",
        ),
        ("live/qtaccess", "AuthScheme basic\nrequire user ann"),
    ]);
    let (ann, bob) = (basic("ann", "secret"), basic("bob", "hidden"));
    let wrong = basic("ann", "hidden");
    for (path, stranger, ann_is, bob_is) in [
        ("", "open", "open", "open"),
        ("open/a.mov", "open", "open", "open"),
        ("nothing", "open", "open", "open"),
        ("users", "401", "ann", "bob"),
        ("users/a.mov", "401", "ann", "bob"),
        ("users/deep/er/a.mov", "401", "ann", "bob"),
        ("users/no/such/folder", "401", "ann", "bob"),
        ("users/free/a.mov", "open", "open", "open"),
        ("users/staff/a.mov", "401", "401", "bob"),
        ("users/ann/a.mov", "401", "ann", "401"),
        ("users/bad/a.mov", "403", "403", "403"),
        ("users/lost/a.mov", "403", "403", "403"),
        // A channel is guarded by its folder, by each of its names.
        ("live", "401", "ann", "401"),
        ("live.sdp", "401", "ann", "401"),
    ] {
        assert_eq!(verdict(&gate, path, None).await, stranger, "{path}");
        assert_eq!(verdict(&gate, path, Some(&ann)).await, ann_is, "{path}");
        assert_eq!(verdict(&gate, path, Some(&bob)).await, bob_is, "{path}");
        let guessed = verdict(&gate, path, Some(&wrong)).await;
        assert_eq!(guessed, stranger, "{path}");
    }
}

#[tokio::test]
async fn the_folder_of_a_channel_goes_before_those_above() {
    let (_folder, gate) = folder(&[
        ("qtaccess", "AuthScheme basic\nrequire user bob"),
        ("live/qtaccess", "AuthScheme basic\nrequire user ann"),
        ("open/qtaccess", "require any-user"),
    ]);
    let expected = [
        ("live", "ann", "401"),
        ("live.sdp", "ann", "401"),
        ("live/a.mov", "ann", "401"),
        ("open", "open", "open"),
        ("open.sdp", "open", "open"),
        ("other", "401", "bob"),
        ("other.sdp", "401", "bob"),
        ("", "401", "bob"),
    ];
    assert_verdicts(&gate, &expected).await;
}

#[tokio::test]
async fn channels_have_rules_by_the_settings() {
    let (folder, gate) = folder(&[
        ("qtaccess", "AuthScheme basic\nrequire user bob"),
        ("both/qtaccess", "AuthScheme basic\nrequire group staff"),
    ]);
    let rules = |line: &str| {
        let lines = ["AuthScheme basic", line].map(str::to_owned);
        Rules::read(lines.to_vec()).unwrap()
    };
    let channels = [
        ("door", rules("require user ann")),
        ("yard/gate", rules("require any-user")),
        ("both", rules("require valid-user")),
        ("lost", rules("AuthUserFile nowhere\nrequire valid-user")),
    ];
    let files = Files {
        users: vec![folder.path().join("qtusers")],
        groups: vec![folder.path().join("qtgroups")],
        channels: channels.map(|(path, rules)| (name(path), rules)).into(),
        ..Files::default()
    };
    gate.configure(Settings {
        files,
        ..Settings::default()
    });
    let expected = [
        ("door", "ann", "401"),
        ("door.sdp", "ann", "401"),
        ("yard/gate", "open", "open"),
        ("yard/gate.sdp", "open", "open"),
        ("both", "401", "bob"),
        ("lost", "403", "403"),
        ("door/a.mov", "401", "bob"),
        ("yard", "401", "bob"),
    ];
    assert_verdicts(&gate, &expected).await;
}

#[tokio::test]
async fn no_spelling_of_a_name_widens_access() {
    let (_folder, gate) = folder(&[("users/b/qtaccess", "require user ann")]);
    for spelling in [
        "/users/b/a.mov",
        "users/b/a.mov",
        "//users///b//a.mov",
        "/./users/./b/a.mov",
        "/users/b/a.mov/",
        "/users/b/./",
        "/%75sers/%62/a.mov",
        "/users/%2e/b/a.mov",
        "/users/b/%61.mov",
        "/users/b",
        "/users/b.sdp",
    ] {
        assert_eq!(verdict(&gate, spelling, None).await, "401", "{spelling}");
    }
    for climbing in [
        "/users/b/../a",
        "/x/%2e%2e/users/b/a",
        "/users%2fb/a",
        "/users\\b",
    ] {
        assert!(MediaPath::from_url(climbing).is_err(), "{climbing}");
    }
}

proptest! {
    #[test]
    fn canonical_names_are_guarded_however_they_are_spelled(
        slashes in proptest::collection::vec(1_usize..4, 4),
        dots in proptest::collection::vec(any::<bool>(), 4),
        encoded in any::<u16>(),
    ) {
        let mut spelled = String::new();
        let mut letter = 0;
        for ((part, slashes), dot) in ["users", "b", "c", "a.mov"].iter().zip(slashes).zip(dots) {
            spelled += &"/".repeat(slashes);
            spelled += if dot { "./" } else { "" };
            for byte in part.bytes() {
                match encoded >> letter & 1 {
                    1 => spelled += &format!("%{byte:02X}"),
                    _ => spelled.push(char::from(byte)),
                }
                letter += 1;
            }
        }
        prop_assert_eq!(name(&spelled), name("users/b/c/a.mov"));
    }
}

#[tokio::test]
async fn links_are_guarded_at_both_ends() {
    let outside = tempfile::tempdir().unwrap();
    write(
        outside.path(),
        "qtaccess",
        "AuthScheme basic\nrequire user ann",
    );
    write(outside.path(), "a.mov", "");
    let (folder, gate) = folder(&[
        ("users/qtaccess", "AuthScheme basic\nrequire user bob"),
        ("users/a.mov", ""),
        ("free/a.mov", ""),
    ]);
    let link = |from: &str, to: &Path| {
        std::os::unix::fs::symlink(to, folder.path().join(from)).unwrap();
    };
    link("in.mov", &folder.path().join("users/a.mov"));
    link("folder", &folder.path().join("users"));
    link("out.mov", &outside.path().join("a.mov"));
    link("users/free.mov", &folder.path().join("free/a.mov"));
    link("users/out.mov", &outside.path().join("a.mov"));
    let expected = [
        ("in.mov", "401", "bob"),
        ("folder/a.mov", "401", "bob"),
        ("folder/channel", "401", "bob"),
        ("out.mov", "ann", "401"),
        ("users/free.mov", "401", "bob"),
        ("users/out.mov", "401", "401"),
        ("free/a.mov", "open", "open"),
    ];
    assert_verdicts(&gate, &expected).await;
}

#[tokio::test]
async fn all_readings_must_be_allowed() {
    let (_folder, gate) = folder(&[("b/qtaccess", "require user ann")]);
    let attempt = attempt(None);
    let both = [name("a"), name("b/a")];
    let decided = gate.may_watch(&both, &attempt).await;
    assert!(matches!(decided, Verdict::Challenge(_)), "{decided:?}");
    let names = [name("a"), name("b"), name("b/c")].into();
    let shown = gate.as_open_as(&name(""), names).await;
    assert_eq!(shown, [name("a")].into());
    let names = [name("a"), name("b/c")].into();
    assert_eq!(gate.as_open_as(&name("b"), names).await.len(), 2);
}

/// What a client answers to a challenge.
struct Login {
    user: &'static str,
    algorithm: Algorithm,
    ha1: &'static str,
    uri: &'static str,
    method: &'static str,
    count: Option<u32>,
}

const LOGIN: Login = Login {
    user: "ann",
    algorithm: Algorithm::Sha256,
    ha1: ANN.1,
    uri: "/a",
    method: "GET",
    count: Some(1),
};

impl Login {
    fn header(&self, nonce: &str) -> String {
        let count = self.count.map(|number| Count {
            spelled: format!("{number:08x}"),
            number,
            client_nonce: "c".to_owned(),
        });
        let counted = match &count {
            Some(count) => format!(", qop=auth, nc={}, cnonce=\"c\"", count.spelled),
            None => String::new(),
        };
        let answer = Answer {
            user: self.user.to_owned(),
            realm: "Films".to_owned(),
            nonce: nonce.to_owned(),
            uri: self.uri.to_owned(),
            algorithm: self.algorithm,
            count,
            response: String::new(),
        };
        let response = answer.expected(self.ha1, self.method);
        format!(
            "Digest username=\"{}\", realm=\"Films\", nonce=\"{nonce}\", uri=\"{}\", algorithm={}, response=\"{response}\"{counted}",
            self.user,
            self.uri,
            self.algorithm.name()
        )
    }
}

/// The challenges to one who says `authorization`.
async fn challenges(gate: &Arc<Gate>, attempt: &Attempt<'_>) -> Vec<String> {
    match gate.may_watch(&[name("a")], attempt).await {
        Verdict::Challenge(challenges) => challenges,
        other => panic!("{other:?}"),
    }
}

fn nonce_of(challenge: &str) -> String {
    let (_, nonce) = challenge.split_once("nonce=\"").unwrap();
    nonce.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn digest_lets_in_who_knows_the_password() {
    let (_folder, gate) = folder(&[("qtaccess", "require user ann")]);
    let asked = challenges(&gate, &attempt(None)).await;
    assert!(asked[0].contains("algorithm=SHA-256"), "{asked:?}");
    assert!(asked[1].contains("algorithm=MD5"), "{asked:?}");
    let nonce = nonce_of(&asked[0]);
    let md5 = Login {
        algorithm: Algorithm::Md5,
        ha1: ANN.0,
        count: Some(2),
        ..LOGIN
    };
    for login in [LOGIN, md5] {
        let header = login.header(&nonce);
        assert_eq!(verdict(&gate, "a", Some(&header)).await, "ann");
        // Once is enough.
        let again = challenges(&gate, &attempt(Some(&header))).await;
        assert!(again[0].ends_with(", stale=true"), "{again:?}");
    }
    for (login, what) in [
        (
            Login {
                ha1: ANN.0,
                ..LOGIN
            },
            "a wrong password",
        ),
        (
            Login {
                user: "eve",
                ..LOGIN
            },
            "nobody",
        ),
        (
            Login {
                user: "bob",
                ha1: BOB.1,
                ..LOGIN
            },
            "who may not",
        ),
        (Login { uri: "/b", ..LOGIN }, "of another URL"),
        (
            Login {
                method: "HEAD",
                ..LOGIN
            },
            "of another method",
        ),
        (
            Login {
                count: None,
                ..LOGIN
            },
            "without a count",
        ),
    ] {
        let login = Login {
            count: login.count.map(|_| 7),
            ..login
        };
        let header = login.header(&nonce);
        let again = challenges(&gate, &attempt(Some(&header))).await;
        assert!(!again[0].contains("stale"), "{what}: {again:?}");
    }
    let basic = basic("ann", "secret");
    assert_eq!(verdict(&gate, "a", Some(&basic)).await, "401");
    let foreign = LOGIN.header(&"0".repeat(64));
    let again = challenges(&gate, &attempt(Some(&foreign))).await;
    assert!(again[0].ends_with(", stale=true"), "{again:?}");
}

#[tokio::test]
async fn old_players_log_in_by_rtsp() {
    let (_folder, gate) = folder(&[("qtaccess", "require user ann")]);
    let names = [name("a.mov")];
    let old = |authorization| Attempt {
        method: "DESCRIBE",
        about: About::Names {
            spelled: "/a.mov?x",
            names: &names,
        },
        client: Client::Old,
        ..attempt(authorization)
    };
    let asked = challenges(&gate, &old(None)).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(!asked[0].contains("qop"), "{asked:?}");
    let login = Login {
        algorithm: Algorithm::Md5,
        ha1: ANN.0,
        uri: "rtsp://h/a.mov",
        method: "DESCRIBE",
        count: None,
        ..LOGIN
    };
    let nonce = nonce_of(&asked[0]);
    let header = login.header(&nonce);
    let decided = gate.may_watch(&[name("a")], &old(Some(&header))).await;
    assert_eq!(decided, Verdict::User("ann".to_owned()));
    let elsewhere = Attempt {
        peer: "192.0.2.2".parse().unwrap(),
        ..old(Some(&header))
    };
    let again = challenges(&gate, &elsewhere).await;
    assert!(again[0].ends_with(", stale=true"), "{again:?}");
    let other = Login {
        uri: "rtsp://h/b.mov",
        ..login
    };
    let other = other.header(&nonce);
    let again = challenges(&gate, &old(Some(&other))).await;
    assert!(!again[0].contains("stale"), "{again:?}");
}

#[tokio::test]
async fn basic_shows_its_own_realm() {
    let text = "AuthScheme basic\nAuthName \"Members only\"\nrequire valid-user";
    let (_folder, gate) = folder(&[("qtaccess", text)]);
    let asked = challenges(&gate, &attempt(None)).await;
    assert_eq!(asked, ["Basic realm=\"Members only\""]);
    let digest = LOGIN.header("n");
    assert_eq!(verdict(&gate, "a", Some(&digest)).await, "401");
}

#[tokio::test]
async fn the_settings_say_how_users_log_in_where_no_file_does() {
    let (folder, gate) = folder(&[
        ("qtgroups", "broadcaster: ann"),
        ("silent/qtaccess", "require user ann"),
        ("digest/qtaccess", "AuthScheme digest\nrequire user ann"),
        ("basic/qtaccess", "AuthScheme basic\nrequire user ann"),
    ]);
    let ann = basic("ann", "secret");
    for (scheme, expected) in [
        (Scheme::Digest, ["401", "401", "ann", "401"]),
        (Scheme::Basic, ["ann", "401", "ann", "ann"]),
    ] {
        let files = Files {
            users: vec![folder.path().join("qtusers")],
            groups: vec![folder.path().join("qtgroups")],
            scheme,
            ..Files::default()
        };
        gate.configure(Settings {
            files,
            ..Settings::default()
        });
        let mut found = Vec::new();
        for path in ["silent/a", "digest/a", "basic/a"] {
            found.push(verdict(&gate, path, Some(&ann)).await);
        }
        found.push(published(&gate, "live", "192.0.2.1", Some(&ann)).await);
        assert_eq!(found, expected, "{scheme:?}");
    }
}

/// The verdict in a word for one who wants to publish.
async fn published(
    gate: &Arc<Gate>,
    path: &str,
    peer: &str,
    authorization: Option<&str>,
) -> String {
    let ip: IpAddr = peer.parse().unwrap();
    let caller = Caller::at(Peer::direct((ip, 9).into()));
    let attempt = attempt(authorization);
    in_a_word(gate.may_publish(&name(path), &caller, &attempt).await)
}

#[tokio::test]
async fn others_publish_as_files_say() {
    let (_folder, gate) = folder(&[
        ("qtgroups", "broadcaster: bob"),
        ("basic/qtaccess", "AuthScheme basic\nrequire user ann"),
        (
            "ann/qtaccess",
            "AuthScheme basic\nrequire any-user\n<Limit WRITE>\nrequire user ann\n</Limit>",
        ),
        (
            "all/qtaccess",
            "require any-user\n<Limit WRITE>\nrequire any-user\n</Limit>",
        ),
        ("bad/qtaccess", "reqire user ann"),
        ("lost/qtaccess", "AuthGroupFile none\nrequire any-user"),
    ]);
    let (ann, bob) = (basic("ann", "secret"), basic("bob", "hidden"));
    for (path, stranger, ann_is, bob_is) in [
        // Without a file, by Digest.
        ("live", "401", "401", "401"),
        ("basic/live", "401", "401", "bob"),
        ("ann/live", "401", "ann", "401"),
        ("ann", "401", "ann", "401"),
        ("ann.sdp", "401", "ann", "401"),
        ("all/live", "open", "open", "open"),
        ("bad/live", "403", "403", "403"),
        ("lost/live", "403", "403", "403"),
    ] {
        for (login, expected) in [(None, stranger), (Some(&ann), ann_is), (Some(&bob), bob_is)] {
            let login = login.map(String::as_str);
            let found = published(&gate, path, "192.0.2.1", login).await;
            assert_eq!(found, expected, "{path} {login:?}");
            assert_eq!(published(&gate, path, "127.0.0.1", login).await, "open");
        }
    }
    let bare = tempfile::tempdir().unwrap();
    let gate = Gate::new(
        bare.path().to_owned(),
        Settings::default(),
        Arc::new(Nothing),
        Clock::start(),
    );
    assert_eq!(
        published(&gate, "live", "192.0.2.1", Some(&bob)).await,
        "403"
    );
}

#[tokio::test]
async fn passwords_are_not_found_by_trying() {
    let (_folder, gate) = folder(&[
        ("qtaccess", "AuthScheme basic\nrequire user ann"),
        ("open/qtaccess", "require any-user"),
        ("digest/qtaccess", "require user ann"),
    ]);
    let (right, wrong) = (basic("ann", "secret"), basic("ann", "x"));
    let unlisted = basic("bob", "hidden");
    for _ in 0..20 {
        assert_eq!(verdict(&gate, "a", Some(&right)).await, "ann");
        assert_eq!(verdict(&gate, "a", Some(&unlisted)).await, "401");
        assert_eq!(verdict(&gate, "digest/a", Some(&right)).await, "401");
        assert_eq!(verdict(&gate, "a", Some(&wrong)).await, "401");
    }
    assert_eq!(verdict(&gate, "a", Some(&wrong)).await, "429");
    assert_eq!(verdict(&gate, "a", Some(&right)).await, "429");
    assert_eq!(verdict(&gate, "a", None).await, "401");
    assert_eq!(verdict(&gate, "open/a", Some(&wrong)).await, "open");
    let neighbour = Attempt {
        peer: "192.0.2.2".parse().unwrap(),
        ..attempt(Some(&right))
    };
    let decided = gate.may_watch(&[name("a")], &neighbour).await;
    assert_eq!(decided, Verdict::User("ann".to_owned()));
}

#[tokio::test]
async fn a_pass_to_a_group_is_good_while_its_variants_keep_their_rules() {
    let (_folder, gate) = folder(&[
        ("ann/qtaccess", "require user ann"),
        ("both/qtaccess", "require valid-user"),
    ]);
    let names = |texts: &[&str]| texts.iter().copied().map(name).collect::<Vec<_>>();
    let honours = async |pass: &str, texts: &[&str]| {
        let names = names(texts);
        let honoured = gate.honours(pass, &names, &names[0], &attempt(None)).await;
        honoured == Some(Verdict::Open)
    };
    let (group, member) = (["news", "ann/live"], ["both/live", "ann/live"]);
    let pass = gate.pass(&names(&group), "ann").await.unwrap();
    assert!(honours(&pass, &group).await);
    assert!(!honours(&pass, &["ann/live"]).await);
    assert_eq!(gate.pass(&names(&group), "bob").await, None);
    // Made before the guarded channel was a variant.
    let early = gate.pass(&names(&member[..1]), "bob").await.unwrap();
    assert!(honours(&early, &member[..1]).await);
    assert!(!honours(&early, &member).await);
}

#[tokio::test]
async fn who_may_not_come_is_asked_for_nothing() {
    let (_folder, gate) = folder(&[("a/qtaccess", "AuthScheme basic\nrequire user ann")]);
    let ann = basic("ann", "secret");
    let pass = gate.pass(&[name("a")], "ann").await.unwrap();
    let deny = |network: &str| Networks {
        deny: vec![network.parse().unwrap()],
        ..Networks::default()
    };
    for (watch, publish, watches, has_pass, publishes) in [
        ("198.51.100.0/24", "198.51.100.0/24", "ann", true, "open"),
        ("192.0.2.0/24", "198.51.100.0/24", "foreign", false, "open"),
        ("198.51.100.0/24", "127.0.0.0/8", "ann", true, "foreign"),
    ] {
        gate.set_networks(ClientNetworks {
            watch: deny(watch),
            publish: deny(publish),
            ..ClientNetworks::default()
        });
        assert_eq!(verdict(&gate, "a", Some(&ann)).await, watches);
        let names = [name("a")];
        let honoured = gate.honours(&pass, &names, &names[0], &attempt(None)).await;
        assert_eq!(honoured, has_pass.then_some(Verdict::Open));
        let found = published(&gate, "b", "127.0.0.1", None).await;
        assert_eq!(found, publishes);
    }
}

#[tokio::test]
async fn a_publisher_learns_when_it_may_come_no_more() {
    let (_folder, gate) = folder(&[]);
    let mut until = std::pin::pin!(gate.until_foreign("192.0.2.1".parse().unwrap()));
    assert!(futures::poll!(&mut until).is_pending());
    let publish = Networks {
        allow: vec!["198.51.100.0/24".parse().unwrap()],
        ..Networks::default()
    };
    gate.set_networks(ClientNetworks {
        publish,
        ..ClientNetworks::default()
    });
    until.await;
}

/// Whether who comes from `peer` may administer, in a word.
async fn administers(
    gate: &Arc<Gate>,
    peer: &str,
    authorization: Option<&str>,
    is_encrypted: bool,
) -> String {
    let ip: IpAddr = peer.parse().unwrap();
    let caller = Caller::at(Peer::direct((ip, 9).into()));
    let attempt = attempt(authorization);
    let verdict = gate.may_administer(&caller, &attempt, is_encrypted);
    in_a_word(verdict.await)
}

#[tokio::test]
async fn administrators_log_in_as_the_connection_allows() {
    let (_folder, gate) = folder(&[("qtgroups", "admin: ann\nbroadcaster: bob\n")]);
    let (ann, bob) = (basic("ann", "secret"), basic("bob", "hidden"));
    for (peer, authorization, in_the_clear, by_tls) in [
        ("127.0.0.1", None, "open", "open"),
        ("192.0.2.1", None, "401", "401"),
        ("192.0.2.1", Some(&*ann), "401", "ann"),
        ("192.0.2.1", Some(&*bob), "401", "401"),
    ] {
        for (is_encrypted, expected) in [(false, in_the_clear), (true, by_tls)] {
            let found = administers(&gate, peer, authorization, is_encrypted).await;
            assert_eq!(found, expected, "{peer} {authorization:?} {is_encrypted}");
        }
    }
    let admin = Networks {
        deny: vec!["192.0.2.0/24".parse().unwrap()],
        ..Networks::default()
    };
    gate.set_networks(ClientNetworks {
        admin,
        ..ClientNetworks::default()
    });
    assert_eq!(
        administers(&gate, "192.0.2.1", Some(&ann), true).await,
        "foreign"
    );
}

#[tokio::test]
async fn the_file_of_the_movies_folder_says_how_administrators_log_in() {
    let ann = basic("ann", "secret");
    for (access, expected) in [
        ("require any-user", "401"),
        ("AuthScheme basic\nrequire user bob", "ann"),
        (
            "AuthScheme basic\nAuthUserFile none\nrequire any-user",
            "403",
        ),
        ("reqire valid-user", "403"),
    ] {
        let (_folder, gate) = folder(&[("qtgroups", "admin: ann\n"), ("qtaccess", access)]);
        let found = administers(&gate, "192.0.2.1", Some(&ann), false).await;
        assert_eq!(found, expected, "{access}");
    }
}
