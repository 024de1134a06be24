//! The SDP that describes a movie: its own texts when it is hinted, or what its formats say.

use std::time::UNIX_EPOCH;

use super::movie::{Movie, ServedTrack};
use crate::codec::Kind;
use crate::container::Role;
use crate::wire::sdp::{Answer, Presenter, SessionFacts, TrackFacts};

impl Movie {
    /// The description of this movie, as DESCRIBE answers it (RFC 2326, appendix C).
    ///
    /// Every track's `a=control` is an absolute URL, `<url>/trackID=<id>`.
    pub fn sdp(&self, presenter: &Presenter<'_>) -> String {
        let modified = self
            .modified()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut answer = Answer::new(&SessionFacts {
            session_id: presenter.now.0 >> 32,
            version: modified.as_millis() as u64,
            address: presenter.address,
            name: &format!("/{}", self.path()),
            control: presenter.url,
            duration: Some(self.duration()),
        });
        if let Some(text) = self.index().sdp.as_deref().filter(|_| self.is_hinted()) {
            // A text that makes no sense is left out; the tracks' own describe the media.
            let _ = answer.add_movie_text(text.as_bytes());
        }
        for served in self.served() {
            self.add_track(
                &mut answer,
                served,
                &format!("{}/trackID={}", presenter.url, served.id),
            );
        }
        answer.finish().to_string()
    }

    fn add_track(&self, answer: &mut Answer, served: &ServedTrack, control: &str) {
        let Some(track) = self.track(served.track) else {
            return;
        };
        let text = track.hint().map(|hint| hint.sdp.as_str());
        if text.is_some_and(|text| answer.add_track_text(text.as_bytes(), control).is_ok()) {
            return;
        }
        let fmtp = match &track.role {
            Role::Media(format) => format.fmtp(),
            _ => None,
        };
        answer.add_track(&TrackFacts {
            media: media_of(served.kind),
            payload_type: served.payload_type,
            rtpmap: &served.encoding,
            fmtp: fmtp.as_deref(),
            bandwidth_kbps: track.bit_rate.map(|rate| rate.div_ceil(1000)),
            control,
        });
    }
}

fn media_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
        Kind::Application => "application",
    }
}
