//! Several messages sent as one.

use serde::Serialize;

use super::memory::Memory;
use crate::{
    Structs, WriteError,
    connection::{Connection, Expected, Sending},
};

/// A message that is composed of parts and sent as one, by [`send`](Self::send).
///
/// Dropping a batch that has not been sent sends nothing.
///
/// # Examples
///
/// ```
/// # use tcpip_core::{Connection, WriteError};
/// async fn reply(connection: &Connection) -> Result<(), WriteError> {
///     connection.batch().write_str("OPEN 100")?.write(b">").send().await
/// }
///
/// /// Where the parts depend on something, the batch has a name.
/// async fn reply_lines(connection: &Connection, lines: &[&str]) -> Result<(), WriteError> {
///     let mut reply = connection.batch();
///     for line in lines {
///         reply.write_str(line)?;
///     }
///     reply.write(b">");
///     reply.send().await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    connection: Connection,
    bytes: Memory,
}

impl Batch {
    pub(in crate::connection) fn new(connection: Connection) -> Self {
        Self { connection, bytes: Memory::new() }
    }

    /// Returns what has been put in.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes as they are.
    pub fn write(&mut self, data: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(data);
        self
    }

    /// Adds a text message with its terminator.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::write_str`] that say what is wrong with the text; nothing is added then.
    pub fn write_str(&mut self, line: &str) -> Result<&mut Self, WriteError> {
        let format = self.connection.text_format();
        self.bytes.extend_from_slice(&format.encode(line)?);
        Ok(self.write(format.write_terminator()))
    }

    /// Adds a value as JSON in a text message.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::write_json`] that say what is wrong with the value; nothing is added then.
    pub fn write_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<&mut Self, WriteError> {
        let text = self.connection.json().encode(value).map_err(WriteError::Json)?;
        self.write_str(&text)
    }

    /// Adds binary structures.
    #[expect(clippy::needless_pass_by_value, reason = "structs are references, passed as everywhere")]
    pub fn write_from(&mut self, structs: impl Structs) -> &mut Self {
        for part in structs.parts().as_slice() {
            self.bytes.extend_from_slice(part);
        }
        self
    }

    /// Sends what was added as one message. An empty batch sends nothing.
    ///
    /// What was added is taken out of the batch as this is called, whatever becomes of it: a second `send` sends what
    /// was added since. The future borrows nothing, and may be given to a task. It [tells](Sending::sent) whether a
    /// byte of the message has left.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](WriteError::NotConnected), [`Disconnected`](WriteError::Disconnected) and
    /// [`Timeout`](WriteError::Timeout), as for every write.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Connection#cancel-safety): the batch goes out whole or not at all.
    pub fn send(&mut self) -> Sending {
        Sending::new(self.connection.clone(), self.bytes.take(), None)
    }

    /// As [`send`](Self::send), of a batch that is not needed any more.
    #[doc(hidden)]
    pub fn into_sending(self) -> Sending {
        Sending::new(self.connection, self.bytes, None)
    }

    /// As [`send`](Self::send), and puts `value` into `expected` in one step with the message: the order there is that
    /// in which the messages go out, whichever tasks send them. An empty batch sends nothing, and expects nothing.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send). With those that say [`Sent::No`](crate::Sent::No), `value` is in `expected` no
    /// more, and dropped.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Connection#cancel-safety): `value` stays in `expected` if the message goes out, and is dropped if
    /// it does not.
    pub fn send_expecting<T: Send + 'static>(&mut self, expected: &Expected<T>, value: T) -> Sending {
        let reserved = expected.reserve(value);
        Sending::new(self.connection.clone(), self.bytes.take(), Some(reserved))
    }
}
