//! The commands of one session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tcpip_core::{Connection, DisconnectReason, Expected, endpoint::Lock};
use tokio::{
    select,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    Phase, Protocol,
    entry::{Deadline, Entry},
    pending::watch,
};
use crate::{
    Cause,
    requests::{Device, later, not_busy},
};

/// The commands of one session, and who waits to give one.
pub(super) struct Session<P: Protocol> {
    pub(super) connection: Connection,
    /// The commands in flight, in the order in which they go out.
    pub(super) expected: Expected<Placed<P>>,
    in_flight: usize,
    /// Those in flight: none, before the session is open.
    places: Arc<Semaphore>,
    ids: Arc<Ids<P::Id>>,
    is_open: AtomicBool,
    /// The link, if it is the session of one.
    link: Option<Arc<Device>>,
    /// The link has been ready by it, if there is one.
    is_ready: AtomicBool,
    is_over: AtomicBool,
    /// When a reply last ended.
    progress: Lock<Instant>,
}

/// A command in flight, with its place.
pub(super) struct Placed<P: Protocol> {
    pub(super) entry: Arc<Entry<P::Frame>>,
    pub(super) place: Place<P::Id>,
}

/// A place in flight, and an id that nobody else has, until this is dropped.
pub(super) struct Place<Id: Eq> {
    pub(super) id: Id,
    ids: Arc<Ids<Id>>,
    _permit: OwnedSemaphorePermit,
}

/// The ids that are in flight.
struct Ids<Id> {
    used: Lock<Vec<Id>>,
    /// One is not any more.
    freed: Notify,
}

impl<P: Protocol> Session<P> {
    /// Whether replies are told by their order, since the ids tell nothing.
    const IN_ORDER: bool = size_of::<P::Id>() == 0;

    /// That of a connection, in which nothing is sent before it is [open](Self::open).
    pub(super) fn of(connection: Connection, in_flight: usize, link: Option<Arc<Device>>) -> Self {
        Self {
            connection,
            expected: Expected::new(),
            in_flight,
            places: Arc::new(Semaphore::new(0)),
            ids: Arc::new(Ids { used: Lock::new(Vec::new()), freed: Notify::new() }),
            is_open: AtomicBool::new(false),
            is_ready: AtomicBool::new(link.is_none()),
            link,
            is_over: AtomicBool::new(false),
            progress: Lock::new(Instant::now()),
        }
    }

    /// Commands may be sent.
    pub(super) fn open(&self) {
        if !self.is_open.swap(true, Ordering::Relaxed) {
            self.places.add_permits(self.in_flight);
        }
    }

    /// No reply will come any more.
    pub(super) fn end(&self) {
        // Before the commands are told: who places another one looks at it behind that.
        self.is_over.store(true, Ordering::SeqCst);
        self.places.close();
        let reason = self.reason();
        while let Some(placed) = self.expected.pop() {
            placed.entry.over(reason.clone());
        }
    }

    /// Why no reply will come. Where the peer has ended its half of the stream, the session may live on.
    fn reason(&self) -> Option<DisconnectReason> {
        let hung_up = || self.connection.has_hung_up().then_some(DisconnectReason::ClosedByPeer);
        self.connection.reason().or_else(hung_up)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Whether nobody is left who could read a reply, nor say that there is none: the runtime is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.connection.is_closed() && !self.connection.has_read_loop()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.ids.used.lock().len()
    }

    /// Waits for a place in flight, for as long as is `left`.
    pub(super) async fn place(
        &self,
        protocol: &P,
        numbers: &AtomicU64,
        left: &mut Duration,
        is_before_ready: bool,
    ) -> Result<Place<P::Id>, Cause> {
        let waiting = async {
            if !is_before_ready {
                self.link_is_ready().await?;
            }
            self.free_place(protocol, numbers).await
        };
        not_busy(&self.connection, left, waiting).await?
    }

    /// Waits until the link is ready, if it is the session of one.
    async fn link_is_ready(&self) -> Result<(), Cause> {
        let Some(link) = self.link.as_ref().filter(|_| !self.is_ready.load(Ordering::Relaxed)) else { return Ok(()) };
        let is_ready = link.is_ready_by(&self.connection)
            || select! {
                biased;
                is_ready = link.ready() => is_ready,
                () = self.connection.wait_disconnected() => false,
            };
        self.is_ready.store(is_ready, Ordering::Relaxed);
        if is_ready { Ok(()) } else { Err(Cause::NotConnected { reason: self.connection.reason(), link: None }) }
    }

