//! What a request asks for: its header fields read and typed, before any state is looked at.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::base::path::MediaPath;
use crate::wire::header::Invalid;
use crate::wire::header::range::Range;
use crate::wire::header::rate::{Scale, Speed};
use crate::wire::header::transport::Transport;
use crate::wire::header::x_qt::{DynamicRate, Prebuffer, RandomDataSize};
use crate::wire::rtsp::{Headers, Method, Request};

use super::refusal::Refusal;
use super::target::{Entrance, Target};

/// A request by its method. A target of `None` is `*`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// OPTIONS; with the bytes of random data that QuickTime measures its line with.
    Options(Option<usize>),
    Announce(Announce),
    Describe(Describe),
    Setup(Setup),
    /// A SETUP of the track of that number, which the client has announced.
    SetupToRecord(Setup, TrackId),
    Play(Play),
    Record(Option<Target>),
    Pause(Option<Target>),
    Teardown(Option<Target>),
    /// Anything that only says that the client is alive.
    Ping,
}

/// An ANNOUNCE.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Announce {
    pub(super) target: Target,
    /// The description.
    pub(super) sdp: Bytes,
}

/// A DESCRIBE.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Describe {
    pub(super) target: Target,
    /// If-Modified-Since.
    pub(super) since: Option<SystemTime>,
}

/// A SETUP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setup {
    pub(super) target: Target,
    /// What the client offers, the best first; what makes no sense is left out.
    pub(super) transports: Vec<Transport>,
    /// `x-Transport-Options`, to be echoed.
    pub(super) options: Option<String>,
    /// Whether the client wants its rate adapted (`x-Dynamic-Rate`).
    pub(super) dynamic_rate: Option<DynamicRate>,
    /// `KeyMgmt` as the client sent it: the key that it protects its packets with.
    pub(super) key_mgmt: Option<String>,
}

/// A PLAY.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Play {
    pub(super) target: Option<Target>,
    /// What to play; `None` resumes.
    pub(super) range: Option<Span>,
    pub(super) scale: Option<f64>,
    pub(super) speed: Option<f64>,
    /// How far before the range the media may start (`x-Prebuffer`).
    pub(super) prebuffer: Option<Duration>,
    /// `x-Transport-Options`, to be echoed.
    pub(super) options: Option<String>,
}

/// What a `Range` asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Span {
    /// Normal play time, from where to where.
    Time(Option<NptTime>, Option<NptTime>),
    /// Times of day, which no movie has.
    Clock,
}

impl Ask {
    /// Reads a request that has come in by `entrance`.
    ///
    /// # Errors
    /// The [`Refusal`] for what no state could allow.
    pub(super) fn read(request: &Request, entrance: Entrance) -> Result<Self, Refusal> {
        check_required(&request.headers)?;
        let target = || Target::read(&request.uri, entrance);
        let movie = || target()?.ok_or_else(|| Refusal::new(400, "* is no movie"));
        match &request.method {
            Method::Options => read_options(&request.headers),
            Method::Announce => Announce::read(request, movie()?).map(Self::Announce),
            Method::Describe => Describe::read(&request.headers, movie()?).map(Self::Describe),
            Method::Setup => Setup::read(&request.headers, movie()?).map(Self::Setup),
            Method::Play => Play::read(&request.headers, target()?).map(Self::Play),
            Method::Record => Ok(Self::Record(target()?)),
            Method::Pause => Ok(Self::Pause(target()?)),
            Method::Teardown => Ok(Self::Teardown(target()?)),
            Method::GetParameter | Method::SetParameter => read_parameters(request),
            Method::Redirect => Err(Refusal::not_served(&request.method)),
            Method::Other(name) => Err(Refusal::new(501, format!("unknown method {name}"))),
        }
    }
}

impl Ask {
    /// What the URL names; `None` when it is the server, or of no matter.
    pub(super) fn target(&self) -> Option<&Target> {
        match self {
            Self::Announce(announce) => Some(&announce.target),
            Self::Describe(describe) => Some(&describe.target),
            Self::Setup(setup) | Self::SetupToRecord(setup, _) => Some(&setup.target),
            Self::Play(Play { target, .. })
            | Self::Record(target)
            | Self::Pause(target)
            | Self::Teardown(target) => target.as_ref(),
            Self::Options(_) | Self::Ping => None,
        }
    }

    /// Leaves of the URL the reading that is the movie or channel `name`, or a track of it.
    pub(super) fn narrow(&mut self, name: &MediaPath) {
        match self {
            Self::Describe(describe) => describe.target.narrow(name),
            Self::Setup(setup) => setup.target.narrow(name),
            // A session has only one.
            _ => {}
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::new(400, invalid.to_string())
    }
}

/// The only option that a client may require is QuickTime's probe (RFC 2326, 12.32 and 12.27).
fn check_required(headers: &Headers) -> Result<(), Refusal> {
    let required = headers.all("Require").chain(headers.all("Proxy-Require"));
    let mut unknown = required
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("x-Random-Data-Size"));
    unknown
        .next()
        .map_or(Ok(()), |name| Err(Refusal::option(name)))
}

