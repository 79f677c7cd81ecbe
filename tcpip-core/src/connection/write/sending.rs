//! A message on its way, as its writer sees it.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::task::coop::poll_proceed;

use super::{expected::Reserved, memory::Memory};
use crate::{
    Sent, WriteError,
    connection::Connection,
    session::{Place, Queued, Unsendable},
};

/// The sending of a [`Batch`](super::Batch): a future that ends when the operating system has the whole message, and
/// that tells whether a byte of it has left, at any time and so also when a deadline around it has passed.
///
/// It begins when it is first polled. Dropping it is [cancel safe](Connection#cancel-safety): the message goes out
/// whole or not at all.
///
/// # Errors
///
/// [`NotConnected`](WriteError::NotConnected), [`Disconnected`](WriteError::Disconnected) and
/// [`Timeout`](WriteError::Timeout), as for every write.
///
/// # Panics
///
/// If it is polled after its end.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tcpip_core::{Connection, Sent};
/// use tokio::time::timeout;
///
/// /// Returns whether the peer may have received the command: only if not, it may be given to another device.
/// async fn start(device: &Connection) -> bool {
///     let mut sending = device.batch().write(b"START\r\n").send();
///     match timeout(Duration::from_secs(1), &mut sending).await {
///         Ok(Ok(())) => true,
///         Ok(Err(error)) => error.sent() != Sent::No,
///         Err(_) => sending.sent() != Sent::No,
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # assert!(!start(&Connection::closed()).await);
/// # }
/// ```
#[must_use = "nothing is sent until it is polled"]
pub struct Sending {
    connection: Connection,
    message: Memory,
    state: State,
    reserved: Option<Box<dyn Reserved>>,
}

/// How much is kept of a large message that is sent, for who wants to show it.
const FRONT: usize = 64;

enum State {
    Unpolled,
    Queued(Queued),
    Done(Sent),
}

impl Sending {
    pub(super) fn new(connection: Connection, message: Memory, reserved: Option<Box<dyn Reserved>>) -> Self {
        Self { connection, message, state: State::Unpolled, reserved }
    }

    /// The first bytes of the message, and all if they are few.
    #[doc(hidden)]
    #[must_use]
    pub fn front(&self) -> &[u8] {
        &self.message
    }

    /// Returns whether a byte of the message has left by now. What is still queued leaves later, also when this is
    /// dropped; what still waits for room in the queue, or was never polled, does not then.
    #[must_use]
    pub fn sent(&self) -> Sent {
        match &self.state {
            State::Unpolled => Sent::No,
            State::Queued(queued) => self.connection.has_sent(queued.numbered),
            State::Done(sent) => *sent,
        }
    }

    /// Queues the message, or has the system take it. Whether all is done.
    fn begin(&mut self) -> Result<bool, Unsendable> {
        self.connection.look_after_rest();
        let Self { connection, message, reserved, .. } = self;
        let begun = connection.begin_message(&[&message[..]], Place::Last, |numbered| {
            if let Some(reserved) = reserved {
                reserved.take_place(connection.number(), numbered.number);
            }
        })?;
        match begun {
            None => Ok(true),
            Some(queued) => {
                self.state = State::Queued(queued);
                Ok(false)
            }
        }
    }

    fn failed(&mut self, unsendable: Unsendable) -> WriteError {
        let error = self.connection.write_error("send", unsendable);
        self.state = State::Done(error.sent());
        if error.sent() == Sent::No {
            self.give_back();
        }
        error
    }

    fn give_back(&mut self) {
        if let Some(mut reserved) = self.reserved.take() {
            reserved.give_back();
        }
    }
}

impl Future for Sending {
    type Output = Result<(), WriteError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let State::Unpolled = this.state {
            ready!(poll_proceed(context)).made_progress();
            this.state = State::Done(if this.message.is_empty() { Sent::No } else { Sent::Maybe });
            let begun = this.begin();
            this.message.let_go_of_all_but(FRONT);
            match begun {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(unsendable) => return Poll::Ready(Err(this.failed(unsendable))),
            }
        }
        let State::Queued(queued) = &mut this.state else { panic!("polled after its end") };
        if ready!(Pin::new(&mut queued.taken).poll(context)).is_ok() {
            this.state = State::Done(Sent::Maybe);
            return Poll::Ready(Ok(()));
        }
        let sent = this.sent();
        Poll::Ready(Err(this.failed(Unsendable::Over(sent))))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let State::Queued(queued) = &self.state {
            // In one step with the message, or what is expected for it would be taken for another's.
            let reserved = &mut self.reserved;
            self.connection.take_back(queued.numbered, || {
                if let Some(reserved) = reserved {
                    reserved.give_back();
                }
            });
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sending")
            .field("connection", &self.connection)
            .field("sent", &self.sent())
            .finish_non_exhaustive()
    }
}
