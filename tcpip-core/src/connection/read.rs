//! The reads of a connection.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use tokio::{task::coop::consume_budget, time::Instant};
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
/// [`EndOfStream`](ReadError::EndOfStream) if the peer has hung up and all that it sent has been read,
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
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends within them. And the common ones.
    #[doc(alias = "readexactly")]
    pub async fn read_exact(&self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.take("read_exact", Exact { count, convert: |bytes: &[u8]| Ok(bytes.to_vec()) }).await
    }

    /// Reads exactly `count` bytes and hands them to `convert`, for structures whose size only the running program knows,
    /// and for what should not be copied first.
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
    pub async fn read_exact_with<T>(&self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> Result<T, ReadError> {
        self.take("read_exact_with", ExactWith { count, convert: Some(convert) }).await
    }

    /// Drops what has arrived and has not been read, in turn, and returns how many bytes that was: before a command to a
    /// device that may have talked meanwhile, for example.
    ///
    /// What is still under way is not awaited, so this does not replace the reading of a greeting. It may drop the first half
    /// of a message, whose rest is then read as one: where messages come unasked, tell them apart by what they say. At most
    /// 1 MiB is taken from the system, for a peer that never stops.
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
        if self.is_done_with() {
            return Err(self.not_connected().await);
        }
        let (operation, discarding) = ("discard_input", self.shared.reading.discard_input(self));
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
    pub async fn read_line(&self) -> Result<Vec<u8>, ReadError> {
        self.take("read_line", Line).await
    }

    /// Reads through `separator`, which is included.
    ///
    /// # Errors
    ///
    /// [`EmptySeparator`](ReadError::EmptySeparator); [`FrameTooLong`](ReadError::FrameTooLong);
    /// [`Incomplete`](ReadError::Incomplete) if the stream ends before the separator and behind something else. And the common ones.
    #[doc(alias = "readuntil")]
    pub async fn read_until(&self, separator: &[u8]) -> Result<Vec<u8>, ReadError> {
        if separator.is_empty() {
            consume_budget().await;
            return Err(ReadError::EmptySeparator);
        }
        let heartbeats = self.expects_heartbeats().then_some(self);
        self.take("read_until", Until { separator, heartbeats }).await
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
    pub async fn read_struct<T: TryFromBytes>(&self) -> Result<T, ReadError> {
        self.take("read_struct", Exact { count: size_of::<T>(), convert: struct_from::<T> }).await
    }

    /// As [`read_struct`](Self::read_struct), but puts the value into `target`, which keeps its value on an error.
    ///
    /// # Errors
    ///
    /// Those of [`read_struct`](Self::read_struct).
    pub async fn read_into<T: TryFromBytes>(&self, target: &mut T) -> Result<(), ReadError> {
        let value = self.take("read_into", Exact { count: size_of::<T>(), convert: struct_from::<T> }).await?;
        *target = value;
        Ok(())
    }

    async fn read_text<T>(
        &self,
        operation: &'static str,
        store: impl FnMut(Cow<'_, str>) -> T,
    ) -> Result<T, ReadError> {
        self.take(operation, Text { connection: self, store }).await
    }

    /// The way of every read.
    pub(super) async fn take<T: Take>(&self, operation: &'static str, take: T) -> Result<T::Output, ReadError> {
        let shared = &*self.shared;
        if self.is_done_with() {
            return Err(self.not_connected().await);
        }
        if shared.state.look(|state| state.end_reported) {
            // Nothing but the end is left, again and again: a loop that does not mind it must not keep others waiting.
            consume_budget().await;
        }
        let taking = shared.reading.take(self, take);
        let Taken { result, reports_end } = match shared.options.read_timeout {
            None => taking.await,
            Some(after) => {
                let counts = shared.options.idle_timeout.is_some() && !self.has_reader();
                let _waits = counts.then(|| shared.reading.waits_until(Instant::now() + after));
                self.within(after, taking).await.map_err(|_| ReadError::Timeout { operation, after })?
            }
        };
        shared.state.read_returned();
        if reports_end {
            if self.outlives_peer() && shared.state.is_connected() {
                shared.state.change(|state| state.end_reported = true);
            } else {
                self.end_and(DisconnectReason::ClosedByPeer, |state| state.end_reported = true);
            }
        }
        result.map_err(|error| match error {
            ReadError::Incomplete { partial, .. } if partial.is_empty() => {
                ReadError::EndOfStream { endpoint: shared.options.name.clone(), received: shared.reading.received() }
            }
            error => error,
        })
    }

    /// Whether there is no session, and nothing of it left to read.
    fn is_done_with(&self) -> bool {
        !self.shared.state.is_connected() && self.is_exhausted()
    }

    /// The error of a read without a session. A loop that does not mind it must not keep others waiting.
    async fn not_connected(&self) -> ReadError {
        consume_budget().await;
        ReadError::NotConnected { endpoint: self.shared.options.name.clone(), reason: self.reason() }
    }
}

fn owned(text: Cow<'_, str>) -> String {
    text.into_owned()
}

/// The frame through a separator.
struct Until<'a> {
    separator: &'a [u8],
    /// The connection, if heartbeats are for it to note and for nobody else to see.
    heartbeats: Option<&'a Connection>,
}

impl Take for Until<'_> {
    type Output = Vec<u8>;

    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<Vec<u8>, ReadError>> {
        loop {
            let taken = within(frames.take_until(self.separator, limit, <[u8]>::to_vec)?, limit);
            let is_noted = |frame: &Vec<u8>| {
                self.heartbeats
                    .is_some_and(|connection| connection.notes(&connection.text_format(), self.separator, frame))
            };
            if !taken.as_ref().is_ok_and(is_noted) {
                return Some(taken);
            }
        }
    }
}

/// A text message, in the format that is in force when it is taken.
struct Text<'a, F> {
    connection: &'a Connection,
    store: F,
}

impl<T, F: FnMut(Cow<'_, str>) -> T> Take for Text<'_, F> {
    type Output = T;

    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<T, ReadError>> {
        let Self { connection, store } = self;
        let format: TextFormat = connection.text_format();
        let terminator = format.terminator();
        let expects_heartbeats = connection.expects_heartbeats();
        loop {
            let convert = |frame: &[u8]| {
                let is_heartbeat = expects_heartbeats && connection.notes(&format, terminator, frame);
                if is_heartbeat { None } else { Some(format.decode(frame).map(&mut *store)) }
            };
            match within(frames.take_until(terminator, limit, convert)?, limit) {
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

/// As `Exact`, with code of the user's.
struct ExactWith<F> {
    count: usize,
    convert: Option<F>,
}

impl<T, F: FnOnce(&[u8]) -> T> Take for ExactWith<F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, frames: &mut FrameBuffer, _limit: usize) -> Option<Result<T, ReadError>> {
        let convert = &mut self.convert;
        frames.take_exact(self.count, |bytes| convert.take().map(|convert| convert(bytes)))?.map(Ok)
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
