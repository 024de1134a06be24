//! What a channel holds: its tracks, and the session description that tells readers of them.
//!
//! Read from whatever text a publisher gives, or composed from formats. How
//! text is repaired is the matter of `wire::sdp`.

mod track;

use sdp_types::{Attribute, Bandwidth, Connection, Session};

use crate::base::id::TrackId;
use crate::base::media_time::NtpTime;
use crate::codec::{Format, Kind};
use crate::wire::icecast::Station;
use crate::wire::sdp::{self, Answer, Presenter, SessionFacts, TrackFacts};

pub use track::Track;
use track::{LANGUAGE, is_named, language_of, read_track};

/// The longest description that is read, in bytes.
pub const MAX_SDP: usize = 1 << 20;

/// The most tracks of a channel.
pub const MAX_TRACKS: usize = 32;

/// The first dynamic payload type (RFC 3551, 6).
const FIRST_DYNAMIC: u8 = 96;

/// Attributes that speak of the publisher's own transport and sources, which readers never meet.
const OF_TRANSPORT: [&str; 10] = [
    "control",
    "crypto",
    "key-mgmt",
    "range",
    "rtcp",
    "rtcp-mux",
    "setup",
    "source-filter",
    "ssrc",
    "ssrc-group",
];

/// The tracks of a channel and what its publisher says of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    session: Session,
    tracks: Vec<Track>,
}

impl Track {
    /// All payload types of its media line, [`payload_type`](Self::payload_type) first.
    pub fn payload_types(&self) -> &[u8] {
        &self.payload_types
    }
}

/// Why a description cannot become a channel; the text is one line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Longer than [`MAX_SDP`].
    #[error("the description is longer than {MAX_SDP} bytes")]
    TooLong,
    /// No line of it makes sense.
    #[error("this is no session description")]
    NotSdp,
    /// No media line that can be read.
    #[error("the description has no media")]
    NoMedia,
    /// More than [`MAX_TRACKS`] tracks.
    #[error("the description has more than {MAX_TRACKS} tracks")]
    TooManyTracks,
    /// A track does not travel as plain RTP.
    #[error("track {track} travels over {proto}, not over RTP/AVP")]
    Transport {
        /// Which track.
        track: TrackId,
        /// What its media line says.
        proto: String,
    },
    /// A track's media line names no payload type.
    #[error("track {track} names no RTP payload type")]
    NoPayloadType {
        /// Which track.
        track: TrackId,
    },
    /// A dynamic payload type without `a=rtpmap`, so that its clock is unknown.
    #[error("payload type {payload_type} of track {track} has no a=rtpmap with a clock rate")]
    NoClock {
        /// Which track.
        track: TrackId,
        /// Its payload type.
        payload_type: u8,
    },
    /// Readers that were set up with the tracks so far could not go on with these.
    #[error("the new tracks do not fit those of the channel")]
    OtherTracks,
}

impl Description {
    /// Reads the text of an ANNOUNCE, an `.sdp` file or the answer to a DESCRIBE.
    ///
    /// # Errors
    /// [`Unfit`] says in one line what is wrong.
    pub fn read(sdp: &[u8]) -> Result<Self, Unfit> {
        if sdp.len() > MAX_SDP {
            return Err(Unfit::TooLong);
        }
        let sdp::Description(session) = sdp::Description::read(sdp).map_err(|_| Unfit::NotSdp)?;
        Self::of_session(session)
    }

    /// Describes tracks of known formats, for publishers that send no description.
    ///
    /// Payload types are the static ones, or count up from 96.
    ///
    /// # Errors
    /// [`Unfit::NoMedia`] and [`Unfit::TooManyTracks`].
    pub fn of_formats(name: &str, tracks: &[Format]) -> Result<Self, Unfit> {
        let mut answer = Answer::new(&SessionFacts {
            session_id: NtpTime::UNIX_OFFSET,
            version: 0,
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            name,
            control: "*",
            duration: None,
        });
        for (format, dynamic) in tracks.iter().zip(FIRST_DYNAMIC..=127) {
            answer.add_track(&TrackFacts {
                media: media_of(format.kind()),
                payload_type: format.static_payload_type().unwrap_or(dynamic),
                rtpmap: &format.rtpmap(),
                fmtp: format.fmtp().as_deref(),
                bandwidth_kbps: None,
                control: "",
            });
        }
        Self::of_session(answer.finish().0)
    }

