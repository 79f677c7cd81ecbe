//! The way of a message to the stream.

use std::{
    io::{self, IoSlice},
    time::Duration,
};

use tokio::task::{self, coop::consume_budget};

use super::{
    Connection,
    transport::{Beneath, Wire},
};
use crate::{
    DisconnectReason,
    session::{Begun, Place, Session, Unsendable},
    stream_helpers::MOST_STRUCTS,
    sync::oneshot,
};

/// A message of up to so many bytes is copied together, which costs less than to have the system gather its parts: a
/// tenth of the time of sending a line.
const SMALL: usize = 256;

/// The most slices that a message has: its structs, or its text and terminator.
pub(super) const MOST_PARTS: usize = MOST_STRUCTS;

impl Connection {
    /// Sends one message, which has at most [`MOST_PARTS`] parts, and returns when the system has all of it.
    ///
    /// Up to the moment when it is queued, dropping the future leaves nothing behind; from then on it changes nothing.
    pub(super) async fn send_message(&self, parts: &[&[u8]], place: Place) -> Result<(), Unsendable> {
        // A task whose messages the system takes at once would else keep all others waiting.
        consume_budget().await;
        match self.begin_message(parts, place)? {
            None => Ok(()),
            Some(taken) => self.taken(taken).await,
        }
    }

    /// Sends one message, or as much of it as the system takes at once. `None` if that is all.
    fn begin_message(&self, parts: &[&[u8]], place: Place) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        let writer = task::try_id();
        let mut begun = self.input(|session, effects| session.begin_message(parts, place, writer, effects))?;
        if let Begun::Direct = begun {
            let result = match self.shared.transport.upgrade() {
                Some(transport) => offer(&transport, parts),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            begun = self.input(|session, effects| session.offered(parts, place, result, effects))?;
        }
        match begun {
            Begun::Queued(taken) => Ok(Some(taken)),
            Begun::Empty | Begun::Direct => Ok(None),
        }
    }

    /// Ends this end's half of the stream behind what is queued, and returns when that has been done.
    pub(super) async fn end_half(&self) -> Result<(), Unsendable> {
        match self.input(Session::end_half)? {
            None => Ok(()),
            Some(ended) => self.taken(ended).await,
        }
    }

    async fn taken(&self, taken: oneshot::Receiver<()>) -> Result<(), Unsendable> {
        let mut pending = Pending { connection: self, taken, is_over: false };
        let told = (&mut pending.taken).await;
        pending.is_over = true;
        told.map_err(|_| Unsendable::Over)
    }

    /// Sends what is queued, now and later, and ends this end's half when that is asked for. Returns only when that
    /// fails.
    pub(super) async fn send_queue(&self, wire: &impl Wire, write_timeout: Option<Duration>) -> DisconnectReason {
        loop {
            // What is queued between the look and the wait leaves a permit, which ends the wait at once.
            if self.look(|session| session.outgoing.is_empty() && !session.outgoing.is_half_ending()) {
                self.shared.work.notified().await;
            }
            if let Err(reason) = wire.flush(self, write_timeout).await {
                return reason;
            }
            if self.look(|session| session.outgoing.is_half_ending()) {
                if let Err(reason) = wire.end_half(self, write_timeout).await {
                    return reason;
                }
                let has_hung_up = self.input(|session, effects| {
                    session.outgoing.half_has_ended(effects);
                    session.life().has_hung_up()
                });
                if has_hung_up {
                    self.look_for_hang_up();
                }
            }
        }
    }
}

/// A writer that waits for its message to be taken.
struct Pending<'a> {
    connection: &'a Connection,
    taken: oneshot::Receiver<()>,
    is_over: bool,
}

impl Drop for Pending<'_> {
    /// Takes back what is not queued yet.
    fn drop(&mut self) {
        if !self.is_over {
            self.taken.close();
            self.connection.input(|session, effects| session.outgoing.take_back(effects));
        }
    }
}

/// Offers one message to the system, once.
fn offer(transport: &Beneath, parts: &[&[u8]]) -> io::Result<usize> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length <= SMALL {
        let mut small = [0; SMALL];
        let mut rest = &mut small[..];
        for part in parts {
            let (place, behind) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = behind;
        }
        return transport.try_write(&small[..length]);
    }
    let mut slices = [IoSlice::new(&[]); MOST_PARTS];
    for (slice, part) in slices.iter_mut().zip(parts) {
        *slice = IoSlice::new(part);
    }
    transport.try_write_vectored(&slices[..parts.len()])
}
