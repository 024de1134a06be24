//! A packager as one of several whose programs players switch between.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{NoPlaylist, Packager, Rendition};
use crate::hls::object::{Flavour, Object};
use crate::hls::progress::Progress;
use crate::hls::text::Text;
use crate::hls::window::Variant;

/// A playlist with what is told beside it.
#[derive(Debug)]
pub(super) struct Extended {
    own: Arc<Text>,
    lines: String,
    text: Arc<Text>,
}

/// So many of them are kept.
const MOST_EXTENDED: usize = 8;

impl Packager {
    /// The tags of the program, where all that they name is in `folder`; waited for as long as `start_wait`, but
    /// while nothing has come at all only until `start_wait` after the packager began. Cancel safe.
    ///
    /// # Errors
    /// Why there are none.
    pub(in crate::hls) async fn variant(
        &self,
        flavour: Flavour,
        folder: &str,
        start_wait: Duration,
    ) -> Result<Variant, NoPlaylist> {
        let flavour = self.carried_as(flavour);
        let passed = match self.progress.borrow().progress {
            Some(_) => Duration::ZERO,
            None => self.clock.now().saturating_duration_since(self.begun),
        };
        self.started(flavour, start_wait.saturating_sub(passed))
            .await?;
        self.read()
            .variant(flavour, folder)
            .ok_or(NoPlaylist::Nothing)
    }

    /// How far its playlists are, and which they are; `None` when they have ended, and before the first part.
    pub(in crate::hls) fn reported(&self, flavour: Flavour) -> Option<(Progress, Vec<Object>)> {
        let window = self.read();
        let progress = window.progress().filter(|progress| !progress.ended)?;
        let playlists = match self.rendition {
            Rendition::Own => window.playlists(flavour),
            Rendition::Compat => vec![Object::Compat(flavour)],
        };
        Some((progress, playlists))
    }

    /// The playlist of the program of which it is the first variant: `text`, or the one before if that is the
    /// same, so that it tells since when it is so.
    pub(in crate::hls) fn kept_program(&self, flavour: Flavour, text: Arc<Text>) -> Arc<Text> {
        let programs = self.programs.lock();
        let mut programs = programs.unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = programs.get_mut(flavour as usize) else {
            return text;
        };
        match kept {
            Some(known) if known.tag() == text.tag() => Arc::clone(known),
            _ => Arc::clone(kept.insert(text)),
        }
    }

    /// A playlist of its own with these lines at its end; `tag` tells them from others.
    pub(in crate::hls) fn extended(&self, own: &Arc<Text>, lines: String, tag: &str) -> Arc<Text> {
        let kept = self.extended.lock();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &&Extended| Arc::ptr_eq(&one.own, own) && one.lines == lines;
        if let Some(known) = kept.iter().find(is_same) {
            return Arc::clone(&known.text);
        }
        if kept.len() >= MOST_EXTENDED {
            kept.pop_front();
        }
        let text = Arc::new(own.with_lines(&lines, tag));
        kept.push_back(Extended {
            own: Arc::clone(own),
            lines,
            text: Arc::clone(&text),
        });
        text
    }
}