    /// The description with what a source client says of its station.
    pub fn of_station(mut self, station: &Station) -> Self {
        if let Some(name) = &station.name {
            self.session.session_name.clone_from(name);
        }
        self.session.session_description = station.information();
        self.session.uri.clone_from(&station.url);
        self.session.bandwidths = station
            .bit_rate
            .map(|bit_rate| Bandwidth {
                bwtype: "AS".to_owned(),
                bandwidth: bit_rate.div_ceil(1000),
            })
            .into_iter()
            .collect();
        self
    }

    /// The description with the languages of its tracks, in their order (RFC 8866, 6.12).
    pub fn in_languages(mut self, languages: &[Option<String>]) -> Self {
        let media = self.session.medias.iter_mut().zip(&mut self.tracks);
        for ((media, track), language) in media.zip(languages) {
            media
                .attributes
                .retain(|attribute| !is_named(attribute, LANGUAGE));
            if let Some(language) = language {
                media.add_attribute_with_value(LANGUAGE, language);
            }
            track.language = language_of(media, &self.session.attributes);
        }
        self
    }

    fn of_session(session: Session) -> Result<Self, Unfit> {
        if session.medias.is_empty() {
            return Err(Unfit::NoMedia);
        }
        if session.medias.len() > MAX_TRACKS {
            return Err(Unfit::TooManyTracks);
        }
        let tracks = (1..).map(TrackId).zip(&session.medias);
        let tracks = tracks
            .map(|(id, media)| read_track(id, media, &session.attributes))
            .collect::<Result<_, _>>()?;
        Ok(Self { session, tracks })
    }

    /// The tracks, in the order of the description; at least one, at most [`MAX_TRACKS`].
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The session's name, its `s=` line.
    pub fn name(&self) -> &str {
        &self.session.session_name
    }

    /// The bandwidth that the description promises, in bits a second: its own, or that of its tracks together.
    pub fn bit_rate(&self) -> Option<u64> {
        let own = application_specific(&self.session.bandwidths);
        let of_tracks = || {
            let media = self.session.medias.iter();
            media
                .filter_map(|media| application_specific(&media.bandwidths))
                .reduce(u64::saturating_add)
        };
        own.or_else(of_tracks)
    }

    /// The description of these tracks alone, which keep their identifiers.
    pub fn of_tracks(&self, indices: &[usize]) -> Self {
        let mut session = self.session.clone();
        session.medias = pick(&self.session.medias, indices);
        Self {
            session,
            tracks: pick(&self.tracks, indices),
        }
    }

    /// The description as it was read, for its addresses, ports and source filters.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The description as this server presents it.
    ///
    /// Ports are 0, the address is unspecified, every track's control is the
    /// absolute URL `<url>/trackID=<id>`; what speaks of the publisher's own
    /// transport is left out, and everything else is kept.
    pub fn sdp(&self, presenter: &Presenter<'_>) -> String {
        let mut session = self.session.clone();
        session.connection = Some(Connection::from_ip_addr(presenter.unspecified()));
        session.attributes.retain(is_of_media);
        session.add_attribute_with_value("control", presenter.url);
        for (media, track) in session.medias.iter_mut().zip(&self.tracks) {
            media.port = 0;
            media.num_ports = None;
            media.proto = "RTP/AVP".to_owned();
            media.connections.clear();
            media.attributes.retain(is_of_media);
            let control = format!("{}/trackID={}", presenter.url, track.id);
            media.add_attribute_with_value("control", control);
        }
        sdp::Description(session).to_string()
    }

    /// Whether a reader that was set up with `self` can go on with `later`.
    ///
    /// Payload types, encodings and clock rates must be the same, track by
    /// track; format parameters may differ.
    pub fn fits(&self, later: &Self) -> bool {
        let alike = |(own, other): (&Track, &Track)| {
            own.payload_types == other.payload_types
                && own.clock_hz == other.clock_hz
                && own.encoding.eq_ignore_ascii_case(&other.encoding)
        };
        self.tracks.len() == later.tracks.len() && self.tracks.iter().zip(&later.tracks).all(alike)
    }
}

fn pick<T: Clone>(all: &[T], indices: &[usize]) -> Vec<T> {
    indices
        .iter()
        .filter_map(|index| all.get(*index))
        .cloned()
        .collect()
}

fn media_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
        Kind::Application => "application",
    }
}

/// The sum of the `b=AS` lines, in bits a second.
fn application_specific(bandwidths: &[Bandwidth]) -> Option<u64> {
    bandwidths
        .iter()
        .filter(|line| line.bwtype == "AS")
        .map(|line| line.bandwidth.saturating_mul(1000))
        .reduce(u64::saturating_add)
}

pub(super) fn is_of_media(attribute: &Attribute) -> bool {
    !OF_TRANSPORT.iter().any(|name| is_named(attribute, name))
}

#[cfg(test)]
mod tests;
