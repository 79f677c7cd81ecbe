//! Where the bytes of a session come from.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, BytesMut};
use tokio::{io::AsyncRead, net::tcp::OwnedReadHalf};
use tokio_util::io::poll_read_buf;

use super::discard_what_is_here;
use crate::sync::{drop_caught, poll_stream};

/// How much is read ahead at once.
const CHUNK: usize = 4096;

/// Where bytes come from.
pub(in crate::connection) enum Source {
    /// Each read takes them out of the socket as it needs them.
    Socket(OwnedReadHalf),
    /// The session's task reads ahead.
    Stream(Option<Box<Input>>),
}

/// A stream, and where its bytes go while no lock is held.
pub(in crate::connection) struct Input<S: ?Sized = dyn AsyncRead + Send + Unpin> {
    chunk: BytesMut,
    stream: S,
}

impl Source {
    pub(in crate::connection) fn of_stream(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::Stream(Some(Box::new(Input { chunk: BytesMut::new(), stream })))
    }

    /// Receives what there is room for.
    pub(in crate::connection) fn poll_socket(
        socket: &mut OwnedReadHalf,
        context: &mut Context<'_>,
        mut room: &mut dyn BufMut,
    ) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(socket), context, &mut room)
    }

    /// Reads ahead up to `room` bytes, which are then in the [`chunk`](Self::chunk). A socket is not read ahead.
    pub(in crate::connection) fn poll_stream(
        &mut self,
        context: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        let Self::Stream(Some(input)) = self else { return Poll::Pending };
        let Input { chunk, stream } = &mut **input;
        chunk.clear();
        chunk.reserve(CHUNK);
        poll_stream(|| poll_read_buf(Pin::new(stream), context, &mut chunk.limit(room)))
    }

    pub(in crate::connection) fn chunk(&self) -> &[u8] {
        match self {
            Self::Stream(Some(input)) => &input.chunk,
            Self::Stream(None) | Self::Socket(_) => &[],
        }
    }

    /// Lets go of it. What has arrived is not to be kept if it `is_discarded`: a socket that is closed with unread
    /// input sends a reset, which overtakes what was written.
    pub(in crate::connection) fn let_go(self, is_discarded: bool) {
        if let Self::Socket(socket) = &self
            && is_discarded
        {
            discard_what_is_here(socket.as_ref());
        }
    }
}

impl Drop for Source {
    /// A stream is the user's, and its end may panic.
    fn drop(&mut self) {
        if let Self::Stream(input) = self {
            drop_caught("a stream", input.take());
        }
    }
}
