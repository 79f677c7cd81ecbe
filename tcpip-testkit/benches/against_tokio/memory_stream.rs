//! Bytes in memory as a stream that is always ready, for counting instructions.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::frames::Frames;

const CHUNK: usize = 64 * 1024;

/// Hands out frames in chunks of 64 KiB, wherever these end, and then nothing more. Takes whatever is written.
pub(crate) struct MemoryStream {
    /// All different frames, and the beginning of them again, so that each chunk is there in one piece.
    bytes: Vec<u8>,
    period: usize,
    position: usize,
    end: usize,
}

impl MemoryStream {
    pub(crate) fn new(frames: &Frames, count: usize) -> Self {
        let period = frames.bytes().len();
        let bytes = frames.bytes().iter().copied().cycle().take(period + CHUNK).collect();
        Self { bytes, period, position: 0, end: count * frames.length() }
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest_of_chunk = CHUNK - self.position % CHUNK;
        let count = target.remaining().min(rest_of_chunk).min(self.end - self.position);
        if count == 0 {
            return Poll::Pending;
        }
        let start = self.position % self.period;
        target.put_slice(&self.bytes[start..start + count]);
        self.position += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
