//! The reads of a connection.

use serde::de::DeserializeOwned;
use tokio::task::coop::consume_budget;
use zerocopy::TryFromBytes;

use super::{
    takes::{Available, Bytes, ExactWith, Line, Struct, StructInto, ToEnd, Until, UntilWith},
    text_takes::{EachText, Json, Text, TextWith, owned, stored_in},
};
use crate::{ReadError, connection::Connection, session::Session};

/// Every read waits its turn, works on the one buffer of the connection, and is [cancel safe](Self#cancel-safety):
/// dropping it, in a timeout for example, loses nothing.
///
/// Common errors: [`NotConnected`](ReadError::NotConnected) at once if there is no session,
/// [`EndOfStream`](ReadError::EndOfStream) if the peer has hung up and all that it sent has been read,
/// [`Disconnected`](ReadError::Disconnected) if it ends otherwise than by the peer's hang-up, and
/// [`Timeout`](ReadError::Timeout) if a `read_timeout` is set and passes.
impl Connection {
    /// Reads up to `count` bytes, at least one; empty at the end of the stream, once.
    ///
    /// # Errors
    ///
    /// The common ones.
    #[inline]
    pub fn read(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.take("read", Available { count })
    }

    /// Reads everything up to the end of the stream (Python's `read(-1)`).
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`](ReadError::FrameTooLong) if that is more than `limit`: all of it is discarded then. And the
    /// common ones.
    #[inline]
    pub fn read_to_end(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.take("read_to_end", ToEnd)
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends within them. And the common ones.
    #[doc(alias = "readexactly")]
    #[inline]
    pub fn read_exact(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.take("read_exact", Bytes { count })
    }

    /// Reads exactly `count` bytes and hands them to `convert`, for structures whose size only the running program
    /// knows, and for what should not be copied first.
    ///
    /// ```
    /// # async fn sum(connection: &tcpip_core::Connection, count: usize) -> Result<u32, tcpip_core::ReadError> {
    /// let sum = connection.read_exact_with(count, |bytes| bytes.iter().copied().map(u32::from).sum()).await?;
    /// # Ok(sum)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read_exact`](Self::read_exact).
    ///
    /// # Panics
    ///
    /// If `convert` does. The bytes stay unread then.
    #[inline]
    pub fn read_exact_with<T>(
        &self,
        count: usize,
        convert: impl FnOnce(&[u8]) -> T,
    ) -> impl Future<Output = Result<T, ReadError>> {
        self.take("read_exact_with", ExactWith { count, convert: Some(convert) })
    }

    /// Drops what has arrived and has not been read, in turn, and returns how many bytes that was: before a command to
    /// a device that may have talked meanwhile, for example.
    ///
    /// What is still under way is not awaited, so this does not replace the reading of a greeting. It may drop the
    /// first half of a message, whose rest is then read as one: where messages come unasked, tell them apart by what
    /// they say. At most 1 MiB is taken from the system, for a peer that never stops.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](ReadError::NotConnected) if there is no session; [`Timeout`](ReadError::Timeout) if a
    /// `read_timeout` is set, and another read has its turn for so long.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety): it only waits for its turn, and drops nothing before.
    pub async fn discard_input(&self) -> Result<usize, ReadError> {
        if self.look(Session::is_over) {
            consume_budget().await;
            return Err(self.not_connected());
        }
        let (operation, discarding) = ("discard_input", self.discard_in_turn());
        match self.shared.options.read_timeout {
            None => Ok(discarding.await),
            Some(after) => self.within(after, discarding).await.map_err(|_| ReadError::Timeout { operation, after }),
        }
    }

