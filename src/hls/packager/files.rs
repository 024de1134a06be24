//! The files of a packager by their numbers, each of which is that of a rendition, and their keys.

use bytes::Bytes;
use tokio::time::timeout;

use super::{Packager, Stage};
use crate::hls::keys::{Key, Keys};
use crate::hls::object::{Content, Facts, File};
use crate::hls::window::Choice;

impl Packager {
    /// Whether files of that number are its.
    pub(in crate::hls) fn has_files(&self, number: u32) -> bool {
        self.read().with_files(number).is_some()
    }

    /// Offers these sounds in segments of their own beside `own`, the sound of what leads if it has
    /// one; returns what they are to be encrypted with, if they are.
    pub(in crate::hls) fn set_sounds(
        &self,
        own: Option<Choice>,
        sounds: Vec<Choice>,
    ) -> Vec<Option<Keys>> {
        let numbered = sounds.into_iter().map(|sound| (rand::random(), sound));
        let numbered: Vec<(u32, Choice)> = numbered.collect();
        let keys = |(number, _): &(u32, _)| Some(self.keys.as_ref()?.of_number(*number));
        let keys = numbered.iter().map(keys).collect();
        self.write().set_sounds(own, numbered);
        keys
    }

    /// A file of that number; the part that comes next is waited for. `needs_bytes` is false where it is enough to know
    /// how many bytes it has, and nothing has to be read from disk. `None` when it is not there, or no longer.
    /// Cancel safe.
    pub async fn file(&self, number: u32, file: File, needs_bytes: bool) -> Option<Content> {
        self.touch();
        if let File::Part(sequence, part) = file {
            let mut stages = self.progress.subscribe();
            let is_next = |stage: &Stage| {
                let progress = stage.progress;
                !stage.over && progress.is_some_and(|progress| progress.is_next(sequence, part))
            };
            let come = stages.wait_for(|stage| !is_next(stage));
            // Whether it came, the window tells.
            let _ = timeout(self.patience(), come).await;
        }
        if let File::Key(period) = file {
            return self.key(number, period).map(Content::from);
        }
        if let Some(pieces) = self.read().with_files(number)?.file(file) {
            return Some(pieces.into());
        }
        self.on_disk(number, file, needs_bytes).await
    }

    /// What players are told of such a file beside its bytes.
    pub fn facts(&self, number: u32, file: File) -> Facts {
        let window = self.read();
        let files = window.with_files(number);
        let told = files.and_then(|files| files.facts(file));
        let (has_pictures, made) = told.unwrap_or((true, None));
        Facts {
            version: None,
            has_pictures,
            modified: made,
        }
    }

    /// The key of that period, as long as there is something that needs it.
    fn key(&self, number: u32, period: u64) -> Option<Vec<Bytes>> {
        let keys = self.keys.as_ref()?.of_number(number);
        let is_needed = self.read().with_files(number)?.has_key(period);
        let Key(key) = is_needed.then(|| keys.key(period))?;
        Some(vec![Bytes::copy_from_slice(&key)])
    }
}
