//! Pages for browsers: the list of what there is, and a page with a player for each channel and movie.
//!
//! What a page shows is its [`data`], which is also what `?json` is answered with. How it looks is
//! made in `admin-ui` and kept in the program ([`assets`]); the [`shell`] puts the two together,
//! or makes a plain page where `admin-ui` was not built.

mod assets;
mod audience;
mod data;
mod posters;
mod shelf;
mod shell;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::future::join_all;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::answer::set;
use super::asked::Asked;
use super::body::Body;
use super::permission::Claim;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::config::HlsGroup;
use crate::media::channel::Channel;

use assets::{Assets, packable};
use audience::Audience;
use data::{Card, List, Page, Watch};
use shelf::{Eye, Movie, Picture, Shelf};

/// The most folders of which another server is asked for one list; what lies in others is left out.
const MOST_FOLDERS: usize = 100;

/// All that pages are made of.
#[derive(Debug, Default)]
pub struct Pages {
    assets: Assets,
    shelf: Shelf,
    audience: Audience,
}

/// What of a page is asked for, by the query of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Html,
    /// The page with nothing but its player, to stand in a frame of another site.
    Embedded,
    Json,
    Poster,
}

impl Wish {
    fn read(query: &str) -> Self {
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        let mut wishes = names.filter_map(|name| match name {
            "embed" => Some(Self::Embedded),
            "json" => Some(Self::Json),
            "poster" => Some(Self::Poster),
            _ => None,
        });
        wishes.next().unwrap_or(Self::Html)
    }
}

/// Whether a query asks for a page in one of its forms, whatever the path looks like.
pub(super) fn is_of_page(query: &str) -> bool {
    Wish::read(query) != Wish::Html
}

impl Server {
    /// Answers a request for one of the files that pages consist of; `None` for other paths.
    pub(super) fn answer_asset(&self, asked: &Asked<'_>) -> Option<Response<Body>> {
        let asset = self.pages.assets.find(asked.path)?;
        Some(asset.answer(asked))
    }

    /// Answers a request for `/`, or for the page of a channel, a movie or a folder.
    pub(super) async fn answer_page(&self, asked: &Asked<'_>, path: &MediaPath) -> Response<Body> {
        let wish = Wish::read(asked.request.uri().query().unwrap_or_default());
        if wish == Wish::Poster {
            return posters::answer(&self.library, self.picture(path).await).await;
        }
        let mut page = self.page(asked, path).await.below(asked.prefix);
        if let Some(query) = asked.carried {
            page.carry(query);
        }
        let status = match page {
            Page::Missing { .. } => StatusCode::NOT_FOUND,
            Page::List(_) | Page::Watch(_) => StatusCode::OK,
        };
        let mut response = if wish == Wish::Json {
            packable(asked, status, "application/json", page.json(asked.prefix))
        } else {
            let html = shell::html(self.pages.assets.template(), &page, asked.prefix);
            let mut response = packable(asked, status, HTML, html);
            let policy = shell::policy(wish == Wish::Embedded);
            set(&mut response, CONTENT_SECURITY_POLICY, policy);
            set(&mut response, REFERRER_POLICY, "same-origin");
            response
        };
        set(&mut response, CACHE_CONTROL, "no-cache");
        set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        response
    }

    /// The picture that goes with `path`, if who may watch that may see it: it may be a link, or the
    /// picture of something else whose name is alike.
    async fn picture(&self, path: &MediaPath) -> Option<Picture> {
        let picture = self.pages.shelf.picture(&self.library, path).await?;
        let names: HashSet<_> = picture.names().collect();
        let count = names.len();
        let shown = self.gate.as_open_as(path, names).await;
        (shown.len() == count).then_some(picture)
    }

    /// Keeps the list of the movies folder, for as long as it is polled.
    pub async fn watch(self: Arc<Self>) {
        self.pages.shelf.fill(self.eye()).await;
    }

