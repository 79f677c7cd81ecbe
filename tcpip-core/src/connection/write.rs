//! The writes of a connection.

use serde::Serialize;

use super::{Batch, Connection, writing::Unsendable};
use crate::{DisconnectReason, Structs, WriteError};

/// Every write sends one message whole: writers in several tasks do not interleave, and a write that is dropped is
/// [never torn](Self#cancel-safety). A write returns when its bytes are with the operating system, which is not
/// delivery: the peer may still never read them.
///
/// Common errors: [`NotConnected`](WriteError::NotConnected) at once if there is no session,
/// [`Disconnected`](WriteError::Disconnected) if it ends meanwhile, [`Timeout`](WriteError::Timeout) if the system
/// takes no byte for `write_timeout`, which ends the session.
impl Connection {
    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// The common ones.
    pub async fn write(&self, data: &[u8]) -> Result<(), WriteError> {
        self.send("write", &[data]).await
    }

    /// Sends several byte strings back to back, with nothing between them, as one message.
    ///
    /// # Errors
    ///
    /// The common ones.
    #[doc(alias = "writelines")]
    pub async fn write_lines(&self, lines: &[impl AsRef<[u8]> + Sync]) -> Result<(), WriteError> {
        let mut message = Vec::with_capacity(lines.iter().map(|line| line.as_ref().len()).sum());
        for line in lines {
            message.extend_from_slice(line.as_ref());
        }
        self.send("write_lines", &[&message]).await
    }

    /// Sends a text message: encoded strictly, with the terminator behind it.
    ///
    /// # Errors
    ///
    /// [`Encode`](WriteError::Encode) if the connection's encoding lacks a character;
    /// [`ContainsTerminator`](WriteError::ContainsTerminator) if a reader would see more than one message. Nothing is
    /// sent then. And the common ones.
    pub async fn write_str(&self, line: &str) -> Result<(), WriteError> {
        let format = self.text_format();
        self.send("write_str", &[&format.encode(line)?, format.write_terminator()]).await
    }

    /// Sends a value as JSON in a text message, as the [`JsonMode`](crate::JsonMode) says: by default as Python writes it.
    ///
    /// # Errors
    ///
    /// [`Json`](WriteError::Json) if it has no JSON form; those of [`write_str`](Self::write_str).
    pub fn write_json<T: Serialize + ?Sized>(
        &self,
        value: &T,
    ) -> impl Future<Output = Result<(), WriteError>> + Send + use<T> {
        // Before the future begins, which therefore holds no `T`, and may be sent to another thread whatever `T` is.
        let text = self.json().encode(value).map_err(WriteError::Json);
        let connection = self.clone();
        async move {
            let (text, format) = (text?, connection.text_format());
            connection.send("write_json", &[&format.encode(&text)?, format.write_terminator()]).await
        }
    }

    /// Sends binary structures back to back as one message: `&value`, or a tuple `(&header, &body)`.
    ///
    /// # Errors
    ///
    /// The common ones.
    pub async fn write_from(&self, structs: impl Structs) -> Result<(), WriteError> {
        self.send("write_from", structs.parts().as_slice()).await
    }

    /// Begins a message of several parts that is sent as one.
    #[must_use = "a batch that is not sent is dropped"]
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    /// The way of every write. A message has at most [`MOST_PARTS`](super::writing::MOST_PARTS) parts.
    pub(super) async fn send(&self, operation: &'static str, parts: &[&[u8]]) -> Result<(), WriteError> {
        let shared = &*self.shared;
        if !self.is_connected() {
            return Err(WriteError::NotConnected);
        }
        let sending = shared.writing.send(parts, shared.options.write_limit, || self.is_connected());
        sending.await.map_err(|Unsendable| {
            if let Some(reason) = shared.writing.error() {
                self.end(reason);
            }
            match shared.state.reason() {
                DisconnectReason::WriteTimeout { after } => WriteError::Timeout { operation, after },
                reason => WriteError::Disconnected { reason },
            }
        })
    }
}
