//! Following a channel for as long as it is packaged, to the reason why it is not any more.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::warn;

use super::keeper::{Keep, Keeper};
use super::{Line, TICK};
use crate::hls::packager::Packager;
use crate::hls::transcode::channel::{Made, Transcoder};
use crate::hls::transcode::need::Need;
use crate::media::channel::End;
use crate::media::ring::{Start, Taken};

/// After so long without a burst, units whose end only the next packet would show are taken as whole.
const PAUSE: Duration = Duration::from_millis(500);

/// Why one ends that another goes on for.
pub(super) const FOLLOWED: &str = "another packager follows";

/// Why nothing more of a channel is packaged.
pub(super) enum Over {
    /// Nothing follows, so the playlists end.
    Ended(String),
    /// Another packager goes on.
    Followed(String),
    /// Something may follow one day.
    LeftOff(String),
}

impl Over {
    /// Another packager goes on; not so with an event, whose playlists may not lose anything.
    fn followed(packager: &Packager, reason: &str) -> Self {
        let is_event = packager.read().keeps_all;
        let over = if is_event {
            Self::Ended
        } else {
            Self::Followed
        };
        over(reason.to_owned())
    }
}

/// Packages what the channel sends.
pub(super) async fn follow(
    line: &mut Line<'_>,
    transcoder: &mut Option<Transcoder>,
    need: &Need,
    mut keeper: Keeper<'_>,
) -> Over {
    let packager = line.packager;
    let channel = packager.channel();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut head = channel.head();
    let mut cursor = channel.cursor(Start::Past);
    loop {
        head.borrow_and_update();
        match line.take(&mut cursor) {
            // The server will be back with more of the channel, so its playlists do not end.
            Taken::Ended(end @ End::Stopped) => return Over::LeftOff(end.to_string()),
            // Who plays it goes on with what is published under its name now, or will be soon.
            Taken::Ended(end @ End::Replaced) => return Over::followed(packager, &end.to_string()),
            Taken::Nothing | Taken::Ended(_) if packager.is_followed() => {
                return Over::followed(packager, FOLLOWED);
            }
            Taken::Ended(end) => return Over::Ended(end.to_string()),
            Taken::Nothing => {}
            Taken::Bursts | Taken::Missed(_) => {
                // A channel's past is much at once, and others want to be served meanwhile.
                tokio::task::yield_now().await;
                continue;
            }
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() {
                return Over::LeftOff(End::Stopped.to_string());
            },
            made = made(transcoder) => match made {
                Made::Unit(unit) => line.take_encoded(unit),
                Made::Trouble(trouble) => line.take_trouble(trouble, need),
                Made::All => {
                    *transcoder = None;
                    line.hold.release();
                }
            },
            () = packager.followed() => {}
            () = packager.ts_wanted(), if !line.makes_ts => line.begin_ts(),
            () = sleep(PAUSE), if !line.is_flushed => line.flush(),
            _ = ticks.tick() => match keeper.tick(line) {
                Keep::On => if let Some(transcoder) = transcoder {
                    transcoder.judge(line.hold.is_owed());
                },
                Keep::Nothing => return Over::LeftOff("nobody asks for it".to_owned()),
                Keep::Window => {
                    // What is being made of the rest is for those who begin anew.
                    *transcoder = None;
                    warn!(path = %channel.path(), "the playlists end, for there is no room for more of the event: it begins anew");
                    return Over::Ended("there is no room for more of the event".to_owned());
                }
            }
        }
    }
}

/// What came of transcoding; nothing ever without it. Cancel safe.
async fn made(transcoder: &mut Option<Transcoder>) -> Made {
    match transcoder {
        Some(transcoder) => transcoder.next().await,
        None => std::future::pending().await,
    }
}
