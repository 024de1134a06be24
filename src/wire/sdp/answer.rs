//! The answer to DESCRIBE of a movie.

use std::net::IpAddr;

use sdp_types::{Attribute, Bandwidth, Connection, Media, Origin, Session, Time};

use super::description::{Description, NotSdp};
use super::presenter::unspecified;
use crate::base::media_time::NptTime;

/// What the server itself says of a movie's session.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts<'a> {
    /// The session's number in `o=`: seconds since 1900, as QTSS wrote it.
    pub session_id: u64,
    /// Its version in `o=`: the movie's modification time in milliseconds, as QTSS wrote it.
    pub version: u64,
    /// The server's address as the client reaches it.
    pub address: IpAddr,
    /// The name in `s=`: the movie's path.
    pub name: &'a str,
    /// The absolute URL of the whole movie.
    pub control: &'a str,
    /// The movie's length; `None` when it has none.
    pub duration: Option<NptTime>,
}

/// What the server says of a track that brings no text of its own.
#[derive(Clone, Copy, Debug)]
pub struct TrackFacts<'a> {
    /// `audio`, `video` or `application`.
    pub media: &'a str,
    /// The RTP payload type.
    pub payload_type: u8,
    /// The value of `a=rtpmap` after the payload type: `H264/90000`.
    pub rtpmap: &'a str,
    /// The value of `a=fmtp` after the payload type.
    pub fmtp: Option<&'a str>,
    /// The bandwidth in kbit/s.
    pub bandwidth_kbps: Option<u64>,
    /// The track's absolute URL.
    pub control: &'a str,
}

/// Composes a description: the server's own lines, then what the movie says of
/// itself, then one media block a track.
///
/// The lines come out in the order of RFC 4566, 5, whatever the order in the movie.
#[derive(Clone, Debug)]
pub struct Answer(Session);

impl Answer {
    /// The server's own lines.
    pub fn new(facts: &SessionFacts<'_>) -> Self {
        let mut origin = Origin::with_ip_addr(facts.session_id, facts.version, facts.address);
        origin.set_username("StreamingServer");
        let mut session = Session::new(origin, facts.name);
        session.connection = Some(Connection::from_ip_addr(unspecified(facts.address)));
        session.times.push(Time::new(0, 0));
        session.add_attribute_with_value("control", facts.control);
        if let Some(duration) = facts.duration {
            session.add_attribute_with_value("range", format!("npt=0-{duration}"));
        }
        Self(session)
    }

    /// Adds the movie's own lines about the session: the `hnti` text of the movie.
    ///
    /// Its version, origin, name, connection, times, range and control are
    /// dropped, for the server says these itself.
    ///
    /// # Errors
    /// [`NotSdp`] when nothing of it makes sense; the answer is as before.
    pub fn add_movie_text(&mut self, text: &[u8]) -> Result<(), NotSdp> {
        let Description(movie) = Description::read(text)?;
        let session = &mut self.0;
        session.session_description = movie.session_description;
        session.uri = movie.uri;
        session.emails = movie.emails;
        session.phones = movie.phones;
        session.bandwidths = movie.bandwidths;
        let own = ["control", "range"];
        let kept = movie
            .attributes
            .into_iter()
            .filter(|attribute| !own.contains(&attribute.attribute.as_str()));
        session.attributes.extend(kept);
        Ok(())
    }

    /// Adds a track by its own text, the `hnti` text of a hint track; `control` is its absolute URL.
    ///
    /// # Errors
    /// [`NotSdp`] when the text has no media line; the answer is as before.
    pub fn add_track_text(&mut self, text: &[u8], control: &str) -> Result<(), NotSdp> {
        let Description(track) = Description::read(text)?;
        let mut media = track.medias.into_iter().next().ok_or(NotSdp)?;
        media.port = 0;
        media.num_ports = None;
        media.connections.clear();
        set_control(&mut media, control);
        self.0.medias.push(media);
        Ok(())
    }

    /// Adds a track by what is known of it.
    pub fn add_track(&mut self, facts: &TrackFacts<'_>) {
        let payload_type = facts.payload_type;
        let mut media = Media {
            media: facts.media.to_owned(),
            port: 0,
            num_ports: None,
            proto: "RTP/AVP".to_owned(),
            fmt: payload_type.to_string(),
            media_title: None,
            connections: Vec::new(),
            bandwidths: Vec::new(),
            key: None,
            attributes: Vec::new(),
        };
        if let Some(bandwidth) = facts.bandwidth_kbps {
            media.bandwidths.push(Bandwidth {
                bwtype: "AS".to_owned(),
                bandwidth,
            });
        }
        media.add_attribute_with_value("rtpmap", format!("{payload_type} {}", facts.rtpmap));
        media.add_attribute_with_value("control", facts.control);
        if let Some(fmtp) = facts.fmtp {
            media.add_attribute_with_value("fmtp", format!("{payload_type} {fmtp}"));
        }
        self.0.medias.push(media);
    }

    /// The description.
    pub fn finish(self) -> Description {
        Description(self.0)
    }
}

/// Puts the track's URL where its text has the first relative one.
fn set_control(media: &mut Media, control: &str) {
    let is_control = |attribute: &Attribute| attribute.attribute == "control";
    let at = media.attributes.iter().position(is_control);
    media.attributes.retain(|attribute| !is_control(attribute));
    let at = at.unwrap_or(media.attributes.len());
    media
        .attributes
        .insert(at, Attribute::with_value("control", control));
}

#[cfg(test)]
mod tests;
