//! A transport of a user's, whose panic harms nobody else.

use std::{
    fmt,
    io::{self, IoSlice},
    net::SocketAddr,
    sync::OnceLock,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, net::TcpStream, task::coop::poll_proceed};

use crate::{
    Abort, BoxFuture, Transport,
    sync::{catch_panic, catch_panic_in, drop_caught, misbehaved},
};

/// A transport of a user's. Once it has panicked it is broken.
pub(in crate::connection) struct Guarded {
    /// `None` only while it is dropped.
    transport: Option<Box<dyn Transport>>,
    panic: OnceLock<String>,
}

impl Guarded {
    pub(in crate::connection) fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport: Some(transport), panic: OnceLock::new() }
    }

    fn transport(&self) -> &dyn Transport {
        self.transport.as_deref().expect("only dropping takes it")
    }

    fn call<T>(&self, call: impl FnOnce(&dyn Transport) -> T) -> io::Result<T> {
        catch_panic_in(|| call(self.transport())).map_err(|panic| self.panicked(panic))
    }

    fn io<T>(&self, call: impl FnOnce(&dyn Transport) -> io::Result<T>) -> io::Result<T> {
        self.call(call)?
    }

    /// With a unit of the task's budget, as a socket takes one: one that is always ready leaves others their turn.
    fn poll<T>(
        &self,
        context: &mut Context<'_>,
        poll: impl FnOnce(&dyn Transport, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let unit = ready!(poll_proceed(context));
        let result = self.call(|transport| poll(transport, context)).unwrap_or_else(|error| Poll::Ready(Err(error)));
        if result.is_ready() {
            unit.made_progress();
        }
        result
    }

    fn event<'a>(&'a self, event: impl FnOnce(&'a dyn Transport) -> BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        let waiting = catch_panic_in(|| event(self.transport())).map(catch_panic);
        Box::pin(async move {
            let waited = match waiting {
                Ok(waiting) => waiting.await,
                Err(panic) => Err(panic),
            };
            if let Err(panic) = waited {
                self.panicked(panic);
            }
        })
    }

    fn panicked(&self, panic: String) -> io::Error {
        tracing::error!("the transport panicked: {panic}");
        misbehaved(self.panic.get_or_init(|| panic).as_str())
    }

    fn has_panicked(&self) -> Option<io::Error> {
        self.panic.get().map(|panic| misbehaved(panic.as_str()))
    }
}

impl Transport for Guarded {
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(context, |transport, context| transport.poll_read(context, buffer))
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        self.io(|transport| transport.try_read(buffer)).map(|count| count.min(room))
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, Transport::poll_write_ready)
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = self.io(|transport| transport.try_write_vectored(parts))?;
        match parts.iter().map(|part| part.len()).sum::<usize>() {
            offered if taken > offered => Err(misbehaved("the transport has taken more than it was offered")),
            _ => Ok(taken),
        }
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        self.event(|transport| transport.hung_up())
    }

    fn failed(&self) -> BoxFuture<'_, ()> {
        self.event(|transport| transport.failed())
    }

    fn has_hung_up(&self) -> bool {
        self.call(Transport::has_hung_up).unwrap_or(true) || self.panic.get().is_some()
    }

    fn unread(&self) -> usize {
        self.call(Transport::unread).unwrap_or(0)
    }

    fn has_unread(&self) -> io::Result<bool> {
        self.io(Transport::has_unread)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io(Transport::take_error).map(|error| error.or_else(|| self.has_panicked()))
    }

    fn unacknowledged(&self) -> Option<usize> {
        self.call(Transport::unacknowledged).unwrap_or(None)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.io(Transport::shutdown_write)
    }

    fn abort(&self, when: Abort) {
        let _ = self.call(|transport| transport.abort(when));
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.call(Transport::local_addr).unwrap_or(None)
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.call(Transport::peer_addr).unwrap_or(None)
    }

    fn socket(&self) -> Option<&TcpStream> {
        catch_panic_in(|| self.transport().socket()).unwrap_or_else(|panic| {
            self.panicked(panic);
            None
        })
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Transport").finish_non_exhaustive()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop_caught("a transport", self.transport.take());
    }
}
