//! What was achieved for a request, and the answer that says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::wire::header::range::Range;
use crate::wire::header::rate::{Scale, Speed};
use crate::wire::header::rtp_info::{RtpInfo, TrackInfo};
use crate::wire::header::x_qt::Prebuffer;
use crate::wire::rtsp::{Response, Status};

use super::announcement::Announcement;
use super::refusal::{METHODS, Refusal};

/// The `Server` header: the product and its version.
pub(super) const SERVER: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// What every answer starts with.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// The CSeq of the request, echoed as it was sent.
    pub(super) cseq: Option<String>,
    /// The present time, for `Date`.
    pub(super) date: SystemTime,
}

impl Opening {
    /// A response with `Server`, `CSeq` and `Date`.
    pub(super) fn response(&self, status: Status) -> Response {
        let mut response = Response::new(status);
        response.headers.push("Server", SERVER);
        if let Some(cseq) = &self.cseq {
            response.headers.push("CSeq", cseq.as_str());
        }
        response.headers.push("Date", self.date());
        response
    }

    fn date(&self) -> String {
        httpdate::fmt_http_date(self.date)
    }
}

/// What was achieved.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// The methods are listed; with random data if the client asked for some.
    Options(Option<Bytes>),
    /// A movie or channel is described.
    Described(Description),
    /// The movie is as old as the client's copy of its description.
    NotModified,
    /// A track has its transport.
    SetUp(Box<SetUp>),
    /// A channel's description is taken.
    Announced(Arc<Announcement>),
    /// A track has its way in.
    SetUpToRecord(SetUpToRecord),
    /// Media is taken.
    Recording,
    /// Media is about to follow.
    Playing(Playing),
    /// Media has stopped.
    Paused,
    /// The session is over.
    TornDown,
    /// The client is known to be alive.
    Alive,
    /// Nothing.
    Refused(Refusal),
}

/// The description of a movie or channel.
#[derive(Clone, Debug)]
pub(super) struct Description {
    /// SDP.
    pub(super) sdp: String,
    /// The absolute URL, without a final slash.
    pub(super) url: String,
    /// When the movie's file changed last; a channel has none.
    pub(super) modified: Option<SystemTime>,
}

/// A track that is set up.
#[derive(Clone, Debug)]
pub(super) struct SetUp {
    /// The movie or channel, as the client named it.
    pub(super) path: MediaPath,
    /// The track.
    pub(super) id: TrackId,
    /// The absolute URL by which the client set it up.
    pub(super) url: String,
    /// The `Transport` header.
    pub(super) transport: String,
    /// When the movie's file changed last; a channel has none.
    pub(super) modified: Option<SystemTime>,
    /// `x-Transport-Options` as the client sent it.
    pub(super) options: Option<String>,
    /// Whether the client asked for rate adaptation, if it said anything of it.
    pub(super) dynamic_rate: Option<bool>,
    /// The `KeyMgmt` header, of a track that goes by SRTP.
    pub(super) key_mgmt: Option<String>,
}

/// A track that is set up to be published.
#[derive(Clone, Debug)]
pub(super) struct SetUpToRecord {
    /// The track.
    pub(super) id: TrackId,
    /// The absolute URL by which the client set it up.
    pub(super) url: String,
    /// The `Transport` header.
    pub(super) transport: String,
    /// The `KeyMgmt` header, of a track that comes by SRTP.
    pub(super) key_mgmt: Option<String>,
}

/// A session that plays.
#[derive(Clone, Debug)]
pub(super) struct Playing {
    /// From where to where it plays.
    pub(super) range: Range,
    /// The scale in use.
    pub(super) scale: f64,
    /// The speed in use.
    pub(super) speed: f64,
    /// Whether the client asked for a scale, and for a speed.
    pub(super) asked: (bool, bool),
    /// Of each track the sequence number and the RTP time of the first packet,
    /// as far as they are known; empty when play only goes on.
    pub(super) tracks: Vec<(TrackId, Option<u16>, Option<u32>)>,
    /// How long before the range it starts.
    pub(super) prebuffer: Option<Duration>,
    /// `x-Transport-Options` as the client sent it.
    pub(super) options: Option<String>,
}

