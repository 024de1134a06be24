//! `reelcast check`: the configuration's faults, each with its place and fix.
#![expect(clippy::print_stdout, reason = "this command's output")]

use std::path::PathBuf;
use std::process::ExitCode;

use super::{identity, user};
use crate::base::error::chain;
use crate::config::{self, Config, SettingsSource};

/// Checks the configuration; fails when the server would refuse it.
pub(super) fn check(file: Option<PathBuf>) -> ExitCode {
    match config::load(&SettingsSource::new(file, None)) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                println!("{warning}");
            }
            if let Some(fault) = fault_here(&loaded.config) {
                println!("{fault}");
                println!("1 fault");
                return ExitCode::FAILURE;
            }
            match loaded.file {
                Some(file) => println!("{}: no faults", file.display()),
                None => println!("no file; the embedded defaults are in force, and have no faults"),
            }
            ExitCode::SUCCESS
        }
        Err(faults) => {
            for fault in &faults {
                println!("{fault}");
            }
            let noun = if faults.len() == 1 { "fault" } else { "faults" };
            println!("{} {noun}", faults.len());
            ExitCode::FAILURE
        }
    }
}

/// What this machine lacks for the configuration.
fn fault_here(config: &Config) -> Option<String> {
    let user = &config.server.user;
    if !user.is_empty()
        && let Err(fault) = user::find(user)
    {
        return Some(format!("server.user: {}", chain(&fault)));
    }
    let fault = identity::check(config).err()?;
    Some(chain(&fault))
}