    fn eye(&self) -> Eye<'_> {
        Eye {
            library: &self.library,
            remakes: &self.hls.remakes,
            settings: &self.settings,
            clock: self.clock,
        }
    }

    async fn page(&self, asked: &Asked<'_>, path: &MediaPath) -> Page {
        let open = (!path.is_root()).then(|| self.mounts.open(path));
        let channel = open.flatten().filter(|channel| channel.ended().is_none());
        let settings = self.config();
        if let Some(group) = settings.hls_group(path) {
            let picture = self.picture(path).await;
            let (channels, card) = self.group_card(group, picture.as_ref());
            return Page::Watch(Watch::of_group(&channels, card, &settings));
        }
        if let Some(channel) = channel {
            let picture = self.picture(path).await;
            let card = self.channel_card(&channel, picture.as_ref());
            return Page::Watch(Watch::of_channel(&channel, card, &settings));
        }
        if let Some(movie) = self.pages.shelf.movie(self.eye(), path).await {
            let picture = self.picture(path).await;
            let card = self.movie_card(&movie, picture.as_ref());
            return Page::Watch(Watch::of_movie(&movie, card, &settings));
        }
        let list = self.list(asked, path).await;
        if path.is_root() || !list.is_empty() {
            return Page::List(list);
        }
        Page::missing(path)
    }

    /// What lies below `folder` for those who may see its list; a channel hides the movie of its name.
    async fn list(&self, asked: &Asked<'_>, folder: &MediaPath) -> List {
        let stock = self.pages.shelf.stock(self.eye()).await;
        let mut channels = self.mounts.list();
        channels.retain(|channel| channel.ended().is_none());
        channels.retain(|channel| channel.path().is_below(folder));
        let names: HashSet<_> = channels.iter().map(|channel| channel.path()).collect();
        let movies = stock.movies().iter();
        let movies =
            movies.filter(|movie| movie.path.is_below(folder) && !names.contains(&movie.path));
        let places = movies.clone().map(Movie::guarded);
        let places = places.chain(names.iter().map(|&name| name.clone()));
        let config = self.config();
        let groups = config.hls_groups.iter().filter(|_| config.hls.enabled);
        let groups = groups.filter(|group| group.name.is_below(folder));
        let places = places.chain(groups.clone().flat_map(HlsGroup::names).cloned());
        let places = places.chain(stock.linked_pictures());
        let shown = self.gate.as_open_as(folder, places.collect()).await;
        let told = movies.clone().map(|movie| &movie.path);
        let told = told.chain(names.iter().copied());
        let told = told.chain(groups.clone().map(|group| &group.name));
        let folders = self.listable(asked, told.map(MediaPath::parent)).await;
        let is_told = |path: &MediaPath| folders.contains(&path.parent());
        let picture = |path: &MediaPath| {
            let picture = stock.picture(path);
            picture.filter(|picture| picture.is_shown(&shown))
        };
        let movies = movies
            .filter(|movie| shown.contains(&movie.guarded()) && is_told(&movie.path))
            .map(|movie| self.movie_card(movie, picture(&movie.path)));
        let channels = channels
            .iter()
            .filter(|channel| shown.contains(channel.path()) && is_told(channel.path()))
            .map(|channel| self.channel_card(channel, picture(channel.path())));
        let groups = groups
            .filter(|group| group.names().all(|name| shown.contains(name)) && is_told(&group.name))
            .map(|group| self.group_card(group, picture(&group.name)).1);
        List {
            is_filling: stock.is_filling(folder),
            is_cut: stock.is_cut(),
            ..List::new(folder, groups.chain(channels).collect(), movies.collect())
        }
    }

    /// Those of `folders` whose lists the client may see, as far as another server is asked about that.
    async fn listable(
        &self,
        asked: &Asked<'_>,
        folders: impl Iterator<Item = MediaPath>,
    ) -> HashSet<MediaPath> {
        let folders: BTreeSet<_> = folders.collect();
        if !self.gate.is_consulting() {
            return folders.into_iter().collect();
        }
        let claim = Claim::of(asked);
        let may_list = async |folder: MediaPath| {
            let may = self.gate.may_list(&folder, &asked.guest, claim.attempt());
            may.await.then_some(folder)
        };
        let listed = folders.into_iter().take(MOST_FOLDERS).map(may_list);
        join_all(listed).await.into_iter().flatten().collect()
    }

    fn channel_card(&self, channel: &Channel, picture: Option<&Picture>) -> Card {
        let path = channel.path();
        let viewers = self.pages.audience.of(path, &self.sessions, self.clock);
        Card::of_channel(channel, viewers, picture)
    }

    /// What a list tells of a group, and those of its channels that are there.
    fn group_card(&self, group: &HlsGroup, picture: Option<&Picture>) -> (Vec<Arc<Channel>>, Card) {
        let (name, channels) = (&group.name, self.channels(group));
        let viewers = self.pages.audience.of(name, &self.sessions, self.clock);
        let card = Card::of_group(name, &channels, viewers, picture);
        (channels, card)
    }

    fn movie_card(&self, movie: &Movie, picture: Option<&Picture>) -> Card {
        let path = &movie.path;
        let viewers = self.pages.audience.of(path, &self.sessions, self.clock);
        Card::of_movie(movie, viewers, picture)
    }
}

const HTML: &str = "text/html; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_says_what_of_a_page_is_wanted() {
        for (query, wish) in [
            ("", Wish::Html),
            ("a=b", Wish::Html),
            ("json", Wish::Json),
            ("a&json=1", Wish::Json),
            ("embed", Wish::Embedded),
            ("poster=1700000000", Wish::Poster),
        ] {
            assert_eq!(Wish::read(query), wish, "{query}");
        }
    }
}
