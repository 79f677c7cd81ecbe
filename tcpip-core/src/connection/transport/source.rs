//! Where the bytes of a session come from.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut, BytesMut};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};
use tokio_util::io::poll_read_buf;

use super::{Discarded, guarded::Guarded, take_what_is_here};
use crate::{
    Transport,
    sync::{drop_caught, poll_stream},
};

/// How much is read ahead at once.
const CHUNK: usize = 4096;

/// Where bytes come from.
pub(in crate::connection) enum Source {
    /// Each read takes them out of the socket as it needs them.
    Socket(OwnedReadHalf),
    /// The same of another transport.
    Transport(Arc<Guarded>),
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

    /// Receives what there is room for. A stream is read ahead, and so nothing is received from it.
    pub(in crate::connection) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        mut room: &mut dyn BufMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Socket(socket) => poll_read_buf(Pin::new(socket), context, &mut room),
            Self::Transport(transport) => {
                poll_stream(|| poll_read_buf(Pin::new(&mut Reading(transport)), context, &mut room))
            }
            Self::Stream(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Discards what has arrived beneath the buffer, and shows it. `None` if that is read ahead.
    pub(in crate::connection) fn take_what_is_here(&self, show: &mut dyn FnMut(&[u8])) -> Option<Discarded> {
        match self {
            Self::Socket(socket) => Some(take_what_is_here(socket.as_ref(), show)),
            Self::Transport(transport) => Some(take_what_is_here(&**transport, show)),
            Self::Stream(_) => None,
        }
    }

    /// Reads ahead up to `room` bytes, which are then in the [`chunk`](Self::chunk). A transport is not read ahead.
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
            Self::Stream(None) | Self::Socket(_) | Self::Transport(_) => &[],
        }
    }

    /// Lets go of it. What has arrived is not to be kept if it `is_discarded`: a socket that is closed with unread
    /// input sends a reset, which overtakes what was written.
    pub(in crate::connection) fn let_go(self, is_discarded: bool) {
        if is_discarded {
            self.take_what_is_here(&mut |_| ());
        }
    }
}

/// A transport as what tokio-util reads from.
struct Reading<'a>(&'a Guarded);

impl AsyncRead for Reading<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read(context, buffer)
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
