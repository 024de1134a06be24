//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::tool::lint::Lint;
use crate::tool::load::Load;
use crate::tool::passwd::Passwd;
use crate::tool::publish::Publish;
use crate::tool::sign::Sign;

/// Streams QuickTime movies and other media by RTSP.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) serve: Serve,
}

impl Arguments {
    /// Reads the words of a command line, of which the first is the program's own name: as `qtpasswd` it does what
    /// that did. Ends the program for words that make no sense.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut words = words.into_iter().peekable();
        let name = words.peek().map(Path::new).and_then(Path::file_name);
        if name.is_some_and(|name| name == "qtpasswd") {
            let rest = words.skip(1);
            return Self::parse_from(["reelcast".into(), "passwd".into()].into_iter().chain(rest));
        }
        Self::parse_from(words)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the movies of a folder (the default command)
    Serve(Serve),
    /// Check the configuration and say how to mend each fault
    Check {
        /// The configuration; without it, conf/reelcast.toml, then /etc/reelcast/reelcast.toml
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show a movie's tracks, the SDP it is served with, and what cannot be served
    Inspect {
        /// The movie
        file: PathBuf,
    },
    Lint(Lint),
    Load(Load),
    Passwd(Passwd),
    Publish(Publish),
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration; without it, conf/reelcast.toml, then /etc/reelcast/reelcast.toml
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The folder of movies, in place of the configured one
    #[arg(value_name = "MOVIES_DIR")]
    pub(super) movies: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_programs_name_may_be_its_command() {
        let words = ["/usr/bin/qtpasswd", "-c", "My films", "qtusers", "ann"];
        let arguments = Arguments::read(words.map(OsString::from));
        assert!(matches!(arguments.command, Some(Command::Passwd(_))));
    }

    #[test]
    fn serving_is_the_default() {
        let arguments = Arguments::parse_from(["reelcast", "--config", "a.toml", "clips"]);
        assert!(arguments.command.is_none());
        assert_eq!(arguments.serve.config, Some("a.toml".into()));
        assert_eq!(arguments.serve.movies, Some("clips".into()));
    }
}
