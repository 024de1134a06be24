//! The program: its command line, and the composition of all parts.
//!
//! Parts are built, started, told of new settings and stopped here; what they
//! do is their own. Nothing else prints to the terminal.

mod arguments;
mod check;
mod descriptors;
mod follow;
mod greeting;
mod group;
mod identity;
mod inspect;
mod listeners;
mod measured;
mod parts;
mod probe;
mod serve;
mod server;
mod user;

use std::process::ExitCode;

use arguments::{Arguments, Command};

use crate::tool::lint::lint;
use crate::tool::load::load;
use crate::tool::passwd::passwd;
use crate::tool::publish::publish;
use crate::tool::sign::sign;

/// Runs the program as its arguments say; returns what the shell is told.
pub fn run() -> ExitCode {
    let arguments = Arguments::read(std::env::args_os());
    let command = arguments.command.unwrap_or(Command::Serve(arguments.serve));
    match command {
        Command::Serve(serve) => serve::serve(serve),
        Command::Check { config } => check::check(config),
        Command::Inspect { file } => inspect::inspect(&file),
        Command::Lint(arguments) => lint(&arguments),
        Command::Load(arguments) => load(&arguments),
        Command::Passwd(arguments) => passwd(&arguments),
        Command::Publish(arguments) => publish(&arguments),
        Command::Sign(arguments) => sign(&arguments),
    }
}
