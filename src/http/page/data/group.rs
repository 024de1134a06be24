//! What a page tells of a group of channels.

use std::sync::Arc;

use super::{Card, Picture, Presence, Watch, format, playlists, poster, url};
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::config::Config;
use crate::media::channel::Channel;
use crate::media::description::Track;

impl Card {
    /// Of the group of that name, of which these channels are there.
    pub(in crate::http::page) fn of_group(
        name: &MediaPath,
        channels: &[Arc<Channel>],
        viewers: usize,
        picture: Option<&Picture>,
    ) -> Self {
        let presences = channels.iter().map(|channel| Presence::of(channel.state()));
        let titles = channels.iter().map(|channel| channel.title());
        let tracks = tracks(channels);
        Self {
            name: name.to_string(),
            url: url(name),
            presence: presences.min().unwrap_or(Presence::Idle),
            title: titles
                .filter_map(|title| title.borrow().as_deref().map(str::to_owned))
                .next(),
            viewers,
            has_video: tracks.is_empty() || tracks.iter().any(|track| track.kind == Kind::Video),
            duration: None,
            poster: picture.map(|picture| poster(name, picture)),
        }
    }
}

impl Watch {
    /// Of a group, of which these channels are there.
    pub(in crate::http::page) fn of_group(
        channels: &[Arc<Channel>],
        card: Card,
        settings: &Config,
    ) -> Self {
        let mut tracks = tracks(channels);
        tracks.sort_by_key(|track| track.kind != Kind::Video);
        let mut formats = Vec::new();
        for name in tracks.iter().map(format) {
            if !formats.contains(&name) {
                formats.push(name);
            }
        }
        Self {
            station: None,
            about: None,
            formats,
            playlists: playlists(&card, settings),
            endless: None,
            download: None,
            rtsp_port: None,
            rtsps_port: None,
            card,
        }
    }
}

fn tracks(channels: &[Arc<Channel>]) -> Vec<Track> {
    let descriptions = channels.iter().filter_map(|channel| channel.description());
    descriptions
        .flat_map(|description| description.tracks().to_vec())
        .collect()
}
