//! JSON as Python writes and reads it.

mod number;
mod parser;
mod python_format;
mod reader;
mod writer;

use std::cell::Cell;

use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _, IgnoredAny},
};

use self::{number::has_integers_beyond_json, python_format::PythonFormat, reader::Reader, writer::Writer};

/// How many characters the cause of an error may have. It may show what the peer sent, of any length.
const LONGEST_CAUSE: usize = 256;

/// Which JSON is written and read: how NaN and the infinities are treated, for which JSON has no form.
///
/// Both modes write the text that Python's `json.dumps` writes: `, ` and `: ` between items, characters beyond ASCII as
/// `\uXXXX`, floats as Python's `repr`.
///
/// # Examples
///
/// ```
/// use tcpip_core::JsonMode;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(JsonMode::Python.encode(&("é", [1.0, f64::NAN]))?, r#"["\u00e9", [1.0, NaN]]"#);
/// assert_eq!(JsonMode::Python.decode::<[f64; 2]>("[1.0, -Infinity]")?, [1.0, f64::NEG_INFINITY]);
/// assert!(JsonMode::Strict.encode(&f64::NAN).is_err() && JsonMode::Strict.decode::<f64>("NaN").is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Which types
///
/// Any serde type: structures, enums, maps, `Option<f64>`, integers of 128 bits. A map's keys are strings, integers,
/// booleans or finite floats. A `RawValue` of `serde_json` is written as the text that it holds, whatever that is.
///
/// # What is read
///
/// What Python's `json.dumps` writes is read as the value that it stands for, or refused with an error that says why.
/// Refused is what the type asked for cannot hold:
///
/// - **Integers of more than 64 bits**, but into `i128`, `u128` and floats. A [`serde_json::Value`] has no place for
///   them, and neither have the types that serde reads by way of a buffer: flattened, untagged and internally tagged
///   ones. Those of more than 128 bits are read into floats alone. A float has the nearest value.
/// - **Half a surrogate pair** in a string, such as `"\ud800"`, which a Rust string cannot hold.
/// - **A key twice**, into a structure. In a map and a `Value` the last one counts, as in Python.
/// - **More than 127 arrays and objects** within each other.
/// - **NaN and the infinities as keys**, which Python writes as strings; into strings they are read.
///
/// Also refused is some of what Python reads and does not write: a number beyond the range of `f64`, such as `1e400`,
/// of which Python makes an infinity. A text with a byte-order mark before it is read by neither; the error says so,
/// and [`Encoding::Utf8Sig`](crate::Encoding::Utf8Sig) takes the mark away.
///
/// `-0` is the integer 0, as in Python; into floats, where it is asked for as such, it is -0.0.
///
/// A [`serde_json::Value`] has no place for NaN and the infinities: it has turned them into `null` before it is
/// written, and does so when it is read. So read into `f64` what may be one.
///
/// What the type asked for passes over need fit nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonMode {
    /// NaN and the infinities are written as Python writes and reads them: `NaN`, `Infinity`, `-Infinity`. A text is
    /// read as strict JSON first; only if it is none is it read again, with these words and nothing else allowed.
    #[default]
    Python,
    /// NaN and the infinities are refused, in both directions.
    Strict,
}

impl JsonMode {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// If the value has no JSON form.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> serde_json::Result<String> {
        let mut text = Vec::with_capacity(128);
        let non_finite = Cell::new(None);
        let format = PythonFormat::new(&non_finite);
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, format);
        value.serialize(Writer::new(&mut serializer, self, &non_finite))?;
        String::from_utf8(text).map_err(serde_json::Error::custom)
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, has more than 127 arrays and objects within each other, or is no `T`.
    pub fn decode<T: DeserializeOwned>(self, text: &str) -> serde_json::Result<T> {
        if has_integers_beyond_json(text) {
            return self.decode_exactly(text, None).map_err(shortened);
        }
        match serde_json::from_str(text) {
            Err(error) if error.is_syntax() => self.decode_exactly(text, Some(error)),
            result => result,
        }
        .map_err(shortened)
    }

    /// Reads a text of which `serde_json` would not make what it says, or that is none for `error`.
    fn decode_exactly<T: DeserializeOwned>(
        self,
        text: &str,
        error: Option<serde_json::Error>,
    ) -> serde_json::Result<T> {
        let mut reader = Reader::new(text, self);
        let own = match reader.read() {
            Err(own) => own,
            Ok(value) => return Ok(value),
        };
        if reader.met_what_is_beyond_json() {
            return Err(own);
        }
        // The other error is of the category that it should be of.
        let other = error.or_else(|| serde_json::from_str::<IgnoredAny>(text).err());
        Err(other.unwrap_or(own))
    }
}

/// The same error, if its text is not too long for a log.
fn shortened(error: serde_json::Error) -> serde_json::Error {
    let text = error.to_string();
    match text.char_indices().nth(LONGEST_CAUSE) {
        None => error,
        Some((end, _)) => serde_json::Error::custom(format_args!("{}…", &text[..end])),
    }
}
