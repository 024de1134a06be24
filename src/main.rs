//! The `reelcast` program.

fn main() {}
