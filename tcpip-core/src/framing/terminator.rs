//! The end of a text message.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{DEFAULT_TERMINATOR, OptionError};

/// The end of a text message: at least one byte.
///
/// Options take all that becomes one: a byte string that is written out, `b"\r\n"`, or a single byte, `b'\n'`. Of bytes
/// that only the running program knows, [`new`](Self::new) makes one, unless there are none. It is bytes and no text:
/// what ends a message does not change with its encoding. A clone is cheap.
///
/// # Examples
///
/// ```
/// use tcpip_core::{ConnectionOptions, Terminator};
///
/// let options = ConnectionOptions::new().terminator(b"\r\n");
///
/// // As it was found in a file of options, for example.
/// let found = String::from(";");
/// let options = options.write_terminator(Terminator::new(&found)?);
///
/// assert!(Terminator::new("").is_err());
/// # Ok::<(), tcpip_core::OptionError>(())
/// ```
///
/// An empty byte string is refused when the program is built:
///
/// ```compile_fail,E0080
/// # use tcpip_core::ConnectionOptions;
/// let options = ConnectionOptions::new().terminator(b"");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Terminator(Arc<[u8]>);

impl Terminator {
    /// Makes one of bytes, or of the bytes of a text.
    ///
    /// # Errors
    ///
    /// [`OptionError::EmptyTerminator`].
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, OptionError> {
        match bytes.as_ref() {
            [] => Err(OptionError::EmptyTerminator),
            bytes => Ok(Self(bytes.into())),
        }
    }

    /// Returns its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// [`DEFAULT_TERMINATOR`].
impl Default for Terminator {
    fn default() -> Self {
        DEFAULT_TERMINATOR.into()
    }
}

/// An empty byte string does not compile.
impl<const N: usize> From<&[u8; N]> for Terminator {
    fn from(bytes: &[u8; N]) -> Self {
        const { assert!(N > 0, "a terminator has at least one byte") };
        Self(bytes.as_slice().into())
    }
}

/// An empty array does not compile.
impl<const N: usize> From<[u8; N]> for Terminator {
    fn from(bytes: [u8; N]) -> Self {
        Self::from(&bytes)
    }
}

impl From<u8> for Terminator {
    fn from(byte: u8) -> Self {
        Self::from(&[byte])
    }
}

impl Deref for Terminator {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Terminator {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<[u8]> for Terminator {
    fn eq(&self, other: &[u8]) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<Terminator> for [u8] {
    fn eq(&self, other: &Terminator) -> bool {
        *self == *other.0
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Terminator {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self.0 == other[..]
    }
}

impl fmt::Debug for Terminator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Terminator(b\"{}\")", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever it is made of, it is those bytes.
    #[test]
    fn a_terminator_is_the_bytes_that_it_is_made_of() {
        for (terminator, bytes) in [
            (Terminator::from(b"\r\n"), &b"\r\n"[..]),
            (Terminator::from([0xFF, 0]), b"\xff\0"),
            (Terminator::from(b';'), b";"),
            (Terminator::new("°").unwrap(), b"\xc2\xb0"),
            (Terminator::new(vec![b'>']).unwrap(), b">"),
            (Terminator::default(), DEFAULT_TERMINATOR),
        ] {
            assert_eq!((terminator.as_bytes(), &*terminator, terminator.as_ref()), (bytes, bytes, bytes));
            assert!(terminator == *bytes && terminator == terminator.clone());
        }
        assert_eq!(format!("{:?}", Terminator::from(b"\r\n>")), "Terminator(b\"\\r\\n>\")");
    }

    /// Of no bytes none is made.
    #[test]
    fn an_empty_terminator_is_none() {
        assert_eq!(Terminator::new(b""), Err(OptionError::EmptyTerminator));
        assert_eq!(Terminator::new(""), Err(OptionError::EmptyTerminator));
    }
}
