//! The files of a packager by their numbers, each of which is that of a rendition, and their keys.

use bytes::Bytes;
use tokio::time::timeout;

use super::Packager;
use crate::hls::keys::{Key, Keys};
use crate::hls::object::{Content, Facts, File};
use crate::hls::window::{Choice, Window};

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

    /// A file of that number, with what players are told of it; the part that comes next is waited for. `needs_bytes` is
    /// false where it is enough to know how many bytes it has, and nothing has to be read from disk. `None` when it
    /// is not there, or no longer. Cancel safe.
    pub async fn file(
        &self,
        number: u32,
        file: File,
        needs_bytes: impl FnOnce(Facts) -> bool,
    ) -> Option<(Content, Facts)> {
        self.touch();
        if let File::Part(sequence, part) = file
            && self.progress.borrow().is_next(sequence, part)
        {
            Box::pin(self.come(sequence, part)).await;
        }
        let facts = {
            let window = self.read();
            let files = window.with_files(number)?;
            let facts = facts(files, file);
            if let Some(pieces) = files.file(file) {
                return Some((pieces.into(), facts));
            }
            facts
        };
        let content = match file {
            File::Key(period) => self.key(number, period)?.into(),
            _ => {
                let read = self.on_disk(number, file, needs_bytes(facts));
                Box::pin(read).await?
            }
        };
        Some((content, facts))
    }

    /// Waits until that part is no longer the next; whether it came, the window tells.
    async fn come(&self, sequence: u64, part: u32) {
        let mut stages = self.progress.subscribe();
        let come = stages.wait_for(|stage| !stage.is_next(sequence, part));
        let _ = timeout(self.patience(), come).await;
    }

    /// The key of that period, as long as there is something that needs it.
    fn key(&self, number: u32, period: u64) -> Option<Vec<Bytes>> {
        let keys = self.keys.as_ref()?.of_number(number);
        let is_needed = self.read().with_files(number)?.has_key(period);
        let Key(key) = is_needed.then(|| keys.key(period))?;
        Some(vec![Bytes::copy_from_slice(&key)])
    }
}

/// What players are told of a file of `files` beside its bytes.
fn facts(files: &Window, file: File) -> Facts {
    let (has_pictures, modified) = files.facts(file).unwrap_or((true, None));
    Facts {
        version: None,
        has_pictures,
        modified,
    }
}
