//! One process that makes segments of a movie, as far as somebody asks for them.
//!
//! It is not read when nobody waits for a segment, and stands still then, because its pipe is full.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::assembly::{Assembly, Group};
use super::child::{Child, Pipes};
use super::grid::Grid;
use super::harvest::{Harvest, Made};
use super::orders::{self, Passage};
use super::speech::Speech;
use super::{Transcoders, Trouble};
use crate::hls::part::Segment;

/// A process that writes nothing for so long while it is read is of no use.
const SILENCE: Duration = Duration::from_secs(30);

/// So many segments one process makes at most, for their begins stand in its command line.
const MOST_SEGMENTS: u64 = 250;

/// Bytes that are read at a time.
const READ: usize = 64 << 10;

/// What is to be made of a movie.
#[derive(Clone, Debug)]
pub(super) struct Task<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a Path,
    pub(super) modified: SystemTime,
    pub(super) grid: &'a Grid,
    /// The streams that are made, those together that are in the same segments.
    pub(super) groups: Vec<Group<'a>>,
    /// When the first stream of its file begins on the timeline of the grid, in seconds.
    pub(super) start: f64,
    /// Its first sound, where ffmpeg cannot take it from the file.
    pub(super) speech: Option<&'a Speech>,
    /// After so many pictures there is enough; `None`: only at the end of the file.
    pub(super) most_pictures: Option<u32>,
}

/// A process, from some segment on.
pub(super) struct Run {
    child: Option<Child>,
    _speech: Option<AbortOnDropHandle<()>>,
    stdout: ChildStdout,
    harvest: Harvest,
    assembly: Assembly,
    bytes: BytesMut,
    made: Vec<Made>,
    has_ended: bool,
    /// Before which segment it ends.
    end: u64,
}

impl Run {
    /// Begins with segment `first`.
    pub(super) fn begin(
        shared: &Arc<Transcoders>,
        task: &Task<'_>,
        first: u64,
    ) -> Result<Self, Trouble> {
        let grid = task.grid;
        let origin = grid.origin(first);
        let passage = |speech: &Speech| speech.passage(origin.seconds());
        let (later, speech) = task.speech.map(passage).unzip();
        let end = first.saturating_add(MOST_SEGMENTS);
        let cuts = first..=end.min(grid.len());
        let cuts: Vec<_> = cuts.map(|cut| grid.start(cut).seconds()).collect();
        let streams = task.groups.iter().flat_map(|group| group.streams);
        let arguments = orders::of_movie(
            &Passage {
                file: task.file,
                from: origin,
                start: task.start,
                cuts: &cuts,
                rest: grid.end().seconds() - origin.seconds(),
                speech: later,
                most_pictures: task.most_pictures,
            },
            streams.clone().map(|stream| (stream.number, stream.coding)),
        );
        let (child, pipes) = Child::begin(shared.seat()?, task.name, &arguments, speech.is_some())?;
        let Pipes { input, output } = pipes;
        let heard = speech.zip(input).map(|(speech, input)| speech.feed(input));
        let codings: Vec<_> = streams.map(|stream| stream.coding).collect();
        Ok(Self {
            child: Some(child),
            _speech: heard.map(|feeding| AbortOnDropHandle::new(tokio::spawn(feeding))),
            stdout: output,
            harvest: Harvest::new(&codings),
            assembly: Assembly::new(grid, &task.groups, first, task.modified, task.start),
            bytes: BytesMut::with_capacity(READ),
            made: Vec::new(),
            has_ended: false,
            end,
        })
    }

    /// Whether it makes that segment after at most `near` others.
    pub(super) fn is_near(&self, number: u64, near: u64) -> bool {
        (self.next()..=self.next().saturating_add(near)).contains(&number) && number < self.end
    }

    /// The number of the segments that come next.
    pub(super) fn next(&self) -> u64 {
        self.assembly.next()
    }

    /// The next segment of each group. Cancel safe.
    ///
    /// # Errors
    /// Why there is none, for the log; the process is of no use then.
    pub(super) async fn segments(&mut self) -> Result<Vec<Segment>, String> {
        loop {
            if self.assembly.is_other() {
                return Err("it is encoded in another way than before".to_owned());
            }
            if let Some(segments) = self.assembly.pull() {
                return Ok(segments);
            }
            if self.has_ended {
                return Err(self.fault().await);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), String> {
        self.bytes.clear();
        match timeout(SILENCE, self.stdout.read_buf(&mut self.bytes)).await {
            Ok(Ok(1..)) => self.harvest.push(&self.bytes, &mut self.made),
            Ok(_) => {
                // What it has not made is not the end of the movie then.
                if let Some(child) = &mut self.child
                    && child.has_failed().await
                {
                    return Err(self.fault().await);
                }
                self.harvest.finish(&mut self.made);
                self.has_ended = true;
            }
            Err(_) => return Err(self.fault().await),
        }
        for made in self.made.drain(..) {
            self.assembly.push(made);
        }
        if self.has_ended {
            self.assembly.finish();
        }
        Ok(())
    }

    async fn fault(&mut self) -> String {
        match self.child.take() {
            Some(child) => child.fault().await,
            None => "it has ended".to_owned(),
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("next", &self.next())
            .finish_non_exhaustive()
    }
}
