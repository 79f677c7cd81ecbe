//! NaN and the infinities as Python writes them, hidden in strings for a reader that knows strict JSON alone.

/// The words, and the numbers that they stand for.
const WORDS: [(&str, f64); 3] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// Of these characters, which nobody uses for anything of meaning, one marks the hidden numbers.
const MARKS: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// A text in which each bare word is a string that the text cannot have had: a mark, and the place of the word among
/// [`WORDS`].
pub(super) struct Rewritten {
    text: String,
    mark: char,
}

impl Rewritten {
    /// `None` if there is no bare word, and if every mark occurs in the text, as itself or as an escape.
    pub(super) fn new(text: &str) -> Option<Self> {
        let words = bare_words(text);
        if words.is_empty() {
            return None;
        }
        let lower = text.to_ascii_lowercase();
        let occurs = |mark: char| lower.contains(mark) || lower.contains(&format!("\\u{:x}", u32::from(mark)));
        let mark = MARKS.into_iter().find(|&mark| !occurs(mark))?;
        let mut rewritten = String::with_capacity(text.len() + 8 * words.len());
        let mut copied = 0;
        for (at, index) in words {
            rewritten.push_str(&text[copied..at]);
            rewritten.extend(['"', mark, char::from(b'0' + index), '"']);
            copied = at + WORDS[usize::from(index)].0.len();
        }
        rewritten.push_str(&text[copied..]);
        Some(Self { text: rewritten, mark })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The number that a string hides.
    pub(super) fn number(&self, string: &str) -> Option<f64> {
        let index: usize = string.strip_prefix(self.mark)?.parse().ok()?;
        WORDS.get(index).map(|(_, number)| *number)
    }
}

/// Where words stand that are no part of a string, a longer word or a key, and which.
fn bare_words(text: &str) -> Vec<(usize, u8)> {
    let mut words = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => string_len(&bytes[at..]),
            b'N' | b'I' | b'-' => {
                let word = &text[at..at + bytes[at..].iter().take_while(|&&byte| is_word(byte)).count()];
                let found = (0..).zip(WORDS).find(|(_, (name, _))| *name == word);
                if let Some((index, _)) = found
                    && !text[at + word.len()..].trim_ascii_start().starts_with(':')
                {
                    words.push((at, index));
                }
                word.len()
            }
            byte if is_word(byte) => bytes[at..].iter().take_while(|&&byte| is_word(byte)).count(),
            _ => 1,
        };
    }
    words
}

/// Of a string with its quotes; one that does not end goes to the end of the text.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether a byte may be in a number or a word.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_')
}
