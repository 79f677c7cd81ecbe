//! What is sent, and the check that it arrives.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, U32},
};

use crate::Failure;

/// How long a text is that makes 33 bytes with `\r\n` behind it.
pub(crate) const TEXT: usize = 31;

/// How many different frames there are, after which they are repeated.
const DIFFERENT: u32 = 2048;

/// One of so many frames is compared whole, of the others only the lengths: comparing is part of what is measured.
const COMPARED: usize = 64;

/// Of longer frames, only so many bytes at each end are compared.
const COMPARED_ENDS: usize = 4096;

pub(crate) const LARGE: usize = 16 * 1024 * 1024;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Telemetry {
    pub(crate) number: U32,
    pub(crate) positions: [F64; 7],
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) name: String,
    pub(crate) timestamp: f64,
    pub(crate) counter: u64,
    pub(crate) positions: Vec<f64>,
    pub(crate) limits: Option<(f64, f64)>,
    pub(crate) moving: bool,
}

impl Status {
    /// Of 223 bytes in the form of `length`, which the name makes up for.
    fn new(number: u32, length: impl Fn(&Self) -> usize) -> Self {
        let positions = (0..6).map(|axis| f64::from(axis) + f64::from(number % 8) / 8.0 + 1.0 / 3.0).collect();
        let (timestamp, limits) = (1_790_000_037.125, Some((-25.0, 25.0)));
        let counter = 100_000 + u64::from(number);
        let mut this = Self { name: String::new(), timestamp, counter, positions, limits, moving: true };
        this.name = "x".repeat(223_usize.saturating_sub(length(&this)));
        this
    }

    /// 223 bytes as `serde_json` writes it.
    pub(crate) fn compact(number: u32) -> Self {
        Self::new(number, |this| serde_json::to_vec(this).map_or(0, |text| text.len()))
    }
}

/// Frames of one length, one behind the other.
pub(crate) struct Frames {
    bytes: Vec<u8>,
    length: usize,
    /// Which part of each is not delimiter.
    payload: Range<usize>,
}

impl Frames {
    fn new(different: u32, payload: Range<usize>, frame: impl Fn(u32) -> Vec<u8>) -> Self {
        let bytes: Vec<u8> = (0..different).flat_map(&frame).collect();
        Self { length: frame(0).len(), bytes, payload }
    }

    /// Lines of 33 bytes, the `\r\n` included.
    pub(crate) fn lines() -> Self {
        Self::new(DIFFERENT, 0..TEXT, |number| format!("{number:07} 280.00 MV, and no fault\r\n").into_bytes())
    }

    pub(crate) fn structs() -> Self {
        Self::new(DIFFERENT, 0..60, |number| {
            let positions = [0, 1, 2, 3, 4, 5, 6].map(|axis| (f64::from(axis) + f64::from(number)).into());
            Telemetry { number: number.into(), positions }.as_bytes().to_vec()
        })
    }

    /// 60 bytes behind their length.
    pub(crate) fn length_delimited() -> Self {
        Self::new(DIFFERENT, 4..64, |number| [[0, 0, 0, 60].as_slice(), &[number.to_le_bytes(); 15].concat()].concat())
    }

    /// JSON of 223 bytes and the `\r\n`.
    pub(crate) fn json() -> Self {
        Self::new(DIFFERENT, 0..223, |number| {
            let text = serde_json::to_vec(&Status::compact(number)).unwrap_or_default();
            [&text, b"\r\n".as_slice()].concat()
        })
    }

    /// One frame of so many bytes.
    pub(crate) fn single(length: usize) -> Self {
        Self::new(1, 0..length, |_| (0_u8..=250).cycle().take(length).collect())
    }

    /// All different frames, in the order in which they come again and again.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of one, with what delimits it.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// What a reader is given of one of them.
    pub(crate) fn payload(&self, index: usize) -> &[u8] {
        self.part(index, &self.payload)
    }

    fn part(&self, index: usize, part: &Range<usize>) -> &[u8] {
        let start = index * self.length % self.bytes.len();
        &self.bytes[start..start + self.length][part.clone()]
    }

    /// Expects `count` of these.
    pub(crate) fn expect(&self, count: usize) -> Check<'_> {
        Check { frames: self, part: self.payload.clone(), count, seen: 0, bytes: 0, differ: false }
    }
}

/// Compares what was read with what was sent.
pub(crate) struct Check<'a> {
    frames: &'a Frames,
    part: Range<usize>,
    count: usize,
    seen: usize,
    bytes: usize,
    differ: bool,
}

impl<'a> Check<'a> {
    pub(crate) fn frames(&self) -> &'a Frames {
        self.frames
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Expects frames with what delimits them.
    pub(crate) fn expect_delimiters(&mut self) {
        self.part = 0..self.frames.length;
    }

    /// Takes note of the next frame.
    #[inline]
    pub(crate) fn see(&mut self, frame: &[u8]) {
        if self.seen.is_multiple_of(COMPARED) || self.seen + 1 == self.count {
            self.compare(frame);
        }
        self.seen += 1;
        self.bytes += frame.len();
    }

    #[inline(never)]
    fn compare(&mut self, frame: &[u8]) {
        let expected = self.frames.part(self.seen, &self.part);
        let ends = expected.len().min(COMPARED_ENDS);
        self.differ |= frame.len() != expected.len()
            || frame[..ends] != expected[..ends]
            || frame[frame.len() - ends..] != expected[expected.len() - ends..];
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        let complete = self.seen == self.count && self.bytes == self.count * self.part.len();
        if complete && !self.differ { Ok(()) } else { Err("what was read is not what was sent".into()) }
    }
}
