//! The read of what comes until nothing comes.

use std::time::Duration;

use super::takes::{Available, within};
use crate::{
    ReadError,
    connection::{Connection, ReadTurn},
    session::{Take, Taken, Unread},
};

impl Connection {
    /// Reads what comes until nothing has come for as long as `quiet`, at least one byte: for a device whose replies
    /// end with nothing else.
    ///
    /// It waits for the first byte as long as any read does. What comes within `quiet` of the byte before belongs to
    /// the same result, whatever it is, so this is for one reply in flight. At the end of the stream the rest is the
    /// result.
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`](ReadError::FrameTooLong) if more than `limit` bytes come: all is discarded then, up to the end
    /// of the stream. And the common ones; [`Timeout`](ReadError::Timeout) is that of each byte.
    #[doc(alias = "inter-byte timeout")]
    pub async fn read_until_silence(&self, quiet: Duration) -> Result<Vec<u8>, ReadError> {
        self.turn("read_until_silence").await?.read_until_silence(quiet).await
    }
}

impl ReadTurn {
    /// As [`Connection::read_until_silence`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_until_silence`].
    pub async fn read_until_silence(&mut self, quiet: Duration) -> Result<Vec<u8>, ReadError> {
        const OPERATION: &str = "read_until_silence";
        let mut seen = self.take(OPERATION, MoreThan(0)).await?;
        let connection = self.connection().clone();
        loop {
            match connection.within(quiet, self.take(OPERATION, MoreThan(seen))).await {
                Ok(now) if now.as_ref().is_ok_and(|now| *now == seen) => break,
                Ok(now) => seen = now?,
                Err(_) => break,
            }
        }
        self.take(OPERATION, Available { count: seen }).await
    }
}

/// Until more than so many bytes are in the buffer, or nothing more will come: how many there are. They stay there.
struct MoreThan(usize);

impl Take for MoreThan {
    type Output = usize;

    const LOOKS: bool = true;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<usize, ReadError>> {
        if let Err(error) = within(unread.frames.check_limit(unread.limit), unread.limit) {
            return Some(Err(error));
        }
        let count = unread.frames.len();
        (count > self.0).then_some(Ok(count))
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<usize> {
        match unread.frames.len() {
            0 => Taken { result: self.take_rest(Vec::new()), reports_end: true },
            count => Taken { result: Ok(count), reports_end: false },
        }
    }
}
