//! The read whose frames a codec finds.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use tokio_util::codec::Decoder;

use crate::{
    DisconnectReason, FrameBuffer, ReadError,
    connection::Connection,
    framing::{Found, TooLong},
    session::{Take, Taken, Unread},
};

impl Connection {
    /// Reads a frame that `decoder` finds: any [`Decoder`] of tokio-util. Strings and other reads may come before and
    /// after it on the same connection.
    ///
    /// The end of the stream is the decoder's to judge (`decode_eof`); if it makes nothing of it, that is
    /// [`EndOfStream`](ReadError::EndOfStream), or [`Incomplete`](ReadError::Incomplete), whose `partial` lacks what
    /// the decoder has kept in itself.
    ///
    /// The frame may have `limit` bytes, those included that the decoder takes without making a frame of them.
    ///
    /// # Errors
    ///
    /// - One of the decoder. It ends the session for [`BadFrame`](DisconnectReason::BadFrame), since nobody knows where
    ///   the next frame begins; one of `decode_eof` finds the session ended by the peer. A decoder that does know makes
    ///   an item of a damaged frame, `Item = Result<…>`, and the session lives: the second example.
    /// - A [`ReadError`], as the [`std::io::Error`] that it converts into, as the decoder's error that this converts
    ///   into: [`EndOfStream`](ReadError::EndOfStream),
    ///   [`Incomplete`](ReadError::Incomplete) and the common ones. [`Timeout`](ReadError::Timeout) loses nothing.
    ///   [`Disconnected`](ReadError::Disconnected) for [`FrameTooLong`](DisconnectReason::FrameTooLong) if `limit`
    ///   bytes wait and the decoder finds no frame in them: this too ends the session.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if the next read is a `read_frame` with the same decoder, which may have bytes of the frame in
    /// itself.
    ///
    /// # Panics
    ///
    /// If the decoder does; that ends the session as its error would.
    ///
    /// # Examples
    ///
    /// Binary frames behind their length, and text, on one connection. Depend on
    /// `tokio-util = { version = "0.7", features = ["codec"] }` for the codec.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tcpip_core::{Connection, NetworkStream, ReadError, endpoint::{ConnectCallbacks, SessionOptions}};
    /// # let start = |stream| {
    /// #     let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
    /// #     Connection::start(NetworkStream::new(stream), SessionOptions::new("example"), "example", events)
    /// # };
    /// # let (near, far) = tokio::io::duplex(1024);
    /// # let (connection, camera) = (start(near)?, start(far)?);
    /// use tokio_util::codec::LengthDelimitedCodec;
    ///
    /// // At the camera.
    /// let image = [7; 300];
    /// camera.write_str("image follows").await?;
    /// let mut frame = camera.batch();
    /// frame.write(&u32::try_from(image.len())?.to_be_bytes()).write(&image);
    /// frame.send().await?;
    /// camera.write_str("done").await?;
    ///
    /// // At this end. Keep the codec for all frames of the connection.
    /// let mut codec = LengthDelimitedCodec::new();
    /// assert_eq!(connection.read_str().await?, "image follows");
    /// let received = connection.read_frame(&mut codec).await?;
    /// assert_eq!(received, image[..]);
    /// assert_eq!(connection.read_str().await?, "done");
    ///
    /// // The library's own errors are in the codec's.
    /// camera.close().await;
    /// let error = connection.read_frame(&mut codec).await.unwrap_err();
    /// let error = error.get_ref().and_then(|error| error.downcast_ref());
    /// assert!(matches!(error, Some(ReadError::EndOfStream { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A codec of one's own: STX, text, ETX and the exclusive-or of all of these. A frame that is damaged is an item of
    /// its own and no error, so that the session lives; the codec goes on at the next STX.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tcpip_core::{Connection, NetworkStream, endpoint::{ConnectCallbacks, SessionOptions}};
    /// # let start = |stream| {
    /// #     let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
    /// #     Connection::start(NetworkStream::new(stream), SessionOptions::new("example"), "example", events)
    /// # };
    /// # let (near, far) = tokio::io::duplex(1024);
    /// # let (connection, gauge) = (start(near)?, start(far)?);
    /// use std::io;
    /// use tcpip_core::{BytesMut, Decoder};
    ///
    /// const STX: u8 = 0x02;
    /// const ETX: u8 = 0x03;
    ///
    /// struct StxEtx;
    ///
    /// /// What came and is no frame, up to the next STX.
    /// struct Damage(Vec<u8>);
    ///
    /// impl Damage {
    ///     fn take_from(bytes: &mut BytesMut) -> Self {
    ///         let next = (1..bytes.len()).find(|&at| bytes[at] == STX).unwrap_or(bytes.len());
    ///         Self(bytes.split_to(next).to_vec())
    ///     }
    /// }
    ///
    /// impl Decoder for StxEtx {
    ///     type Item = Result<String, Damage>;
    ///     type Error = io::Error;
    ///
    ///     fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
    ///         if bytes.first().is_some_and(|&first| first != STX) {
    ///             return Ok(Some(Err(Damage::take_from(bytes))));
    ///         }
    ///         let Some(end) = (1..bytes.len()).find(|&at| [STX, ETX].contains(&bytes[at])) else { return Ok(None) };
    ///         if bytes[end] == ETX && bytes.len() < end + 2 {
    ///             return Ok(None);
    ///         }
    ///         let sum = bytes.iter().take(end + 2).fold(0, |sum, byte| sum ^ byte);
    ///         let text = std::str::from_utf8(&bytes[1..end]).map(str::to_owned);
    ///         match text {
    ///             Ok(text) if bytes[end] == ETX && sum == 0 => {
    ///                 let _ = bytes.split_to(end + 2);
    ///                 Ok(Some(Ok(text)))
    ///             }
    ///             _ => Ok(Some(Err(Damage::take_from(bytes)))),
    ///         }
    ///     }
    /// }
    ///
    /// /// Reads the next text. What is damaged is logged and passed over.
    /// async fn read_text(connection: &Connection) -> io::Result<String> {
    ///     loop {
    ///         match connection.read_frame(&mut StxEtx).await? {
    ///             Ok(text) => return Ok(text),
    ///             Err(Damage(bytes)) => tracing::warn!("passed over: {}", bytes.escape_ascii()),
    ///         }
    ///     }
    /// }
    ///
    /// gauge.write(b"ready\r\n\x0217.5\x03\x1c").await?;
    /// assert_eq!(connection.read_str().await?, "ready");
    /// assert_eq!(read_text(&connection).await?, "17.5");
    ///
    /// // A wrong checksum, a frame without its end, and a stray byte.
    /// gauge.write(b"\x0217.6\x03\x1c\x0217.\xff\x0218.0\x03\x16").await?;
    /// assert_eq!(read_text(&connection).await?, "18.0");
    /// # // No checksum, one that is an STX, a wrong one behind other text, and ends only.
    /// # let ends = ["\x03\x03", "\x02\x02", "\x02\x03\x00"];
    /// # for bad in ["\x0217.5\x03", "\x0217.5\x03\x02", "\x02\u{3ff}\x03\u{3fe}"].into_iter().chain(ends) {
    /// #     gauge.write(bad.as_bytes()).await?;
    /// #     gauge.write(b"\x0218.0\x03\x16").await?;
    /// #     assert_eq!(read_text(&connection).await?, "18.0", "{}", bad.escape_debug());
    /// # }
    /// # assert!(connection.is_connected());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Framed")]
    pub async fn read_frame<D: Decoder>(&self, decoder: &mut D) -> Result<D::Item, D::Error> {
        outcome::<D>(self.take("read_frame", Frame { decoder }).await)
    }
}

