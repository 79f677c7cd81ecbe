//! JSON as Python writes and reads it.

mod non_finite;
mod python_format;
mod reader;
mod writer;

use std::cell::Cell;

use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _},
};

use self::{non_finite::Rewritten, python_format::PythonFormat, reader::Reader, writer::Writer};

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
/// A [`serde_json::Value`] has no place for NaN and the infinities: it has turned them into `null` before it is written,
/// and does so when it is read. So read into `f64` what may be one.
///
/// A number beyond the range of `f64`, such as `1e400`, is refused, where Python reads an infinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonMode {
    /// NaN and the infinities are written as Python writes and reads them: `NaN`, `Infinity`, `-Infinity`. A text is read
    /// as strict JSON first; only if these words stood in the way is it read again, with them and nothing else allowed.
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
    /// If the text is no JSON, is nested more than 128 deep, or is no `T`. Where the text had to be read again for its NaNs
    /// or infinities, a column that the error names may be off.
    pub fn decode<T: DeserializeOwned>(self, text: &str) -> serde_json::Result<T> {
        serde_json::from_str(text).or_else(|error| self.decode_again(text, error)).map_err(shortened)
    }

    /// Reads a text that is no strict JSON for `error`.
    fn decode_again<T: DeserializeOwned>(self, text: &str, error: serde_json::Error) -> serde_json::Result<T> {
        let rewritten = match self {
            Self::Python => Rewritten::new(text),
            Self::Strict => None,
        };
        let Some(rewritten) = rewritten else { return Err(error) };
        let mut deserializer = serde_json::Deserializer::from_str(rewritten.text());
        let value = T::deserialize(Reader::new(&mut deserializer, &rewritten))?;
        deserializer.end()?;
        Ok(value)
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
