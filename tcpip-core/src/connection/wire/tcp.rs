//! A session over a TCP socket.

use std::{
    io::{ErrorKind, IoSlice, Read},
    mem::MaybeUninit,
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::timeout_at,
};

use super::{Connection, Input, Wire, hang_up};
use crate::{DisconnectReason, connection::writing::Writing};

/// The most input that a close discards, however long a frame may be.
const DISCARDED: usize = 1024 * 1024;

/// The socket, which reads and writes use as well.
#[derive(Debug)]
pub(in crate::connection) struct TcpWire(Arc<OwnedWriteHalf>);

impl TcpWire {
    pub(in crate::connection) fn new(socket: Arc<OwnedWriteHalf>) -> Self {
        Self(socket)
    }

    fn stream(&self) -> &TcpStream {
        (*self.0).as_ref()
    }
}

impl Wire for TcpWire {
    async fn flush(&self, writing: &Writing, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        while !writing.is_empty() {
            // Readiness is looked at before the deadline: a task that runs late does not take its own delay for the peer's.
            let writable = self.0.writable();
            let ready = match write_timeout {
                Some(after) => timeout_at(writing.progress() + after, writable).await.map_err(|_| after),
                None => Ok(writable.await),
            };
            match ready {
                Ok(ready) => {
                    ready.map_err(|error| DisconnectReason::from_io(&error))?;
                    writing.send_some(|slices| self.0.try_write_vectored(slices))?;
                }
                Err(after) => {
                    // The system reports room only when much of its buffer is free. It may have some all the same.
                    let direct = |slices: &[IoSlice<'_>]| SockRef::from(self.stream()).send_vectored(slices);
                    if writing.send_some(direct)? == 0 {
                        return Err(DisconnectReason::WriteTimeout { after });
                    }
                }
            }
        }
        Ok(())
    }

    async fn hung_up(&self, connection: &Connection) {
        let options = &connection.shared.options;
        hang_up::hung_up(&self.0, options.hang_up_detection, options.monitor_connection_interval).await;
        socket_hung_up(connection, self.stream());
    }

    /// A reset after the hang-up, whose cause may have been told to a writer already.
    async fn failed_after(&self, connection: &Connection) -> DisconnectReason {
        let _ = self.0.ready(Interest::ERROR).await;
        let told_here = self.stream().take_error().ok().flatten().as_ref().map(DisconnectReason::from_io);
        told_here.or_else(|| connection.shared.writing.error()).unwrap_or(DisconnectReason::Reset)
    }

    fn leaves_unread(&self, _connection: &Connection) -> bool {
        hang_up::has_unread(self.stream()).unwrap_or(false)
    }

    fn unread(&self) -> u64 {
        hang_up::unread(self.stream())
    }

    /// Closing a socket with unread input sends a reset, which may overtake what was flushed. So what has arrived is
    /// discarded first, up to [`DISCARDED`]; if more arrives all the same, the peer's own end is awaited.
    async fn end(&self, input: Input) {
        if input == Input::Keep {
            // The stream ends with its write half.
            return;
        }
        let stream = self.stream();
        let before = discard_what_is_here(stream, 0);
        let _ = SockRef::from(stream).shutdown(Shutdown::Write);
        let mut after = match before {
            Discarded::SoFar(discarded) => discard_what_is_here(stream, discarded),
            Discarded::All => Discarded::All,
        };
        if before == after {
            return;
        }
        while let Discarded::SoFar(discarded) = after
            && discarded < DISCARDED
            && stream.readable().await.is_ok()
        {
            // Lets the runtime see that the socket is empty, so that the next wait is one.
            let _ = stream.try_io(Interest::READABLE, || SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]));
            after = discard_what_is_here(stream, discarded);
        }
    }

    /// An abort is lossy, and says so to the peer: zero linger makes the close a reset.
    fn abort(self) {
        let _ = SockRef::from(self.stream()).set_linger(Some(Duration::ZERO));
        Arc::into_inner(self.0).into_iter().for_each(OwnedWriteHalf::forget);
    }
}

/// Asks the kernel whether the peer has hung up, now, and acts on it.
pub(in crate::connection) fn check_for_hang_up(connection: &Connection, socket: &OwnedWriteHalf) {
    if hang_up::has_hung_up(socket.as_ref()) {
        socket_hung_up(connection, socket.as_ref());
    }
}

fn socket_hung_up(connection: &Connection, stream: &TcpStream) {
    // The system tells the cause once: here, or to a writer that is about to end the session, or to a read that has
    // ended it.
    connection.peer_hung_up(|| match hang_up::has_unread(stream) {
        Ok(unread) => (unread, stream.take_error().ok().flatten()),
        Err(error) => (false, Some(error)),
    });
}

/// Discards what has arrived, until [`DISCARDED`] bytes have been discarded in all.
///
/// The scratch memory is here rather than in the session's future, which would hold it for as long as the session.
fn discard_what_is_here(stream: &TcpStream, mut discarded: usize) -> Discarded {
    let mut scratch = [0; 4096];
    while discarded < DISCARDED {
        match (&*SockRef::from(stream)).read(&mut scratch) {
            Ok(0) => return Discarded::All,
            Ok(count) => discarded += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return Discarded::All,
        }
    }
    Discarded::SoFar(discarded)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Discarded {
    /// So many bytes in all, and the stream goes on.
    SoFar(usize),
    /// Everything to the end of the stream.
    All,
}
