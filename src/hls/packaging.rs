//! The task that packages a channel: from its bursts to the packager's window, as long as the settings say.

mod aligning;
mod cutting;
mod filling;
mod following;
mod keeper;
mod lingering;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::counts::Counts;
use super::hold::{Held, Hold};
use super::packager::Packager;
use super::segmenter::{Cut, Segmenter};
use super::sounds::{self, Cuts, Sounds};
use super::spooling::Spooling;
use super::spools::Spools;
use super::transcode::channel::{Encoded, Transcoder};
use super::transcode::need::{Need, Share};
use super::transcode::{Transcoders, Trouble};
use super::transport::Transport;
use super::units::Units;
use super::window::Window;
use crate::codec::Format;
use crate::config::{Config, Hls};
use crate::media::burst::Burst;
use crate::media::description::Description;
use crate::media::ring::{Cursor, Taken};
use following::Over;
use keeper::Keeper;

/// How often what has had its time is dropped, and idleness noticed.
const TICK: Duration = Duration::from_secs(1);

/// The most bursts taken from the channel at a time.
const BURSTS: usize = 64;

/// Packages `packager`'s channel until it has ended, or until nobody has asked for it for `[hls] idle_stop`
/// where it is packaged on demand.
pub(super) async fn run(
    packager: &Packager,
    settings: watch::Receiver<Arc<Config>>,
    transcoders: Arc<Transcoders>,
    spools: Arc<Spools>,
    stop: CancellationToken,
) {
    let path = packager.channel().path();
    info!(%path, "packaging for HLS begins");
    let mut spooling = Spooling::new(packager, spools);
    let reason = tokio::select! {
        biased;
        () = stop.cancelled() => "the server stops".to_owned(),
        reason = package(packager, &settings, &transcoders) => reason,
        never = spooling.run() => match never {},
    };
    spooling.close().await;
    info!(%path, reason, "packaging for HLS ends");
}

/// Returns why it ends.
async fn package(
    packager: &Packager,
    settings: &watch::Receiver<Arc<Config>>,
    transcoders: &Arc<Transcoders>,
) -> String {
    let channel = packager.channel();
    let hls = settings.borrow().hls_of(channel.path()).clone();
    let keeper = Keeper::new(packager, settings);
    let begun = async {
        let description = channel.described(hls.start_wait).await?;
        aligning::clock_told(packager).await;
        packager.turn().await;
        Some(description)
    };
    let description = tokio::select! {
        biased;
        () = packager.followed() => return following::FOLLOWED.to_owned(),
        description = begun => match description {
            Some(description) => description,
            None => return "nobody published".to_owned(),
        },
    };
    let share = match hls.transcode {
        true => Share::of(&description, packager.rendition(), hls.offers_compat()),
        false => Share::default(),
    };
    let need = share.need.clone();
    let encoded = need.all();
    let mut line = Line::new(packager, &description, &encoded, &hls);
    let mut transcoder =
        (!encoded.is_empty()).then(|| Transcoder::begin(transcoders, channel, share));
    match following::follow(&mut line, &mut transcoder, &need, keeper).await {
        Over::LeftOff(reason) => reason,
        Over::Followed(reason) => {
            // Nobody waits for what is still being made.
            drop(transcoder);
            line.close();
            line.make_way();
            lingering::linger(packager, settings).await;
            reason
        }
        Over::Ended(reason) => {
            line.end(transcoder).await;
            packager.end_turn();
            lingering::linger(packager, settings).await;
            reason
        }
    }
}

/// What turns bursts into segments.
struct Line<'p> {
    packager: &'p Packager,
    units: Units,
    hold: Hold,
    segmenter: Segmenter,
    description: Arc<Description>,
    title: watch::Receiver<Option<Arc<str>>>,
    /// Of what leads, then of each of the sounds.
    transports: Vec<Transport>,
    makes_ts: bool,
    /// By track: whether the segmenter knows its format.
    is_known: Vec<bool>,
    is_flushed: bool,
    /// Something was encoded since the last [tick](TICK).
    comes_on: bool,
    warned: report::Warned,
    lacks_pictures: bool,
    counts: Counts,
    bursts: Vec<Arc<Burst>>,
    sounds: Sounds,
    cuts: Vec<Cuts>,
}

impl<'p> Line<'p> {
    fn new(
        packager: &'p Packager,
        description: &Arc<Description>,
        encoded: &[usize],
        hls: &Hls,
    ) -> Self {
        let mut title = packager.channel().title();
        title.mark_changed();
        let apart = sounds::apart(description, packager.rendition(), encoded);
        let untold = cutting::untold(packager, description, (encoded, &apart));
        let (segmenter, sounds) = cutting::begin(packager, description, (encoded, &apart), hls);
        Self {
            packager,
            units: aligning::units(packager, description, encoded),
            hold: Hold::new(encoded, &apart).with_untold(untold),
            segmenter,
            description: Arc::clone(description),
            title,
            transports: (0..=sounds.count()).map(|_| Transport::default()).collect(),
            // Of what is on disk none can be made.
            makes_ts: packager.read().is_on_disk(),
            is_known: vec![false; description.tracks().len()],
            is_flushed: true,
            comes_on: false,
            warned: report::Warned::default(),
            lacks_pictures: false,
            counts: Counts::default(),
            bursts: Vec::new(),
            sounds,
            cuts: Vec::new(),
        }
    }

