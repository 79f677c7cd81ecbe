//! The way of a message to the stream.

use std::{
    io::{self, IoSlice},
    task::Context,
};

use tokio::task::{self, coop::consume_budget};

use crate::{
    DisconnectReason, Sent,
    connection::{
        ChunkEnd, Connection,
        transport::{Beneath, Wire},
    },
    session::{Begun, Duty, Numbered, Place, Queued, Session, Unsendable},
    stream_helpers::MOST_STRUCTS,
};

/// A message of up to so many bytes is copied together, which costs less than to have the system gather its parts: a
/// tenth of the time of sending a line.
const SMALL: usize = 256;

/// The most slices that a message has: its structs, or its text and terminator.
pub(in crate::connection) const MOST_PARTS: usize = MOST_STRUCTS;

impl Connection {
    /// Sends one message, which has at most [`MOST_PARTS`] parts, and returns when the system has all of it.
    ///
    /// Up to the moment when it is queued, dropping the future leaves nothing behind; from then on it changes nothing.
    pub(in crate::connection) async fn send_message(&self, parts: &[&[u8]], place: Place) -> Result<(), Unsendable> {
        // A task whose messages the system takes at once would else keep all others waiting.
        consume_budget().await;
        match self.begin_message(parts, place, |_| ())? {
            None => Ok(()),
            Some(queued) => {
                let mut pending = Pending { connection: self, queued, is_over: false };
                let told = (&mut pending.queued.taken).await;
                pending.is_over = true;
                told.map_err(|_| Unsendable::Over(self.has_sent(pending.queued.numbered)))
            }
        }
    }

    /// Sends one message, or as much of it as the system takes at once. `None` if that is all. `number` is told the
    /// message's number in the same step: it is called under the lock, and so is no code of the user's.
    pub(in crate::connection) fn begin_message(
        &self,
        parts: &[&[u8]],
        place: Place,
        number: impl FnOnce(Numbered),
    ) -> Result<Option<Queued>, Unsendable> {
        match self.shared.passage.as_ref().and_then(|passage| passage.filtered(parts)) {
            None => self.begin_unfiltered(parts, place, number),
            Some(output) => self.begin_unfiltered(&[&output], place, number),
        }
    }

    /// The same, past a filter.
    pub(in crate::connection) fn begin_unfiltered(
        &self,
        parts: &[&[u8]],
        place: Place,
        number: impl FnOnce(Numbered),
    ) -> Result<Option<Queued>, Unsendable> {
        let writer = task::try_id();
        let mut begun = self.input(|session, effects| {
            let begun = session.begin_message(parts, place, writer, effects)?;
            if let Begun::Direct(numbered) | Begun::Queued(Queued { numbered, .. }) = &begun {
                number(*numbered);
            }
            Ok(begun)
        })?;
        if let Begun::Direct(numbered) = begun {
            let tapping = self.tapping();
            let result = match self.shared.transport.upgrade() {
                Some(transport) => offer(&transport, parts),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            if let (Some(tapping), Ok(taken)) = (tapping, &result) {
                tapping.took(self, parts, *taken);
            }
            begun = self.input(|session, effects| session.offered(parts, numbered, result, effects))?;
        }
        match begun {
            Begun::Queued(queued) => Ok(Some(queued)),
            Begun::Empty | Begun::Direct(_) => Ok(None),
        }
    }

    /// Ends this end's half of the stream behind what is queued, and returns when that has been done.
    pub(in crate::connection) async fn end_half(&self) -> Result<(), Unsendable> {
        match self.input(Session::end_half)? {
            None => Ok(()),
            Some(ended) => ended.await.map_err(|_| Unsendable::Over(Sent::No)),
        }
    }

    /// Whether a byte of that message has left.
    pub(in crate::connection) fn has_sent(&self, numbered: Numbered) -> Sent {
        self.look(|session| session.outgoing.queue.has_sent(numbered))
    }

    /// Takes a message back whose writer is gone, if it is not queued yet. `taken` is then called in the same step:
    /// under the lock, and so is no code of the user's.
    pub(in crate::connection) fn take_back(&self, numbered: Numbered, taken: impl FnOnce()) {
        self.input(|session, effects| {
            if session.outgoing.queue.take_back(numbered, effects) {
                taken();
            }
        });
    }

    /// What the session's task has to do for those who write. It is woken when there is more of that.
    pub(in crate::connection) fn duty(&self, context: &Context<'_>) -> Duty {
        self.with_locked(|locked, effects| {
            let duty = locked.session.duty();
            if duty != Duty::Over {
                locked.set_task(context, effects);
            }
            duty
        })
    }

    /// Sends what is queued, and ends this end's half if that is asked for.
    pub(in crate::connection) async fn send_queue(&self, wire: &impl Wire) -> Result<(), DisconnectReason> {
        let write_timeout = self.shared.options.write_timeout;
        wire.flush(self, write_timeout).await?;
        if self.look(|session| session.outgoing.is_half_ending()) {
            self.tell_end_of_sending(ChunkEnd::Fin);
            wire.end_half(self, write_timeout).await?;
            let has_hung_up = self.input(|session, effects| {
                session.outgoing.half_has_ended(effects);
                session.life().has_hung_up()
            });
            if has_hung_up {
                self.look_for_hang_up();
            }
        }
        Ok(())
    }
}

/// A writer that waits for its message to be taken.
struct Pending<'a> {
    connection: &'a Connection,
    queued: Queued,
    is_over: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.take_back(self.queued.numbered, || ());
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
