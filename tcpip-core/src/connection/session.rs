//! The task of a session: it watches for the hang-up, sends what is queued, and winds the session down.

use std::{future::pending, io::Read, net::Shutdown, sync::Arc};

use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep_until, timeout_at},
};

use super::{Connection, hang_up, state::Phase};
use crate::DisconnectReason;

/// The most input that a close discards, however long a frame may be.
const DISCARDED: usize = 1024 * 1024;

/// Runs a session from its beginning until nothing is left to do for it.
///
/// `finish` comes from outside, so that the session is finished too when its runtime ends before the task has begun.
pub(super) async fn run_session(mut finish: Finish, socket: Arc<OwnedWriteHalf>) {
    watch(&finish.connection, &socket).await;
    wind_down(&finish.connection, socket).await;
    finish.in_order = true;
}

/// Returns when the session has ended, for whatever reason.
async fn watch(connection: &Connection, socket: &OwnedWriteHalf) {
    let shared = &*connection.shared;
    let ended = shared.state.wait_for(|state| (state.phase == Phase::Ended).then_some(()));
    let sending = shared.writing.run(socket, shared.options.write_timeout);
    let hang_up = async {
        let options = &shared.options;
        hang_up::hung_up(socket, options.hang_up_detection, options.monitor_connection_interval).await;
        connection.peer_hung_up(socket.as_ref());
        tokio::select! {
            // A reset after the hang-up, whose cause may have been told to a writer already.
            _ = socket.ready(Interest::ERROR) => {
                let told_here = || socket.as_ref().take_error().ok().flatten().as_ref().map(DisconnectReason::from_io);
                told_here().or_else(|| shared.writing.error()).unwrap_or(DisconnectReason::Reset)
            }
            () = drained(connection) => DisconnectReason::ClosedByPeer,
        }
    };
    tokio::select! {
        () = ended => {}
        reason = sending => connection.end(reason),
        reason = hang_up => connection.end(reason),
    }
}

/// Returns when a draining session without a handler has not been read from for long enough.
async fn drained(connection: &Connection) {
    let shared = &*connection.shared;
    if shared.options.has_handler {
        return pending().await;
    }
    while let Some(last_read) = shared.state.look(|state| state.last_read) {
        sleep_until(last_read + shared.options.drain_timeout).await;
        if shared.state.look(|state| state.last_read) == Some(last_read) {
            return;
        }
    }
    // The session ended before it began to drain.
    pending::<()>().await;
}

/// Brings a session that has ended to rest, within the close deadline.
///
/// | the reason | what is queued | what has arrived | the socket |
/// |---|---|---|---|
/// | this end or its handler closed it, another client replaced it | flushed | discarded | FIN; abort if not flushed in time |
/// | the peer hung up | flushed | stays readable | FIN; abort if not flushed in time |
/// | reset, dead link, I/O error | dropped | stays readable | closed |
/// | a write deadline passed | dropped | stays readable as far as it is buffered | abort |
async fn wind_down(connection: &Connection, socket: Arc<OwnedWriteHalf>) {
    use DisconnectReason::{Closed, ClosedByPeer, HandlerFailed, Replaced, WriteTimeout};
    let shared = &*connection.shared;
    let deadline = Instant::now() + shared.options.close_timeout;
    let reason = shared.state.reason();
    let by_this_end = matches!(reason, Closed | HandlerFailed | Replaced);
    if by_this_end {
        shared.reading.discard(reason);
    }
    let in_order = by_this_end || reason == ClosedByPeer;
    let flushed = in_order && matches!(timeout_at(deadline, shared.writing.flush(&socket, None)).await, Ok(Ok(())));
    shared.writing.close();
    let timed_out = matches!(reason, WriteTimeout { .. });
    let abort = (in_order && !flushed) || timed_out;
    if by_this_end && !abort {
        let _ = timeout_at(deadline, discard_input(&socket)).await;
    } else if timed_out || !hang_up::has_unread(socket.as_ref().as_ref()).unwrap_or(false) {
        shared.reading.close(reason);
    }
    if abort {
        // An abort is lossy, and says so to the peer: zero linger makes the close a reset.
        let _ = SockRef::from(socket.as_ref().as_ref()).set_linger(Some(std::time::Duration::ZERO));
        Arc::into_inner(socket).into_iter().for_each(OwnedWriteHalf::forget);
    }
}

/// Ends the stream in good order although input may have arrived that nobody will read.
///
/// Closing a socket with unread input sends a reset, which may overtake what was flushed. So what has arrived is
/// discarded first, up to [`DISCARDED`]; if more arrives all the same, the peer's own end is awaited.
async fn discard_input(socket: &OwnedWriteHalf) {
    let stream = socket.as_ref();
    let before = discard_what_is_here(stream, 0);
    let _ = SockRef::from(stream).shutdown(Shutdown::Write);
    let mut after = match before {
        Input::Here(discarded) => discard_what_is_here(stream, discarded),
        Input::Ended => Input::Ended,
    };
    if before == after {
        return;
    }
    while let Input::Here(discarded) = after
        && discarded < DISCARDED
        && stream.readable().await.is_ok()
    {
        // Lets the runtime see that the socket is empty, so that the next wait is one.
        let _ =
            stream.try_io(Interest::READABLE, || SockRef::from(stream).peek(&mut [std::mem::MaybeUninit::uninit()]));
        after = discard_what_is_here(stream, discarded);
    }
}

/// Discards what has arrived, until [`DISCARDED`] bytes have been discarded in all.
///
/// The scratch memory is here rather than in the session's future, which would hold it for as long as the session.
fn discard_what_is_here(stream: &TcpStream, mut discarded: usize) -> Input {
    let mut scratch = [0; 4096];
    while discarded < DISCARDED {
        match (&*SockRef::from(stream)).read(&mut scratch) {
            Ok(0) => return Input::Ended,
            Ok(count) => discarded += count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(_) => return Input::Ended,
        }
    }
    Input::Here(discarded)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// So many bytes have been discarded in all, and the stream goes on.
    Here(usize),
    Ended,
}

/// Marks the session as finished, also if its runtime shuts down under it.
pub(super) struct Finish {
    connection: Connection,
    in_order: bool,
}

impl Finish {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, in_order: false }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let shared = &*self.connection.shared;
        if !self.in_order {
            self.connection.end(DisconnectReason::Closed);
            shared.writing.close();
        }
        let revoked = shared.state.change(|state| {
            state.finished = true;
            state.revoked
        });
        if revoked || !self.in_order {
            shared.reading.discard(shared.state.reason());
        }
    }
}
