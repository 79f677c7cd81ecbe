//! Bytes in memory that are always ready, for counting instructions: as a transport for the library, which reads it as
//! it reads a socket, and as a stream for the peer.

use std::{
    future::pending,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use tcpip_client::{Abort, BoxFuture, Transport};
use tokio::io::{AsyncRead, ReadBuf};

use crate::frames::Frames;

const CHUNK: usize = 64 * 1024;

/// Hands out frames in chunks of 64 KiB, wherever these end, and then nothing more. Takes whatever is written.
#[derive(Debug)]
pub(crate) struct MemoryStream {
    /// All different frames, and the beginning of them again, so that each chunk is there in one piece.
    bytes: Vec<u8>,
    period: usize,
    end: usize,
    position: Mutex<usize>,
}

impl MemoryStream {
    pub(crate) fn new(frames: &Frames, count: usize) -> Self {
        let period = frames.bytes().len();
        let bytes = frames.bytes().iter().copied().cycle().take(period + CHUNK).collect();
        Self { bytes, period, end: count * frames.length(), position: Mutex::new(0) }
    }

    fn read(&self, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut position = self.position.lock().expect("nobody panics with it");
        let rest_of_chunk = CHUNK - *position % CHUNK;
        let count = target.remaining().min(rest_of_chunk).min(self.end - *position);
        if count == 0 {
            return Poll::Pending;
        }
        let start = *position % self.period;
        target.put_slice(&self.bytes[start..start + count]);
        *position += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.read(target)
    }
}

impl Transport for MemoryStream {
    fn poll_read(&self, _: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.read(target)
    }

    fn try_read(&self, target: &mut [u8]) -> io::Result<usize> {
        let mut target = ReadBuf::new(target);
        match self.read(&mut target) {
            Poll::Ready(_) => Ok(target.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    fn has_hung_up(&self) -> bool {
        false
    }

    fn unread(&self) -> usize {
        self.end - *self.position.lock().expect("nobody panics with it")
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self, _: Abort) {}
}
