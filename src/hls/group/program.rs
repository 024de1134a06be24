//! The program that the channels of a group are together: what its playlists tell.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use crate::base::path::MediaPath;
use crate::config::Config;
use crate::hls::object::Flavour;
use crate::hls::packager::{NoPlaylist, Packager};
use crate::hls::playlist::{HEAD, RenditionReport};
use crate::hls::text::Text;
use crate::hls::window::Variant;

/// The playlist that a player opens: the variants that can be played, in the given order. Those
/// for which nothing comes are left out as long as there are others. The first that can be played is waited for until
/// `start_wait` after its packager began, the others for half a target duration more. If none is in formats that every
/// player knows, what is offered in such formats follows. Cancel safe.
///
/// # Errors
/// Why there is none: what holds for the first variant.
pub async fn multivariant(
    variants: &[Arc<Packager>],
    flavour: Flavour,
    config: &Config,
    now: SystemTime,
) -> Result<Arc<Text>, NoPlaylist> {
    let told = variants.iter().map(|variant| async move {
        let path = variant.channel().path();
        let start_wait = config.hls_of(path).start_wait;
        variant.variant(flavour, &folder(path), start_wait).await
    });
    let target = variants.first().map(|variant| variant.target_duration());
    let is_playing =
        |told: &Result<Arc<Variant>, _>| told.as_ref().is_ok_and(|one| !one.is_stalled);
    let told = gathered(told, is_playing, target.unwrap_or_default() / 2).await;
    let is_moving = told.iter().flatten().any(|variant| !variant.is_stalled);
    let shown = told.iter().flatten();
    let shown = shown.filter(|variant| !variant.is_stalled || !is_moving);
    let shown: Vec<_> = shown.cloned().collect();
    let Some(first) = variants.first().filter(|_| !shown.is_empty()) else {
        let reason = told.into_iter().find_map(Result::err);
        return Err(reason.unwrap_or(NoPlaylist::Nothing));
    };
    // What it is as long as it is the same, one of the variants keeps for all.
    Ok(first.kept_program(flavour, shown, |shown| written(shown, now)))
}

/// The playlist that tells of `shown`, as it is since `now`.
fn written(shown: &[Arc<Variant>], now: SystemTime) -> Text {
    let mut tags: Vec<_> = shown.iter().map(|variant| variant.tags.as_str()).collect();
    if !shown.iter().any(|variant| variant.suits_all) {
        let alternatives = shown.iter();
        tags.extend(alternatives.flat_map(|variant| variant.alternative.as_deref()));
    }
    let text = format!("{HEAD}{}", tags.concat());
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("{:016x}", hasher.finish());
    Text::new(text, tag, now)
}

/// What goes before the URIs of the variant `path`. A colon would make what is before it a scheme (RFC 3986, 4.2).
fn folder(path: &MediaPath) -> String {
    format!("{}/", path.to_url().replace(':', "%3A"))
}

/// What comes of all of these, in their order; when one of it is enough, the others are waited for as long as
/// `patience`, and left out then. Cancel safe.
async fn gathered<T>(
    awaited: impl Iterator<Item = impl Future<Output = T>>,
    is_enough: impl Fn(&T) -> bool,
    patience: Duration,
) -> Vec<T> {
    let placed = awaited.enumerate();
    let placed = placed.map(|(place, one)| async move { (place, one.await) });
    let mut waiting: FuturesUnordered<_> = placed.collect();
    let mut come = Vec::new();
    let mut until = None;
    loop {
        let next = match until {
            Some(until) => timeout_at(until, waiting.next()).await.unwrap_or(None),
            None => waiting.next().await,
        };
        let Some((place, one)) = next else {
            break;
        };
        if until.is_none() && is_enough(&one) {
            until = Some(Instant::now() + patience);
        }
        come.push((place, one));
    }
    come.sort_by_key(|(place, _)| *place);
    come.into_iter().map(|(_, one)| one).collect()
}

/// A media playlist of `own` that tells how far those of the others are (rfc8216bis, 4.4.5.4).
pub fn reported(own: &Packager, text: Arc<Text>, others: &[Arc<Packager>]) -> Arc<Text> {
    let (mut lines, mut tag) = (String::new(), String::new());
    let path = own.channel().path();
    for other in others {
        let Some((progress, playlists)) = other.reported(Flavour::LowLatency) else {
            continue;
        };
        let (last_sequence, last_part) = progress.last();
        let folder = relative(path, other.channel().path());
        for playlist in playlists {
            let report = RenditionReport {
                uri: format!("{folder}{playlist}"),
                last_sequence,
                last_part,
            };
            lines.push_str(&report.to_string());
        }
        // Writing to a String cannot fail.
        let _ = write!(tag, "-{last_sequence}.{}", last_part.unwrap_or_default());
    }
    match lines.is_empty() {
        true => text,
        false => own.extended(&text, lines, &tag),
    }
}

/// Where the files of `to` are for those in the folder of `from`.
fn relative(from: &MediaPath, to: &MediaPath) -> String {
    if from == to {
        return String::new();
    }
    let up = from.as_str().split('/').count();
    format!("{}{}/", "../".repeat(up), to.to_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_the_last_when_there_is_enough() {
        let after = |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            seconds
        };
        let patience = Duration::from_secs(3);
        let come = |awaited: [u64; 4], enough: u64| async move {
            let begun = Instant::now();
            let awaited = awaited.into_iter().map(after);
            let come = gathered(awaited, |one| *one >= enough, patience).await;
            (come, begun.elapsed().as_secs())
        };
        assert_eq!(come([4, 0, 20, 2], 0).await, (vec![0, 2], 3));
        assert_eq!(come([4, 0, 20, 2], 2).await, (vec![4, 0, 2], 5));
        assert_eq!(come([4, 0, 20, 2], 9).await, (vec![4, 0, 20, 2], 20));
        assert_eq!(come([1, 0, 0, 2], 0).await, (vec![1, 0, 0, 2], 2));
    }

    #[test]
    fn a_colon_in_a_name_makes_no_scheme() {
        let folder = |name| folder(&MediaPath::from_plain(name).unwrap());
        assert_eq!(folder("tv:hd"), "tv%3Ahd/");
        assert_eq!(folder("tv/a b"), "tv/a%20b/");
    }

    #[test]
    fn channels_find_each_other() {
        let relative = |from, to| {
            let path = |name| MediaPath::from_plain(name).unwrap();
            relative(&path(from), &path(to))
        };
        assert_eq!(relative("hd", "sd"), "../sd/");
        assert_eq!(relative("tv/hd", "tv/hd"), "");
        assert_eq!(relative("tv/hd", "a b"), "../../a%20b/");
    }
}
