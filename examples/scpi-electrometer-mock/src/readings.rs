//! What has been measured.

use std::collections::VecDeque;

/// How many readings are kept.
const KEPT: usize = 10;

/// Picoamperes in an ampere.
const PICO: f64 = 1e12;

/// What is read of a current that is beyond the range: infinity, as SCPI has it.
const BEYOND_RANGE: f64 = 9.9e37;

/// The last readings, in amperes, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    kept: VecDeque<f64>,
    count: u32,
}

impl Readings {
    /// Takes another one.
    pub(crate) fn take(&mut self, is_overloaded: bool) -> f64 {
        self.count += 1;
        let reading = if is_overloaded { BEYOND_RANGE } else { f64::from(self.count) / PICO };
        self.kept.push_back(reading);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        reading
    }

    /// Each as a line.
    pub(crate) fn lines(&self) -> String {
        self.kept.iter().copied().map(line).collect()
    }

    /// All as a block, without what ends the reply.
    pub(crate) fn block(&self) -> Vec<u8> {
        let length = (self.kept.len() * size_of::<f64>()).to_string();
        let mut block = format!("#{}{length}", length.len()).into_bytes();
        block.extend(self.kept.iter().flat_map(|reading| reading.to_le_bytes()));
        block
    }
}

/// A reading as a line.
pub(crate) fn line(reading: f64) -> String {
    format!("{reading:+.6E}\r\n")
}