    /// Reads through the next line feed, which is included; at the end of the stream what there is, maybe nothing.
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`](ReadError::FrameTooLong). And the common ones.
    #[doc(alias = "readline")]
    #[inline]
    pub fn read_line(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.take("read_line", Line)
    }

    /// Reads through `separator`, which is included.
    ///
    /// # Errors
    ///
    /// [`EmptySeparator`](ReadError::EmptySeparator); [`FrameTooLong`](ReadError::FrameTooLong);
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends before the separator and behind something else. And the
    /// common ones.
    #[doc(alias = "readuntil")]
    pub async fn read_until(&self, separator: &[u8]) -> Result<Vec<u8>, ReadError> {
        let separator = non_empty(separator).await?;
        self.take("read_until", Until { separator }).await
    }

    /// Reads a text message: through the terminator, which is removed, decoded strictly.
    ///
    /// # Errors
    ///
    /// [`Decode`](ReadError::Decode) if the message is not text in the connection's encoding;
    /// [`FrameTooLong`](ReadError::FrameTooLong); [`Incomplete`](ReadError::Incomplete). And the common ones.
    #[inline]
    pub fn read_str(&self) -> impl Future<Output = Result<String, ReadError>> {
        self.take("read_str", Text::new(owned))
    }

    /// As [`read_str`](Self::read_str), but puts the text into `target`, whose memory is used again. On an error
    /// `target` keeps its text.
    ///
    /// # Errors
    ///
    /// Those of [`read_str`](Self::read_str).
    #[inline]
    pub fn read_str_into(&self, target: &mut String) -> impl Future<Output = Result<(), ReadError>> {
        self.take("read_str_into", Text::new(stored_in(target)))
    }

    /// As [`read_str`](Self::read_str), but lends the text to `use_text`, and copies nothing.
    ///
    /// # Errors
    ///
    /// Those of [`read_str`](Self::read_str).
    ///
    /// # Panics
    ///
    /// If `use_text` does. The message stays unread then.
    #[inline]
    pub fn read_str_with<T>(&self, use_text: impl FnOnce(&str) -> T) -> impl Future<Output = Result<T, ReadError>> {
        self.take("read_str_with", TextWith { use_text: Some(use_text) })
    }

    /// Reads the next text message, and all that have wholly arrived behind it, and lends each to `use_text`: for
    /// floods. Returns how many they were.
    ///
    /// # Errors
    ///
    /// Those of [`read_str`](Self::read_str), of the first message that is not lent. Those before it have been.
    ///
    /// # Panics
    ///
    /// If `use_text` does. That message and those behind it stay unread then.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn sum(connection: &tcpip_core::Connection) -> Result<f64, tcpip_core::ReadError> {
    /// let mut sum = 0.0;
    /// connection.read_each_str(|text| sum += text.parse().unwrap_or(0.0)).await?;
    /// # Ok(sum)
    /// # }
    /// ```
    #[inline]
    pub fn read_each_str(&self, use_text: impl FnMut(&str)) -> impl Future<Output = Result<usize, ReadError>> {
        self.take("read_each_str", EachText { use_text, count: 0 })
    }

    /// Reads through `separator` and lends the bytes, the separator included, to `use_bytes`, and copies nothing.
    ///
    /// # Errors
    ///
    /// Those of [`read_until`](Self::read_until).
    ///
    /// # Panics
    ///
    /// If `use_bytes` does. The frame stays unread then.
    pub async fn read_until_with<T>(
        &self,
        separator: &[u8],
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ReadError> {
        let separator = non_empty(separator).await?;
        self.take("read_until_with", UntilWith { separator, use_bytes: Some(use_bytes) }).await
    }

    /// Reads a text message and makes a `T` of the JSON in it, as the [`JsonMode`](crate::JsonMode) says.
    ///
    /// # Errors
    ///
    /// [`Json`](ReadError::Json) with the text if it is no JSON, no `T`, or says what a `T` cannot hold; those of
    /// [`read_str`](Self::read_str).
    #[inline]
    pub fn read_json<T: DeserializeOwned>(&self) -> impl Future<Output = Result<T, ReadError>> {
        self.take("read_json", Json::new(self.json()))
    }

    /// Reads a binary structure: exactly `size_of::<T>()` bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidStruct`](ReadError::InvalidStruct) with the bytes if they are no `T`;
    /// [`Incomplete`](ReadError::Incomplete) with what came if the stream ends within it. And the common ones.
    ///
    /// # Examples
    ///
    /// Depend on `zerocopy = { version = "0.8", features = ["derive"] }`, and choose the byte order by the field types.
    ///
    /// ```
    /// use tcpip_core::{Connection, ReadError, WriteError};
    /// use zerocopy::{Immutable, IntoBytes, TryFromBytes, big_endian::{F64, U32}};
    ///
    /// #[derive(TryFromBytes, IntoBytes, Immutable)]
    /// #[repr(C)]
    /// struct Status {
    ///     position: F64,
    ///     counter: U32,
    ///     mode: Mode,
    ///     spare: [u8; 3],
    /// }
    ///
    /// /// Any other byte is refused.
    /// #[derive(TryFromBytes, IntoBytes, Immutable)]
    /// #[repr(u8)]
    /// enum Mode { Standby, Enabled }
    ///
    /// const _: () = assert!(size_of::<Status>() == 16);
    ///
    /// async fn position(connection: &Connection) -> Result<f64, ReadError> {
    ///     Ok(connection.read_struct::<Status>().await?.position.get())
    /// }
    ///
    /// async fn tell(connection: &Connection, status: &Status) -> Result<(), WriteError> {
    ///     connection.write_from(status).await
    /// }
    /// ```
    #[inline]
    pub fn read_struct<T: TryFromBytes>(&self) -> impl Future<Output = Result<T, ReadError>> {
        self.take("read_struct", Struct::new())
    }

    /// As [`read_struct`](Self::read_struct), but puts the value into `target`, which keeps its value on an error.
    ///
    /// # Errors
    ///
    /// Those of [`read_struct`](Self::read_struct).
    #[inline]
    pub fn read_into<T: TryFromBytes>(&self, target: &mut T) -> impl Future<Output = Result<(), ReadError>> {
        self.take("read_into", StructInto(target))
    }
}

/// The separator, unless it is empty. A loop that does not mind the error must not keep others waiting.
pub(in crate::connection) async fn non_empty(separator: &[u8]) -> Result<&[u8], ReadError> {
    if separator.is_empty() {
        consume_budget().await;
        return Err(ReadError::EmptySeparator);
    }
    Ok(separator)
}
