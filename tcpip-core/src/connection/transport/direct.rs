//! A session over a socket or another transport.

use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    mem::MaybeUninit,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::ReadBuf,
    task::yield_now,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Beneath, Connection, Input, Wire};
use crate::{
    Abort, DisconnectReason, Transport, network,
    session::{HangUp, Next},
};

/// How long a close waits before it asks again whether all has arrived: no event tells.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// How much is discarded before others have their turn.
const DISCARDED_AT_ONCE: usize = 1024 * 1024;

/// The size of the memory that what is discarded goes to, which is never in a session's future: that would hold it for
/// as long as the session.
const SCRATCH: usize = 4096;

/// The transport, which reads and writes use as well.
#[derive(Debug)]
pub(in crate::connection) struct DirectWire(Arc<Beneath>);

impl DirectWire {
    pub(in crate::connection) fn new(transport: Arc<Beneath>) -> Self {
        Self(transport)
    }

    fn transport(&self) -> &dyn Transport {
        &**self.0
    }

    /// Waits for a writer that is sending. Since when the queue waits, if there is one.
    async fn next_to_send(&self, connection: &Connection) -> Option<Instant> {
        poll_fn(|context| {
            connection.with_locked(|locked, effects| match locked.session.outgoing.next() {
                Next::Nothing => Poll::Ready(None),
                Next::Busy => {
                    locked.set_task(context, effects);
                    Poll::Pending
                }
                Next::Queue(since) => Poll::Ready(Some(since)),
            })
        })
        .await
    }

