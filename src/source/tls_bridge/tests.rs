use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::wire::rtsp::Method;

const LOCAL: &str = "rtsp://127.0.0.1:5000/word";

fn dialogue(credentials: bool) -> Dialogue {
    Dialogue {
        local: LOCAL.to_owned(),
        camera: Url::parse("rtsps://camera:322/live").unwrap(),
        credentials: credentials.then(|| Credentials {
            user: "admin".to_owned(),
            password: "secret".to_owned(),
        }),
        login: None,
    }
}

fn request(uri: &str) -> Request {
    let mut request = Request::new(Method::Describe, uri);
    request.headers.push("CSeq", "1");
    request
}

fn uri_after(uri: &str) -> String {
    match dialogue(false).rewrite(Message::Request(request(uri))) {
        Message::Request(request) => request.uri,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_cameras_url_stands_where_retina_says_its_own() {
    assert_eq!(uri_after(LOCAL), "rtsps://camera:322/live");
    let track = format!("{LOCAL}/trackID=1");
    assert_eq!(uri_after(&track), "rtsps://camera:322/live/trackID=1");
    assert_eq!(uri_after("rtsps://camera/x"), "rtsps://camera/x");
}

/// A camera that answers the requests it gets with `answers`; returns the requests.
async fn camera(mut stream: DuplexStream, answers: &[&str]) -> Vec<Request> {
    let mut requests = Vec::new();
    let (reader, mut writer) = split(&mut stream);
    let mut inlet = Inlet::new(reader);
    for answer in answers {
        match inlet.next().await.unwrap() {
            Some(Message::Request(request)) => requests.push(request),
            other => panic!("{other:?}"),
        }
        writer.write_all(answer.as_bytes()).await.unwrap();
    }
    requests
}

async fn describe(dialogue: &mut Dialogue, answers: &[&str]) -> (Response, Vec<Request>) {
    let (here, there) = duplex(10_000);
    let (down, mut up) = split(here);
    let mut inlet = Inlet::new(down);
    let (answer, requests) = tokio::join!(
        dialogue.describe(request(LOCAL), &mut inlet, &mut up),
        camera(there, answers),
    );
    (answer.unwrap(), requests)
}

const CHALLENGE: &str = "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\
                         WWW-Authenticate: Basic realm=\"camera\"\r\n\
                         WWW-Authenticate: Digest realm=\"camera\", nonce=\"0123\"\r\n\r\n";
const FINE: &str = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";

#[tokio::test]
async fn a_challenge_is_answered_for_the_cameras_url() {
    let mut dialogue = dialogue(true);
    let (answer, requests) = describe(&mut dialogue, &[CHALLENGE, FINE]).await;
    assert_eq!(answer.status, Status::OK);
    assert_eq!(requests[0].headers.get("Authorization"), None);
    let login = requests[1].headers.get("Authorization").unwrap();
    assert!(login.starts_with("Digest "), "{login}");
    assert!(login.contains("uri=\"rtsps://camera:322/live\""), "{login}");

    let next = dialogue.rewrite(Message::Request(request("rtsps://camera/live/1")));
    let Message::Request(next) = next else {
        panic!("{next:?}")
    };
    let login = next.headers.get("Authorization").unwrap();
    assert!(login.contains("uri=\"rtsps://camera/live/1\""), "{login}");
}

#[tokio::test]
async fn a_refusal_is_passed_on() {
    let (answer, _) = describe(&mut dialogue(true), &[CHALLENGE, CHALLENGE]).await;
    assert_eq!(answer.status, UNAUTHORIZED);
    let (answer, _) = describe(&mut dialogue(false), &[CHALLENGE]).await;
    assert_eq!(answer.status, UNAUTHORIZED);
}

#[tokio::test]
async fn only_who_knows_the_secret_word_gets_through() {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(here, &Permits::new(1)).unwrap();
    let connect = || TcpStream::connect(listener.local_addr());
    let mut stranger = connect().await.unwrap();
    let guess = b"DESCRIBE rtsp://127.0.0.1:5000/guess RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    stranger.write_all(guess).await.unwrap();
    let mut retina = connect().await.unwrap();
    let right = format!("DESCRIBE {LOCAL} RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    retina.write_all(right.as_bytes()).await.unwrap();
    let (_connection, first) = greet(&listener, LOCAL).await.unwrap();
    assert_eq!(first.cseq(), Some("2"));
    assert_eq!(stranger.read(&mut [0; 10]).await.unwrap_or(0), 0);
}