/// What a read of a frame has come to, as the decoder's own errors tell it.
#[inline]
pub(in crate::connection) fn outcome<D: Decoder>(read: Result<Decoded<D>, ReadError>) -> Result<D::Item, D::Error> {
    match read {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(Failure::Error(error))) => Err(error),
        Ok(Err(Failure::Panic(panic))) => resume_unwind(panic),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// What a decoder has made of the bytes.
type Decoded<D> = Result<<D as Decoder>::Item, Failure<<D as Decoder>::Error>>;

/// What became of a decoder that did not do its work.
pub(in crate::connection) enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

pub(in crate::connection) struct Frame<'a, D> {
    pub(in crate::connection) decoder: &'a mut D,
}

impl<D: Decoder> Frame<'_, D> {
    #[inline]
    fn decode(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<Decoded<D>, ReadError>> {
        let taken = frames.take_with(limit, |bytes| caught(|| self.decoder.decode(bytes)))?;
        Some(taken.map_err(|TooLong| ReadError::Disconnected { reason: DisconnectReason::FrameTooLong { limit } }))
    }
}

impl<D: Decoder> Take for Frame<'_, D> {
    type Output = Decoded<D>;

    const RUNS_USERS_CODE: bool = true;

    const NEEDS_BYTES: bool = false;

    #[inline]
    fn find_ready(&mut self, unread: &mut Unread<'_>) -> Option<Found> {
        (!unread.frames.is_empty()).then_some(Found::ALL)
    }

    #[inline]
    fn use_ready(
        &mut self,
        frames: &mut FrameBuffer,
        _all: Found,
        limit: usize,
    ) -> Option<Result<Self::Output, ReadError>> {
        self.decode(frames, limit)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Self::Output, ReadError>> {
        self.decode(unread.frames, unread.limit)
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Self::Output> {
        let last = unread.frames.take_with(usize::MAX, |bytes| caught(|| self.decoder.decode_eof(bytes)));
        if let Some(Ok(Ok(frame))) = last {
            return Taken { result: Ok(Ok(frame)), reports_end: false };
        }
        let partial = unread.frames.take_rest();
        let result = match last {
            Some(Ok(Err(failure))) => Ok(Err(failure)),
            _ => Err(ReadError::Incomplete { partial, expected: None }),
        };
        Taken { result, reports_end: true }
    }

    fn loses_track(result: &Result<Self::Output, ReadError>) -> Option<DisconnectReason> {
        match result {
            Ok(Err(_)) => Some(DisconnectReason::BadFrame),
            Err(ReadError::Disconnected { reason }) => Some(reason.clone()),
            Ok(Ok(_)) | Err(_) => None,
        }
    }
}

/// As `Frame`, with the decoder in it.
pub(in crate::connection) struct OwnFrame<D> {
    decoder: D,
}

impl<D> OwnFrame<D> {
    pub(in crate::connection) fn new(decoder: D) -> Self {
        Self { decoder }
    }
}

impl<D: Decoder> Take for OwnFrame<D> {
    type Output = Decoded<D>;

    const RUNS_USERS_CODE: bool = true;

    const NEEDS_BYTES: bool = false;

    #[inline]
    fn find_ready(&mut self, unread: &mut Unread<'_>) -> Option<Found> {
        Frame { decoder: &mut self.decoder }.find_ready(unread)
    }

    #[inline]
    fn use_ready(
        &mut self,
        frames: &mut FrameBuffer,
        all: Found,
        limit: usize,
    ) -> Option<Result<Self::Output, ReadError>> {
        Frame { decoder: &mut self.decoder }.use_ready(frames, all, limit)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Self::Output, ReadError>> {
        Frame { decoder: &mut self.decoder }.take(unread)
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Self::Output> {
        Frame { decoder: &mut self.decoder }.take_at_end(unread)
    }

    fn loses_track(result: &Result<Self::Output, ReadError>) -> Option<DisconnectReason> {
        Frame::<D>::loses_track(result)
    }
}

/// Calls a decoder. A panic goes on once the session has ended.
fn caught<T, E>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, Failure<E>> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(Failure::Error),
        Err(panic) => Err(Failure::Panic(panic)),
    }
}
