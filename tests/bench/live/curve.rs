//! How the cost of a packet changes with the number of readers: a table, and a plot in `target/bench`.

use std::fmt::Write;
use std::fs;

use super::Bench;
use super::run::Run;
use super::sender::{Subject, Transport};

const READERS: [usize; 6] = [10, 30, 100, 200, 400, 1000];
const BITS: usize = 1_000_000;

/// A line of the plot.
struct Series {
    subject: Subject,
    transport: Transport,
    costs: Vec<f64>,
}

/// Measures, prints and draws.
pub(crate) fn draw(bench: &Bench) {
    println!("curve: readers of 1 Mbit/s, µs of CPU a packet");
    let mut series: Vec<Series> = Vec::new();
    for transport in bench.transports() {
        for subject in [Subject::Bare, bench.arguments.subject] {
            let cost = |readers| {
                let run = Run {
                    subject,
                    transport,
                    readers,
                    bits: BITS,
                    awake: false,
                };
                bench.run(run).cpu
            };
            let costs: Vec<f64> = READERS.into_iter().map(cost).collect();
            let cells: Vec<_> = std::iter::zip(READERS, &costs)
                .map(|(readers, cost)| format!("{readers}: {cost:.2}"))
                .collect();
            println!("  {transport:?} {subject:?}  {}", cells.join("  "));
            series.push(Series {
                subject,
                transport,
                costs,
            });
        }
    }
    fs::create_dir_all("target/bench").expect("a folder for the plot");
    fs::write("target/bench/live.svg", plot(&series)).expect("the plot is written");
    println!("  drawn in target/bench/live.svg");
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 50.0;
const COLOURS: [&str; 4] = ["#8aa", "#06c", "#ca8", "#c40"];

/// Readers from left to right, by powers of ten; µs a packet from below, from 0.
fn plot(series: &[Series]) -> String {
    let highest = series
        .iter()
        .flat_map(|one| &one.costs)
        .fold(1.0, |high: f64, cost| high.max(*cost));
    let x = |readers: usize| {
        let share = (readers as f64 / 10.0).log10() / 2.0;
        MARGIN + share * (WIDTH - 4.0 * MARGIN)
    };
    let y = |cost: f64| HEIGHT - MARGIN - cost / highest * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\">CPU a packet (µs) by readers of a 1 Mbit/s channel</text>\n"
    );
    for readers in READERS {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{}\">{readers}</text>",
            x(readers),
            HEIGHT - MARGIN + 18.0
        );
    }
    for step in 0..=4 {
        let cost = highest * f64::from(step) / 4.0;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{0:.0}\">{cost:.1}</text><line x1=\"{MARGIN}\" x2=\"{1}\" y1=\"{0:.0}\" y2=\"{0:.0}\" stroke=\"#ddd\"/>",
            y(cost),
            x(1000)
        );
    }
    for (one, colour) in std::iter::zip(series, COLOURS) {
        let points: Vec<_> = std::iter::zip(READERS, &one.costs)
            .map(|(readers, cost)| format!("{:.0},{:.0}", x(readers), y(*cost)))
            .collect();
        let last = one.costs.last().map_or(0.0, |cost| y(*cost));
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{last:.0}\" fill=\"{colour}\">{:?} {:?}</text>",
            points.join(" "),
            x(1000) + 8.0,
            one.transport,
            one.subject
        );
    }
    svg + "</svg>\n"
}
