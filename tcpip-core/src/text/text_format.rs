//! How text becomes a message: encoding and terminator.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use crate::{Encoding, Terminator, WriteError, framing::find_end};

/// The encoding and the terminator of text messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextFormat {
    /// The encoding.
    pub encoding: Encoding,
    terminator: Terminator,
    /// Of messages that are sent, if it is another.
    write_terminator: Option<Terminator>,
}

impl TextFormat {
    /// The default, of which there is one for all.
    pub(crate) fn shared_default() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<TextFormat>> = LazyLock::new(Arc::default);
        Arc::clone(&DEFAULT)
    }

    /// The terminator.
    #[must_use]
    pub fn terminator(&self) -> &Terminator {
        &self.terminator
    }

    /// The terminator of messages that are sent.
    #[must_use]
    pub fn write_terminator(&self) -> &Terminator {
        self.write_terminator.as_ref().unwrap_or(&self.terminator)
    }

    /// Gives messages that are sent a terminator of their own.
    pub fn set_write_terminator(&mut self, terminator: Terminator) {
        self.write_terminator = Some(terminator);
    }

    /// Changes the terminator.
    pub fn set_terminator(&mut self, terminator: Terminator) {
        self.terminator = terminator;
    }

    /// The bytes of a message without its terminator, certain to be read by the peer as one message.
    pub(crate) fn encode<'a>(&self, text: &'a str) -> Result<Cow<'a, [u8]>, WriteError> {
        let bytes = self.encoding.encode(text)?;
        let terminator = self.write_terminator();
        match early_terminator(&bytes, terminator) {
            None => Ok(bytes),
            Some(position) => Err(WriteError::ContainsTerminator { terminator: terminator.to_vec(), position }),
        }
    }

    /// Whether a peer's message with this text is read as one.
    pub(crate) fn can_receive(&self, text: &str) -> bool {
        self.encoding.encode(text).is_ok_and(|bytes| early_terminator(&bytes, self.terminator()).is_none())
    }

    /// A whole message: the encoded text and the terminator of messages that are sent.
    ///
    /// # Errors
    ///
    /// [`WriteError::Encode`], [`WriteError::ContainsTerminator`].
    pub fn message(&self, text: &str) -> Result<Vec<u8>, WriteError> {
        Ok([&*self.encode(text)?, self.write_terminator()].concat())
    }
}

/// Where, in `payload` followed by `terminator`, a terminator begins before the end of `payload`.
fn early_terminator(payload: &[u8], terminator: &[u8]) -> Option<usize> {
    find_end(payload, 0, terminator).map(|end| end - terminator.len()).or_else(|| {
        let straddling = payload.len().saturating_sub(terminator.len() - 1)..payload.len();
        straddling.into_iter().find(|&start| {
            let (head, tail) = terminator.split_at(payload.len() - start);
            payload.ends_with(head) && terminator.starts_with(tail)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use memchr::memmem;

    use super::*;

    proptest! {
        /// The search that avoids a copy finds what a search in the whole message finds.
        #[test]
        fn an_early_terminator_is_found_where_a_reader_would_see_it(
            payload in prop::collection::vec(0u8..3, 0..12),
            terminator in prop::collection::vec(0u8..3, 1..5),
        ) {
            let whole = [&payload[..], &terminator].concat();
            let seen = memmem::find(&whole, &terminator).filter(|&start| start < payload.len());
            prop_assert_eq!(early_terminator(&payload, &terminator), seen);
        }
    }
}
