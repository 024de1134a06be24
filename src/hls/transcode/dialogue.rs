//! The RTSP that ffmpeg speaks to receive a channel's tracks, as far as it needs answers. Sans-IO.
//!
//! There is one client, which is ours, so that nothing can be refused but what makes no sense.

use crate::wire::rtsp::{Method, Request, Response, Status};

/// What is answered to ffmpeg.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// The URL of the channel, which nobody else knows.
    url: String,
    /// The description; the tracks in it have the control URLs `…/trackID=1` and so on.
    sdp: String,
    is_playing: bool,
}

impl Dialogue {
    /// For the channel at `url` with the description `sdp`.
    pub(super) fn new(url: String, sdp: String) -> Self {
        Self {
            url,
            sdp,
            is_playing: false,
        }
    }

    /// Whether packets may go out.
    pub(super) fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// The answer to a request.
    pub(super) fn answer(&mut self, request: &Request) -> Response {
        if !request.uri.starts_with(&self.url) {
            return reply(request, Status::BAD_REQUEST);
        }
        let mut response = reply(request, Status::OK);
        match request.method {
            Method::Options => {
                response
                    .headers
                    .push("Public", "DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER");
            }
            Method::Describe => {
                response.headers.push("Content-Type", "application/sdp");
                response.body = self.sdp.clone().into();
            }
            Method::Setup => match transport(&request.uri) {
                Some(transport) => response.headers.push("Transport", transport),
                None => return reply(request, Status::BAD_REQUEST),
            },
            Method::Play => self.is_playing = true,
            _ => {}
        }
        response
    }
}

/// The interleaved channels of the track that `uri` names: those by its place in the description.
fn transport(uri: &str) -> Option<String> {
    let (_, track) = uri.trim_end_matches('/').rsplit_once("trackID=")?;
    let rtp = track.parse::<u8>().ok()?.checked_sub(1)?.checked_mul(2)?;
    Some(format!(
        "RTP/AVP/TCP;unicast;interleaved={rtp}-{}",
        rtp.checked_add(1)?
    ))
}

fn reply(request: &Request, status: Status) -> Response {
    let mut response = Response::new(status);
    if let Some(cseq) = request.cseq() {
        response.headers.push("CSeq", cseq);
    }
    response.headers.push("Session", "1");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "rtsp://127.0.0.1:5000/word";

    fn ask(dialogue: &mut Dialogue, method: Method, uri: &str) -> Response {
        let mut request = Request::new(method, uri);
        request.headers.push("CSeq", "7");
        let response = dialogue.answer(&request);
        assert_eq!(response.headers.get("CSeq"), Some("7"));
        response
    }

    #[test]
    fn a_channel_is_described_set_up_and_played() {
        let mut dialogue = Dialogue::new(URL.to_owned(), "v=0\r\n".to_owned());
        let described = ask(&mut dialogue, Method::Describe, URL);
        assert_eq!(described.body, "v=0\r\n");
        let track = format!("{URL}/trackID=2");
        let set_up = ask(&mut dialogue, Method::Setup, &track);
        let transport = set_up.headers.get("Transport");
        assert_eq!(transport, Some("RTP/AVP/TCP;unicast;interleaved=2-3"));
        assert!(!dialogue.is_playing());
        ask(&mut dialogue, Method::Play, &format!("{URL}/"));
        assert!(dialogue.is_playing());
    }

    #[test]
    fn nobody_else_is_answered() {
        let mut dialogue = Dialogue::new(URL.to_owned(), String::new());
        let other = "rtsp://127.0.0.1:5000/other";
        let refused = ask(&mut dialogue, Method::Play, other);
        assert_eq!(refused.status, Status::BAD_REQUEST);
        assert!(!dialogue.is_playing());
        for track in ["trackID=0", "trackID=200", "trackID=x", "track"] {
            let refused = ask(&mut dialogue, Method::Setup, &format!("{URL}/{track}"));
            assert_eq!(refused.status, Status::BAD_REQUEST, "{track}");
        }
    }
}