    fn set_format(&mut self, track: usize, format: Format) {
        if self.sounds.set_format(track, &format) {
            self.segmenter.renew();
        }
        self.segmenter.set_format(track, format);
    }

    /// Takes what is there of the channel.
    fn take(&mut self, cursor: &mut Cursor) -> Taken {
        self.follow_description();
        let mut bursts = std::mem::take(&mut self.bursts);
        let taken = cursor.take(&mut bursts, BURSTS);
        if let Taken::Missed(packets) = taken {
            warn!(path = %cursor.channel().path(), packets, "packaging for HLS fell behind");
            self.units.missed();
        }
        // After the cursor, so that what was on before a burst came is told before it.
        self.follow_title();
        for burst in bursts.drain(..) {
            self.units.push(&burst);
            self.cut(burst.arrived());
            self.is_flushed = false;
        }
        self.bursts = bursts;
        // The past of a channel comes out at once, for it tells how far apart key frames are.
        if taken != Taken::Bursts {
            self.publish();
        }
        taken
    }

    /// Another publisher may describe the same tracks in another way.
    fn follow_description(&mut self) {
        let now = self.packager.channel().description();
        if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, &self.description)) {
            self.units.describe(&now);
            self.description = now;
        }
    }

    /// What is on now is told from the next part on.
    fn follow_title(&mut self) {
        // Its sender lives in the channel, which the packager holds.
        if self.title.has_changed().unwrap_or(false) {
            let title = self.title.borrow_and_update().clone();
            self.segmenter
                .set_title(title.as_deref().unwrap_or_default());
        }
    }

    /// Takes what was waiting for the next packet.
    fn flush(&mut self) {
        self.is_flushed = true;
        let now = self.packager.clock().now();
        self.units.flush(now);
        self.cut(now);
        self.publish();
    }

    /// Takes what was made of a track that is encoded.
    fn take_encoded(&mut self, made: Encoded) {
        let now = self.packager.clock().now();
        let Encoded {
            track,
            unit,
            format,
        } = made;
        self.comes_on = true;
        self.units.push_encoded(track, unit, format, now);
        self.cut(now);
        self.publish();
    }

    /// Takes notice that nothing is encoded, or that it is again: players are told where they miss something
    /// of the channel, and nothing waits for further sounds.
    fn take_trouble(&mut self, trouble: Option<Trouble>, need: &Need) {
        if !need.first.is_empty() {
            self.packager.set_trouble(trouble);
        } else if trouble.is_some() {
            self.hold.release();
        }
    }

    /// Ends the channel, and takes before what is still being made of it.
    async fn end(&mut self, transcoder: Option<Transcoder>) {
        if let Some(transcoder) = transcoder {
            for unit in transcoder.rest().await {
                self.take_encoded(unit);
            }
        }
        self.close();
        let wall = self.packager.clock().present_wall();
        self.packager.update(|window| window.end(wall));
    }

    /// Ends the segment under way with what is there.
    fn close(&mut self) {
        self.hold.release();
        self.flush();
        self.segmenter.finish();
        self.sounds.finish();
        self.collect();
        self.publish();
        self.tell();
    }

    /// Gives the units that are there to the segmenter; they arrived `at` that time.
    fn cut(&mut self, at: Instant) {
        let clock = self.packager.clock();
        let now = clock.now();
        while let Some(unit) = self.units.pull() {
            let is_known = self.is_known.get(unit.track).copied().unwrap_or(true);
            if !is_known {
                self.tell_format(unit.track);
            }
            let format = self.units.format(unit.track).filter(|_| unit.discontinuity);
            let format = format.cloned();
            self.hold.push(Held { unit, format, at }, now);
        }
        self.hold.set_owed(|track| self.units.is_owed(track));
        while let Some(Held { unit, format, at }) = self.hold.pull(now) {
            if let Some(format) = format {
                self.set_format(unit.track, format);
            }
            self.sounds.push(&unit);
            self.segmenter.push(&unit, clock.wall(at));
            self.promote();
            self.collect();
        }
    }

    /// The first of the sounds leads if no pictures come, before there is anything to play.
    fn promote(&mut self) {
        if let Some(track) = self.segmenter.pull_promoted() {
            self.sounds.leave_out(track);
            self.transports.truncate(1 + self.sounds.count());
            self.packager.update(Window::take_first_sound);
        }
    }

    /// Tells the first format of a track at once, so that the first map has it.
    fn tell_format(&mut self, track: usize) {
        if let Some(format) = self.units.format(track).cloned() {
            self.set_format(track, format);
            if let Some(is_known) = self.is_known.get_mut(track) {
                *is_known = true;
            }
        }
    }

    fn collect(&mut self) {
        while let Some(cut) = self.segmenter.pull() {
            self.sounds.push_cut(cut);
        }
        while let Some(cuts) = self.sounds.pull() {
            match &cuts.main {
                Cut::Part(part) => self.counts.part(part),
                Cut::Segment(segment) => {
                    self.counts.segment(segment);
                    self.judge(segment);
                }
            }
            self.cuts.push(cuts);
        }
    }
}
