//! The pictures that ffmpeg decodes.

use std::process::{Command, Stdio};

/// Whether this machine has ffmpeg; says so where the test is skipped for it.
pub(crate) fn can_be_decoded() -> bool {
    let mut command = Command::new("ffmpeg");
    let found = command
        .arg("-version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !found {
        println!("skipped: there is no ffmpeg");
    }
    found
}

/// The digests of the pictures of `input`, a file or a URL read with ffmpeg's `options`, and what
/// ffmpeg complains of.
pub(crate) fn decoded(input: &str, options: &[&str]) -> (Vec<String>, String) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]).args(options);
    command.args(["-i", input, "-map", "0:v"]);
    command.args(["-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let output = command.output().expect("ffmpeg is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let frames = text.lines().filter(|line| !line.starts_with('#'));
    let digest = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
    let mut complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        complaint += &output.status.to_string();
    }
    (frames.map(digest).collect(), complaint)
}
