//! A packager as one of several whose programs players switch between.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::stage::Readiness;
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

/// A playlist of a program.
#[derive(Debug)]
pub(super) struct Program {
    shown: Vec<Arc<Variant>>,
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
    ) -> Result<Arc<Variant>, NoPlaylist> {
        let flavour = self.carried_as(flavour);
        let passed = match self.progress.borrow().progress {
            Some(_) => Duration::ZERO,
            None => self.clock.now().saturating_duration_since(self.begun),
        };
        // Players choose between programs by rates, which a part does not tell.
        let within = start_wait.saturating_sub(passed);
        self.started(flavour, Readiness::Ready, within).await?;
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

    /// The playlist of the program of which it is the first variant, as `write` writes it where `shown`, of which it tells,
    /// is not what it was. If it says the same all the same, it is the one before, so that it tells since when it is so.
    pub(in crate::hls) fn kept_program(
        &self,
        flavour: Flavour,
        shown: Vec<Arc<Variant>>,
        write: impl FnOnce(&[Arc<Variant>]) -> Text,
    ) -> Arc<Text> {
        let programs = self.programs.lock();
        let mut programs = programs.unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = programs.get_mut(flavour as usize) else {
            return Arc::new(write(&shown));
        };
        let known = kept.take();
        let is_of = |shown: &[_], known: &Program| {
            let pairs = || shown.iter().zip(&known.shown);
            shown.len() == known.shown.len() && pairs().all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let text = match known {
            Some(known) if is_of(&shown, &known) => known.text,
            known => {
                let text = write(&shown);
                let known = known.map(|known| known.text);
                let known = known.filter(|known| known.tag() == text.tag());
                known.unwrap_or_else(|| Arc::new(text))
            }
        };
        let text = &kept.insert(Program { shown, text }).text;
        Arc::clone(text)
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
