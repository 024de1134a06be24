//! What a URL means that may mean two things: `/a/ts.m3u8` is a playlist of `a`, or that of `a/ts`.

use super::route::Route;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::hls::packager::Rendition;

impl Server {
    /// Whether it has to be found out what `route` means, because nothing is known that has its name.
    pub(super) fn is_doubtful(&self, config: &Config, route: &Route) -> bool {
        let Route::Hls {
            name,
            object,
            is_beside: false,
        } = route
        else {
            return false;
        };
        object.is_playlist() && !self.is_on_air(config, name) && !self.hls.movies.is_known(name)
    }

    /// What the URL with that path, which reads like `route`, means: a playlist beside something, if there is that and
    /// nothing in whose folder it would be.
    ///
    /// It is asked before it is known who may watch. Who then is told so or so can conclude that there is no movie or
    /// channel of the shorter name, and nothing of others. Cancel safe.
    pub(super) async fn meant(&self, config: &Config, path: &str, route: Route) -> Route {
        let path = MediaPath::from_url(path).unwrap_or_default();
        let Some(other) = Route::beside(&path) else {
            return route;
        };
        let (Some(name), Some(other_name)) = (route.subject(), other.subject()) else {
            return route;
        };
        let is_other = self.is_on_air(config, other_name) || self.has_movie(other_name).await;
        match is_other && !self.has_movie(name).await {
            true => other,
            false => route,
        }
    }

    /// Whether there is a channel or a group of that name, or what is left of a channel.
    fn is_on_air(&self, config: &Config, name: &MediaPath) -> bool {
        self.mounts.open(name).is_some()
            || config.hls_group(name).is_some()
            || config.hls_variant(name).is_some()
            || self.hls.packagers.newest(name, Rendition::Own).is_some()
    }
}
