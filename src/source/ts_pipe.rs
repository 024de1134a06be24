//! A transport stream from a named pipe, a file, or standard input.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio::fs::File;
use tokio::net::unix::pipe;

use super::{Attempt, Failure, Silence};
use crate::config::ChannelSource;

/// What `pipe:-` stands for.
const STANDARD_INPUT: &str = "/dev/stdin";

/// A channel fed from a pipe.
#[derive(Debug)]
pub(super) struct TsPipe {
    settings: ChannelSource,
    /// `None` for standard input.
    path: Option<PathBuf>,
}

impl TsPipe {
    pub(super) fn new(settings: &ChannelSource) -> Self {
        let text = percent_decode_str(settings.url.url().path());
        let path = PathBuf::from(text.decode_utf8_lossy().into_owned());
        Self {
            settings: settings.clone(),
            path: Some(path).filter(|path| path.as_os_str() != "-"),
        }
    }

    /// Reads what comes.
    ///
    /// A named pipe outlives its writers: it is open for the next one. Standard input
    /// comes once; when it has ended, this waits for ever.
    pub(super) async fn feed(&self, attempt: &Attempt) -> Failure {
        let ended = self.read_to_end(attempt).await;
        if self.path.is_none() && matches!(ended, Failure::Ended) {
            tracing::info!(channel = %self.settings.channel, "standard input has ended");
            std::future::pending::<()>().await;
        }
        ended
    }

    async fn read_to_end(&self, attempt: &Attempt) -> Failure {
        let opened = match self.open().await {
            Ok(opened) => opened,
            Err(source) => {
                return Failure::Connect {
                    host: self.settings.url.to_string(),
                    source,
                };
            }
        };
        let silence = Silence::Waits(Arc::clone(&attempt.status));
        let reading = attempt.ts_reading(self.settings.timeout, silence);
        match opened {
            Opened::Pipe(mut pipe) => reading.run(&mut pipe).await,
            Opened::File(mut file) => reading.run(&mut file).await,
        }
    }

    async fn open(&self) -> io::Result<Opened> {
        let standard_input = PathBuf::from(STANDARD_INPUT);
        let path = self.path.as_ref().unwrap_or(&standard_input);
        if fs::metadata(path)?.file_type().is_fifo() {
            let mut options = pipe::OpenOptions::new();
            options.read_write(self.path.is_some());
            return options.open_receiver(path).map(Opened::Pipe);
        }
        File::open(path).await.map(Opened::File)
    }
}

enum Opened {
    Pipe(pipe::Receiver),
    File(File),
}
