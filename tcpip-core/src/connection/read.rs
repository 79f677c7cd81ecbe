//! The reads of a connection.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use tokio::time::timeout;
use zerocopy::TryFromBytes;

use super::{
    Connection,
    reading::{Take, Taken},
};
use crate::{
    DisconnectReason, FrameBuffer, ReadError, frame_buffer::TooLong, stream_structs::struct_from,
    text_format::TextFormat,
};

/// Every read waits its turn, works on the one buffer of the connection, and is [cancel safe](Self#cancel-safety):
/// dropping it, in a timeout for example, loses nothing.
///
/// Common errors: [`NotConnected`](ReadError::NotConnected) at once if there is no session,
/// [`Disconnected`](ReadError::Disconnected) if it ends otherwise than by the peer's hang-up, and
/// [`Timeout`](ReadError::Timeout) if a `read_timeout` is set and passes.
impl Connection {
    /// Reads up to `count` bytes, at least one; empty at the end of the stream, once.
    ///
    /// # Errors
    ///
    /// The common ones.
    pub async fn read(&self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.take("read", Available { count }).await
    }

    /// Reads everything up to the end of the stream (Python's `read(-1)`).
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`](ReadError::FrameTooLong) if that is more than `limit`: all of it is discarded then. And the
    /// common ones.
    pub async fn read_to_end(&self) -> Result<Vec<u8>, ReadError> {
        self.take("read_to_end", ToEnd).await
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends before. And the common ones.
    #[doc(alias = "readexactly")]
    pub async fn read_exact(&self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.take("read_exact", Exact { count, convert: |bytes: &[u8]| Ok(bytes.to_vec()) }).await
    }

    /// Reads through the next line feed, which is included; at the end of the stream what there is, maybe nothing.
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`](ReadError::FrameTooLong). And the common ones.
    #[doc(alias = "readline")]
    pub async fn read_line(&self) -> Result<Vec<u8>, ReadError> {
        self.take("read_line", Line).await
    }

    /// Reads through `separator`, which is included.
    ///
    /// # Errors
    ///
    /// [`EmptySeparator`](ReadError::EmptySeparator); [`FrameTooLong`](ReadError::FrameTooLong);
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends before the separator. And the common ones.
    #[doc(alias = "readuntil")]
    pub async fn read_until(&self, separator: &[u8]) -> Result<Vec<u8>, ReadError> {
        if separator.is_empty() {
            return Err(ReadError::EmptySeparator);
        }
        self.take("read_until", self.until(separator, |frame: &[u8]| Ok(frame.to_vec()))).await
    }

    /// Reads a text message: through the terminator, which is removed, decoded strictly.
    ///
    /// # Errors
    ///
    /// [`Decode`](ReadError::Decode) if the message is not text in the connection's encoding;
    /// [`FrameTooLong`](ReadError::FrameTooLong); [`Incomplete`](ReadError::Incomplete). And the common ones.
    pub async fn read_str(&self) -> Result<String, ReadError> {
        self.read_text("read_str", owned).await
    }

    /// As [`read_str`](Self::read_str), but puts the text into `target`, whose memory is used again. On an error
    /// `target` keeps its text.
    ///
    /// # Errors
    ///
    /// Those of [`read_str`](Self::read_str).
    pub async fn read_str_into(&self, target: &mut String) -> Result<(), ReadError> {
        let store = |text: Cow<'_, str>| {
            target.clear();
            target.push_str(&text);
        };
        self.read_text("read_str_into", store).await
    }

    /// Reads a text message and makes a `T` of the JSON in it, as the [`JsonMode`](crate::JsonMode) says.
    ///
    /// # Errors
    ///
    /// [`Json`](ReadError::Json) with the text if it is no JSON, no `T`, or says what a `T` cannot hold; those of
    /// [`read_str`](Self::read_str).
    pub async fn read_json<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        let text = self.read_text("read_json", owned).await?;
        self.json().decode(&text).map_err(|source| ReadError::Json { text, source })
    }

    /// Reads a binary structure: exactly `size_of::<T>()` bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidStruct`](ReadError::InvalidStruct) with the bytes if they are no `T`;
    /// [`Incomplete`](ReadError::Incomplete) with what came if the stream ends before. And the common ones.
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
    pub async fn read_struct<T: TryFromBytes>(&self) -> Result<T, ReadError> {
        self.take("read_struct", Exact { count: size_of::<T>(), convert: struct_from::<T> }).await
    }

    /// As [`read_struct`](Self::read_struct), but puts the value into `target`, which keeps its value on an error.
    ///
    /// # Errors
    ///
    /// Those of [`read_struct`](Self::read_struct).
    pub async fn read_into<T: TryFromBytes>(&self, target: &mut T) -> Result<(), ReadError> {
        let store = |bytes: &[u8]| struct_from(bytes).map(|value| *target = value);
        self.take("read_into", Exact { count: size_of::<T>(), convert: store }).await
    }

    async fn read_text<T>(
        &self,
        operation: &'static str,
        mut store: impl FnMut(Cow<'_, str>) -> T,
    ) -> Result<T, ReadError> {
        let format: TextFormat = self.text_format();
        let convert = |frame: &[u8]| format.decode(frame).map(&mut store);
        self.take(operation, self.until(format.terminator(), convert)).await
    }

    fn until<'a, F>(&'a self, separator: &'a [u8], convert: F) -> Until<'a, F> {
        Until { separator, convert, heartbeats: self.expects_heartbeats().then_some(self) }
    }

    /// The way of every read.
    pub(super) async fn take<T: Take>(&self, operation: &'static str, take: T) -> Result<T::Output, ReadError> {
        let shared = &*self.shared;
        if !self.is_connected() && self.is_exhausted() {
            return Err(ReadError::NotConnected);
        }
        let taking = shared.reading.take(|| shared.limit(), |cause| self.stream_end(cause), take);
        let Taken { result, reports_end } = match shared.options.read_timeout {
            None => taking.await,
            Some(after) => timeout(after, taking).await.map_err(|_| ReadError::Timeout { operation, after })?,
        };
        shared.state.read_returned();
        if reports_end {
            self.end_and(DisconnectReason::ClosedByPeer, |state| state.end_reported = true);
        }
        result
    }
}

