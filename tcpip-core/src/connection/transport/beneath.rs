//! The transport beneath a session.

use std::{
    io::{self, IoSlice},
    ops::Deref,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::Interest,
    net::{TcpStream, tcp::OwnedWriteHalf},
};

use super::guarded::Guarded;
use crate::{Transport, connection::HangUpDetection, network};

/// The transport that a session's task, its writers and those who look for a hang-up share. What a session reads with
/// is its [`Source`](super::Source).
///
/// What is done for each message, and what waits, has a way of its own for a socket: no call through a pointer, and no
/// future in a box. For all else a socket is a [`Transport`] as any other.
#[derive(Debug)]
pub(in crate::connection) enum Beneath {
    Socket(OwnedWriteHalf),
    Other(WriteHalf),
}

impl Beneath {
    /// Writes what there is room for, as far as the runtime knows of room.
    pub(in crate::connection) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.try_write(bytes),
            Self::Other(half) => half.0.try_write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// The same, of several parts.
    pub(in crate::connection) fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.try_write_vectored(parts),
            Self::Other(half) => half.0.try_write_vectored(parts),
        }
    }

    pub(super) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Socket(socket) => socket.as_ref().poll_write_ready(context),
            Self::Other(half) => half.0.poll_write_ready(context),
        }
    }

    pub(super) async fn hung_up(&self, detection: HangUpDetection, interval: Duration) {
        match self {
            Self::Socket(socket) => network::hung_up(socket.as_ref(), detection, interval).await,
            Self::Other(half) => half.0.hung_up().await,
        }
    }

    /// The socket, if this is one whose hang-up the system tells as an event.
    pub(super) fn with_event(&self, detection: HangUpDetection) -> Option<&TcpStream> {
        match self {
            Self::Socket(socket) if network::is_event(detection) => Some(socket.as_ref()),
            Self::Socket(_) | Self::Other(_) => None,
        }
    }

    pub(super) async fn failed(&self) {
        match self {
            Self::Socket(socket) => drop(socket.ready(Interest::ERROR).await),
            Self::Other(half) => half.0.failed().await,
        }
    }

    /// Drops it without the end of the stream.
    pub(super) fn forget(self) {
        match self {
            Self::Socket(socket) => socket.forget(),
            Self::Other(mut half) => half.1 = AtDrop::Nothing,
        }
    }
}

impl Deref for Beneath {
    type Target = dyn Transport;

    fn deref(&self) -> &(dyn Transport + 'static) {
        match self {
            Self::Socket(socket) => socket.as_ref(),
            Self::Other(half) => &*half.0,
        }
    }
}

/// As the write half of a socket: it ends this end's half of the stream when it is dropped, though what has arrived may
/// still be read.
#[derive(Debug)]
pub(in crate::connection) struct WriteHalf(Arc<Guarded>, AtDrop);

/// What becomes of a write half that is dropped.
#[derive(Debug, PartialEq, Eq)]
enum AtDrop {
    End,
    Nothing,
}

impl WriteHalf {
    pub(in crate::connection) fn new(transport: Arc<Guarded>) -> Self {
        Self(transport, AtDrop::End)
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        if self.1 == AtDrop::End {
            let _ = self.0.shutdown_write();
        }
    }
}
