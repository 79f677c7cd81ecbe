//! The writes of a connection.

use serde::Serialize;

use tokio::task::coop::consume_budget;

use crate::{
    DisconnectReason, Sent, Structs, WriteError,
    connection::{Batch, Connection},
    session::{Place, Unsendable},
};

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
        self.send_text("write_str", line).await
    }

    /// Sends a value as JSON in a text message, as the [`JsonMode`](crate::JsonMode) says: by default as Python writes
    /// it.
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
            match text {
                Ok(text) => connection.send_text("write_json", &text).await,
                Err(error) => Err(refused(error).await),
            }
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

    /// Sends bytes as they are, ahead of all messages that wait to be sent, and never within one: for a feed hold, or
    /// the Ctrl-C of a device. What the system has taken already goes out before. Among themselves, such messages keep
    /// their order. `write_limit` does not hold them up.
    ///
    /// # Errors
    ///
    /// The common ones.
    pub async fn write_ahead(&self, data: &[u8]) -> Result<(), WriteError> {
        self.send_to(Place::First, "write_ahead", &[data]).await
    }

    /// Ends this end's half of the stream behind all that is queued: the peer finds the end, and may go on sending.
    /// Reads go on. Returns when the system has been told.
    ///
    /// Later writes fail with [`WriteHalfEnded`](WriteError::WriteHalfEnded), and heartbeats are not sent any more. The
    /// session ends when the peer ends its half too, and what had arrived has been read. May be called again.
    ///
    /// # Errors
    ///
    /// The common ones.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety): once polled, it is done without the future.
    #[doc(alias = "close_write")]
    pub async fn shutdown_write(&self) -> Result<(), WriteError> {
        self.end_half().await.map_err(|unsendable| self.write_error("shutdown_write", unsendable))
    }

    /// Begins a message of several parts that is sent as one.
    #[must_use = "a batch that is not sent is dropped"]
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    #[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
    fn send_text(&self, operation: &'static str, text: &str) -> impl Future<Output = Result<(), WriteError>> + Send {
        async move {
            let format = self.text_format();
            let text = match format.encode(text) {
                Ok(text) => text,
                Err(error) => return Err(refused(error).await),
            };
            self.send(operation, &[&text, format.write_terminator()]).await
        }
    }

    /// The way of every write. A message has at most [`MOST_PARTS`](super::writing::MOST_PARTS) parts.
    pub(in crate::connection) fn send(
        &self,
        operation: &'static str,
        parts: &[&[u8]],
    ) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.send_to(Place::Last, operation, parts)
    }

    #[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
    fn send_to(
        &self,
        place: Place,
        operation: &'static str,
        parts: &[&[u8]],
    ) -> impl Future<Output = Result<(), WriteError>> + Send {
        async move {
            self.look_after_rest();
            match self.send_message(parts, place).await {
                Ok(()) => Ok(()),
                Err(unsendable) => Err(refused(self.write_error(operation, unsendable)).await),
            }
        }
    }

    pub(in crate::connection) fn write_error(&self, operation: &'static str, unsendable: Unsendable) -> WriteError {
        let sent = match unsendable {
            Unsendable::NotConnected => {
                return WriteError::NotConnected { endpoint: self.shared.options.name.clone(), reason: self.reason() };
            }
            Unsendable::Over(sent) => sent,
            Unsendable::HalfEnded => Sent::No,
        };
        match self.reason() {
            None if unsendable == Unsendable::HalfEnded => WriteError::WriteHalfEnded,
            Some(DisconnectReason::WriteTimeout { after }) => WriteError::Timeout { operation, after, sent },
            reason => WriteError::Disconnected { reason: reason.unwrap_or(DisconnectReason::Closed), sent },
        }
    }
}

/// The error of a write that may never have waited: a loop that does not mind it must not keep others waiting.
async fn refused(error: WriteError) -> WriteError {
    consume_budget().await;
    error
}
