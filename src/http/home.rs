//! `GET /`: what there is to be watched, as a page so plain that people and programs can read it.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Response, StatusCode};
use tokio::sync::Mutex;

use super::body::Body;
use super::connection::typed;
use super::server::Server;
use crate::media::channel::State;
use crate::vod::Listed;

/// For how long a list of the movies is good: looking for them takes a walk through their folder.
const FRESH: Duration = Duration::from_secs(2);

/// The most movies that are listed.
const MOST: usize = 1000;

/// The movies, as they were when somebody last asked.
#[derive(Debug, Default)]
pub struct Home {
    movies: Mutex<Option<(Instant, Arc<[Listed]>)>>,
}

impl Server {
    /// The list of channels, live ones first, and movies.
    pub(super) async fn list(&self) -> Response<Body> {
        let movies = self.movies().await;
        let page = self.page(&movies);
        typed(StatusCode::OK, "text/html; charset=utf-8", page)
    }

    async fn movies(&self) -> Arc<[Listed]> {
        // Whoever comes meanwhile waits for the same list.
        let mut known = self.home.movies.lock().await;
        let now = self.clock.now();
        if let Some((at, movies)) = &*known
            && now.saturating_duration_since(*at) < FRESH
        {
            return Arc::clone(movies);
        }
        let library = Arc::clone(&self.library);
        let listed = tokio::task::spawn_blocking(move || library.list());
        let movies: Arc<[Listed]> = listed.await.unwrap_or_default().into();
        *known = Some((now, Arc::clone(&movies)));
        movies
    }

    fn page(&self, movies: &[Listed]) -> Bytes {
        let mut channels = self.mounts.list();
        channels.retain(|channel| channel.ended().is_none());
        channels.sort_by_key(|channel| channel.state() != State::Live);
        let names: HashSet<_> = channels
            .iter()
            .map(|channel| channel.path().clone())
            .collect();
        let mut page = String::from(HEAD);
        page += "<h1>Channels</h1>\n<ul>\n";
        for channel in &channels {
            let (name, url) = (escaped(channel.path().as_str()), channel.path().to_url());
            let state = match channel.state() {
                State::Live => "live",
                _ => "off the air",
            };
            let url = escaped(&url);
            writeln!(
                page,
                "<li><a href=\"/{url}/index.m3u8\">{name}</a> ({state})"
            )
            .expect("a String takes everything");
        }
        page += "</ul>\n<h1>Movies</h1>\n<p>By RTSP so far.\n<ul>\n";
        let movies = movies.iter().filter(|movie| !names.contains(&movie.path));
        for movie in movies.take(MOST) {
            let name = escaped(movie.path.as_str());
            writeln!(page, "<li>{name}").expect("a String takes everything");
        }
        page += "</ul>\n";
        page.into()
    }
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n<title>Reelcast</title>\n";

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escaped("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
