//! Credentials, requests and files that are not as they should be: none of them opens anything.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::access::{HA1, hex};
use super::bad_spellings::{ANN, House, say};

/// A movie that `ann`, whose password is `secret`, may watch.
const GUARDED: &str = "/secret/clock.mp4";

/// By how a client is told that it may not: it has to log in, it makes no sense, it may not, there is
/// no such thing, or not by that method; it has to say less, or something else; that is not done here.
const REFUSALS: [u16; 9] = [400, 401, 403, 404, 405, 413, 415, 431, 501];

fn basic(login: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

/// What is no login of anybody by Basic.
fn wrong_passwords() -> Vec<(&'static str, Vec<u8>)> {
    let right = STANDARD.encode("ann:secret");
    let is = |text: String| text.into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("a scheme alone", is("Basic".to_owned())),
        ("a blank", is("Basic ".to_owned())),
        ("no colon", is(basic("annsecret"))),
        ("a user alone", is(basic("ann"))),
        ("no password", is(basic("ann:"))),
        ("no user", is(basic(":secret"))),
        ("neither", is(basic(":"))),
        ("the other way round", is(basic("secret:ann"))),
        ("a NUL at the end", is(basic("ann:secret\0"))),
        ("a NUL after the user", is(basic("ann\0:secret"))),
        ("a NUL in front", is(basic("\0ann:secret"))),
        ("a line end at the end", is(basic("ann:secret\n"))),
        (
            "CRLF and a field",
            is(basic("ann\r\nX-Remote-User: ann:secret")),
        ),
        ("a blank at the end", is(basic("ann:secret "))),
        ("a blank in front", is(basic(" ann:secret"))),
        ("a blank before the colon", is(basic("ann :secret"))),
        ("another case of the user", is(basic("ANN:secret"))),
        ("another case of the password", is(basic("ann:Secret"))),
        ("more", is(basic("ann:secret:x"))),
        ("less", is(basic("ann:secre"))),
        ("the user twice", is(basic("ann:ann:secret"))),
        ("the hash for the password", is(basic(format!("ann:{HA1}")))),
        ("the line of the file", is(basic(format!("ann:x:{HA1}")))),
        ("the crypt field", is(basic("ann:x"))),
        ("the realm", is(basic("realm:Films"))),
        ("bytes that are no UTF-8", is(basic(b"ann:secret\xff"))),
        ("a user that is no UTF-8", is(basic(b"ann\xc0\x80:secret"))),
        ("letters that look alike", is(basic("аnn:secret"))),
        ("an accent of its own", is(basic("ann\u{301}:secret"))),
        ("encoded twice", is(basic(basic("ann:secret")))),
        ("not encoded", is("Basic ann:secret".to_owned())),
        ("percent-encoded", is("Basic ann%3Asecret".to_owned())),
        (
            "no padding",
            is(format!("Basic {}", STANDARD_NO_PAD.encode("ann:secret"))),
        ),
        ("too much padding", is(format!("Basic {right}="))),
        (
            "the letters of URLs",
            is(format!("Basic {}", URL_SAFE.encode("ann:ÿþ?>secret"))),
        ),
        (
            "a blank within",
            is(format!("Basic {} {}", &right[..8], &right[8..])),
        ),
        (
            "something behind",
            is(format!("Basic {right}, Basic {right}")),
        ),
        ("a parameter", is(format!("Basic realm=\"Films\", {right}"))),
        ("as a token", is(format!("Bearer {right}"))),
        ("as Digest", is(format!("Digest {right}"))),
        ("a scheme with a colon", is(format!("Basic: {right}"))),
        ("a tab", is(format!("Basic\t{right}"))),
        ("a control character", is(format!("Basic \x01{right}"))),
        ("an encoded NUL", is(format!("Basic {right}\\0"))),
        ("raw bytes", b"Basic \xff\xfe\xfd".to_vec()),
        ("6 KB", is(basic(format!("ann:{}", "x".repeat(4500))))),
        (
            "12 KB of the user",
            is(basic(format!("{}:secret", "a".repeat(9000)))),
        ),
        ("1 MB", is(basic(format!("ann:{}", "x".repeat(750_000))))),
        (
            "1 MB of blanks",
            [b"Basic ".to_vec(), vec![b' '; 1 << 20], right.into()].concat(),
        ),
    ]
}

