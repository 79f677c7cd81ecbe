//! One end of a connection.

use std::{
    fmt,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tcpip_client::{Abort, BoxFuture, Transport};
use tokio::{
    io::ReadBuf,
    select,
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    link::Link,
    pair::{Index, Pair},
    ports::DiallersPort,
};

/// One end of a connection in memory. Dropping it ends both halves.
pub(super) struct MemoryStream {
    side: Index,
    connection: Arc<Connection>,
    read_timer: Timer,
    write_timer: Timer,
    /// Freed with the end that dialled.
    _port: Option<DiallersPort>,
}

struct Connection {
    addresses: [SocketAddr; 2],
    pair: Mutex<Pair>,
    may_have_hung_up: Notify,
}

/// Until the next of what is under way arrives.
type Timer = Mutex<Option<Pin<Box<Sleep>>>>;

impl MemoryStream {
    /// The end that dials, whose port it may free, and the one that listens, with their addresses.
    pub(super) fn connect(addresses: [SocketAddr; 2], port: Option<DiallersPort>, link: Link) -> (Self, Self) {
        let connection = Arc::new(Connection {
            addresses,
            pair: Mutex::new(Pair::new(link.window, link.latency)),
            may_have_hung_up: Notify::new(),
        });
        let end = |side, port| {
            let connection = Arc::clone(&connection);
            Self { side, connection, read_timer: Timer::default(), write_timer: Timer::default(), _port: port }
        };
        (end(0, port), end(1, None))
    }

    /// Does something with what has arrived by now, and wakes who waits for it.
    fn with<T>(&self, act: impl FnOnce(&mut Pair, Index, Instant) -> T) -> T {
        let now = Instant::now();
        let mut pair = self.connection.pair.lock().expect("nothing panics under it");
        pair.settle(now);
        let result = act(&mut pair, self.side, now);
        let woken = pair.take_woken();
        drop(pair);
        if woken.may_have_hung_up {
            self.connection.may_have_hung_up.notify_waiters();
        }
        woken.wakers.into_iter().for_each(std::task::Waker::wake);
        result
    }

    /// Polls what would block, again whenever something arrives; `act` has noted who is to be woken then.
    fn poll<T>(
        &self,
        timer: &Timer,
        context: &mut Context<'_>,
        mut act: impl FnMut(&mut Pair, Index, Instant, &mut Context<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let (result, next) = self.with(|pair, side, now| (act(pair, side, now, context), pair.next_arrival()));
            match (result, next) {
                (Err(error), Some(next)) if error.kind() == ErrorKind::WouldBlock => {
                    let mut timer = timer.lock().expect("nothing panics under it");
                    let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
                    timer.as_mut().reset(next);
                    if timer.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                }
                (Err(error), None) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                (result, _) => return Poll::Ready(result),
            }
        }
    }

    async fn until(&self, is_so: impl Fn(&Pair, Index) -> bool + Send) {
        loop {
            let changed = self.connection.may_have_hung_up.notified();
            let (is_so, next) = self.with(|pair, side, _| (is_so(pair, side), pair.next_arrival()));
            match next {
                _ if is_so => return,
                None => changed.await,
                Some(next) => select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(next) => {}
                },
            }
        }
    }
}

impl Transport for MemoryStream {
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.poll(&self.read_timer, context, |pair, side, now, context| {
            let result = pair.read(side, buffer.initialize_unfilled(), now);
            if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                pair.wake_reader(side, context.waker());
            }
            result
        });
        read.map_ok(|count| buffer.advance(count))
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|pair, side, now| pair.read(side, buffer, now))
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(&self.write_timer, context, |pair, side, _, context| {
            if pair.is_writable(side) {
                return Ok(());
            }
            pair.wake_writer(side, context.waker());
            Err(ErrorKind::WouldBlock.into())
        })
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|pair, side, now| pair.write(side, parts, now))
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.until(Pair::has_hung_up))
    }

    fn failed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.until(Pair::is_broken))
    }

    fn has_hung_up(&self) -> bool {
        self.with(|pair, side, _| pair.has_hung_up(side))
    }

    fn unread(&self) -> usize {
        self.with(|pair, side, _| pair.unread(side))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.with(|pair, side, _| pair.take_error(side)).map(Into::into))
    }

    fn unacknowledged(&self) -> Option<usize> {
        Some(self.with(|pair, side, _| pair.under_way(side)))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.with(Pair::shutdown)
    }

    fn abort(&self, when: Abort) {
        self.with(|pair, side, now| match when {
            Abort::Now => pair.abort(side, now),
            Abort::OnDrop => pair.reset_when_left(side),
        });
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.connection.addresses[self.side])
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        Some(self.connection.addresses[1 - self.side])
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.with(Pair::leave);
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut output = formatter.debug_struct("MemoryStream");
        output.field("local_addr", &self.local_addr()).field("peer_addr", &self.peer_addr());
        output.field("unread", &self.unread()).finish()
    }
}