fn owned(text: Cow<'_, str>) -> String {
    text.into_owned()
}

struct Until<'a, F> {
    separator: &'a [u8],
    convert: F,
    /// The connection, if heartbeats are for it to note and for nobody else to see.
    heartbeats: Option<&'a Connection>,
}

impl<T, F: FnMut(&[u8]) -> Result<T, ReadError>> Take for Until<'_, F> {
    type Output = T;

    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<T, ReadError>> {
        loop {
            let Self { separator, convert, heartbeats } = self;
            let is_noted = |frame: &[u8]| heartbeats.is_some_and(|connection| connection.notes(separator, frame));
            let convert = |frame: &[u8]| if is_noted(frame) { None } else { Some(convert(frame)) };
            match within(frames.take_until(separator, limit, convert)?, limit) {
                Ok(None) => {}
                Ok(Some(taken)) => return Some(taken),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

struct Line;

impl Take for Line {
    type Output = Vec<u8>;

    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<Vec<u8>, ReadError>> {
        frames.take_until(b"\n", limit, <[u8]>::to_vec).map(|taken| within(taken, limit))
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

struct Exact<F> {
    count: usize,
    convert: F,
}

impl<T, F: FnMut(&[u8]) -> Result<T, ReadError>> Take for Exact<F> {
    type Output = T;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, frames: &mut FrameBuffer, _limit: usize) -> Option<Result<T, ReadError>> {
        frames.take_exact(self.count, &mut self.convert)
    }
}

struct Available {
    count: usize,
}

impl Take for Available {
    type Output = Vec<u8>;

    fn take(&mut self, frames: &mut FrameBuffer, _limit: usize) -> Option<Result<Vec<u8>, ReadError>> {
        if self.count == 0 { Some(Ok(Vec::new())) } else { frames.take_some(self.count).map(Ok) }
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

struct ToEnd;

impl Take for ToEnd {
    type Output = Vec<u8>;

    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<Vec<u8>, ReadError>> {
        within(frames.check_limit(limit), limit).err().map(Err)
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

fn within<T>(taken: Result<T, TooLong>, limit: usize) -> Result<T, ReadError> {
    taken.map_err(|TooLong| ReadError::FrameTooLong { limit })
}
