//! Where to begin: from a point of normal play time to a sample of each track.

use super::feed::Feed;
use super::hinted::{HintFeed, first_at_or_after};
use super::movie::{Movie, ServedTrack};
use super::packetised::{SampleFeed, place, span_showing};
use super::steps::Steps;
use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::Kind;
use crate::container::{Sample, Span, Track};

/// Where play really begins when a client asks for `wanted`: at the sync sample of the
/// first picture track at or before it, so that every decoder can start; without
/// pictures at `wanted` itself.
pub(super) fn start_for(movie: &Movie, served: &[&ServedTrack], wanted: NptTime) -> NptTime {
    let pictures = served
        .iter()
        .find(|track| track.kind == Kind::Video && !all_sync(movie, track));
    let Some(pictures) = pictures else {
        return wanted;
    };
    if pictures.packetizer().is_some() {
        sample_start(movie, pictures, wanted).unwrap_or(wanted)
    } else {
        hinted_start(movie, pictures, wanted).unwrap_or(wanted)
    }
}

/// What a track sends when every packet is played from `start` on.
pub(super) fn feed_from(movie: &Movie, served: &ServedTrack, start: NptTime) -> Option<Feed> {
    let track = movie.track(served.track)?;
    if served.packetizer().is_none() {
        let time = after_lead(track, start);
        let index = first_at_or_after(track, time);
        let steps = Steps::all(&track.samples, index);
        return Some(Feed::Hint(HintFeed::new(served.track, steps, None)));
    }
    let (number, span) = span_at(track, start)?;
    let time = media_time(track, span, start);
    let mut index = track.sync_for(time);
    if track.samples.all_sync() && presented_before(track, span, index, start, served.rtp_rate) {
        index += 1;
    }
    Some(Feed::Samples(SampleFeed::every(track, number, index)))
}

/// What a track sends at another speed than its own: sync samples of pictures, nothing of anything else.
pub(super) fn thinned_feed_from(
    movie: &Movie,
    served: &ServedTrack,
    start: NptTime,
    backwards: bool,
) -> Option<Feed> {
    if served.kind != Kind::Video {
        return None;
    }
    let media = movie.track(served.media)?;
    if served.packetizer().is_none() {
        let time = after_lead(movie.track(served.track)?, start).at_rate(media.timescale);
        let index = media
            .samples
            .sync_at_or_before(media.samples.index_at(time.ticks));
        let steps = Steps::sync(&media.samples, index, backwards);
        return Some(Feed::Hint(HintFeed::new(
            served.track,
            steps,
            Some(served.media),
        )));
    }
    let (_, span) = span_at(media, start)?;
    let index = media.sync_for(media_time(media, span, start));
    Some(Feed::Samples(SampleFeed::thinned(media, index, backwards)))
}

fn all_sync(movie: &Movie, served: &ServedTrack) -> bool {
    movie
        .track(served.media)
        .is_none_or(|media| media.samples.all_sync())
}

fn sample_start(movie: &Movie, served: &ServedTrack, wanted: NptTime) -> Option<NptTime> {
    let track = movie.track(served.track)?;
    let (_, span) = span_at(track, wanted)?;
    let index = track.sync_for(media_time(track, span, wanted));
    let sample = track.samples.cursor(index).next(&track.samples)?;
    let shown_in = span_showing(track, &sample).unwrap_or(span);
    Some(
        place(track, shown_in, &sample, served.rtp_rate)
            .shown
            .max(NptTime(0)),
    )
}

fn hinted_start(movie: &Movie, served: &ServedTrack, wanted: NptTime) -> Option<NptTime> {
    let (hints, media) = (movie.track(served.track)?, movie.track(served.media)?);
    let wanted = after_lead(hints, wanted).at_rate(media.timescale);
    let index = media
        .samples
        .sync_at_or_before(media.samples.index_at(wanted.ticks));
    let sync = media.samples.cursor(index).next(&media.samples)?;
    let start = MediaTime::new(sync.time, media.timescale).nanos();
    Some(NptTime(start.saturating_add(hints.edits.lead().0)))
}

/// A point of the presentation as time of a hint track, which begins after its leading empty edit.
fn after_lead(hints: &Track, npt: NptTime) -> MediaTime {
    MediaTime::from_nanos(npt.0.saturating_sub(hints.edits.lead().0), hints.timescale)
}

/// The part of the edit list that is shown at `npt`, or else the next one, or else the last.
fn span_at(track: &Track, npt: NptTime) -> Option<(usize, &Span)> {
    let spans = track.edits.spans();
    let ends_after = |span: &Span| span.start.0.saturating_add(span.duration_ns) > npt.0;
    let number = spans
        .iter()
        .position(ends_after)
        .or_else(|| spans.len().checked_sub(1))?;
    Some((number, spans.get(number)?))
}

/// The media time that `span` shows at `npt`, in ticks of the track.
fn media_time(track: &Track, span: &Span, npt: NptTime) -> i64 {
    let since = npt.0.saturating_sub(span.start.0).max(0);
    span.media_start
        .saturating_add(MediaTime::from_nanos(since, track.timescale).ticks)
}

/// Whether sample `index` is over before `start`, as the sound before a picture is.
fn presented_before(track: &Track, span: &Span, index: u32, start: NptTime, rtp_rate: u32) -> bool {
    let sample = track.samples.cursor(index).next(&track.samples);
    let early = |sample: Sample| place(track, span, &sample, rtp_rate).shown < start;
    start > span.start && sample.is_some_and(early)
}
