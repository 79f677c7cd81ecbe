//! The blocks of IEEE 488.2, as SCPI devices send binary data.

use memchr::memchr;

use super::cut::{Look, Whole, noise};

/// Blocks of a definite length, `#3100` and 100 bytes, or of an indefinite one, `#0` and all bytes through `\n`
/// (IEEE 488.2, 8.7.9 and 8.7.10). Line ends between them are nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    /// How far what is at the front has been looked at.
    searched: usize,
    /// What is left of a block that is too long, which has been told.
    too_long: Rest,
}

#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    #[default]
    Nothing,
    Bytes(usize),
    Line,
}

impl Blocks {
    pub(super) fn is_too_long(&self) -> bool {
        !matches!(self.too_long, Rest::Nothing)
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        match self.too_long {
            Rest::Nothing => {}
            Rest::Bytes(left) => {
                let dropped = left.min(bytes.len());
                self.too_long = if dropped == left { Rest::Nothing } else { Rest::Bytes(left - dropped) };
                return Look::Nothing(dropped);
            }
            Rest::Line => {
                let end = memchr(b'\n', bytes);
                if end.is_some() {
                    self.too_long = Rest::Nothing;
                }
                return Look::Nothing(end.map_or(bytes.len(), |at| at + 1));
            }
        }
        let line_ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if line_ends > 0 {
            self.searched = self.searched.saturating_sub(line_ends);
            return Look::Nothing(line_ends);
        }
        if bytes.is_empty() {
            return Look::More;
        }
        match bytes {
            [b'#'] => Look::More,
            [b'#', b'0', ..] => self.look_for_line(bytes, limit),
            [b'#', digits @ b'1'..=b'9', rest @ ..] => {
                let digits = usize::from(digits - b'0');
                let known = &rest[..digits.min(rest.len())];
                match length_of(known) {
                    None => self.look_for_noise(bytes, limit),
                    Some(_) if known.len() < digits => Look::More,
                    Some(content) if content > limit => {
                        self.too_long = Rest::Bytes(content);
                        Look::TooLong(2 + digits)
                    }
                    Some(content) if rest.len() - digits < content => Look::More,
                    Some(content) => Look::Frame(Whole { begin: 2 + digits, content, end: 0 }),
                }
            }
            _ => self.look_for_noise(bytes, limit),
        }
    }

    fn look_for_line(&mut self, bytes: &[u8], limit: usize) -> Look {
        let from = self.searched.max(2);
        let found = memchr(b'\n', &bytes[from..]).map(|at| from + at);
        self.searched = if found.is_some() { 0 } else { bytes.len() };
        match found {
            Some(at) if at - 2 > limit => Look::TooLong(at + 1),
            Some(at) => Look::Frame(Whole { begin: 2, content: at - 2, end: 1 }),
            None if bytes.len() - 2 > limit => {
                (self.searched, self.too_long) = (0, Rest::Line);
                Look::TooLong(bytes.len())
            }
            None => Look::More,
        }
    }

    /// What is at the front begins no block: it is noise up to what may.
    fn look_for_noise(&mut self, bytes: &[u8], limit: usize) -> Look {
        let from = self.searched.max(1);
        let next = memchr(b'#', &bytes[from..]).map(|at| from + at).ok_or(bytes.len());
        noise(next, limit, &mut self.searched)
    }
}

fn length_of(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}
