//! PLAY: from what is asked for to packets that are ready to leave.

use std::time::Instant;

use crate::vod::{PlayRequest, Playback};

use super::answer::{Done, Playing};
use super::ask::Play;
use super::refusal::Refusal;

/// Has `playback` prepare what `play` asks for. Cancel safe: dropped half-way, play is held.
pub(super) async fn play_movie(
    playback: &Playback,
    play: Play,
    now: Instant,
) -> Result<Done, Refusal> {
    check_direction(&play)?;
    let request = PlayRequest {
        range: play.range,
        scale: play.scale.unwrap_or(1.0),
        speed: play.speed.unwrap_or(1.0),
    };
    let played = playback.play(&request, now).await?;
    let earlier = Some(played.earlier).filter(|earlier| !earlier.is_zero());
    Ok(Done::Playing(Playing {
        start: played.start,
        end: played.end,
        scale: played.scale,
        speed: played.speed,
        asked: (play.scale.is_some(), play.speed.is_some()),
        tracks: played.tracks,
        prebuffer: play.prebuffer.and(earlier),
        options: play.options,
    }))
}

/// A range that ends where it starts, or before, holds nothing; played backwards it is the other way round.
fn check_direction(play: &Play) -> Result<(), Refusal> {
    let Some((Some(start), Some(end))) = play.range else {
        return Ok(());
    };
    let backwards = play.scale.is_some_and(|scale| scale < 0.0);
    if (backwards && end < start) || (!backwards && start < end) {
        Ok(())
    } else {
        Err(Refusal::new(457, "range ends before it starts"))
    }
}