    async fn free_place(&self, protocol: &P, numbers: &AtomicU64) -> Result<Place<P::Id>, Cause> {
        let permit = Arc::clone(&self.places).acquire_owned().await;
        let permit = permit.map_err(|_| Cause::NotConnected { reason: self.reason(), link: None })?;
        loop {
            let freed = self.ids.freed.notified();
            let mut tried = 0;
            // Of one more than are in flight one is free, unless there are not so many.
            while tried <= self.in_flight() {
                let id = protocol.id(numbers.fetch_add(1, Ordering::Relaxed));
                if self.ids.take(&id, Self::IN_ORDER) {
                    return Ok(Place { id, ids: Arc::clone(&self.ids), _permit: permit });
                }
                tried += 1;
            }
            freed.await;
        }
    }

    /// Gives a frame to the command whose reply it is. Gives it back if nobody waits for it.
    pub(super) fn reply(&self, id: &P::Id, phase: Phase, frame: P::Frame) -> Result<(), P::Frame> {
        let is_its = |placed: &Placed<P>| Self::IN_ORDER || placed.place.id == *id;
        if let Phase::Interim(within) = phase {
            let entry = self.expected.find_map(|placed| is_its(placed).then(|| Arc::clone(&placed.entry)));
            return match entry {
                Some(entry) => entry.interim(frame, within),
                None => Err(frame),
            };
        }
        *self.progress.lock() = Instant::now();
        match (self.expected.take_first(is_its), phase) {
            (Some(placed), Phase::Failed(reason)) => placed.entry.refused(frame, reason),
            (Some(placed), _) => placed.entry.done(frame),
            (None, _) => Err(frame),
        }
    }

    /// The deadline of a command, and when it passes: in order, not before that of the reply that comes before its own.
    pub(super) fn deadline(&self, entry: &Arc<Entry<P::Frame>>) -> (Deadline, Instant) {
        let own = entry.deadline().unwrap_or_else(|| entry.first_deadline());
        if !Self::IN_ORDER || !own.is_first {
            return (own, own.at);
        }
        let progress = *self.progress.lock();
        let since = |begin, entry: &Entry<P::Frame>| later(begin, entry.options.reply_timeout);
        let begin = match self.front().filter(|front| !Arc::ptr_eq(front, entry)) {
            None => progress,
            Some(front) => front.deadline().map_or(progress, |deadline| {
                let at = if deadline.is_first { deadline.at.max(since(progress, &front)) } else { deadline.at };
                later(at, front.options.abandon)
            }),
        };
        (own, own.at.max(since(begin, entry)))
    }

    /// The command whose reply comes next, in order.
    fn front(&self) -> Option<Arc<Entry<P::Frame>>> {
        self.expected.find_map(|placed| Some(Arc::clone(&placed.entry)))
    }

    /// Nobody waits for that reply any more. By id, it is free for another one; in order its place stays, for so long
    /// as the reply may come.
    pub(super) fn give_up(self: &Arc<Self>, entry: &Arc<Entry<P::Frame>>) {
        let is_it = |placed: &Placed<P>| Arc::ptr_eq(&placed.entry, entry);
        if !Self::IN_ORDER {
            drop(self.expected.take_first(is_it));
        } else if self.expected.find_map(|placed| is_it(placed).then_some(())).is_some() {
            entry.is_sent();
            if later(self.deadline(entry).1, entry.options.abandon) <= Instant::now() {
                self.connection.end(DisconnectReason::OutOfStep);
            } else {
                self.connection.spawn(watch(Arc::clone(self), Arc::clone(entry)));
            }
        }
    }
}

impl<Id: Eq> Ids<Id> {
    /// Whether nobody has had it, as `id` has now. Where ids tell nothing, all may have the same.
    fn take(&self, id: &Id, are_alike: bool) -> bool
    where
        Id: Clone,
    {
        let taken = id.clone();
        let mut used = self.used.lock();
        let is_free = are_alike || !used.contains(id);
        if is_free {
            used.push(taken);
        }
        is_free
    }
}

impl<Id: Eq> Drop for Place<Id> {
    fn drop(&mut self) {
        let mut used = self.ids.used.lock();
        let freed = used.iter().position(|id| *id == self.id).map(|at| used.swap_remove(at));
        drop(used);
        drop(freed);
        self.ids.freed.notify_waiters();
    }
}
