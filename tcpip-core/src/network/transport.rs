//! A connected stream that can do what a socket can.

use std::{
    fmt,
    future::pending,
    io::{self, IoSlice},
    net::SocketAddr,
    task::{Context, Poll},
};

use tokio::{io::ReadBuf, net::TcpStream};

use super::BoxFuture;

/// A connected stream of bytes that can do what a socket can: it tells of a hang-up without being read, and is reset.
/// [`TcpStream`] is one. A session works with any of them as it does with a socket.
///
/// For a stream that can only be read and written, there is
/// [`NetworkStream::new`](crate::NetworkStream::new), which needs nothing of this.
///
/// All methods take `&self`: one task reads while others write, and the session's own looks for the hang-up. Those that
/// wait have one waiter each, whose last waker counts, but for [`hung_up`](Self::hung_up) and
/// [`failed`](Self::failed), which are futures. A panic ends the session as an I/O error does.
///
/// Dropping it ends both halves: the peer finds the end, or a reset if input is left unread.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Reads what has arrived, as [`AsyncRead`](tokio::io::AsyncRead) does: nothing at the end of the stream.
    ///
    /// # Errors
    ///
    /// The stream is broken. What had arrived before is read first.
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;

    /// Reads what has arrived by now, whatever wakers have been told. Returns 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived; those of [`poll_read`](Self::poll_read).
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Waits until a write may take something.
    ///
    /// # Errors
    ///
    /// The stream is broken.
    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes as much of `parts`, one after the other, as there is room for by now, whatever wakers have been told.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room: [`poll_write_ready`](Self::poll_write_ready) then waits for some. Else the
    /// stream is broken.
    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Waits until the peer has hung up: in good order, halfway or with a reset, at once, also while what it sent
    /// before is unread.
    fn hung_up(&self) -> BoxFuture<'_, ()>;

    /// Waits until the stream is broken, also after the peer has hung up in good order. Default: it never is.
    fn failed(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    /// Returns whether the peer has hung up by now, as [`hung_up`](Self::hung_up) says it.
    fn has_hung_up(&self) -> bool;

    /// Returns how many bytes have arrived that are unread.
    fn unread(&self) -> usize;

    /// Returns whether bytes have arrived that are unread. Default: as [`unread`](Self::unread) says.
    ///
    /// # Errors
    ///
    /// The stream is broken, and what breaks it is told once: here, or to a read or write.
    fn has_unread(&self) -> io::Result<bool> {
        Ok(self.unread() > 0)
    }

    /// Returns what has broken the stream, if that has not been told. Default: nothing has.
    ///
    /// # Errors
    ///
    /// The stream cannot be asked.
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    /// Returns how many bytes have been written that have not arrived at the peer's end, the end of the stream counted
    /// as one. A close waits until they have. Default: `None`, this cannot be told; a close then waits for the peer's
    /// end of the stream.
    fn unacknowledged(&self) -> Option<usize> {
        None
    }

    /// Ends this end's half of the stream, behind what has been written. May be called again.
    ///
    /// # Errors
    ///
    /// The stream is broken.
    fn shutdown_write(&self) -> io::Result<()>;

    /// Breaks the stream for the peer, which finds `ConnectionReset` behind what had arrived. What it has not been sent
    /// is dropped.
    fn abort(&self, when: Abort);

    /// Returns this end's address. Default: `None`, it has none.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns the peer's address. Default: `None`, it has none.
    fn peer_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns the socket beneath, if this passes on the bytes of one: the options of sockets are set on it, and
    /// [`with_socket`](crate::Connection::with_socket) lends it. Default: `None`.
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

/// When a [`Transport`] is to be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// At once, or when it is dropped if it cannot be sooner. What has arrived is dropped too.
    Now,
    /// When it is dropped, in place of the end of the stream. What has arrived stays readable until then.
    OnDrop,
}
