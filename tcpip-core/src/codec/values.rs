//! JSON values back to back.

use super::cut::{Look, Whole, noise};

/// JSON objects and arrays, with white space or nothing between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// How far what is at the front has been looked at.
    searched: usize,
    /// Of how many brackets that is within.
    depth: usize,
    text: Text,
    /// The value is too long, which has been told.
    is_too_long: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Within,
    /// Behind a backslash in it.
    Escaped,
}

impl Values {
    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    pub(super) fn is_within(&self) -> bool {
        self.depth > 0
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        if self.depth == 0
            && let Some(look) = self.look_between(bytes, limit)
        {
            return look;
        }
        while let Some(&byte) = bytes.get(self.searched) {
            self.searched += 1;
            if self.step(byte) {
                let content = std::mem::take(&mut self.searched);
                return if std::mem::take(&mut self.is_too_long) {
                    Look::Nothing(content)
                } else if content > limit {
                    Look::TooLong(content)
                } else {
                    Look::Frame(Whole { begin: 0, content, end: 0 })
                };
            }
            if self.searched > limit && !self.is_too_long {
                self.is_too_long = true;
                return Look::TooLong(std::mem::take(&mut self.searched));
            }
        }
        if self.is_too_long { Look::Nothing(std::mem::take(&mut self.searched)) } else { Look::More }
    }

    /// What is between values. `None` if one begins at the front.
    fn look_between(&mut self, bytes: &[u8], limit: usize) -> Option<Look> {
        let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blank > 0 {
            self.searched = self.searched.saturating_sub(blank);
            return Some(Look::Nothing(blank));
        }
        let found = bytes[self.searched..].iter().position(|byte| matches!(byte, b'{' | b'['));
        let next = found.map(|at| self.searched + at).ok_or(bytes.len());
        if next == Ok(0) {
            return None;
        }
        Some(noise(next, limit, &mut self.searched))
    }

    /// Whether the value ends with this byte.
    fn step(&mut self, byte: u8) -> bool {
        self.text = match (self.text, byte) {
            (Text::Outside, b'"') | (Text::Escaped, _) => Text::Within,
            (Text::Within, b'"') => Text::Outside,
            (Text::Within, b'\\') => Text::Escaped,
            (text, _) => text,
        };
        if self.text == Text::Outside {
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        self.depth == 0
    }
}
