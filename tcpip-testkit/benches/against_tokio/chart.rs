//! A chart of curves, both axes logarithmic.

use std::fmt::{self, Write};

/// Around the curves.
const MARGIN: f64 = 60.0;

pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) traces: Vec<Trace>,
}

#[derive(Clone)]
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) colour: &'static str,
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

/// From values to places, by their logarithms.
struct Scale {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Scale {
    /// The powers of ten around all values.
    fn new(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        let powers = -9..=9;
        let low = powers.clone().rev().find(|power| 10_f64.powi(*power) <= low).unwrap_or(-9);
        let high = powers.into_iter().find(|power| 10_f64.powi(*power) >= high).unwrap_or(9);
        Self { low, high: high.max(low + 1), from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        self.from + (self.to - self.from) * (value.log10() - low) / (high - low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 10_f64.powi(power))
    }
}

impl Chart {
    /// The elements of the chart, from 0, 0 to the right and downwards.
    pub(crate) fn draw(&self, width: f64, height: f64) -> Result<String, fmt::Error> {
        let points = self.traces.iter().flat_map(|trace| &trace.points);
        let (left, right, top, bottom) = (MARGIN, width - MARGIN, MARGIN, height - MARGIN);
        let x = Scale::new(points.clone().map(|(x, _)| *x), left, right);
        let y = Scale::new(points.map(|(_, y)| *y), bottom, top);
        let mut out = format!(r#"<text x="{left}" y="28" font-size="16">{}</text>"#, self.title);
        for tick in x.ticks() {
            let (at, label) = (x.place(tick), bottom + 16.0);
            write!(out, r##"<path d="M{at} {top}V{bottom}" stroke="#ddd"/>"##)?;
            write!(out, r#"<text x="{at}" y="{label}" text-anchor="middle">{tick}</text>"#)?;
        }
        for tick in y.ticks() {
            let (at, label) = (y.place(tick), left - 6.0);
            write!(out, r##"<path d="M{left} {at}H{right}" stroke="#ddd"/>"##)?;
            write!(out, r#"<text x="{label}" y="{}" text-anchor="end">{tick}</text>"#, at + 4.0)?;
        }
        write!(out, r#"<text x="{right}" y="{}" text-anchor="end">{}</text>"#, bottom + 32.0, self.x)?;
        write!(out, r#"<text x="{left}" y="{}" text-anchor="middle">{}</text>"#, top - 8.0, self.y)?;
        for (index, trace) in self.traces.iter().enumerate() {
            let mut path = String::new();
            for (from, to) in &trace.points {
                write!(path, "{}{:.1} {:.1}", if path.is_empty() { 'M' } else { 'L' }, x.place(*from), y.place(*to))?;
            }
            let dashes = if trace.dashed { r#" stroke-dasharray="6 4""# } else { "" };
            let colour = trace.colour;
            write!(out, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>"#)?;
            let (at, line) = (right - 6.0, top + 16.0 + 16.0 * f64::from(u8::try_from(index).unwrap_or(u8::MAX)));
            write!(out, r#"<text x="{at}" y="{line}" text-anchor="end" fill="{colour}">{}</text>"#, trace.name)?;
        }
        Ok(out)
    }
}
