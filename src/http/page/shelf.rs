//! What lies in the movies folder, as far as pages show it: movies, and pictures that go with names.
//!
//! A page looks at its own file, and lists are made of a walk through the folder that goes on by itself.

mod facts;
mod looks;
mod stock;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::base::path::MediaPath;
use crate::vod::{Library, Listed};

pub(super) use facts::{Facts, in_order};
pub(super) use looks::Eye;
use looks::Looks;
pub(super) use stock::{Movie, Picture, Stock};

/// For how long a walk through the folder is good.
const FRESH: Duration = Duration::from_secs(2);

/// For how long a list waits for the walk; later it says that there is more to come.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often a walk that looks into new files shows what it has found.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// The most files of which lists are made, the first by name.
const MOST: usize = 10_000;

/// The movies folder.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    latest: watch::Sender<Walk>,
    /// Told when somebody asks for a list that is no longer fresh.
    wanted: Notify,
    looks: Looks,
}

/// What the latest walk has found.
#[derive(Debug, Default)]
struct Walk {
    /// When it began; `None` before the first.
    begun: Option<Instant>,
    stock: Arc<Stock>,
}

impl Shelf {
    /// What the folder held at most two seconds ago, as far as it has been [looked through](Self::fill).
    /// Cancel safe.
    pub(super) async fn stock(&self, eye: Eye<'_>) -> Arc<Stock> {
        let now = eye.clock.now();
        let is_fresh = |walk: &Walk| {
            let is_recent = |begun| now.saturating_duration_since(begun) < FRESH;
            walk.begun.is_some_and(is_recent) && walk.stock.is_whole()
        };
        let mut latest = self.latest.subscribe();
        let is_known = is_fresh(&latest.borrow());
        if !is_known {
            self.wanted.notify_one();
            // What has been found until then is shown otherwise.
            let _ = timeout(PATIENCE, latest.wait_for(is_fresh)).await;
        }
        Arc::clone(&latest.borrow().stock)
    }

    /// The movie of that name, as its file is now, whatever lists know of it. Cancel safe.
    pub(super) async fn movie(&self, eye: Eye<'_>, path: &MediaPath) -> Option<Movie> {
        let (library, wanted) = (Arc::clone(eye.library), path.clone());
        let looked = spawn_blocking(move || library.look(&wanted));
        let file = looked.await.ok()?.ok()?;
        self.looks.movie(eye, &file).await
    }

    /// The picture that goes with a channel or movie, as it is now. Cancel safe.
    pub(super) async fn picture(
        &self,
        library: &Arc<Library>,
        path: &MediaPath,
    ) -> Option<Picture> {
        let (library, path) = (Arc::clone(library), path.clone());
        let found = spawn_blocking(move || {
            let mut names = Picture::names_for(&path);
            names.find_map(|name| Picture::of(&library.look(&name).ok()?))
        });
        found.await.ok().flatten()
    }

    /// Looks through the folder whenever somebody wants to see it, for as long as it is polled.
    pub(super) async fn fill(&self, eye: Eye<'_>) {
        loop {
            self.wanted.notified().await;
            self.walk(eye).await;
        }
    }

    async fn walk(&self, eye: Eye<'_>) {
        let begun = eye.clock.now();
        let library = Arc::clone(eye.library);
        let Ok(mut files) = spawn_blocking(move || library.list()).await else {
            return;
        };
        let is_cut = files.len() > MOST;
        files.truncate(MOST);
        let mut stock = Stock::new(is_cut);
        let mut unread = self.take_known(eye, files, &mut stock);
        let mut shown = begun;
        if !unread.is_empty() {
            self.show(begun, stock.with_unread(&unread));
        }
        // The first by name comes last there.
        unread.reverse();
        while let Some(file) = unread.pop() {
            stock.add(self.looks.movie(eye, &file).await);
            if eye.clock.now().saturating_duration_since(shown) >= SHOWN_EVERY {
                shown = eye.clock.now();
                self.show(begun, stock.with_unread(&unread));
            }
        }
        self.show(begun, stock.with_unread(&[]));
    }

    /// Adds the pictures and the movies that were looked into before; returns the other files.
    fn take_known(&self, eye: Eye<'_>, files: Vec<Listed>, stock: &mut Stock) -> Vec<Listed> {
        let mut unread = Vec::new();
        for file in files {
            if let Some(picture) = Picture::of(&file) {
                stock.add_picture(picture);
            } else if let Some(movie) = self.looks.known(eye, &file) {
                stock.add(movie);
            } else {
                unread.push(file);
            }
        }
        unread
    }

    fn show(&self, begun: Instant, stock: Stock) {
        self.latest.send_replace(Walk {
            begun: Some(begun),
            stock: Arc::new(stock),
        });
    }
}

#[cfg(test)]
mod tests;