fn read_options(headers: &Headers) -> Result<Ask, Refusal> {
    let size = headers.get("x-Random-Data-Size").map(RandomDataSize::read);
    let size = size.transpose()?.map(|RandomDataSize(size)| size);
    Ok(Ask::Options(size))
}

/// Without parameters a ping; there is no parameter that this server knows.
fn read_parameters(request: &Request) -> Result<Ask, Refusal> {
    let text = String::from_utf8_lossy(&request.body);
    if text.trim().is_empty() {
        return Ok(Ask::Ping);
    }
    let kind = request
        .headers
        .get("Content-Type")
        .unwrap_or("text/parameters");
    if !media_type(kind).eq_ignore_ascii_case("text/parameters") {
        return Err(Refusal::new(415, format!("parameters as {kind}")));
    }
    let names = text
        .lines()
        .map(|line| line.split(':').next().unwrap_or_default().trim());
    let names: Vec<_> = names
        .filter(|name| !name.is_empty())
        .take(MAX_PARAMETERS)
        .collect();
    Err(Refusal::parameters(names.join("\r\n") + "\r\n"))
}

/// More parameters than that are not repeated to the client.
const MAX_PARAMETERS: usize = 64;

fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

impl Announce {
    fn read(request: &Request, target: Target) -> Result<Self, Refusal> {
        let kind = request.headers.get("Content-Type");
        let kind = kind.unwrap_or("application/sdp");
        if !media_type(kind).eq_ignore_ascii_case("application/sdp") {
            return Err(Refusal::told(415, format!("a description as {kind}")));
        }
        if request.body.is_empty() {
            return Err(Refusal::told(400, "ANNOUNCE without a description"));
        }
        if request.body.len() > MAX_SDP {
            let reason = format!("the description is longer than {MAX_SDP} bytes");
            return Err(Refusal::told(413, reason));
        }
        Ok(Self {
            target,
            sdp: request.body.clone(),
        })
    }
}

/// The longest description that is looked at, in bytes. QTSS took 4096.
const MAX_SDP: usize = 64 * 1024;

impl Describe {
    fn read(headers: &Headers, target: Target) -> Result<Self, Refusal> {
        if !headers.get("Accept").is_none_or(accepts_sdp) {
            return Err(Refusal::new(406, "client does not accept application/sdp"));
        }
        let since = headers.get("If-Modified-Since");
        Ok(Self {
            target,
            since: since.and_then(|date| httpdate::parse_http_date(date).ok()),
        })
    }
}

fn accepts_sdp(accept: &str) -> bool {
    let mut kinds = accept.split(',').map(media_type);
    accept.trim().is_empty()
        || kinds.any(|kind| {
            ["application/sdp", "application/*", "*/*"]
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known))
        })
}

impl Setup {
    fn read(headers: &Headers, target: Target) -> Result<Self, Refusal> {
        let list = headers
            .get("Transport")
            .ok_or_else(|| Refusal::new(400, "SETUP without Transport"))?;
        let mut transports = Vec::new();
        let mut fault = None;
        for transport in Transport::read_list(list) {
            match transport {
                Ok(transport) => transports.push(transport),
                Err(invalid) => fault = Some(invalid),
            }
        }
        match fault {
            Some(invalid) if transports.is_empty() => Err(invalid.into()),
            _ => Ok(Self {
                target,
                transports,
                options: transport_options(headers),
                key_mgmt: headers.get("KeyMgmt").map(str::to_owned),
                dynamic_rate: headers
                    .get("x-Dynamic-Rate")
                    .and_then(|rate| DynamicRate::read(rate).ok()),
            }),
        }
    }
}

impl Play {
    fn read(headers: &Headers, target: Option<Target>) -> Result<Self, Refusal> {
        let scale = headers.get("Scale").map(Scale::read).transpose()?;
        let speed = headers.get("Speed").map(Speed::read).transpose()?;
        Ok(Self {
            target,
            range: headers.get("Range").map_or(Ok(None), read_range)?,
            scale: scale.map(|Scale(scale)| scale),
            speed: speed.map(|Speed(speed)| speed),
            prebuffer: headers.get("x-Prebuffer").and_then(most_prebuffer),
            options: transport_options(headers),
        })
    }
}

fn transport_options(headers: &Headers) -> Option<String> {
    headers.get("x-Transport-Options").map(str::to_owned)
}

/// A range without a start, or from `now`, goes on where the movie is.
fn read_range(text: &str) -> Result<Option<Span>, Refusal> {
    Ok(match Range::read(text)? {
        Range::Npt {
            start: None,
            end: None,
            ..
        } => None,
        Range::Npt { start, end, .. } => Some(Span::Time(start, end)),
        Range::Smpte { start, end, .. } => Some(Span::Time(Some(start), end)),
        Range::Clock { .. } => Some(Span::Clock),
    })
}

fn most_prebuffer(text: &str) -> Option<Duration> {
    match Prebuffer::read(text) {
        Ok(Prebuffer::Most(time)) => Some(time),
        _ => None,
    }
}
