//! JSON that comes from a peer, as far as it has come.

use std::ops::Range;

use crate::script::syntax::tree::JSON_CONSTANTS;

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
    /// One of [`JSON_CONSTANTS`].
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
    Reader::new(bytes).value()
}

/// How many blanks are at the front.
pub(super) fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// Reads from left to right, and looks at no byte behind one that is wrong.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    pub(super) fn value(&mut self) -> Result<Value, NoValue> {
        let first = self.behind_blanks()?;
        let start = self.at;
        let kind = match first {
            b'"' => ValueKind::String(self.string()?),
            b'[' => self.nested(Self::array)?,
            b'{' => self.nested(|reader| reader.object(|_| true))?,
            b'-' if matches!(self.bytes.get(start + 1), None | Some(b'I')) => self.constant()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.constant()?,
        };
        Ok(Value { kind, range: start..self.at })
    }

    pub(super) fn behind_blanks(&mut self) -> Result<u8, NoValue> {
        self.at += blanks(&self.bytes[self.at..]);
        self.peek()
    }

    fn peek(&self) -> Result<u8, NoValue> {
        self.bytes.get(self.at).copied().ok_or(NoValue::More)
    }

    /// Takes the next byte if it is one of those.
    pub(super) fn take(&mut self, is_one: impl Fn(u8) -> bool) -> Result<u8, NoValue> {
        let byte = self.peek()?;
        if !is_one(byte) {
            return Err(NoValue::Not(self.at));
        }
        self.at += 1;
        Ok(byte)
    }

    /// Reads what is behind the sign that opens an array or an object.
    pub(super) fn nested<T, E: From<NoValue>>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        if self.depth == DEEPEST {
            return Err(NoValue::Not(self.at).into());
        }
        self.depth += 1;
        self.at += 1;
        let result = read(self);
        self.depth -= 1;
        result
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

    /// What has a key that may not be there is none.
    pub(super) fn object(&mut self, is_key: impl Fn(&str) -> bool) -> Result<ValueKind, NoValue> {
        let mut members = Vec::new();
        if self.behind_blanks()? == b'}' {
            self.at += 1;
            return Ok(ValueKind::Object(members));
        }
        loop {
            if self.behind_blanks()? != b'"' {
                return Err(NoValue::Not(self.at));
            }
            let start = self.at;
            let key = self.string()?;
            if !is_key(&key) {
                return Err(NoValue::Not(start));
            }
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
        for constant in JSON_CONSTANTS {
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
        let end = self.end_of_string();
        // What is no UTF-8 is none before its end has come.
        if let Err(error) = str::from_utf8(&self.bytes[start..self.at])
            && error.error_len().is_some()
        {
            return Err(NoValue::Not(start + error.valid_up_to()));
        }
        end?;
        serde_json::from_slice(&self.bytes[start..self.at]).map_err(|_| NoValue::Not(start))
    }

    fn end_of_string(&mut self) -> Result<(), NoValue> {
        self.at += 1;
        loop {
            match self.take(|byte| byte >= b' ')? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => {}
            }
        }
    }

    /// What is behind a backslash. Half a surrogate pair is no text.
    fn escape(&mut self) -> Result<(), NoValue> {
        if self.take(|byte| br#""\/bfnrtu"#.contains(&byte))? != b'u' {
            return Ok(());
        }
        if !matches!(self.hexadecimal()?, b'd' | b'D') {
            return self.hexadecimals(3);
        }
        let is_low = |byte| matches!(byte, b'c'..=b'f' | b'C'..=b'F');
        let is_high = self.take(|byte| byte.is_ascii_hexdigit() && !is_low(byte))? >= b'8';
        self.hexadecimals(2)?;
        if is_high {
            self.take(|byte| byte == b'\\')?;
            self.take(|byte| byte == b'u')?;
            self.take(|byte| matches!(byte, b'd' | b'D'))?;
            self.take(is_low)?;
            self.hexadecimals(2)?;
        }
        Ok(())
    }

    fn hexadecimals(&mut self, count: usize) -> Result<(), NoValue> {
        (0..count).try_for_each(|_| self.hexadecimal().map(drop))
    }

    fn hexadecimal(&mut self) -> Result<u8, NoValue> {
        self.take(|byte| byte.is_ascii_hexdigit())
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
            r#""\ud83d\uDE00 \uD7FF\ue000""#,
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
            (r#""\ud800""#, 7),
            (r#""\ud800\n"#, 8),
            (r#""a\ud83d\u0"#, 10),
            (r#""\uDBFF\uD7"#, 10),
            (r#""\ud7ff\uDC"#, 10),
            ("[\"\u{fe}", 2),
            ("[\"a\u{c3}\"", 3),
            ("\"\u{e2}\u{82}\u{ac}\u{ff}\n", 4),
        ] {
            let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
            assert_eq!(read(&bytes).unwrap_err(), NoValue::Not(at), "{text}");
            assert_eq!(read(&[&bytes, &b"\"]"[..]].concat()).unwrap_err(), NoValue::Not(at), "{text}");
            for end in 0..=at {
                assert_eq!(read(&bytes[..end]).unwrap_err(), NoValue::More, "{text}");
            }
        }
        assert_eq!(read(b"12").unwrap_err(), NoValue::More);
        assert_eq!(read(b"12\n").unwrap().range, 0..2);
        assert_eq!(read(&b"[".repeat(100_000)).unwrap_err(), NoValue::Not(127));
    }
}
