//! What may come behind a frame, and is nothing.

/// What may still come behind a frame that has been taken, and is no part of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Trailing {
    /// Nothing may.
    #[default]
    Nothing,
    /// A `\n`, behind the `\r` that has ended the frame.
    LineFeed,
    /// Line ends.
    LineEnds,
    /// White space.
    WhiteSpace,
}

impl Trailing {
    /// Returns how many bytes at the front are trailing. What may follow them is left in its place.
    pub fn skip(&mut self, bytes: &[u8]) -> usize {
        let count = match self {
            Self::Nothing => return 0,
            Self::LineFeed => usize::from(bytes.first() == Some(&b'\n')),
            Self::LineEnds => bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count(),
            Self::WhiteSpace => bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count(),
        };
        if count < bytes.len() || *self == Self::LineFeed && count > 0 {
            *self = Self::Nothing;
        }
        count
    }
}

/// As a number, for who keeps it in an atomic.
impl From<u8> for Trailing {
    fn from(number: u8) -> Self {
        [Self::LineFeed, Self::LineEnds, Self::WhiteSpace]
            .into_iter()
            .find(|trailing| *trailing as u8 == number)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Trailing;

    /// Each kind takes what it may, in whatever pieces that comes, and nothing behind another byte.
    #[test]
    fn what_is_trailing_is_skipped() {
        for (trailing, bytes, skipped) in [
            (Trailing::Nothing, "\n\n", 0),
            (Trailing::LineFeed, "\n\n", 1),
            (Trailing::LineFeed, "a\n", 0),
            (Trailing::LineEnds, "\r\n \n", 2),
            (Trailing::WhiteSpace, "\r\n \ta ", 4),
        ] {
            for cut in 0..=bytes.len() {
                let (mut left, mut count) = (trailing, 0);
                for piece in [&bytes[..cut], &bytes[cut..]] {
                    let skipped = left.skip(piece.as_bytes());
                    count += skipped;
                    if skipped < piece.len() {
                        break;
                    }
                }
                assert_eq!(count, skipped, "{trailing:?} of {bytes:?}, cut at {cut}");
            }
            assert_eq!(Trailing::from(trailing as u8), trailing);
        }
    }
}