impl Done {
    /// The status to answer with.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::NotModified => Status(304),
            Self::Refused(refusal) => refusal.status,
            _ => Status::OK,
        }
    }

    /// Adds the header fields and the body; `urls` are those of the tracks that are set up.
    pub(super) fn write(
        self,
        response: &mut Response,
        urls: &[(TrackId, String)],
        opening: &Opening,
    ) {
        match self {
            Self::Options(data) => write_options(response, data),
            Self::Described(description) => write_description(response, description, opening),
            Self::SetUp(track) => write_set_up(response, *track, opening),
            Self::SetUpToRecord(track) => {
                response.headers.push("Transport", track.transport);
                if let Some(key_mgmt) = track.key_mgmt {
                    response.headers.push("KeyMgmt", key_mgmt);
                }
                response.headers.push("Cache-Control", "no-cache");
            }
            Self::Recording => write_recording(response, urls),
            Self::Playing(playing) => write_playing(response, &playing, urls),
            Self::Refused(refusal) => write_refusal(response, refusal),
            Self::Announced(_)
            | Self::NotModified
            | Self::Paused
            | Self::TornDown
            | Self::Alive => {}
        }
    }
}

fn write_options(response: &mut Response, data: Option<Bytes>) {
    response.headers.push("Public", METHODS);
    if let Some(data) = data {
        response
            .headers
            .push("Content-Type", "application/x-random-data");
        response.body = data;
    }
}

fn write_description(response: &mut Response, description: Description, opening: &Opening) {
    write_freshness(response, description.modified, opening);
    let headers = &mut response.headers;
    headers.push("Content-Type", "application/sdp");
    headers.push("Content-Base", format!("{}/", description.url));
    headers.push("x-Accept-Dynamic-Rate", "1");
    response.body = description.sdp.into();
}

/// How long a cache may keep what is said of a movie; what is said of a channel it may not keep.
fn write_freshness(response: &mut Response, modified: Option<SystemTime>, opening: &Opening) {
    let headers = &mut response.headers;
    let Some(modified) = modified else {
        headers.push("Cache-Control", "no-cache");
        return;
    };
    headers.push("Last-Modified", httpdate::fmt_http_date(modified));
    headers.push("Cache-Control", "must-revalidate");
    headers.push("Expires", opening.date());
}

fn write_set_up(response: &mut Response, track: SetUp, opening: &Opening) {
    write_freshness(response, track.modified, opening);
    let headers = &mut response.headers;
    headers.push("Transport", track.transport);
    if let Some(key_mgmt) = track.key_mgmt {
        headers.push("KeyMgmt", key_mgmt);
    }
    if let Some(options) = track.options {
        headers.push("x-Transport-Options", options);
    }
    if let Some(wanted) = track.dynamic_rate {
        headers.push("x-Dynamic-Rate", u8::from(wanted).to_string());
    }
}

fn write_playing(response: &mut Response, playing: &Playing, urls: &[(TrackId, String)]) {
    let headers = &mut response.headers;
    let (scale_asked, speed_asked) = playing.asked;
    if scale_asked || playing.scale != 1.0 {
        headers.push("Scale", Scale(playing.scale).to_string());
    }
    if speed_asked || playing.speed != 1.0 {
        headers.push("Speed", Speed(playing.speed).to_string());
    }
    if let Some(earlier) = playing.prebuffer {
        headers.push("x-Prebuffer", Prebuffer::Chosen(earlier).to_string());
    }
    if let Some(options) = &playing.options {
        headers.push("x-Transport-Options", options.as_str());
    }
    headers.push("Range", playing.range.to_string());
    if !playing.tracks.is_empty() {
        headers.push("RTP-Info", rtp_info(playing, urls));
    }
}

/// The URLs of the tracks, as QTSS told them to broadcasters.
fn write_recording(response: &mut Response, urls: &[(TrackId, String)]) {
    let tracks = urls.iter().map(|(_, url)| TrackInfo {
        url: url.clone(),
        sequence: None,
        time: None,
    });
    let info = RtpInfo(tracks.collect());
    response.headers.push("RTP-Info", info.to_string());
}

/// The tracks in the order in which they were set up, by the URLs of their SETUPs.
fn rtp_info(playing: &Playing, urls: &[(TrackId, String)]) -> String {
    let tracks = urls.iter().filter_map(|(id, url)| {
        let (_, sequence, time) = playing.tracks.iter().find(|(track, ..)| track == id)?;
        Some(TrackInfo {
            url: url.clone(),
            sequence: *sequence,
            time: *time,
        })
    });
    RtpInfo(tracks.collect()).to_string()
}

fn write_refusal(response: &mut Response, refusal: Refusal) {
    for (name, value) in refusal.headers {
        response.headers.push(name, value);
    }
    response.body = refusal.body.into();
}