#[tokio::test]
async fn what_is_no_password_lets_nobody_in() {
    let house = House::start();
    let (rtsp, http) = (house.server.address, house.server.http);
    for (what, login) in wrong_passwords() {
        for (address, start) in [
            (
                http,
                format!("GET {GUARDED} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"),
            ),
            (
                http,
                format!("GET {GUARDED}/index.m3u8 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"),
            ),
            (
                http,
                "PUT /secret/radio HTTP/1.1\r\nHost: elsewhere\r\nContent-Type: audio/mpeg\r\n"
                    .to_owned(),
            ),
            (
                rtsp,
                format!("DESCRIBE rtsp://h{GUARDED} RTSP/1.0\r\nCSeq: 7\r\n"),
            ),
        ] {
            let field = [b"Authorization: ", &login[..], b"\r\n\r\n"].concat();
            let said = say(address, [start.as_bytes(), &field].concat()).await;
            let is_refused = said.statuses.iter().all(|status| REFUSALS.contains(status));
            assert!(is_refused && !said.has_media(), "{what}, {start}: {said:?}");
        }
    }
    let login = format!(
        "GET {GUARDED} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: {ANN}\r\n"
    );
    assert_eq!(say(http, format!("{login}\r\n")).await.statuses, [200]);
    // Of two, which would count?
    let twice = format!("{login}Authorization: {ANN}\r\n\r\n");
    assert_eq!(say(http, twice).await.statuses, [401]);
}

/// What a client that knows the password of `ann` would answer by Digest.
#[derive(Clone)]
struct Answer {
    method: &'static str,
    ha1: String,
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    qop: &'static str,
    count: &'static str,
    client_nonce: &'static str,
    /// More parameters.
    more: &'static str,
}

