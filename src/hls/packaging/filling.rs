//! How what was cut comes into the packager's window, also as a transport stream.

use super::Line;
use crate::hls::numbers::Numbering;
use crate::hls::segmenter::Cut;
use crate::hls::sounds::Cuts;
use crate::hls::window::{Targets, Window};

impl Line<'_> {
    /// Makes transport streams from now on, and of what is there.
    pub(super) fn begin_ts(&mut self) {
        self.makes_ts = true;
        let clock = self.packager.clock();
        let wall = clock.present_wall();
        let transports = &mut self.transports;
        self.packager.update(|window| {
            for (number, transport) in (0..).zip(transports) {
                if let Some(rendition) = window.rendition_mut(number) {
                    rendition.add_ts(wall, |segment| transport.segment(segment));
                }
            }
        });
    }

    /// Adds what was cut to the window, all at once.
    pub(super) fn publish(&mut self) {
        let Some(newest) = self.cuts.last() else {
            return;
        };
        let mut next = following(&newest.main);
        let targets = Targets {
            segment: self.segmenter.target(),
            part: self.segmenter.part_target(),
        };
        let clock = self.packager.clock();
        let now = clock.now();
        let wall = clock.present_wall();
        let (transports, makes_ts) = (&mut self.transports, self.makes_ts);
        let cuts = self.cuts.drain(..);
        next.frame = self.packager.update(|window: &mut Window| {
            window.set_targets(targets);
            for Cuts { main, sounds } in cuts {
                let cuts = [Some(main)].into_iter().chain(sounds);
                for (number, (cut, transport)) in (0..).zip(cuts.zip(&mut *transports)) {
                    match (window.rendition_mut(number), cut) {
                        (Some(window), Some(Cut::Part(part))) => window.push_part(part, wall),
                        (Some(window), Some(Cut::Segment(segment))) => {
                            let ts = makes_ts.then(|| transport.segment(&segment)).flatten();
                            window.push_segment(segment, ts, now, wall);
                        }
                        _ => {}
                    }
                }
            }
            window.next_i_frame().unwrap_or_default()
        });
        let path = self.packager.channel().path();
        self.packager.numbers().reach(path, next);
    }
}

/// What follows `cut`, but for key frames.
fn following(cut: &Cut) -> Numbering {
    let head = match cut {
        Cut::Part(part) => &part.head,
        Cut::Segment(segment) => &segment.head,
    };
    Numbering {
        sequence: head.sequence + 1,
        frame: 0,
        discontinuity: head.discontinuity_sequence,
    }
}
