//! A stream in memory that does what a socket does: a window, half-closing, a hang-up behind unread data, resets,
//! addresses.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use tcpip_client::{Abort, BoxFuture, Transport};
use tokio::{io::ReadBuf, sync::Notify};

/// One end of it. A clone is the same end, which is left when the last is dropped.
#[derive(Clone, Debug)]
pub(crate) struct MemoryTransport(Arc<End>);

#[derive(Debug)]
struct End {
    /// Which of the two directions this end sends in.
    side: usize,
    pair: Arc<Pair>,
}

#[derive(Debug)]
struct Pair {
    addresses: [SocketAddr; 2],
    window: usize,
    directions: Mutex<[Direction; 2]>,
    changed: Notify,
}

/// What one end sends, and the other has not read.
#[derive(Debug, Default)]
struct Direction {
    bytes: VecDeque<u8>,
    end: Option<Ending>,
    /// Nobody will read it.
    is_left: bool,
    resets_when_left: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What comes behind the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    InOrder,
    Reset,
}

/// The two ends of a stream, with these addresses, each of which takes `window` bytes before it is read.
pub(crate) fn memory_transports(addresses: [SocketAddr; 2], window: usize) -> (MemoryTransport, MemoryTransport) {
    let pair = Arc::new(Pair { addresses, window, directions: Mutex::default(), changed: Notify::new() });
    let end = |side| MemoryTransport(Arc::new(End { side, pair: Arc::clone(&pair) }));
    (end(0), end(1))
}

impl End {
    fn lock(&self) -> MutexGuard<'_, [Direction; 2]> {
        self.pair.directions.lock().expect("nothing panics under it")
    }

    /// Changes what it sends and what it receives, and wakes all who wait, unless that is an error.
    fn change<T>(&self, change: impl FnOnce(&mut Direction, &mut Direction) -> io::Result<T>) -> io::Result<T> {
        let mut directions = self.lock();
        let [first, second] = &mut *directions;
        let result = if self.side == 0 { change(first, second) } else { change(second, first) }?;
        let wakers = [first.reader.take(), first.writer.take(), second.reader.take(), second.writer.take()];
        drop(directions);
        wakers.into_iter().flatten().for_each(Waker::wake);
        self.pair.changed.notify_waiters();
        Ok(result)
    }

    fn incoming<T>(&self, look: impl FnOnce(&mut Direction) -> T) -> T {
        look(&mut self.lock()[1 - self.side])
    }

    async fn until(&self, is_so: impl Fn(Option<Ending>) -> bool + Send) {
        loop {
            let changed = self.pair.changed.notified();
            if is_so(self.incoming(|incoming| incoming.end)) {
                return;
            }
            changed.await;
        }
    }
}

impl Direction {
    /// As TCP: the first reset is the end, whatever was to come.
    fn reset(&mut self) {
        self.end = Some(Ending::Reset);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let left = self.change(|outgoing, incoming| {
            incoming.is_left = true;
            if !incoming.bytes.is_empty() || outgoing.resets_when_left {
                outgoing.reset();
            }
            Ok(*outgoing.end.get_or_insert(Ending::InOrder))
        });
        left.expect("it cannot fail");
    }
}

impl Transport for MemoryTransport {
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.try_read(buffer.initialize_unfilled()) {
            Ok(count) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.0.incoming(|incoming| {
                if incoming.bytes.is_empty() && incoming.end.is_none() {
                    incoming.reader = Some(context.waker().clone());
                } else {
                    // Meanwhile something has come.
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.change(|_, incoming| {
            let count = buffer.len().min(incoming.bytes.len());
            for (place, byte) in buffer.iter_mut().zip(incoming.bytes.drain(..count)) {
                *place = byte;
            }
            match incoming.end {
                _ if count > 0 => Ok(count),
                None => Err(ErrorKind::WouldBlock.into()),
                Some(Ending::InOrder) => Ok(0),
                Some(Ending::Reset) => Err(ErrorKind::ConnectionReset.into()),
            }
        })
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outgoing = &mut self.0.lock()[self.0.side];
        if outgoing.bytes.len() < self.0.pair.window || outgoing.end.is_some() || outgoing.is_left {
            return Poll::Ready(Ok(()));
        }
        outgoing.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.change(|outgoing, incoming| {
            if outgoing.end.is_some() || incoming.end == Some(Ending::Reset) {
                return Err(ErrorKind::BrokenPipe.into());
            }
            if outgoing.is_left {
                // Who is not there answers with a reset.
                incoming.reset();
                return Ok(parts.iter().map(|part| part.len()).sum());
            }
            let room = self.0.pair.window.saturating_sub(outgoing.bytes.len());
            let before = outgoing.bytes.len();
            outgoing.bytes.extend(parts.iter().flat_map(|part| part.iter()).take(room));
            match outgoing.bytes.len() - before {
                0 => Err(ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        })
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.until(|end| end.is_some()))
    }

    fn failed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.until(|end| end == Some(Ending::Reset)))
    }

    fn has_hung_up(&self) -> bool {
        self.0.incoming(|incoming| incoming.end.is_some())
    }

    fn unread(&self) -> usize {
        self.0.incoming(|incoming| incoming.bytes.len())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        let is_reset = self.0.incoming(|incoming| incoming.end == Some(Ending::Reset));
        Ok(is_reset.then(|| ErrorKind::ConnectionReset.into()))
    }

    /// What has been written is in the peer's window.
    fn unacknowledged(&self) -> Option<usize> {
        Some(0)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.change(|outgoing, _| {
            outgoing.end.get_or_insert(Ending::InOrder);
            Ok(())
        })
    }

    fn abort(&self, when: Abort) {
        let aborted = self.0.change(|outgoing, incoming| {
            match when {
                Abort::Now => {
                    incoming.bytes.clear();
                    outgoing.reset();
                }
                Abort::OnDrop => outgoing.resets_when_left = true,
            }
            Ok(())
        });
        aborted.expect("it cannot fail");
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.0.pair.addresses[self.0.side])
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        Some(self.0.pair.addresses[1 - self.0.side])
    }
}
