//! Has the program built anew when the pages that it keeps (`src/http/page/assets.rs`) are.

use std::path::Path;

fn main() {
    // A path that is not there counts as changed, always.
    let built = Path::new("admin-ui/dist");
    let watched = if built.exists() {
        built
    } else {
        Path::new("admin-ui")
    };
    println!("cargo::rerun-if-changed={}", watched.display());
}