impl Answer {
    fn header(&self) -> String {
        let Self {
            ha1,
            user,
            realm,
            nonce,
            uri,
            qop,
            count,
            client_nonce,
            more,
            ..
        } = self;
        let ha2 = hex(&format!("{}:{uri}", self.method));
        let response = hex(&format!("{ha1}:{nonce}:{count}:{client_nonce}:{qop}:{ha2}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", qop={qop}, nc={count}, cnonce=\"{client_nonce}\"{more}\r\n"
        )
    }
}

/// How an answer can be wrong.
type Fault = (&'static str, fn(&mut Answer));

const FAULTS: [Fault; 38] = [
    ("an empty nonce", |answer| answer.nonce.clear()),
    ("a nonce of zeros", |answer| answer.nonce = "0".repeat(64)),
    ("a nonce that is cut", |answer| answer.nonce.truncate(63)),
    ("a longer nonce", |answer| answer.nonce.push('0')),
    ("a nonce from another time", |answer| {
        answer.nonce.replace_range(..16, "00000000000f4240");
    }),
    ("a nonce that was never made", |answer| {
        answer.nonce.replace_range(..8, "ffffffff");
    }),
    ("a nonce with a sign", |answer| {
        answer.nonce.replace_range(..1, "+")
    }),
    ("another mark", |answer| {
        answer.nonce.replace_range(32.., &"5".repeat(32))
    }),
    ("a nonce that is no ASCII", |answer| {
        answer.nonce = "é".repeat(32)
    }),
    ("another realm", |answer| answer.realm = "Clips".to_owned()),
    ("no realm", |answer| answer.realm.clear()),
    ("the realm in another case", |answer| {
        answer.realm = "films".to_owned()
    }),
    ("another user", |answer| answer.user = "bob".to_owned()),
    ("no user", |answer| answer.user.clear()),
    ("the user with a NUL", |answer| {
        answer.user = "ann\0".to_owned()
    }),
    ("the user in another case", |answer| {
        answer.user = "Ann".to_owned()
    }),
    ("another password", |answer| {
        answer.ha1 = hex("ann:Films:Secret")
    }),
    ("no password", |answer| answer.ha1 = hex("ann:Films:")),
    ("an empty hash", |answer| answer.ha1.clear()),
    ("the hash in another case", |answer| {
        answer.ha1 = answer.ha1.to_uppercase()
    }),
    ("another path", |answer| {
        answer.uri = "/open/clock.mp4".to_owned()
    }),
    ("another spelling of the path", |answer| {
        answer.uri = "//digest/clock.mp4".to_owned()
    }),
    ("a path with a query", |answer| answer.uri.push_str("?x")),
    ("no path", |answer| answer.uri.clear()),
    ("an absolute URL", |answer| {
        answer.uri.insert_str(0, "http://h")
    }),
    ("another method", |answer| answer.method = "HEAD"),
    ("another quality", |answer| answer.qop = "auth-int"),
    ("an unknown quality", |answer| answer.qop = "x"),
    ("a count of 0", |answer| answer.count = "00000000"),
    ("a short count", |answer| answer.count = "1"),
    ("a count with a sign", |answer| answer.count = "+0000001"),
    ("a count that is none", |answer| answer.count = "0000000g"),
    ("a long count", |answer| answer.count = "100000001"),
    ("a session of hashes", |answer| {
        answer.more = ", algorithm=MD5-sess"
    }),
    ("an algorithm that is not offered", |answer| {
        answer.more = ", algorithm=SHA-256"
    }),
    ("two users", |answer| answer.more = ", username=\"bob\""),
    ("two responses", |answer| answer.more = ", response=\"x\""),
    ("an end that is missing", |answer| {
        answer.more = ", opaque=\"x"
    }),
];

#[tokio::test]
async fn what_is_no_answer_to_a_challenge_lets_nobody_in() {
    let (house, other) = (House::start(), House::start());
    for house in [&house, &other] {
        let place = house.root().join("digest");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("qtaccess"), "require user ann").unwrap();
        fs::copy(house.root().join("open/clock.mp4"), place.join("clock.mp4")).unwrap();
    }
    let uri = "/digest/clock.mp4";
    let ask = async |house: &House, login: &str| {
        let head = format!("GET {uri} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{login}\r\n");
        say(house.server.http, head).await
    };
    let nonce = async |house: &House| {
        let said = ask(house, "").await;
        let (_, nonce) = said.text.split_once("nonce=\"").expect("a challenge");
        nonce.split('"').next().unwrap().to_owned()
    };
    let right = async |house: &House| Answer {
        method: "GET",
        ha1: HA1.to_owned(),
        user: "ann".to_owned(),
        realm: "Films".to_owned(),
        nonce: nonce(house).await,
        uri: uri.to_owned(),
        qop: "auth",
        count: "00000001",
        client_nonce: "c",
        more: "",
    };
    for (what, change) in FAULTS {
        let mut answer = right(&house).await;
        change(&mut answer);
        let said = ask(&house, &answer.header()).await;
        let is_refused = said.statuses.iter().all(|status| REFUSALS.contains(status));
        assert!(is_refused && !said.has_media(), "{what}: {said:?}");
    }
    let foreign = right(&other).await.header();
    assert_eq!(ask(&house, &foreign).await.statuses, [401]);
    let login = right(&house).await.header();
    let status = ask(&house, &login).await.statuses[0];
    assert!(status == 200 || status == 404, "{status}");
    assert_eq!(ask(&house, &login).await.statuses, [401]);
    let twice = right(&house).await.header().repeat(2);
    assert_eq!(ask(&house, &twice).await.statuses, [401]);
}

/// Requests that mean one thing to one reader and another to the next; those to the port of RTSP are
/// sent to that of HTTP too. None may be answered with media, or with a success but those told.
const REQUESTS: [(&str, &str, &[u16]); 46] = [
    (
        "two requests at once",
        "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nGET /secret/clock.mp4?json HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a request in a body",
        "GET /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 46\r\n\r\nGET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a login in a body",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nContent-Length: 39\r\n\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n",
        &[],
    ),
    (
        "a login in a trailer",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n",
        &[],
    ),
    (
        "a login in the target",
        "GET http://ann:secret@h/secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a login in the query",
        "GET /secret/clock.mp4?Authorization=Basic%20YW5uOnNlY3JldA== HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a login in a cookie",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nCookie: Authorization=Basic YW5uOnNlY3JldA==\r\n\r\n",
        &[],
    ),
    (
        "a login for a proxy",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n",
        &[],
    ),
    (
        "a user who is told",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nX-Remote-User: ann\r\nRemote-User: ann\r\n\r\n",
        &[],
    ),
    (
        "another path behind a proxy",
        "GET /nothing HTTP/1.1\r\nHost: h\r\nX-Original-URL: /secret/clock.mp4\r\nX-Rewrite-URL: /secret/clock.mp4\r\n\r\n",
        &[],
    ),
    (
        "another method",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: OPTIONS\r\n\r\n",
        &[],
    ),
    (
        "a pass that is none",
        "GET /secret/clock.mp4/index.m3u8?pass=ffffffff.YW5u.AAAA HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a pass that is empty",
        "GET /secret/clock.mp4/index.m3u8?pass= HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a pass that is long",
        "GET /secret/clock.mp4/index.m3u8?pass={long} HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a pass of bytes",
        "GET /secret/clock.mp4/index.m3u8?pass=%00.%ff.%0a HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a folded field",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nX: y\r\n Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n",
        &[],
    ),
    (
        "a line feed in the target",
        "GET /nothing\n/secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a NUL in the target",
        "GET /nothing\0/../secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a NUL in a field",
        "GET /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n",
        &[],
    ),
    (
        "a blank in the target",
        "GET /nothing /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    ("no version", "GET /secret/clock.mp4\r\n\r\n", &[]),
    (
        "an old version",
        "GET /secret/clock.mp4 HTTP/0.9\r\n\r\n",
        &[],
    ),
    (
        "two lengths",
        "PUT /secret/radio HTTP/1.1\r\nHost: x.example\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        &[],
    ),
    (
        "a length and chunks",
        "PUT /secret/radio HTTP/1.1\r\nHost: x.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[],
    ),
    (
        "two hosts",
        "PUT /secret/radio HTTP/1.1\r\nHost: x.example\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        &[],
    ),
    (
        "two origins",
        "PUT /secret/radio HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x.example\r\nOrigin: http://localhost\r\nContent-Length: 0\r\n\r\n",
        &[],
    ),
    (
        "an upload in an upload that is refused",
        "PUT /secret/radio HTTP/1.1\r\nHost: x.example\r\nContent-Length: 60\r\n\r\nPUT /radio HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        &[],
    ),
    (
        "a read on a connection of an upload",
        "PUT /radio HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nGET /secret/clock.mp4?json HTTP/1.1\r\nHost: h\r\n\r\n",
        &[200],
    ),
    (
        "a tunnel that a page opens",
        "GET /nothing HTTP/1.1\r\nHost: h\r\nx-sessioncookie: a\r\nOrigin: http://x.example\r\nConnection: close\r\n\r\nDESCRIBE /secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a tunnel that a page fills",
        "POST / HTTP/1.1\r\nHost: h\r\nx-sessioncookie: a\r\nOrigin: null\r\n\r\nREVTQ1JJQkUgL3NlY3JldC9jbG9jay5tcDQgUlRTUC8xLjANCkNTZXE6IDENCg0K",
        &[],
    ),
    (
        "a tunnel without a cookie",
        "POST / HTTP/1.0\r\nx-sessioncookie:\r\n\r\nREVTQ1JJQkUgL3NlY3JldC9jbG9jay5tcDQgUlRTUC8xLjANCkNTZXE6IDENCg0K",
        &[],
    ),
    (
        "a tunnel with a long cookie",
        "POST / HTTP/1.0\r\nx-sessioncookie: {long}\r\n\r\nREVTQ1JJQkU=",
        &[],
    ),
    (
        "a login at a tunnel",
        "GET / HTTP/1.0\r\nx-sessioncookie: login\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n",
        &[200],
    ),
    (
        "a tunnel in a tunnel",
        "GET /secret/clock.mp4 HTTP/1.0\r\nx-sessioncookie: nest\r\n\r\nGET /secret/clock.mp4 HTTP/1.0\r\n\r\n",
        &[200],
    ),
    (
        "requests that are not encoded",
        "POST /secret/clock.mp4 HTTP/1.0\r\nx-sessioncookie: plain\r\n\r\nDESCRIBE /secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "RTSP by the method of HTTP",
        "GET rtsp://h/secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "HTTP by the method of RTSP",
        "DESCRIBE /secret/clock.mp4 HTTP/1.1\r\nHost: h\r\n\r\n",
        &[],
    ),
    (
        "a fragment",
        "DESCRIBE rtsp://h/secret/clock.mp4#/../../open/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a path as a host",
        "DESCRIBE rtsp:///secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a path alone",
        "DESCRIBE /secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a path without its slash",
        "DESCRIBE secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a login in a URL of RTSP",
        "DESCRIBE rtsp://ann:secret@h/secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a session that is none",
        "PLAY rtsp://h/secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\nSession: 1\r\n\r\n",
        &[],
    ),
    (
        "PLAY without a session",
        "PLAY rtsp://h/secret/clock.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[],
    ),
    (
        "a body before the request",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 64\r\n\r\nDESCRIBE rtsp://h/open/clock.mp4 RTSP/1.0\r\nCSeq: 2\r\n\r\n0123456789DESCRIBE /secret/clock.mp4 RTSP/1.0\r\nCSeq: 3\r\n\r\n",
        &[200],
    ),
    (
        "a frame before the request",
        "$\0\0\x04abcdDESCRIBE /secret/clock.mp4 RTSP/1.0\r\nCSeq: 3\r\n\r\n",
        &[],
    ),
];

#[tokio::test]
async fn no_request_smuggles_another() {
    let house = House::start();
    for (what, request, successes) in REQUESTS {
        let request = request.replace("{long}", &"f".repeat(4000));
        for address in [house.server.http, house.server.address] {
            let said = say(address, &request).await;
            let mut statuses = said.statuses.iter();
            let is_refused = statuses.all(|status| *status >= 400 || successes.contains(status));
            // What QuickTime gets on the port of RTSP, which tells only where to ask.
            let is_reference = said.text.contains("\r\n\r\nrtsptext\r\n");
            let is_harmless = (is_refused || is_reference) && !said.has_media();
            assert!(is_harmless, "{what}: {said:?}");
        }
    }
    assert!(
        house.server.mounts.list().len() <= 2,
        "{:?}",
        house.server.mounts.list()
    );
}

#[tokio::test]
async fn files_with_a_fault_let_nobody_in() {
    let house = House::start();
    let files: [(&str, &[u8]); 24] = [
        ("empty", b""),
        ("blank", b" \t\r\n\n"),
        ("a comment", b"# require any-user\n"),
        ("no rule", b"AuthName \"x\"\n"),
        ("a keyword that is none", b"reqire user ann\n"),
        (
            "a keyword after the rule",
            b"require user ann\nAllow from all\n",
        ),
        (
            "a keyword of another server",
            b"AuthScheme basic\nrequire user ann\nSatisfy Any\n",
        ),
        ("nobody", b"require user\n"),
        ("whom", b"require\n"),
        (
            "a group without a name",
            b"AuthScheme basic\nrequire group\n",
        ),
        ("an unknown scheme", b"AuthScheme none\nrequire user ann\n"),
        ("no scheme", b"AuthScheme\nrequire user ann\n"),
        (
            "a quotation mark",
            b"AuthName \"x\nAuthScheme basic\nrequire user ann\n",
        ),
        (
            "words without marks",
            b"AuthName a b\nAuthScheme basic\nrequire user ann\n",
        ),
        (
            "a tag without its end",
            b"<Limit READ\nrequire any-user\n</Limit>\n",
        ),
        (
            "a section without its end",
            b"<Limit READ>\nrequire any-user\n",
        ),
        (
            "a section within a section",
            b"<Limit READ>\n<Limit WRITE>\nrequire any-user\n</Limit>\n</Limit>\n",
        ),
        (
            "a section of nothing",
            b"<Limit>\nrequire any-user\n</Limit>\n",
        ),
        (
            "an unknown section",
            b"<Files *>\nrequire any-user\n</Files>\n",
        ),
        (
            "only who publishes",
            b"<Limit WRITE>\nrequire any-user\n</Limit>\n",
        ),
        ("bytes that are no text", b"require any-user\n\xff\xfe\n"),
        (
            "text of two bytes a letter",
            b"r\0e\0q\0u\0i\0r\0e\0 \0a\0n\0y\0-\0u\0s\0e\0r\0",
        ),
        (
            "users that are nowhere",
            b"AuthUserFile nowhere\nAuthScheme basic\nrequire user ann\n",
        ),
        (
            "groups that are nowhere",
            b"AuthGroupFile nowhere\nAuthScheme basic\nrequire group x\n",
        ),
    ];
    let place = house.root().join("faulty");
    let begin = |name: &str| {
        let folder = place.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(
            house.root().join("open/clock.mp4"),
            folder.join("clock.mp4"),
        )
        .unwrap();
        folder.join("qtaccess")
    };
    let mut names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    for (name, text) in files {
        fs::write(begin(name), text).unwrap();
    }
    fs::create_dir(begin("a folder")).unwrap();
    symlink("nowhere", begin("a link to nowhere")).unwrap();
    symlink("qtaccess", begin("a link to itself")).unwrap();
    let made = Command::new("mkfifo").arg(begin("a pipe")).status();
    assert!(made.unwrap().success());
    fs::write(begin("17 MB"), vec![b'#'; 17 << 20]).unwrap();
    names.extend([
        "a folder",
        "a link to nowhere",
        "a link to itself",
        "a pipe",
        "17 MB",
    ]);
    for name in names {
        let path = format!("/faulty/{}/clock.mp4", name.replace(' ', "%20"));
        for login in [String::new(), format!("Authorization: {ANN}\r\n")] {
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{login}\r\n");
            let said = say(house.server.http, head).await;
            assert_eq!(said.statuses, [403], "{name}: {said:?}");
            let request = format!("DESCRIBE rtsp://h{path} RTSP/1.0\r\nCSeq: 7\r\n{login}\r\n");
            let said = say(house.server.address, request).await;
            assert_eq!(said.statuses, [403], "{name}: {said:?}");
        }
    }
}

#[tokio::test]
async fn no_channel_is_called_like_a_file_of_access() {
    let house = House::start();
    for name in [
        "/qtaccess",
        "/qtusers",
        "/qtgroups",
        "/QTAccess",
        "/%71taccess",
        "//qtaccess",
        "/./qtaccess",
        "/open/qtaccess",
        "/open/QTUSERS",
        "/qtaccess.sdp",
        "/qtaccess/live",
        "/.live",
        "/open/.live",
        "/%2elive",
        "/...",
        "/",
        "/open/..",
        "/a%00b",
        "/a%0d%0ab",
        "/a%2fb",
        "/a%5cb",
        "/a%ff",
    ] {
        let head = format!(
            "PUT {name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/mpeg\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let said = say(house.server.http, head).await;
        assert!(
            [[400], [403]].contains(&said.statuses[..].try_into().unwrap()),
            "{name}: {said:?}"
        );
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n";
        let length = sdp.len();
        let request = format!(
            "ANNOUNCE rtsp://h{name} RTSP/1.0\r\nCSeq: 7\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
        );
        let said = say(house.server.address, request).await;
        assert!(
            said.statuses.iter().all(|status| *status >= 400),
            "{name}: {said:?}"
        );
    }
    assert_eq!(house.server.mounts.list().len(), 1);
}
