//! What a page shows, as it is embedded in the page, and as `?json` is answered.
//!
//! `admin-ui/src/lib/page.ts` gives the same names to the same things; the samples of
//! `admin-ui/src/samples` hold both to it.

mod group;

use std::net::SocketAddr;
use std::time::SystemTime;

use serde::Serialize;

use super::shelf::{Movie, Picture, in_order};
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::config::Config;
use crate::hls::object::{Flavour, Object};
use crate::media::channel::{Channel, State};
use crate::media::description::{Description, Track};

/// The most movies that a list shows.
const MOST: usize = 1000;

/// What publishers call a session whose user has given it no name.
const NAMELESS: [&str; 5] = [
    "-",
    "No Name",
    "Session streamed with GStreamer",
    "Unnamed",
    "stream",
];

/// A page.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "page", rename_all = "snake_case")]
pub(super) enum Page {
    List(List),
    Watch(Watch),
    /// There is nothing of that name, or not yet.
    Missing {
        name: String,
    },
}

/// What lies in a folder.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct List {
    /// Empty for the folder that holds all others.
    pub(super) folder: String,
    /// Those that are live first.
    pub(super) channels: Vec<Card>,
    pub(super) movies: Vec<Card>,
    /// How many movies more there are.
    pub(super) left_out: usize,
    /// Whether files are still being looked into, of which some may be movies.
    pub(super) is_filling: bool,
    /// Whether there are more files than lists are made of.
    pub(super) is_cut: bool,
}

/// What a list tells of a channel or movie.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Card {
    pub(super) name: String,
    /// The path of its page.
    pub(super) url: String,
    pub(super) presence: Presence,
    /// What is on.
    pub(super) title: Option<String>,
    pub(super) viewers: usize,
    pub(super) has_video: bool,
    /// In seconds; of movies.
    pub(super) duration: Option<f64>,
    /// The URL of a picture.
    pub(super) poster: Option<String>,
}

/// Whether something can be watched now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Presence {
    /// A channel that is fed.
    Live,
    /// A channel whose publisher is gone, but may come back.
    Waiting,
    /// A channel whose source has not fed it yet, or feeds it when somebody watches.
    Idle,
    /// A movie, which can be watched at any time.
    Movie,
}

/// What the page of a channel or movie shows.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Watch {
    #[serde(flatten)]
    pub(super) card: Card,
    /// Who sends, as the publisher says.
    pub(super) station: Option<String>,
    /// What the publisher says of it.
    pub(super) about: Option<String>,
    /// The formats of the tracks, as people call them.
    pub(super) formats: Vec<String>,
    /// None when HLS is switched off.
    pub(super) playlists: Vec<Playlist>,
    /// A channel in one endless answer, for players that know nothing of HLS.
    pub(super) endless: Option<String>,
    /// The file of a movie, where the settings let viewers have it.
    pub(super) download: Option<String>,
    /// Where RTSP players connect.
    pub(super) rtsp_port: Option<u16>,
    /// Where they connect by TLS.
    pub(super) rtsps_port: Option<u16>,
}

/// Where players of HLS begin.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Playlist {
    /// `low_latency`, `cmaf` or `ts`.
    pub(super) flavour: &'static str,
    pub(super) url: String,
}

impl Page {
    pub(super) fn missing(path: &MediaPath) -> Self {
        Self::Missing {
            name: path.to_string(),
        }
    }

    /// Lets all URLs of the page of a channel or movie say `query`, which opens what has its name.
    pub(super) fn carry(&mut self, query: &str) {
        let Self::Watch(watch) = self else {
            return;
        };
        // It has another name.
        watch.endless = None;
        let playlists = watch.playlists.iter_mut().map(|playlist| &mut playlist.url);
        let others = [&mut watch.download, &mut watch.card.poster];
        let all = [&mut watch.card.url].into_iter();
        for url in all.chain(playlists).chain(others.into_iter().flatten()) {
            let mark = if url.contains('?') { '&' } else { '?' };
            url.push(mark);
            url.push_str(query);
        }
    }

    /// The same with its links as they are where a proxy shows this server below `prefix`.
    pub(super) fn below(mut self, prefix: &str) -> Self {
        let lead = |url: &mut String| url.insert_str(0, prefix);
        match &mut self {
            Self::List(list) => {
                let cards = list.channels.iter_mut().chain(&mut list.movies);
                cards.flat_map(Card::urls).for_each(lead);
            }
            Self::Watch(watch) => watch.urls().for_each(lead),
            Self::Missing { .. } => {}
        }
        self
    }

    /// As JSON (RFC 8259); the server is shown below `prefix`.
    pub(super) fn json(&self, prefix: &str) -> String {
        #[derive(Serialize)]
        struct Told<'p> {
            /// The path of the list of all that there is.
            home: String,
            #[serde(flatten)]
            page: &'p Page,
        }
        let told = Told {
            home: format!("{prefix}/"),
            page: self,
        };
        serde_json::to_string(&told).expect("it has text keys only")
    }
}

