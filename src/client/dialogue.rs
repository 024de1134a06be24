//! The client's side of an RTSP dialogue, without sockets: numbers requests, keeps the session, answers challenges.

use std::time::Duration;

use bytes::Bytes;
use http_auth::{PasswordClient, PasswordParams};

use super::Error;
use super::address::Address;
use crate::wire::header::session::SessionHeader;
use crate::wire::rtsp::{Method, Request, Response, Status};

/// What this client calls itself.
const USER_AGENT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// The timeout of a session whose server tells none (RFC 2326, 12.37).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A dialogue with one server.
#[derive(Debug)]
pub(super) struct Dialogue {
    credentials: Option<(String, String)>,
    challenge: Option<PasswordClient>,
    sequence: u32,
    session: Option<String>,
    timeout: Duration,
}

/// What an answer means for its request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was carried out.
    Done,
    /// The server wants to know who asks: this request says so.
    Again(Request),
}

impl Dialogue {
    /// A dialogue in which nothing was said.
    pub(super) fn new(address: &Address) -> Self {
        Self {
            credentials: address.credentials.clone(),
            challenge: None,
            sequence: 0,
            session: None,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// How long the server keeps the session without a sign of life.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request as it is to be sent.
    pub(super) fn ask(
        &mut self,
        method: Method,
        uri: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Request {
        let mut request = Request::new(method, uri);
        self.sequence += 1;
        request.headers.push("CSeq", self.sequence.to_string());
        request.headers.push("User-Agent", USER_AGENT);
        if let Some(session) = &self.session {
            request.headers.push("Session", session.as_str());
        }
        for (name, value) in headers {
            request.headers.push(*name, *value);
        }
        if let Some(value) = self.authorization(&request) {
            request.headers.push("Authorization", value);
        }
        request.body = body;
        request
    }

    /// Whether `response` answers `request`.
    pub(super) fn answers(request: &Request, response: &Response) -> bool {
        response.headers.get("CSeq").map(str::trim) == request.cseq()
    }

    /// Takes the answer to `request`.
    ///
    /// # Errors
    /// [`Error::Refused`] for a status other than 2xx, [`Error::Unauthorised`]
    /// when the server does not take the credentials, or there are none.
    pub(super) fn answered(
        &mut self,
        request: &Request,
        response: &Response,
    ) -> Result<Outcome, Error> {
        if let Some(session) = response.headers.get("Session").map(SessionHeader::read)
            && let Ok(session) = session
        {
            self.session = Some(session.id);
            self.timeout = session.timeout.unwrap_or(DEFAULT_TIMEOUT);
        }
        match response.status {
            Status(200..=299) => Ok(Outcome::Done),
            Status(401) if self.accept_challenge(request, response) => {
                Ok(Outcome::Again(self.repeat(request)))
            }
            Status(401) => Err(Error::Unauthorised),
            status => Err(Error::Refused {
                method: request.method.name().to_owned(),
                status,
            }),
        }
    }

    /// Whether the challenge can be answered, and was not answered already.
    fn accept_challenge(&mut self, request: &Request, response: &Response) -> bool {
        let answered = request.headers.get("Authorization").is_some();
        if self.credentials.is_none() || (answered && !is_stale(response)) {
            return false;
        }
        let challenges = response.headers.all("WWW-Authenticate");
        self.challenge = challenges
            .fold(PasswordClient::builder(), |builder, value| {
                builder.challenges(value)
            })
            .build()
            .ok();
        self.challenge.is_some()
    }

    fn repeat(&mut self, request: &Request) -> Request {
        let own = ["CSeq", "User-Agent", "Session", "Authorization"];
        let mut again = self.ask(
            request.method.clone(),
            &request.uri,
            &[],
            request.body.clone(),
        );
        for (name, value) in request.headers.iter() {
            if !own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                again.headers.push(name.to_owned(), value);
            }
        }
        again
    }

    fn authorization(&mut self, request: &Request) -> Option<String> {
        let (username, password) = self.credentials.as_ref()?;
        let params = PasswordParams {
            username,
            password,
            uri: &request.uri,
            method: request.method.name(),
            body: Some(&request.body),
        };
        self.challenge.as_mut()?.respond(&params).ok()
    }
}

/// Whether the password was right, and only the server's nonce too old (RFC 7616, 3.3).
fn is_stale(response: &Response) -> bool {
    let mut challenges = response.headers.all("WWW-Authenticate");
    challenges.any(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("stale=true") || value.contains("stale=\"true\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue(url: &str) -> Dialogue {
        Dialogue::new(&Address::read(url).unwrap())
    }

    fn describe(dialogue: &mut Dialogue) -> Request {
        dialogue.ask(
            Method::Describe,
            "rtsp://h/a",
            &[("Accept", "application/sdp")],
            Bytes::new(),
        )
    }

    fn response(status: u16, headers: &[(&'static str, &str)]) -> Response {
        let mut response = Response::new(Status(status));
        for (name, value) in headers {
            response.headers.push(*name, *value);
        }
        response
    }

    #[test]
    fn requests_are_numbered_and_bear_the_session() {
        let mut dialogue = dialogue("rtsp://h/a");
        let first = describe(&mut dialogue);
        assert_eq!(
            (first.cseq(), first.headers.get("Session")),
            (Some("1"), None)
        );
        let answer = response(200, &[("CSeq", "1"), ("Session", "12ab;timeout=30")]);
        assert!(Dialogue::answers(&first, &answer));
        assert!(matches!(
            dialogue.answered(&first, &answer),
            Ok(Outcome::Done)
        ));
        let second = describe(&mut dialogue);
        assert_eq!(
            (second.cseq(), second.headers.get("Session")),
            (Some("2"), Some("12ab"))
        );
        assert_eq!(dialogue.timeout(), Duration::from_secs(30));
        assert!(!Dialogue::answers(&second, &answer));
    }

    #[test]
    fn a_challenge_is_answered_once() {
        let mut dialogue = dialogue("rtsp://me:secret@h/a");
        let first = describe(&mut dialogue);
        assert_eq!(first.headers.get("Authorization"), None);
        let challenge = response(
            401,
            &[("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"")],
        );
        let Ok(Outcome::Again(second)) = dialogue.answered(&first, &challenge) else {
            panic!("the request is repeated");
        };
        let authorization = second.headers.get("Authorization").unwrap();
        assert!(authorization.starts_with("Digest "), "{authorization}");
        assert!(
            authorization.contains("uri=\"rtsp://h/a\""),
            "{authorization}"
        );
        assert_eq!(second.headers.get("Accept"), Some("application/sdp"));
        assert_eq!(second.cseq(), Some("2"));
        let refused = dialogue.answered(&second, &challenge);
        assert!(matches!(refused, Err(Error::Unauthorised)));
    }

    #[test]
    fn an_old_nonce_is_replaced() {
        let mut dialogue = dialogue("rtsp://me:secret@h/a");
        let first = describe(&mut dialogue);
        let challenge = response(
            401,
            &[("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"")],
        );
        let Ok(Outcome::Again(second)) = dialogue.answered(&first, &challenge) else {
            panic!("the request is repeated");
        };
        let stale = "Digest realm=\"r\", nonce=\"m\", stale=true";
        let again = dialogue.answered(&second, &response(401, &[("WWW-Authenticate", stale)]));
        let Ok(Outcome::Again(third)) = again else {
            panic!("the request is repeated");
        };
        assert!(
            third
                .headers
                .get("Authorization")
                .unwrap()
                .contains("nonce=\"m\"")
        );
    }

    #[test]
    fn refusals_say_what_was_refused() {
        let mut dialogue = dialogue("rtsp://h/a");
        let request = describe(&mut dialogue);
        let without = response(401, &[("WWW-Authenticate", "Basic realm=\"r\"")]);
        assert!(matches!(
            dialogue.answered(&request, &without),
            Err(Error::Unauthorised)
        ));
        let error = dialogue
            .answered(&request, &response(453, &[]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "DESCRIBE was answered with 453 Not Enough Bandwidth"
        );
    }
}
