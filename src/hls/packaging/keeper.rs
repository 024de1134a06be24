//! What is looked at every second of a channel that is packaged: what has had its time, and whether it goes on.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::Line;
use crate::config::{Config, Hls};
use crate::hls::packager::Packager;
use crate::hls::window::{Bounds, Window};
use crate::media::channel::Demand;

/// Whether a channel goes on being packaged.
pub(super) enum Keep {
    /// It does.
    On,
    /// Only what is there is kept, for there is no room for more of what must not be lost.
    Window,
    /// Nobody asks for it.
    Nothing,
}

/// Who decides that.
pub(super) struct Keeper<'p> {
    packager: &'p Packager,
    settings: &'p watch::Receiver<Arc<Config>>,
    /// A source on demand is pulled for viewers only.
    demand: Option<Demand>,
    /// Shortly after it the first player would be sent away without a segment.
    deadline: Instant,
}

impl<'p> Keeper<'p> {
    /// Somebody wants the channel from now on.
    pub(super) fn new(packager: &'p Packager, settings: &'p watch::Receiver<Arc<Config>>) -> Self {
        let channel = packager.channel();
        let start_wait = settings.borrow().hls_of(channel.path()).start_wait;
        Self {
            packager,
            settings,
            demand: Some(channel.demand()),
            deadline: packager.clock().now() + start_wait / 4 * 3,
        }
    }

    /// Looks after the channel.
    pub(super) fn tick(&mut self, line: &mut Line<'_>) -> Keep {
        let (packager, channel) = (self.packager, self.packager.channel());
        let hls = self.settings.borrow().hls_of(channel.path()).clone();
        let now = packager.clock().now();
        if now >= self.deadline {
            line.hurry();
        }
        line.tick(&hls, now);
        if packager.read().is_full() {
            return Keep::Window;
        }
        let is_idle = packager.idle(now) >= hls.idle_stop;
        if !hls.enabled || is_idle && !hls.is_always_packaged() {
            return Keep::Nothing;
        }
        let demanded = self.demand.take().unwrap_or_else(|| channel.demand());
        self.demand = (!is_idle).then_some(demanded);
        Keep::On
    }
}

impl Line<'_> {
    /// Drops what has had its time, and tells how it is going.
    fn tick(&mut self, hls: &Hls, now: Instant) {
        self.cut(now);
        self.keep_up();
        self.publish();
        let is_on_disk = self.packager.update(|window| {
            window.set_bounds(Bounds::of(hls));
            window.trim(now);
            window.is_on_disk()
        });
        if is_on_disk && !self.makes_ts {
            self.begin_ts();
        }
        self.tell();
    }

    /// Lets players begin with what there is.
    fn hurry(&mut self) {
        self.segmenter.hurry();
        self.packager.update(Window::hurry);
    }
}
