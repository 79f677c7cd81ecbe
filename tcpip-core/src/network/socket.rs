//! A socket as a transport.

use std::{
    io::{self, ErrorKind, IoSlice, Read},
    net::{Shutdown, SocketAddr},
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{Interest, ReadBuf},
    net::TcpStream,
};

use super::{Abort, BoxFuture, Transport, hang_up, send_queue};
use crate::{DEFAULT_MONITOR_CONNECTION_INTERVAL, connection::HangUpDetection};

/// What waits, and what reads and writes often, has a shorter way in a session over a socket.
impl Transport for TcpStream {
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            let mut result = Err(ErrorKind::WouldBlock.into());
            // Without a call of the system that finds nothing: a read that does not fill its buffer has emptied the
            // socket, where the system tells of what comes next as an event.
            let _ = self.try_io(Interest::READABLE, || {
                result = (&*SockRef::from(self)).read(room);
                match &result {
                    Ok(count) if *count > 0 && *count < room.len() && cfg!(target_os = "linux") => {
                        Err(ErrorKind::WouldBlock.into())
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::WouldBlock.into()),
                    _ => Ok(()),
                }
            });
            match result {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return Poll::Ready(result.map(|count| buffer.advance(count))),
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match (&*SockRef::from(self)).read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(context)
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.try_write_vectored(parts) {
            // The system reports room only when much of its buffer is free. It may have some all the same.
            Err(error) if error.kind() == ErrorKind::WouldBlock => SockRef::from(self).send_vectored(parts),
            result => result,
        }
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(hang_up::hung_up(self, HangUpDetection::Automatic, DEFAULT_MONITOR_CONNECTION_INTERVAL))
    }

    fn failed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let _ = self.ready(Interest::ERROR).await;
        })
    }

    fn has_hung_up(&self) -> bool {
        hang_up::has_hung_up(self)
    }

    fn unread(&self) -> usize {
        hang_up::unread(self)
    }

    fn has_unread(&self) -> io::Result<bool> {
        hang_up::has_unread(self)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }

    fn unacknowledged(&self) -> Option<usize> {
        send_queue::unacknowledged(self)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(self).shutdown(Shutdown::Write)
    }

    /// Elsewhere than on Linux a socket that is in use cannot be reset: that comes when it is dropped.
    fn abort(&self, when: Abort) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
        #[cfg(target_os = "linux")]
        if when == Abort::Now {
            let _ = rustix::net::connect_unspec(self);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = when;
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }

    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}
