//! The error log: what the server has to say, to the terminal and to a file that rolls.
//!
//! Messages come by `tracing`. Lines for people look like those of QTSS:
//! `2026-11-21 12:00:00: WARNING: text`.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::roll::{Limits, RollingFile};
use super::stamp;
use crate::base::clock::Clock;

/// How the error log is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of `error.log`.
    pub folder: PathBuf,
    /// When the file rolls; without limits no file is written.
    pub limits: Option<Limits>,
    /// Whether the file holds a JSON object a line.
    pub json: bool,
    /// The least severe messages that are logged.
    pub level: LevelFilter,
}

/// The process's error log.
#[derive(Debug)]
pub struct ErrorLog {
    filter: reload::Handle<Targets, Registry>,
    file: LogFile,
}

impl ErrorLog {
    /// Makes this the log of the whole process.
    ///
    /// # Errors
    /// That the file cannot be opened, or that the process has a log already.
    pub fn install(settings: Settings, clock: Clock) -> io::Result<Self> {
        let file = LogFile::open(settings.folder, settings.limits, settings.json, clock)?;
        let (filter, handle) = reload::Layer::new(targets(settings.level));
        let terminal = tracing_subscriber::fmt::layer()
            .event_format(Human(clock))
            .with_ansi(false)
            .with_writer(io::stderr);
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(file.clone());
        let lines = if settings.json {
            lines.json().flatten_event(true).boxed()
        } else {
            lines.event_format(Human(clock)).boxed()
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(terminal)
            .try_init()
            .map_err(io::Error::other)?;
        file.remark("STARTUP");
        Ok(Self {
            filter: handle,
            file,
        })
    }

    /// Changes the least severe messages that are logged.
    pub fn set_level(&self, level: LevelFilter) {
        // The subscriber lives as long as the process.
        self.filter.reload(targets(level)).ok();
    }

    /// Changes when the file rolls; `None` stops the writing.
    ///
    /// # Errors
    /// That the file cannot be opened.
    pub fn set_limits(&self, limits: Option<Limits>) -> io::Result<()> {
        self.file.set_limits(limits)
    }

    /// Notes the end of the server in the file.
    pub fn close(&self) {
        self.file.remark("SHUTDOWN");
    }
}

/// This program at `level`; the libraries only where they warn.
fn targets(level: LevelFilter) -> Targets {
    let mut targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("reelcast", level);
    if level < LevelFilter::DEBUG {
        // It warns of what cameras do with each attempt, and shows whole descriptions.
        targets = targets.with_target("retina", LevelFilter::ERROR);
    }
    targets
}

/// The file, shared by the layer that writes and by the settings.
#[derive(Clone)]
struct LogFile {
    clock: Clock,
    folder: PathBuf,
    json: bool,
    file: Arc<Mutex<Option<RollingFile>>>,
}

impl LogFile {
    fn open(folder: PathBuf, limits: Option<Limits>, json: bool, clock: Clock) -> io::Result<Self> {
        let log = Self {
            clock,
            folder,
            json,
            file: Arc::default(),
        };
        log.set_limits(limits)?;
        Ok(log)
    }

    fn now(&self) -> SystemTime {
        self.clock.present_wall()
    }

    fn set_limits(&self, limits: Option<Limits>) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match (limits, file.as_mut()) {
            (Some(limits), Some(file)) => file.set_limits(limits),
            (Some(limits), None) => {
                let header = (!self.json).then(String::new);
                let opened = RollingFile::open(&self.folder, "error", limits, header, self.now())?;
                *file = Some(opened);
            }
            (None, _) => *file = None,
        }
        Ok(())
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match file.as_mut() {
            Some(file) => file.write(line, self.now()),
            None => Ok(()),
        }
    }

    /// A line about the server's life; a file of JSON has none.
    fn remark(&self, what: &str) {
        if !self.json {
            let date = stamp::date_time(stamp::local(self.now()));
            // What cannot be logged has nowhere to be reported.
            self.append(format!("# Streaming {what} {date}\n").as_bytes())
                .ok();
        }
    }
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.append(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines for people.
struct Human(Clock);

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = stamp::local(self.0.present_wall());
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let level = level_name(*event.metadata().level());
        write!(line, "{}: {level}: ", stamp::date_time(now))?;
        for character in text.chars() {
            if character.is_control() {
                write!(line, "{}", character.escape_default())?;
            } else {
                line.write_char(character)?;
            }
        }
        writeln!(line)
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(json: bool, log: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let limits = Some(Limits::default());
        let file = LogFile::open(folder.path().to_owned(), limits, json, clock).unwrap();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(file);
        let layer = if json {
            layer.json().flatten_event(true).boxed()
        } else {
            layer.event_format(Human(clock)).boxed()
        };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        std::fs::read_to_string(folder.path().join("error.log")).unwrap()
    }

    #[test]
    fn people_read_a_line_with_time_level_and_text() {
        let text = logged(false, || {
            tracing::warn!(path = "a.mov", "cannot be\nserved");
        });
        let line = text.lines().nth(1).unwrap();
        assert!(
            line.contains(": WARNING: cannot be\\nserved path=\"a.mov\""),
            "{text}"
        );
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(line.find(": "), Some("2026-11-21 12:00:00".len()));
    }

    #[test]
    fn programs_read_an_object_a_line() {
        let text = logged(true, || tracing::info!(session = 5, "played"));
        assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
        assert!(text.contains("\"session\":5"), "{text}");
    }
}
