//! Requests that players make now and then, or should not make: what is the answer?

use std::time::Duration;

use url::Url;

use super::PATIENCE;
use super::follow::with_directives;
use super::web::{Answer, Failure, Web};
use crate::lint::finding::Findings;
use crate::lint::media::Media;
use crate::lint::reload::{self, Reload};
use crate::lint::stream;

/// Asks once for what must be refused, for what is listed already, and for a delta update.
pub(super) async fn run(web: &Web, url: &Url, media: &Media, findings: &mut Findings) {
    let control = media.control.unwrap_or_default();
    if control.can_block_reload {
        for (sequence, part) in reload::forbidden(media) {
            if let Ok(answer) = ask(web, url, sequence, part).await {
                let media = stream::read(&answer.body);
                let told = told(sequence, part, &answer, media.as_ref());
                reload::check_forbidden(&told, findings);
            }
        }
        let oldest = Some(media.media_sequence.saturating_sub(1));
        if let Ok(answer) = ask(web, url, oldest, None).await {
            let told = told(oldest, None, &answer, Some(media));
            reload::check(&told, media.target(), findings);
        }
    }
    if control.can_skip_until.is_some() {
        check_delta(web, url, findings).await;
    }
}

async fn ask(
    web: &Web,
    url: &Url,
    sequence: Option<u64>,
    part: Option<u64>,
) -> Result<Answer, Failure> {
    let url = with_directives(url, sequence, part, false);
    web.get(&url, None, PATIENCE).await
}

fn told<'a>(
    sequence: Option<u64>,
    part: Option<u64>,
    answer: &Answer,
    media: Option<&'a Media>,
) -> Reload<'a> {
    Reload {
        sequence,
        part,
        status: answer.delivery.status,
        media,
        waited: answer.waited.as_secs_f64(),
    }
}

/// A whole playlist and a delta update, one immediately after the other.
async fn check_delta(web: &Web, url: &Url, findings: &mut Findings) {
    let whole = web.get(url, None, PATIENCE).await;
    let delta = web
        .get(&with_directives(url, None, None, true), None, PATIENCE)
        .await;
    if let (Ok(whole), Ok(delta)) = (whole, delta)
        && (whole.delivery.status, delta.delivery.status) == (200, 200)
    {
        stream::check_delta(&whole.body, &delta.body, findings);
    }
}

/// The answer to a request for a hinted part.
pub(super) struct Hinted {
    uri: String,
    answer: Result<Answer, Failure>,
}

/// Asks for the part that `media` hints at; `None` when it hints at none.
pub(super) async fn hinted(
    web: Web,
    own: &Url,
    media: &Media,
    patience: Duration,
) -> Option<Hinted> {
    let hint = media.hints.iter().find(|hint| hint.kind == "PART")?;
    let url = own.join(&hint.uri).ok()?;
    let range = (hint.start > 0).then_some(hint.start..u64::from(u32::MAX));
    Some(Hinted {
        uri: hint.uri.clone(),
        answer: web.get(&url, range.as_ref(), patience).await,
    })
}

impl Hinted {
    /// Checks the answer; `next` is the playlist that came meanwhile.
    pub(super) fn check(&self, media: &Media, next: Option<&Media>, findings: &mut Findings) {
        let mut parts = next
            .iter()
            .flat_map(|next| next.all())
            .flat_map(|one| &one.parts);
        let was_published = parts.any(|part| part.uri == self.uri);
        let answer = self.answer.as_ref().ok();
        let status = answer.map_or(0, |answer| answer.delivery.status);
        let trickled = answer.map_or(0.0, |answer| answer.transfer.as_secs_f64());
        let target = media.part_target.unwrap_or(1.0);
        reload::check_hinted(&self.uri, status, was_published, trickled, target, findings);
    }
}
