//! The text that Python's `json.dumps` writes.

use std::{
    cell::Cell,
    fmt::LowerExp,
    io::{self, Write},
};

use serde_json::ser::{CompactFormatter, Formatter};

/// The exponents that Python writes out: from 1e-4 to less than 1e16.
const WRITTEN_OUT: std::ops::Range<i32> = -4..16;

/// The only character of ASCII beside the control characters that Python escapes and `serde_json` does not.
const DELETE: u8 = 0x7f;

/// Separators with a space, ASCII alone, floats as Python's `repr`.
pub(super) struct PythonFormat<'a> {
    /// What the next `null` stands for, if it is none: `serde_json` knows no other form of these numbers.
    non_finite: &'a Cell<Option<&'static str>>,
}

impl<'a> PythonFormat<'a> {
    pub(super) fn new(non_finite: &'a Cell<Option<&'static str>>) -> Self {
        Self { non_finite }
    }
}

impl Formatter for PythonFormat<'_> {
    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_null<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.non_finite.take().unwrap_or("null").as_bytes())
    }

    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Where the forms do not differ, that of `serde_json` is quicker.
        if (1e-4..1e16).contains(&value.abs()) {
            return CompactFormatter.write_f64(writer, value);
        }
        write_float(writer, value)
    }

    fn write_f32<W: Write + ?Sized>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        if (1e-4..1e12).contains(&value.abs()) {
            return CompactFormatter.write_f32(writer, value);
        }
        write_float(writer, value)
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Byte by byte, which is quicker than character by character as long as there is nothing to escape.
        let is_plain = |byte: &u8| byte.is_ascii() && *byte != DELETE;
        let mut rest = fragment;
        while let Some(at) = rest.as_bytes().iter().position(|byte| !is_plain(byte)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            for unit in characters.next().into_iter().flat_map(units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// The units of UTF-16, of which a character has one or two.
fn units(character: char) -> impl Iterator<Item = u16> {
    let mut buffer = [0; 2];
    let count = character.encode_utf16(&mut buffer).len();
    buffer.into_iter().take(count)
}

/// Writes a finite number with as few digits as tell it apart from its neighbours.
fn write_float<W: Write + ?Sized>(writer: &mut W, value: impl LowerExp) -> io::Result<()> {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').expect("the form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    if !WRITTEN_OUT.contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return write!(writer, "{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs());
    }
    let digits = mantissa.replace('.', "");
    match usize::try_from(exponent) {
        Ok(exponent) if exponent + 1 < digits.len() => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            write!(writer, "{sign}{whole}.{fraction}")
        }
        Ok(exponent) => write!(writer, "{sign}{digits:0<width$}.0", width = exponent + 1),
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            write!(writer, "{sign}0.{:0<zeros$}{digits}", "")
        }
    }
}
