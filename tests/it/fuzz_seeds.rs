//! The seeds of the fuzz targets, run as plain tests.

use std::path::Path;

#[path = "../fuzz/bodies/depacketise.rs"]
mod depacketise;
#[path = "../fuzz/bodies/hint_walker.rs"]
mod hint_walker;
#[path = "../fuzz/bodies/movie_reader.rs"]
mod movie_reader;
#[path = "../fuzz/bodies/rtsp_parser.rs"]
mod rtsp_parser;
#[path = "../fuzz/bodies/ts_demux.rs"]
mod ts_demux;

#[test]
fn rtsp_parser_bears_its_seeds() {
    run("rtsp_parser", rtsp_parser::run);
}

#[test]
fn movie_reader_bears_its_seeds_cut_anywhere() {
    run("movie_reader", with_cuts(movie_reader::run));
}

#[test]
fn hint_walker_bears_its_seeds_cut_anywhere() {
    run("hint_walker", with_cuts(hint_walker::run));
}

#[test]
fn ts_demux_bears_its_seeds_cut_anywhere() {
    run("ts_demux", with_cuts(ts_demux::run));
}

#[test]
fn depacketise_bears_its_seeds_cut_anywhere() {
    run("depacketise", with_cuts(depacketise::run));
}

fn run(target: &str, body: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/seeds")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        body(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{target} has seeds");
}

/// Runs `body` with all of the data, and with a few of its beginnings.
fn with_cuts(body: fn(&[u8])) -> impl Fn(&[u8]) {
    move |data| {
        body(data);
        for part in 1..32 {
            body(&data[..data.len() * part / 32]);
        }
    }
}
