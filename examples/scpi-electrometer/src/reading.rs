//! The messages: currents in amperes, as text and in binary.

/// From here on a reading stands for infinity.
const INFINITY: f64 = 9.9e37;

/// A reply holds no current.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAReading {
    /// The current is beyond the range.
    #[error("the current is beyond the range")]
    BeyondRange,
    /// The line is no number: the device has refused the command, and says why.
    #[error("the device says {0:?}")]
    Text(String),
    /// The block does not end with a number.
    #[error("a block of {0} bytes is no list of doubles")]
    Length(usize),
}

pub(crate) fn of_line(line: &str) -> Result<f64, NotAReading> {
    within_range(line.parse().map_err(|_| NotAReading::Text(line.to_owned()))?)
}

pub(crate) fn of_lines(lines: &[String]) -> Result<Vec<f64>, NotAReading> {
    lines.iter().map(|line| of_line(line)).collect()
}

pub(crate) fn of_block(block: &[u8]) -> Result<Vec<f64>, NotAReading> {
    let (doubles, rest) = block.as_chunks();
    if !rest.is_empty() {
        return Err(NotAReading::Length(block.len()));
    }
    doubles.iter().map(|double| within_range(f64::from_le_bytes(*double))).collect()
}

fn within_range(reading: f64) -> Result<f64, NotAReading> {
    if reading.abs() < INFINITY { Ok(reading) } else { Err(NotAReading::BeyondRange) }
}
