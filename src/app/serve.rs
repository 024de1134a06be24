//! `reelcast serve`: from the start of the process to its orderly end.
#![expect(clippy::print_stderr, reason = "before there is a log")]

use std::fs::{self, File};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use super::arguments::Serve;
use super::listeners::Bound;
use super::server::Server;
use super::{descriptors, greeting, user};
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::config::{self, Config, Level, Loaded, LogFormat, SettingsSource, Watch};
use crate::log::access::Writer;
use crate::log::error::{ErrorLog, Settings};
use crate::log::roll::Limits;
use crate::net::listen::BindError;

/// Ports below this one are for root (ip_unprivileged_port_start of Linux, as it is unless changed).
const FREE_PORTS: u16 = 1024;

/// Serves until a signal asks to stop; fails when it cannot start.
pub(super) fn serve(arguments: Serve) -> ExitCode {
    let source = SettingsSource::new(arguments.config, arguments.movies);
    let loaded = match config::load(&source) {
        Ok(loaded) => loaded,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return ExitCode::FAILURE;
        }
    };
    match Ground::prepare(&loaded.config) {
        Ok(ground) => run(source, loaded, ground),
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// What the server stands on.
struct Ground {
    runtime: Runtime,
    bound: Result<Bound, BindError>,
    logs: Logs,
}

impl Ground {
    /// Binds the ports with the rights that the process was started with, then becomes the user of the
    /// settings, and only then writes anything, so that all files are that user's.
    ///
    /// # Errors
    /// The reason why there can be no server, or none that could log it.
    fn prepare(config: &Config) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("starting threads: {error}"))?;
        let bound = {
            let _inside = runtime.enter();
            Bound::bind(config, descriptors::raise())
        };
        let server = &config.server;
        if !server.user.is_empty() {
            user::become_user(&server.user, &server.state).map_err(|error| chain(&error))?;
        }
        let logs = Logs::open(config).map_err(|error| {
            let state = server.state.display();
            match server.user.as_str() {
                "" => format!("cannot write logs below {state}: {error}"),
                user => {
                    format!("cannot write logs below {state}, which has to be {user}'s: {error}")
                }
            }
        })?;
        Ok(Self {
            runtime,
            bound,
            logs,
        })
    }
}

fn run(source: SettingsSource, loaded: Loaded, ground: Ground) -> ExitCode {
    let Ground {
        runtime,
        bound,
        logs,
    } = ground;
    warn_before(&loaded);
    let bound = bound.map_err(|error| told(&error));
    let done = bound.and_then(|bound| runtime.block_on(attend(source, loaded, bound, &logs)));
    if let Err(error) = &done {
        tracing::error!("{error}");
    }
    // Its threads end before the logs do.
    drop(runtime);
    logs.close();
    if done.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Warns of what is doubtful, but keeps nobody from being served.
fn warn_before(loaded: &Loaded) {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let server = &loaded.config.server;
    if server.user.is_empty() && user::is_root() {
        tracing::warn!(
            "running as root: let [server] user name another user, which the server becomes when its ports are bound"
        );
    }
    let movies = server.movies.display();
    if let Err(error) = fs::read_dir(&server.movies) {
        tracing::warn!("the movies folder {movies} cannot be read: {error}");
    }
    if let Some(file) = &loaded.file
        && let Err(error) = File::open(file)
    {
        let file = file.display();
        tracing::warn!("changes of {file} will not be noticed: {error}");
    }
}

/// Why an address cannot be had.
fn told(error: &BindError) -> String {
    let text = chain(error);
    let port = error.address.port();
    if error.source.kind() == io::ErrorKind::PermissionDenied && port < FREE_PORTS {
        return format!(
            "{text}; port {port} is for root, who becomes [server] user afterwards, or takes the \
             capability CAP_NET_BIND_SERVICE"
        );
    }
    text
}

/// Starts the server, attends to signals and settings, and stops it.
async fn attend(
    source: SettingsSource,
    loaded: Loaded,
    bound: Bound,
    logs: &Logs,
) -> Result<(), String> {
    let mut signals = Signals::new().map_err(|error| format!("catching signals: {error}"))?;
    let movies = loaded.config.server.movies.clone();
    let file = loaded.file.clone();
    let watch = Watch::start(source, loaded);
    let mut settings = watch.settings();
    let server = Server::start(&settings, bound, &logs.access.log(), logs.clock)
        .map_err(|fault| format!("there is no certificate for TLS: {}", chain(&fault)))?;
    tell_systemd(NotifyState::Ready);
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
    tell_systemd(NotifyState::Stopping);
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// Tells who started the server what becomes of it, if that is systemd.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("systemd cannot be told: {error}");
    }
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
            access: Writer::start(folder, access_limits(config), clock.present_wall())?,
        })
    }

    fn follow(&self, settings: &mut watch::Receiver<Arc<Config>>) {
        let config = Arc::clone(&settings.borrow_and_update());
        self.error.set_level(level(config.log.error.level));
        if let Err(error) = self.error.set_limits(error_limits(&config)) {
            tracing::error!("error log: {error}");
        }
        let now = self.clock.present_wall();
        self.access.set_limits(access_limits(&config), now);
    }

    fn close(self) {
        self.access.close(self.clock.present_wall());
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