impl List {
    pub(super) fn new(folder: &MediaPath, mut channels: Vec<Card>, mut movies: Vec<Card>) -> Self {
        channels.sort_by_key(|card| card.presence);
        let left_out = movies.len().saturating_sub(MOST);
        movies.truncate(MOST);
        Self {
            folder: folder.to_string(),
            channels,
            movies,
            left_out,
            is_filling: false,
            is_cut: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.movies.is_empty() && !self.is_filling
    }
}

impl Card {
    pub(super) fn of_channel(channel: &Channel, viewers: usize, picture: Option<&Picture>) -> Self {
        let description = channel.description();
        // Until somebody publishes it is taken for television.
        let is_seen = |description: &Description| {
            let mut tracks = description.tracks().iter();
            tracks.any(|track| track.kind == Kind::Video)
        };
        Self {
            name: channel.path().to_string(),
            url: url(channel.path()),
            presence: Presence::of(channel.state()),
            title: channel.title().borrow().as_deref().map(str::to_owned),
            viewers,
            has_video: description.as_deref().is_none_or(is_seen),
            duration: None,
            poster: picture.map(|picture| poster(channel.path(), picture)),
        }
    }

    pub(super) fn of_movie(movie: &Movie, viewers: usize, picture: Option<&Picture>) -> Self {
        Self {
            name: movie.path.to_string(),
            url: url(&movie.path),
            presence: Presence::Movie,
            title: None,
            viewers,
            has_video: movie.facts.has_video,
            duration: Some(movie.facts.duration),
            poster: picture.map(|picture| poster(&movie.path, picture)),
        }
    }
}

impl Card {
    fn urls(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.url].into_iter().chain(&mut self.poster)
    }
}

impl Presence {
    fn of(state: State) -> Self {
        match state {
            State::Live => Self::Live,
            State::Waiting { .. } => Self::Waiting,
            State::Idle | State::Ended(_) => Self::Idle,
        }
    }
}

impl Watch {
    fn urls(&mut self) -> impl Iterator<Item = &mut String> {
        let playlists = self.playlists.iter_mut().map(|playlist| &mut playlist.url);
        let others = self.endless.iter_mut().chain(&mut self.download);
        self.card.urls().chain(playlists).chain(others)
    }

    pub(super) fn of_channel(channel: &Channel, card: Card, settings: &Config) -> Self {
        let description = channel.description();
        let session = description.as_deref().map(Description::session);
        let named = |text: &String| !text.trim().is_empty() && !NAMELESS.contains(&text.trim());
        let tracks = description.as_deref().map_or(&[][..], Description::tracks);
        Self {
            station: session
                .map(|session| session.session_name.clone())
                .filter(named),
            about: session
                .and_then(|session| session.session_description.clone())
                .filter(named),
            formats: in_order(tracks.iter().map(|track| (track.kind, format(track)))),
            playlists: playlists(&card, settings),
            endless: endless(tracks).map(|extension| format!("{}.{extension}", card.url)),
            download: None,
            rtsp_port: first_port(&settings.rtsp.listen),
            rtsps_port: first_port(&settings.rtsp.tls_listen),
            card,
        }
    }

    pub(super) fn of_movie(movie: &Movie, card: Card, settings: &Config) -> Self {
        let played = (!movie.facts.is_foreign).then_some(&settings.rtsp);
        Self {
            station: None,
            about: None,
            formats: movie.facts.formats.clone(),
            playlists: playlists(&card, settings),
            endless: None,
            download: settings
                .http
                .download
                .then(|| format!("{}?download", card.url)),
            rtsp_port: played.and_then(|rtsp| first_port(&rtsp.listen)),
            rtsps_port: played.and_then(|rtsp| first_port(&rtsp.tls_listen)),
            card,
        }
    }
}

fn url(path: &MediaPath) -> String {
    format!("/{}", path.to_url())
}

/// The URL changes when the picture does, so that it may be kept.
fn poster(path: &MediaPath, picture: &Picture) -> String {
    let since = picture.modified.duration_since(SystemTime::UNIX_EPOCH);
    let version = since.unwrap_or_default().as_secs();
    format!("{}?poster={version}", url(path))
}

fn playlists(card: &Card, settings: &Config) -> Vec<Playlist> {
    let flavours = Flavour::ALL.into_iter().filter(|_| settings.hls.enabled);
    let playlist = |flavour| Playlist {
        flavour: match flavour {
            Flavour::LowLatency => "low_latency",
            Flavour::Cmaf => "cmaf",
            Flavour::Ts => "ts",
        },
        url: format!("{}/{}", card.url, Object::Multivariant(flavour)),
    };
    flavours.map(playlist).collect()
}

/// What the name of the endless stream of a channel ends in.
fn endless(tracks: &[Track]) -> Option<&'static str> {
    if tracks.iter().any(|track| track.kind == Kind::Video) {
        return Some("ts");
    }
    match format(tracks.first()?).as_str() {
        "AAC" => Some("aac"),
        "MPEG audio" => Some("mp3"),
        _ => None,
    }
}

