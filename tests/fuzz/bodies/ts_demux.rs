//! Bytes of a transport stream: the demultiplexer, and what cuts its streams into samples.

use std::collections::HashMap;

use reelcast::base::media_time::MediaTime;
use reelcast::codec::elementary::{Frame, Framer, Piece};
use reelcast::container::ts::{CLOCK_HZ, Counts, Demux, Event};

/// Reads `data` as one piece and in small ones, which must come to the same.
pub(crate) fn run(data: &[u8]) {
    let whole = read([data]);
    let piecewise = read(data.chunks(61));
    assert_eq!(whole, piecewise, "pieces must not matter");
    cut(whole.0);
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Counts) {
    let (mut demux, mut events) = (Demux::new(None), Vec::new());
    for piece in pieces {
        demux.push(piece, &mut events);
    }
    demux.finish(&mut events);
    (events, demux.counts())
}

fn cut(events: Vec<Event>) {
    let mut framers: HashMap<u16, Box<dyn Framer>> = HashMap::new();
    let mut frames: Vec<Frame> = Vec::new();
    for event in events {
        match event {
            Event::Program(program) => {
                let known = program.streams.iter();
                let known = known.filter_map(|one| Some((one.pid, one.coding?.framer())));
                framers = known.collect();
            }
            Event::Unit(unit) => {
                let framer = framers
                    .get_mut(&unit.pid)
                    .expect("units are of known streams");
                let time = |ticks| MediaTime::new(ticks, CLOCK_HZ);
                framer.push(
                    Piece {
                        data: &unit.data,
                        pts: unit.pts.map(time),
                        dts: unit.dts.map(time),
                        random_access: unit.random_access,
                    },
                    &mut frames,
                );
                if unit.lost {
                    framer.skip();
                }
                if let Some(format) = framer.format() {
                    let _ = (format.rtpmap(), format.fmtp());
                }
            }
        }
    }
    assert!(frames.iter().all(|frame| frame.time.rate > 0));
}
