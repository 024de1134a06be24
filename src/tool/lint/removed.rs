//! Segments and parts that have left a playlist: they must be there for some time still.

use std::time::Duration;

use url::Url;

use super::PATIENCE;
use super::web::Web;
use crate::lint::finding::Findings;
use crate::lint::media::Media;
use crate::lint::reload;

/// What has left the playlist.
#[derive(Default)]
pub(super) struct Removed {
    last: Option<Media>,
    /// What is to be asked for, and when.
    due: Vec<Due>,
    /// How many things have been asked for.
    asked: usize,
}

struct Due {
    at: Duration,
    /// Until when it must be there.
    until: Duration,
    left: Duration,
    what: String,
    url: Url,
}

impl Removed {
    /// Compares `media` with the version before, and asks for what is due.
    pub(super) async fn look(
        &mut self,
        web: &Web,
        own: &Url,
        media: &Media,
        findings: &mut Findings,
    ) {
        let now = web.elapsed();
        if let Some(last) = self.last.replace(media.clone()) {
            self.notice_segments(own, &last, media, now);
            self.notice_parts(own, &last, media, now);
        }
        let (due, later) = self.due.drain(..).partition(|due: &Due| due.at <= now);
        self.due = later;
        let due: Vec<Due> = due;
        // Who looks too late cannot tell.
        let due = due.into_iter().filter(|due| now <= due.until);
        for Due {
            left, what, url, ..
        } in due
        {
            if let Ok(answer) = web.get(&url, None, PATIENCE).await {
                let since = now.saturating_sub(left).as_secs_f64();
                reload::check_removed(&what, answer.delivery.status, since, findings);
            }
        }
    }

    /// A segment must be there for its own duration after it left, at least.
    fn notice_segments(&mut self, own: &Url, last: &Media, media: &Media, now: Duration) {
        let gone = last
            .segments
            .iter()
            .take_while(|one| one.sequence < media.media_sequence);
        for segment in gone.filter(|segment| !segment.gap) {
            let long = Duration::from_secs_f64(segment.duration.clamp(0.0, 3600.0));
            let what = format!("segment {}", segment.sequence);
            self.ask(own, &segment.uri, &what, now, long);
        }
    }

    /// A part must be there for three target durations after it left.
    fn notice_parts(&mut self, own: &Url, last: &Media, media: &Media, now: Duration) {
        let long = Duration::from_secs_f64((3.0 * media.target()).clamp(0.0, 3600.0));
        for old in last.all().filter(|old| !old.parts.is_empty()) {
            let is_listed = media
                .segment(old.sequence)
                .is_some_and(|new| !new.parts.is_empty());
            let Some(part) = old.parts.first().filter(|part| !is_listed && !part.gap) else {
                continue;
            };
            self.ask(own, &part.uri, &format!("part {}", part.uri), now, long);
        }
    }

    /// At once, and shortly before it may be gone.
    fn ask(&mut self, own: &Url, uri: &str, what: &str, now: Duration, long: Duration) {
        let Ok(url) = own.join(uri) else {
            return;
        };
        if self.asked >= MOST {
            return;
        }
        self.asked += 1;
        for at in [now, now + long.mul_f64(0.9)] {
            self.due.push(Due {
                at,
                until: now + long,
                left: now,
                what: what.to_owned(),
                url: url.clone(),
            });
        }
    }
}

/// Of how many things it is checked.
const MOST: usize = 20;
