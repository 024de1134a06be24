//! What is on, from what a source says to what parts tell.

use std::sync::Arc;
use std::time::SystemTime;

use super::part::Title;

/// The titles of a channel, one after the other.
#[derive(Debug, Default)]
pub(super) struct Titles {
    current: Option<Arc<Title>>,
    /// What is on from the next part on.
    coming: Option<String>,
}

impl Titles {
    /// From now on that is on; nothing, if it is empty.
    pub(super) fn set(&mut self, text: &str) {
        let told = self.current.as_ref().map_or("", |title| &title.text);
        self.coming = (told != text).then(|| text.to_owned());
    }

    /// What a part tells that begins at `date`; the first of each segment tells it again, for those
    /// who begin there.
    pub(super) fn tell(&mut self, date: SystemTime, is_first: bool) -> Option<Arc<Title>> {
        if let Some(text) = self.coming.take() {
            let before = self.current.as_ref().map(|title| title.number);
            let title = Title {
                number: before.map_or(0, |number| number.wrapping_add(1)),
                text,
                date,
            };
            self.current = Some(Arc::new(title));
            return self.current.clone();
        }
        self.current.clone().filter(|_| is_first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_told_when_it_is_new_and_where_segments_begin() {
        let mut titles = Titles::default();
        let mut tell = |text: Option<&str>, is_first| {
            text.inspect(|text| titles.set(text));
            let title = titles.tell(SystemTime::UNIX_EPOCH, is_first);
            title.map(|title| (title.number, title.text.clone()))
        };
        let title = |number, text: &str| Some((number, text.to_owned()));
        assert_eq!(tell(None, true), None);
        assert_eq!(tell(Some(""), true), None);
        assert_eq!(tell(Some("A"), false), title(0, "A"));
        assert_eq!(tell(Some("A"), false), None);
        assert_eq!(tell(None, true), title(0, "A"));
        assert_eq!(tell(Some("B"), true), title(1, "B"));
        assert_eq!(tell(Some(""), false), title(2, ""));
    }
}
