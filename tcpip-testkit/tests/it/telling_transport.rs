//! A transport that passes everything on to another, and tells what it is asked.

use std::{
    fmt,
    io::{self, IoSlice},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tcpip_client::{Abort, BoxFuture, NetworkStream, Transport};
use tokio::{io::ReadBuf, net::TcpStream};

/// What is asked of it in a session without a limit of time.
pub(crate) const METHODS: [&str; 14] = [
    "poll_read",
    "try_read",
    "poll_write_ready",
    "try_write_vectored",
    "hung_up",
    "failed",
    "has_hung_up",
    "has_unread",
    "take_error",
    "unacknowledged",
    "shutdown_write",
    "abort",
    "local_addr",
    "peer_addr",
];

pub(crate) struct Telling {
    inner: Box<dyn Transport>,
    /// Called with the name of the method, first.
    tell: Arc<dyn Fn(&'static str) + Send + Sync>,
    /// How many bytes are on their way beside those of `inner`.
    pub(crate) under_way: Arc<AtomicUsize>,
}

impl Telling {
    pub(crate) fn new(stream: NetworkStream, tell: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        let inner = stream.into_transport().expect("it is over one");
        Self { inner, tell: Arc::new(tell), under_way: Arc::default() }
    }
}

impl Transport for Telling {
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        (self.tell)("poll_read");
        self.inner.poll_read(context, buffer)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.tell)("try_read");
        self.inner.try_read(buffer)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.tell)("poll_write_ready");
        self.inner.poll_write_ready(context)
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.tell)("try_write_vectored");
        self.inner.try_write_vectored(parts)
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.inner.hung_up().await;
            (self.tell)("hung_up");
        })
    }

    fn failed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.inner.failed().await;
            (self.tell)("failed");
        })
    }

    fn has_hung_up(&self) -> bool {
        (self.tell)("has_hung_up");
        self.inner.has_hung_up()
    }

    fn unread(&self) -> usize {
        (self.tell)("unread");
        self.inner.unread()
    }

    fn has_unread(&self) -> io::Result<bool> {
        (self.tell)("has_unread");
        self.inner.has_unread()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        (self.tell)("take_error");
        self.inner.take_error()
    }

    fn unacknowledged(&self) -> Option<usize> {
        (self.tell)("unacknowledged");
        self.inner.unacknowledged().map(|count| count + self.under_way.load(Ordering::Relaxed))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        (self.tell)("shutdown_write");
        self.inner.shutdown_write()
    }

    fn abort(&self, when: Abort) {
        (self.tell)("abort");
        self.inner.abort(when);
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        (self.tell)("local_addr");
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        (self.tell)("peer_addr");
        self.inner.peer_addr()
    }

    fn socket(&self) -> Option<&TcpStream> {
        self.inner.socket()
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Telling").field(&self.inner).finish()
    }
}
