//! Waiting for what a packager makes: at once, where it is there already.

use std::time::Duration;

use tokio::time::{self, timeout, timeout_at};

use super::stage::{Readiness, Stage};
use super::{NoPlaylist, Packager};
use crate::hls::object::Flavour;
use crate::hls::progress::{Progress, Wanted};

impl Packager {
    /// Waits until there is something to play, or to be told of, as `wanted`.
    pub(super) async fn started(
        &self,
        flavour: Flavour,
        wanted: Readiness,
        within: Duration,
    ) -> Result<(), NoPlaylist> {
        self.touch();
        if flavour == Flavour::Ts {
            let wants = |wants: &mut bool| !std::mem::replace(wants, true);
            self.wants_ts.send_if_modified(wants);
        }
        let settled = self.progress.borrow().settled(flavour, wanted);
        match settled {
            Some(settled) => settled,
            None => Box::pin(self.settled(flavour, wanted, within)).await,
        }
    }

    /// Waits until it is settled whether there will be something to play.
    async fn settled(
        &self,
        flavour: Flavour,
        wanted: Readiness,
        within: Duration,
    ) -> Result<(), NoPlaylist> {
        let mut stages = self.progress.subscribe();
        let settled = |stage: &Stage| stage.settled(flavour, wanted);
        let is_settled = |stage: &Stage| settled(stage).is_some();
        match timeout(within, stages.wait_for(is_settled)).await {
            Ok(Ok(stage)) => settled(&stage).unwrap_or(Err(NoPlaylist::Nothing)),
            Ok(Err(_)) => Err(NoPlaylist::Nothing),
            Err(_) => Err(NoPlaylist::Starting),
        }
    }

    /// Waits until a playlist holds what is wanted, which was `asked` for then, or has ended.
    pub(super) async fn reached(
        &self,
        wanted: Wanted,
        asked: time::Instant,
    ) -> Result<(), NoPlaylist> {
        let part_target = self.read().targets().part;
        let now = self.progress.borrow().progress;
        let told = now.unwrap_or_default();
        if !told.ended && told.is_beyond(wanted, part_target) {
            return Err(NoPlaylist::Beyond);
        }
        let holds = |progress: Progress| progress.ended || progress.holds(wanted);
        match now.is_some_and(holds) {
            true => Ok(()),
            false => Box::pin(self.held(holds, asked)).await,
        }
    }

    /// Waits until a playlist that was `asked` for then `holds` what is wanted.
    async fn held(
        &self,
        holds: impl Fn(Progress) -> bool,
        asked: time::Instant,
    ) -> Result<(), NoPlaylist> {
        let mut stages = self.progress.subscribe();
        let is_over = |stage: &Stage| stage.over || stage.left;
        let held = stages.wait_for(|stage| is_over(stage) || stage.progress.is_some_and(&holds));
        let deadline = asked + self.patience();
        let held = match timeout_at(deadline, held).await {
            Ok(Ok(stage)) => stage.progress.is_some_and(&holds),
            Ok(Err(_)) | Err(_) => false,
        };
        self.touch();
        held.then_some(()).ok_or(NoPlaylist::Late)
    }
}