/// The first port of these, unless the system chooses it.
fn first_port(addresses: &[SocketAddr]) -> Option<u16> {
    let port = addresses.first()?.port();
    (port != 0).then_some(port)
}

/// The format of a track, as people call it.
fn format(track: &Track) -> String {
    let encoding = track.encoding.split('/').next().unwrap_or_default();
    match encoding.to_ascii_uppercase().as_str() {
        "AC3" => "AC-3",
        "H263-1998" | "H263-2000" => "H.263",
        "H264" => "H.264",
        "H265" => "H.265",
        "JPEG" => "Motion JPEG",
        "MP4A-LATM" | "MPEG4-GENERIC" => "AAC",
        "MP4V-ES" => "MPEG-4 Visual",
        "MPA" => "MPEG audio",
        "OPUS" => "Opus",
        "PCMA" | "PCMU" => "G.711",
        _ => encoding,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn card(name: &str, presence: Presence) -> Card {
        Card {
            name: name.to_owned(),
            url: url(&MediaPath::from_plain(name).unwrap()),
            presence,
            title: None,
            viewers: 0,
            has_video: true,
            duration: None,
            poster: None,
        }
    }

    fn movie() -> Card {
        Card {
            duration: Some(12.0),
            poster: Some("/news/a%20b.mov?poster=1700000000".to_owned()),
            ..card("news/a b.mov", Presence::Movie)
        }
    }

    fn radio() -> Card {
        Card {
            title: Some("An artist - a song".to_owned()),
            viewers: 3,
            has_video: false,
            ..card("radio", Presence::Live)
        }
    }

    fn watch(card: Card) -> Watch {
        Watch {
            station: Some("A station".to_owned()),
            about: Some("What it plays".to_owned()),
            formats: vec!["MPEG audio".to_owned()],
            playlists: playlists(&card, &Config::default()),
            endless: Some("/radio.mp3".to_owned()),
            download: None,
            rtsp_port: Some(8554),
            rtsps_port: Some(8322),
            card,
        }
    }

    /// What the pages are tested with is what this server tells them.
    #[test]
    fn the_samples_of_the_pages_are_true() {
        let cards = vec![
            card("door", Presence::Idle),
            card("tv", Presence::Waiting),
            radio(),
        ];
        let list = List::new(&MediaPath::default(), cards, vec![movie()]);
        let missing = MediaPath::from_plain("no such thing").unwrap();
        for (sample, page) in [
            (
                include_str!("../../../admin-ui/src/samples/list.json"),
                Page::List(list),
            ),
            (
                include_str!("../../../admin-ui/src/samples/channel.json"),
                Page::Watch(watch(radio())),
            ),
            (
                include_str!("../../../admin-ui/src/samples/missing.json"),
                Page::missing(&missing),
            ),
        ] {
            let sample: Value = serde_json::from_str(sample).unwrap();
            let json = page.json("");
            let told: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(told, sample, "{json}");
        }
    }

    #[test]
    fn links_lead_below_the_path_of_a_proxy() {
        let list = List::new(&MediaPath::default(), vec![radio()], vec![movie()]);
        for page in [Page::List(list), Page::Watch(watch(radio()))] {
            let plain = page.json("");
            let below = page.below("/media").json("/media");
            let links = |json: &str| json.matches("\"/").count();
            assert_eq!(links(&below), links(&plain));
            assert_eq!(below.matches("\"/media/").count(), links(&plain), "{below}");
        }
    }

    #[test]
    fn the_urls_of_a_page_open_what_its_own_opens() {
        let mut watch = watch(movie());
        watch.download = Some(format!("{}?download", watch.card.url));
        let mut page = Page::Watch(watch);
        page.carry("signed=x");
        let Page::Watch(watch) = page else {
            panic!("it is another page");
        };
        let playlists = watch.playlists.iter();
        let playlists = playlists.map(|playlist| playlist.url.as_str());
        let all = [&watch.card.url].into_iter().chain(&watch.download);
        let all = all.chain(&watch.card.poster).map(String::as_str);
        let all: Vec<_> = all
            .chain(playlists)
            .chain(watch.endless.as_deref())
            .collect();
        assert_eq!(
            all,
            [
                "/news/a%20b.mov?signed=x",
                "/news/a%20b.mov?download&signed=x",
                "/news/a%20b.mov?poster=1700000000&signed=x",
                "/news/a%20b.mov/index.m3u8?signed=x",
                "/news/a%20b.mov/cmaf.m3u8?signed=x",
                "/news/a%20b.mov/ts.m3u8?signed=x",
            ]
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let movies = (0..=MOST).map(|_| movie()).collect();
        let list = List::new(&MediaPath::default(), Vec::new(), movies);
        assert_eq!((list.movies.len(), list.left_out), (MOST, 1));
    }
}
