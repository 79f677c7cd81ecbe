//! The report for people: a picture.

use std::{fmt::Write, fs, path::Path, time::Duration};

use crate::{
    Failure,
    chart::{Chart, Trace},
    curves::Curve,
    line::{Kind, Line, Met},
    measuring::Sides,
    stopwatch::count,
};

const WIDTH: f64 = 1280.0;
const CHART_WIDTH: f64 = WIDTH / 2.0;
const CHART_HEIGHT: f64 = 340.0;
const BAR: f64 = 22.0;

/// Where the bars begin, and how wide a factor of 2 is.
const BARS_LEFT: f64 = 780.0;
const BARS_TOP: f64 = 62.0;
const OCTAVE: f64 = 90.0;
const MOST_OCTAVES: f64 = 4.5;

const OURS: &str = "#1666a9";
const PEER: &str = "#c2571a";

/// What the picture shows beside the ratios.
pub(crate) struct Curves {
    pub(crate) ping_pongs: Vec<(&'static str, Sides<Vec<Duration>>)>,
    pub(crate) against_size: [Curve; 2],
    pub(crate) against_connections: Curve,
}

pub(crate) fn write(lines: &[Line], curves: &Curves, folder: &Path) -> Result<(), Failure> {
    let mut body = String::new();
    let top = bars(lines, &mut body)?;
    let charts: Vec<_> = latencies(curves).into_iter().chain(costs(curves)).collect();
    for (index, chart) in charts.iter().enumerate() {
        let (x, y) = (CHART_WIDTH * count(index % 2), top + CHART_HEIGHT * count(index / 2));
        writeln!(body, r#"<g transform="translate({x} {y})">{}</g>"#, chart.draw(CHART_WIDTH, CHART_HEIGHT)?)?;
    }
    let height = top + CHART_HEIGHT * count(charts.len().div_ceil(2));
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"
    font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
{body}</svg>
"#
    );
    fs::write(folder.join("report.svg"), svg)?;
    Ok(())
}

/// The ratios as bars from 1, to the right where the library is better, with a mark for the must. Returns their height.
fn bars(lines: &[Line], body: &mut String) -> Result<f64, Failure> {
    let title =
        "The library beside tokio alone: right of 1 it is better. Blue: meets what it must, which the black mark is";
    writeln!(body, r#"<text x="20" y="28" font-size="16">{title}</text>"#)?;
    let bottom = BARS_TOP + BAR * count(lines.len());
    for (label, octaves) in [("¼", -2.0), ("½", -1.0), ("1", 0.0), ("2", 1.0), ("4", 2.0), ("8", 3.0)] {
        let (x, y) = (BARS_LEFT + OCTAVE * octaves, BARS_TOP - 6.0);
        writeln!(body, r##"<path d="M{x} {BARS_TOP}V{bottom}" stroke="#ccc"/>"##)?;
        writeln!(body, r#"<text x="{x}" y="{y}" text-anchor="middle">{label}</text>"#)?;
    }
    for (index, line) in lines.iter().enumerate() {
        bar(line, BARS_TOP + BAR * count(index), body)?;
    }
    Ok(bottom + 20.0)
}

fn bar(line: &Line, y: f64, body: &mut String) -> Result<(), Failure> {
    let better = |ratio: f64| if line.kind == Kind::Rate { ratio } else { 1.0 / ratio };
    let at = |ratio: f64| BARS_LEFT + OCTAVE * better(ratio).log2().clamp(-MOST_OCTAVES, MOST_OCTAVES);
    let (end, must) = (at(line.ratio.median), at(line.goals.must));
    let (x, width) = (end.min(BARS_LEFT), (end - BARS_LEFT).abs());
    let colour = if line.met() == Met::Nothing { PEER } else { OURS };
    let (text, height, right) = (y + 14.0, BAR - 5.0, WIDTH - 20.0);
    for (x, what) in [(20.0, line.name), (330.0, line.peer)] {
        writeln!(body, r#"<text x="{x}" y="{text}">{}</text>"#, plain(what))?;
    }
    writeln!(body, r#"<rect x="{x:.1}" y="{y}" width="{width:.1}" height="{height}" fill="{colour}"/>"#)?;
    writeln!(body, r#"<path d="M{must:.1} {y}v{height}" stroke="black" stroke-width="2"/>"#)?;
    writeln!(body, r#"<text x="{right}" y="{text}" text-anchor="end">{:.2}</text>"#, line.ratio.median)?;
    Ok(())
}

/// How large a share of the round trips took longer.
fn latencies(curves: &Curves) -> Vec<Chart> {
    let trace = |name: &str, colour, latencies: &[Duration]| {
        let all = latencies.len();
        let mut points = Vec::new();
        let mut longer = all;
        while longer > all / 2000 {
            points.push((latencies[all - longer].as_secs_f64() * 1e6, count(longer) / count(all)));
            longer -= longer.div_ceil(20);
        }
        Trace { name: name.to_owned(), colour, dashed: false, points }
    };
    let chart = |(name, latencies): &(&str, Sides<Vec<Duration>>)| Chart {
        title: format!("{}: share of the round trips that take longer", plain(name)),
        x: "µs",
        y: "",
        traces: vec![trace("library", OURS, &latencies.ours), trace("by hand", PEER, &latencies.peer)],
    };
    curves.ping_pongs.iter().map(chart).collect()
}

fn costs(curves: &Curves) -> Vec<Chart> {
    let traces = |what: &str, curve: &Curve, dashed| {
        let trace = |side: &str, colour, of: fn(&Sides<f64>) -> f64| {
            let points = curve.iter().map(|(x, sides)| (*x, of(sides) * 1e6)).collect();
            Trace { name: format!("{what}, {side}"), colour, dashed, points }
        };
        vec![trace("library", OURS, |sides| sides.ours), trace("by hand", PEER, |sides| sides.peer)]
    };
    let [writes, reads] = &curves.against_size;
    let sizes = [traces("write", writes, false), traces("read_exact (dashed)", reads, true)].concat();
    let pairs = traces("round trip", &curves.against_connections, false);
    vec![
        Chart { title: "A message against its size".to_owned(), x: "bytes", y: "µs", traces: sizes },
        Chart {
            title: "A round trip against the number of connections".to_owned(),
            x: "connections",
            y: "µs",
            traces: pairs,
        },
    ]
}

/// Text that XML takes, without the marks of code.
fn plain(text: &str) -> String {
    text.replace('`', "").replace('&', "&amp;").replace('<', "&lt;")
}
