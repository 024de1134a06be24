//! `reelcast serve`: from the start of the process to its orderly end.
#![expect(clippy::print_stderr, reason = "before there is a log")]

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use super::arguments::Serve;
use super::greeting;
use super::server::Server;
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::config::{self, Config, Level, Loaded, LogFormat, Source, Watch};
use crate::log::access::Writer;
use crate::log::error::{ErrorLog, Settings};
use crate::log::roll::Limits;

/// Serves until a signal asks to stop; fails when it cannot start.
pub(super) fn serve(arguments: Serve) -> ExitCode {
    let source = Source::new(arguments.config, arguments.movies);
    let loaded = match config::load(&source) {
        Ok(loaded) => loaded,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return ExitCode::FAILURE;
        }
    };
    match Logs::open(&loaded.config) {
        Ok(logs) => run(source, loaded, logs),
        Err(error) => {
            let state = loaded.config.server.state.display();
            eprintln!("cannot write logs below {state}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(source: Source, loaded: Loaded, logs: Logs) -> ExitCode {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(attend(source, loaded, &logs)),
        Err(error) => Err(format!("starting threads: {error}")),
    };
    if let Err(error) = &done {
        tracing::error!("{error}");
    }
    logs.close();
    if done.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Starts the server, attends to signals and settings, and stops it.
async fn attend(source: Source, loaded: Loaded, logs: &Logs) -> Result<(), String> {
    let mut signals = Signals::new().map_err(|error| format!("catching signals: {error}"))?;
    let movies = loaded.config.server.movies.clone();
    if !movies.is_dir() {
        tracing::warn!("the movies folder {} does not exist", movies.display());
    }
    let file = loaded.file.clone();
    let watch = Watch::start(source, loaded);
    let mut settings = watch.settings();
    let server =
        Server::start(&settings, &logs.access.log(), logs.clock).map_err(|error| chain(&error))?;
    greeting::print(&server, &movies, file.as_deref()).await;
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop => break,
                Wish::Reload => watch.reload().await,
            },
            Ok(()) = settings.changed() => logs.follow(&mut settings),
        }
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// What a signal asks for.
enum Wish {
    Stop,
    Reload,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal. Cancel safe.
    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}

/// The process's two logs.
struct Logs {
    clock: Clock,
    error: ErrorLog,
    access: Writer,
}

impl Logs {
    fn open(config: &Config) -> io::Result<Self> {
        let clock = Clock::start();
        let folder = config.server.state.join("logs");
        let error = &config.log.error;
        let settings = Settings {
            folder: folder.clone(),
            limits: error_limits(config),
            json: error.format == LogFormat::Json,
            level: level(error.level),
        };
        Ok(Self {
            clock,
            error: ErrorLog::install(settings, clock)?,
            access: Writer::start(folder, access_limits(config), clock.wall(clock.now()))?,
        })
    }

    fn follow(&self, settings: &mut watch::Receiver<Arc<Config>>) {
        let config = Arc::clone(&settings.borrow_and_update());
        self.error.set_level(level(config.log.error.level));
        if let Err(error) = self.error.set_limits(error_limits(&config)) {
            tracing::error!("error log: {error}");
        }
        let now = self.clock.wall(self.clock.now());
        self.access.set_limits(access_limits(&config), now);
    }

    fn close(self) {
        self.access.close(self.clock.wall(self.clock.now()));
        self.error.close();
    }
}

fn error_limits(config: &Config) -> Option<Limits> {
    let log = &config.log.error;
    log.enabled.then_some(Limits {
        days: log.roll_days,
        kilobytes: log.roll_kb,
    })
}

fn access_limits(config: &Config) -> Option<Limits> {
    let log = &config.log.access;
    log.enabled.then_some(Limits {
        days: log.roll_days,
        kilobytes: log.roll_kb,
    })
}

fn level(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}
