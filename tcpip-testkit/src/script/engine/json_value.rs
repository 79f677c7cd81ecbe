//! JSON that comes from a peer, as far as it has come.

use std::ops::Range;

/// How deep a value may be within others.
const DEEPEST: usize = 127;

/// A value, and where it is.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) kind: ValueKind,
    pub(super) range: Range<usize>,
}

#[derive(Debug)]
pub(super) enum ValueKind {
    Number,
    /// `NaN`, `Infinity`, `-Infinity`, `true`, `false` or `null`.
    Constant(&'static str),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    /// It has not all come.
    More,
    /// This byte is not of JSON.
    Not(usize),
}

/// The value at the front, behind blanks. A number ends with a byte that cannot belong to it.
pub(super) fn read(bytes: &[u8]) -> Result<Value, NoValue> {
    Reader { bytes, at: 0, depth: 0 }.value()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value, NoValue> {
        let first = self.behind_blanks()?;
        let start = self.at;
        let kind = match first {
            b'"' => ValueKind::String(self.string()?),
            b'[' => self.nested(Self::array)?,
            b'{' => self.nested(Self::object)?,
            b'-' if matches!(self.bytes.get(start + 1), None | Some(b'I')) => self.constant()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.constant()?,
        };
        Ok(Value { kind, range: start..self.at })
    }

    fn behind_blanks(&mut self) -> Result<u8, NoValue> {
        while matches!(self.peek()?, b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        self.peek()
    }

    fn peek(&self) -> Result<u8, NoValue> {
        self.bytes.get(self.at).copied().ok_or(NoValue::More)
    }

    /// Takes the next byte if it is one of those.
    fn take(&mut self, is_one: impl Fn(u8) -> bool) -> Result<u8, NoValue> {
        let byte = self.peek()?;
        if !is_one(byte) {
            return Err(NoValue::Not(self.at));
        }
        self.at += 1;
        Ok(byte)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<ValueKind, NoValue>) -> Result<ValueKind, NoValue> {
        if self.depth == DEEPEST {
            return Err(NoValue::Not(self.at));
        }
        self.depth += 1;
        self.at += 1;
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    fn array(&mut self) -> Result<ValueKind, NoValue> {
        let mut elements = Vec::new();
        if self.behind_blanks()? == b']' {
            self.at += 1;
            return Ok(ValueKind::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            self.behind_blanks()?;
            if self.take(|byte| matches!(byte, b',' | b']'))? == b']' {
                return Ok(ValueKind::Array(elements));
            }
        }
    }

    fn object(&mut self) -> Result<ValueKind, NoValue> {
        let mut members = Vec::new();
        if self.behind_blanks()? == b'}' {
            self.at += 1;
            return Ok(ValueKind::Object(members));
        }
        loop {
            if self.behind_blanks()? != b'"' {
                return Err(NoValue::Not(self.at));
            }
            let key = self.string()?;
            self.behind_blanks()?;
            self.take(|byte| byte == b':')?;
            members.push((key, self.value()?));
            self.behind_blanks()?;
            if self.take(|byte| matches!(byte, b',' | b'}'))? == b'}' {
                return Ok(ValueKind::Object(members));
            }
        }
    }

    fn constant(&mut self) -> Result<ValueKind, NoValue> {
        let rest = &self.bytes[self.at..];
        let mut same = 0;
        for constant in ["NaN", "Infinity", "-Infinity", "true", "false", "null"] {
            let alike = constant.bytes().zip(rest).take_while(|(expected, byte)| expected == *byte).count();
            if alike == constant.len() {
                self.at += alike;
                return Ok(ValueKind::Constant(constant));
            }
            if alike == rest.len() {
                return Err(NoValue::More);
            }
            same = same.max(alike);
        }
        Err(NoValue::Not(self.at + same))
    }

    fn number(&mut self) -> Result<ValueKind, NoValue> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.take(|byte| byte.is_ascii_digit())? != b'0' {
            self.digits()?;
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.take(|byte| byte.is_ascii_digit())?;
            self.digits()?;
        }
        if matches!(self.peek()?, b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.take(|byte| byte.is_ascii_digit())?;
            self.digits()?;
        }
        Ok(ValueKind::Number)
    }

    fn digits(&mut self) -> Result<(), NoValue> {
        while self.peek()?.is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, NoValue> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.take(|byte| byte >= b' ')? {
                b'"' => break,
                b'\\' if self.take(|byte| br#""\/bfnrtu"#.contains(&byte))? == b'u' => {
                    for _ in 0..4 {
                        self.take(|byte| byte.is_ascii_hexdigit())?;
                    }
                }
                _ => {}
            }
        }
        // What is left to be wrong is text that is not UTF-8, and half a surrogate pair.
        serde_json::from_slice(&self.bytes[start..self.at]).map_err(|_| NoValue::Not(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each value is read when its last byte is there, and not before; what is none is none at its first wrong byte.
    #[test]
    fn a_value_ends_with_its_last_byte() {
        for text in [
            r#"{"a": [1, -2.5e-3, {"é\u00e9\n": null}], "b": [], "c": {}}"#,
            "[NaN, Infinity, -Infinity, true, false]",
            r#" "text""#,
            "null",
            "\r\n\t -Infinity",
        ] {
            for end in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..end]).unwrap_err(), NoValue::More, "{}", &text[..end]);
            }
            assert_eq!(read(format!("{text}x").as_bytes()).unwrap().range.end, text.len(), "{text}");
        }
        for (text, at) in [
            ("x", 0),
            ("nul1", 3),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{1}", 1),
            (r#"{"a" 1}"#, 5),
            (r#"{"a": 1,}"#, 8),
            ("[01]", 2),
            ("[1.]", 3),
            ("[1e]", 3),
            ("[-x]", 2),
            ("\"a\n\"", 2),
            (r#""\q""#, 2),
            (r#""\u12g4""#, 5),
            (r#""\ud800""#, 0),
            ("[\"\u{fe}\"", 9),
        ] {
            let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
            let expected = if text.contains('\u{fe}') { 1 } else { at };
            assert_eq!(read(&bytes).unwrap_err(), NoValue::Not(expected), "{text}");
        }
        assert_eq!(read(b"12").unwrap_err(), NoValue::More);
        assert_eq!(read(b"12\n").unwrap().range, 0..2);
        assert_eq!(read(&b"[".repeat(100_000)).unwrap_err(), NoValue::Not(127));
    }
}
