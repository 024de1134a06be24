//! The `reelcast` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    reelcast::app::run()
}
