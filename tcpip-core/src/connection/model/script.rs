//! A string of bytes as a list of decisions.

/// What is to happen, a byte a decision. Any bytes are a script.
#[derive(Debug)]
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next decision. `None` at the end.
    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The same, with 0 for those behind the end.
    pub(super) fn or_zero(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// One of `choices`.
pub(super) fn one_of<T: Copy>(choices: &[T], decision: u8) -> T {
    choices[usize::from(decision) % choices.len()]
}