    /// Offers the whole queue to `write`, once. How many bytes it took, none if it would have to wait; `None` if a
    /// writer is sending.
    fn send_some(
        connection: &Connection,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<Option<usize>, DisconnectReason> {
        let Some(queue) = connection.input(|session, _| session.outgoing.lend()) else { return Ok(None) };
        let (front, back) = queue.as_slices();
        let tapping = connection.tapping();
        let result = write(&[IoSlice::new(front), IoSlice::new(back)]);
        if let (Some(tapping), Ok(taken)) = (tapping, &result) {
            tapping.took(connection, &[front, back], *taken);
        }
        connection.input(|session, effects| session.queue_offered(queue, result, effects)).map(Some)
    }
}

impl Wire for DirectWire {
    async fn flush(&self, connection: &Connection, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        let mut in_vain = false;
        while let Some(since) = self.next_to_send(connection).await {
            // Readiness is looked at before the deadline: a task that runs late does not take its own delay for the
            // peer's.
            let writable = poll_fn(|context| self.0.poll_write_ready(context));
            let ready = match write_timeout {
                // A transport may say that there is room, and take nothing.
                Some(after) if in_vain && Instant::now() >= since + after => Err(after),
                Some(after) => timeout_at(since + after, writable).await.map_err(|_| after),
                None => Ok(writable.await),
            };
            match ready {
                Ok(ready) => {
                    ready.map_err(|error| DisconnectReason::from_io(&error))?;
                    in_vain = Self::send_some(connection, |slices| self.0.try_write_vectored(slices))? == Some(0);
                }
                Err(after) => {
                    // There may be room all the same: the system is asked, and not what the runtime has noted.
                    let asked = |slices: &[IoSlice<'_>]| self.transport().try_write_vectored(slices);
                    if Self::send_some(connection, asked)? == Some(0) {
                        return Err(DisconnectReason::WriteTimeout { after });
                    }
                }
            }
        }
        Ok(())
    }

    /// The task waits in this all the time: what is not the event of a socket is in a box.
    #[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
    fn hung_up(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        async move {
            let options = &connection.shared.options;
            match self.0.with_event(options.hang_up_detection) {
                Some(socket) => network::hung_up_by_event(socket).await,
                None => {
                    Box::pin(self.0.hung_up(options.hang_up_detection, options.monitor_connection_interval)).await;
                }
            }
            transport_hung_up(connection, self.transport());
        }
    }

    /// A reset after the hang-up, whose cause may have been told to a writer already.
    async fn failed_after(&self, connection: &Connection) -> DisconnectReason {
        self.0.failed().await;
        connection.input(|session, _| session.look_begins());
        let told_here = self.transport().take_error().ok().flatten().as_ref().map(DisconnectReason::from_io);
        connection.input(|session, effects| session.has_failed(told_here, effects))
    }

    async fn leaves_unread(&self, _connection: &Connection) -> bool {
        self.transport().has_unread().unwrap_or(false)
    }

    fn unread(&self) -> u64 {
        self.transport().unread() as u64
    }

    async fn end_half(
        &self,
        connection: &Connection,
        _write_timeout: Option<Duration>,
    ) -> Result<(), DisconnectReason> {
        self.transport()
            .shutdown_write()
            .map_err(|error| connection.input(|session, _| session.outgoing.failed(&error)))
    }

    /// A socket that is closed with unread input, or gets input once it is closed, sends a reset, which overtakes what
    /// was written. So what comes is discarded until the peer's system has acknowledged all of that; or, where this
    /// system does not tell, until the peer ends its half.
    ///
    /// There is no timer before it is needed: on this machine, or where the peer ends its half as well, all has arrived
    /// as soon as others have had their turn.
    async fn end(&self, input: Input, deadline: Instant) -> bool {
        if input == Input::Keep {
            // The stream ends with its write half.
            return false;
        }
        let transport = self.transport();
        // Before as well, since a socket that is shut down may tell of a reset alone.
        let mut discarded = discard_what_is_here(transport);
        let _ = transport.shutdown_write();
        let mut pause = Duration::ZERO;
        while discarded.error.is_none() {
            let has_arrived = transport.unacknowledged().map_or(discarded.has_ended, |count| count == 0);
            if has_arrived && !discarded.has_ended {
                // What came meanwhile, so that the close finds nothing.
                discard_what_is_here(transport);
            }
            if has_arrived {
                return true;
            }
            if pause.is_zero() {
                yield_now().await;
                pause = FIRST_PAUSE;
            } else if Instant::now() >= deadline {
                return false;
            } else {
                tokio::select! {
                    biased;
                    result = poll_fn(|context| poll_discard(transport, context)), if !discarded.has_ended => {
                        if result.is_err() {
                            return false;
                        }
                        // More may come as fast as it is discarded.
                        yield_now().await;
                    }
                    () = sleep_until(deadline.min(Instant::now() + pause)) => {
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
            if !discarded.has_ended {
                discarded = discard_what_is_here(transport);
            }
        }
        false
    }

    fn unacknowledged(&self) -> usize {
        self.transport().unacknowledged().unwrap_or(0)
    }

    /// An abort is lossy, and says so to the peer. What is kept would be lost by a reset at once: it comes with the
    /// close.
    fn abort(self, input: Input) {
        self.transport().abort(match input {
            Input::Keep => Abort::OnDrop,
            Input::Discard => Abort::Now,
        });
        self.let_go();
    }

    fn let_go(self) {
        Arc::into_inner(self.0).into_iter().for_each(Beneath::forget);
    }
}

/// Asks the transport whether the peer has hung up, now, and acts on it.
pub(in crate::connection) fn check_for_hang_up(connection: &Connection, transport: &dyn Transport) {
    if transport.has_hung_up() {
        transport_hung_up(connection, transport);
    }
}

/// How many received bytes wait beneath, now; where the system does not tell, one if there are any.
pub(in crate::connection) fn unread_beneath(connection: &Connection, transport: &dyn Transport) -> usize {
    let count = transport.unread();
    if count > 0 || cfg!(target_os = "linux") {
        return count;
    }
    match transport.has_unread() {
        Ok(has_unread) => usize::from(has_unread),
        Err(error) => {
            // The system has told the cause, once.
            connection.input(|session, effects| {
                session.look_begins();
                session.has_failed(Some(DisconnectReason::from_io(&error)), effects)
            });
            0
        }
    }
}

fn transport_hung_up(connection: &Connection, transport: &dyn Transport) {
    // The system tells the cause once: here, or to a writer that is about to end the session, or to a read that has
    // ended it.
    connection.input(|session, _| session.look_begins());
    let (is_beneath, cause) = match transport.has_unread() {
        Ok(is_beneath) => (is_beneath, transport.take_error().unwrap_or_else(Some)),
        Err(error) => (false, Some(error)),
    };
    let hang_up = HangUp { is_beneath, cause: cause.as_ref().map(DisconnectReason::from_io) };
    connection.input(|session, effects| session.looked(hang_up, effects));
    connection.tell_end_of_receiving(|| !is_beneath);
}

/// Discards what has arrived, but no more than [`DISCARDED_AT_ONCE`].
fn discard_what_is_here(transport: &dyn Transport) -> Discarded {
    take_what_is_here(transport, &mut |_| ())
}

/// The same, and shows it.
pub(in crate::connection) fn take_what_is_here(transport: &dyn Transport, show: &mut dyn FnMut(&[u8])) -> Discarded {
    let mut scratch = [0; SCRATCH];
    let mut discarded = Discarded { count: 0, has_ended: false, error: None };
    while discarded.count < DISCARDED_AT_ONCE && !discarded.has_ended {
        match transport.try_read(&mut scratch) {
            Ok(0) => discarded.has_ended = true,
            Ok(count) => {
                show(&scratch[..count]);
                discarded.count += count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => {
                discarded.has_ended = true;
                discarded.error = Some(error);
            }
        }
    }
    discarded
}

/// Waits for something to discard, or for the end of the stream.
fn poll_discard(transport: &dyn Transport, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    transport.poll_read(context, &mut ReadBuf::uninit(&mut [MaybeUninit::uninit(); SCRATCH]))
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
