//! One of the two connections of a session.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tcpip_core::{Abort, BoxFuture, NetworkStream, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket or another transport, or any other stream, which can neither be reset nor tell of a reset unless it is
/// read or written.
#[derive(Debug)]
pub(super) enum Peer {
    Transport(Box<dyn Transport>),
    Stream(Mutex<NetworkStream>),
}

impl Peer {
    pub(super) fn new(stream: NetworkStream) -> Self {
        let transport = match stream.into_transport() {
            Ok(transport) => transport,
            Err(stream) => return Self::Stream(Mutex::new(stream)),
        };
        if let Some(socket) = transport.socket() {
            // A socket that is dead already tells so when it is read.
            let _ = socket.set_nodelay(true);
        }
        Self::Transport(transport)
    }

    pub(super) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Transport(transport) => transport.poll_read(context, buffer),
            Self::Stream(stream) => Pin::new(&mut *lock(stream)).poll_read(context, buffer),
        }
    }

    pub(super) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Transport(transport) => loop {
                ready!(transport.poll_write_ready(context))?;
                match transport.try_write_vectored(&[IoSlice::new(bytes)]) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            Self::Stream(stream) => {
                let mut stream = lock(stream);
                let count = ready!(Pin::new(&mut *stream).poll_write(context, bytes))?;
                if count == 0 && !bytes.is_empty() {
                    return Poll::Ready(Err(ErrorKind::WriteZero.into()));
                }
                // What a stream keeps back goes out with the next bytes, or with the end.
                let _ = Pin::new(&mut *stream).poll_flush(context)?;
                Poll::Ready(Ok(count))
            }
        }
    }

    /// Ends this direction.
    pub(super) fn poll_end(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Transport(transport) => Poll::Ready(transport.shutdown_write()),
            Self::Stream(stream) => Pin::new(&mut *lock(stream)).poll_shutdown(context),
        }
    }

    /// Waits until it is reset, also while it is not read.
    pub(super) fn failed(&self) -> BoxFuture<'_, ()> {
        match self {
            Self::Transport(transport) => transport.failed(),
            Self::Stream(_) => Box::pin(std::future::pending()),
        }
    }

    pub(super) fn reset(&self) {
        if let Self::Transport(transport) = self {
            transport.abort(Abort::Now);
        }
    }
}

impl Drop for Peer {
    /// The session of a fault that has panicked does not end as if all were well.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.reset();
        }
    }
}

fn lock(stream: &Mutex<NetworkStream>) -> MutexGuard<'_, NetworkStream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
