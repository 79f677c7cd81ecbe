//! A session over a TCP socket.

use std::{
    io::{self, ErrorKind, IoSlice, Read},
    mem::MaybeUninit,
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep, timeout_at},
};

use super::{Connection, Input, Wire, hang_up, send_queue::unacknowledged};
use crate::{
    DisconnectReason,
    session::{HangUp, Next},
};

/// How long a close waits before it asks again whether all has arrived: no event tells.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// How much is discarded before others have their turn.
const DISCARDED_AT_ONCE: usize = 1024 * 1024;

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

    /// Waits for a writer that is sending. Since when the queue waits, if there is one.
    async fn next_to_send(&self, connection: &Connection) -> Option<Instant> {
        loop {
            match connection.input(|session, _| session.outgoing.next()) {
                Next::Nothing => return None,
                Next::Busy => connection.shared.work.notified().await,
                Next::Queue(since) => return Some(since),
            }
        }
    }

    /// Offers the whole queue to `write`, once. How many bytes it took, none if it would have to wait; `None` if a
    /// writer is sending.
    fn send_some(
        connection: &Connection,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<Option<usize>, DisconnectReason> {
        let Some(queue) = connection.input(|session, _| session.outgoing.lend()) else { return Ok(None) };
        let (front, back) = queue.as_slices();
        let result = write(&[IoSlice::new(front), IoSlice::new(back)]);
        connection.input(|session, effects| session.queue_offered(queue, result, effects)).map(Some)
    }
}

impl Wire for TcpWire {
    async fn flush(&self, connection: &Connection, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        while let Some(since) = self.next_to_send(connection).await {
            // Readiness is looked at before the deadline: a task that runs late does not take its own delay for the
            // peer's.
            let writable = self.0.writable();
            let ready = match write_timeout {
                Some(after) => timeout_at(since + after, writable).await.map_err(|_| after),
                None => Ok(writable.await),
            };
            match ready {
                Ok(ready) => {
                    ready.map_err(|error| DisconnectReason::from_io(&error))?;
                    Self::send_some(connection, |slices| self.0.try_write_vectored(slices))?;
                }
                Err(after) => {
                    // The system reports room only when much of its buffer is free. It may have some all the same.
                    let direct = |slices: &[IoSlice<'_>]| SockRef::from(self.stream()).send_vectored(slices);
                    if Self::send_some(connection, direct)? == Some(0) {
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
        connection.input(|session, _| session.look_begins());
        let told_here = self.stream().take_error().ok().flatten().as_ref().map(DisconnectReason::from_io);
        connection.input(|session, effects| session.has_failed(told_here, effects))
    }

    async fn leaves_unread(&self, _connection: &Connection) -> bool {
        hang_up::has_unread(self.stream()).unwrap_or(false)
    }

    fn unread(&self) -> u64 {
        hang_up::unread(self.stream())
    }

    async fn end_half(
        &self,
        connection: &Connection,
        _write_timeout: Option<Duration>,
    ) -> Result<(), DisconnectReason> {
        let ended = SockRef::from(self.stream()).shutdown(Shutdown::Write);
        ended.map_err(|error| connection.input(|session, _| session.outgoing.failed(&error)))
    }

    /// A socket that is closed with unread input, or gets input once it is closed, sends a reset, which overtakes what
    /// was written. So what comes is discarded until the peer's system has acknowledged all of that; or, where this
    /// system does not tell, until the peer ends its half.
    async fn end(&self, input: Input) {
        if input == Input::Keep {
            // The stream ends with its write half.
            return;
        }
        let stream = self.stream();
        // Before as well, since a socket that is shut down may tell of a reset alone.
        let mut discarded = discard_what_is_here(stream);
        let _ = SockRef::from(stream).shutdown(Shutdown::Write);
        let mut pause = FIRST_PAUSE;
        while discarded.error.is_none() {
            let has_arrived = unacknowledged(stream).map_or(discarded.has_ended, |count| count == 0);
            if has_arrived {
                // What came meanwhile, so that the close finds nothing.
                discard_what_is_here(stream);
                return;
            }
            tokio::select! {
                biased;
                _ = stream.readable(), if !discarded.has_ended => {
                    // Lets the runtime see that the socket is empty, so that the next wait is one.
                    let peek = || SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
                    let _ = stream.try_io(Interest::READABLE, peek);
                }
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            discarded = discard_what_is_here(stream);
        }
    }

    fn unacknowledged(&self) -> usize {
        unacknowledged(self.stream()).unwrap_or(0)
    }

    /// An abort is lossy, and says so to the peer. What is kept would be lost by a reset at once: it comes with the
    /// close.
    fn abort(self, input: Input) {
        match input {
            Input::Keep => reset_when_closed(self.stream()),
            Input::Discard => reset(self.stream()),
        }
        Arc::into_inner(self.0).into_iter().for_each(OwnedWriteHalf::forget);
    }
}

/// Resets the connection: at once where the system can do that to a socket that is in use, else when it is closed.
pub(in crate::connection) fn reset(stream: &TcpStream) {
    reset_when_closed(stream);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::connect_unspec(stream);
}

fn reset_when_closed(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
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
    connection.input(|session, _| session.look_begins());
    let (is_beneath, cause) = match hang_up::has_unread(stream) {
        Ok(is_beneath) => (is_beneath, stream.take_error().ok().flatten()),
        Err(error) => (false, Some(error)),
    };
    let hang_up = HangUp { is_beneath, cause: cause.as_ref().map(DisconnectReason::from_io) };
    connection.input(|session, effects| session.looked(hang_up, effects));
}

/// Discards what has arrived, but no more than [`DISCARDED_AT_ONCE`].
///
/// The scratch memory is here rather than in the session's future, which would hold it for as long as the session.
pub(in crate::connection) fn discard_what_is_here(stream: &TcpStream) -> Discarded {
    let mut scratch = [0; 4096];
    let mut discarded = Discarded { count: 0, has_ended: false, error: None };
    while discarded.count < DISCARDED_AT_ONCE && !discarded.has_ended {
        match (&*SockRef::from(stream)).read(&mut scratch) {
            Ok(0) => discarded.has_ended = true,
            Ok(count) => discarded.count += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => {
                discarded.has_ended = true;
                discarded.error = Some(error);
            }
        }
    }
    discarded
}

/// What was discarded.
#[derive(Debug)]
pub(in crate::connection) struct Discarded {
    /// How many bytes.
    pub(in crate::connection) count: usize,
    /// The stream has ended behind them.
    pub(in crate::connection) has_ended: bool,
    /// For this cause, which the system tells once.
    pub(in crate::connection) error: Option<io::Error>,
}
