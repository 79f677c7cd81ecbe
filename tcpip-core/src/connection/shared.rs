//! A session, and what is around it: what all handles of it share.

use std::{
    net::SocketAddr,
    sync::{Arc, Weak, atomic::AtomicU64},
    task::{Context, Waker},
};

use tokio::{runtime::Handle, time::Instant};

use super::{
    Connection,
    interceptors::Passage,
    options::SessionOptions,
    requests::Requests,
    rest::clock,
    transport::{Beneath, Source},
};
use crate::{
    ConnectionEvent,
    endpoint::{CallbackProgress, EventSource},
    session::{Effects, Life, Session, Way},
    sync::{Guard, Notify, Watched},
};

pub(super) struct Shared {
    pub(super) number: u64,
    /// This end's and the peer's.
    pub(super) addresses: (Option<SocketAddr>, Option<SocketAddr>),
    pub(super) options: Arc<SessionOptions>,
    pub(super) began: Instant,
    pub(super) locked: Watched<Locked>,
    /// Told when somebody has polled a stream that is read ahead.
    pub(super) polled: Option<Box<Notify>>,
    pub(super) callbacks: CallbackProgress,
    /// The transport beneath, if there is one, for as long as the session's task has it.
    pub(super) transport: Weak<Beneath>,
    /// What is between the stream and the session, if there is anything.
    pub(super) passage: Option<Box<Passage>>,
    /// When the kernel was last asked for a hang-up.
    pub(super) looked: AtomicU64,
    pub(super) requests: Requests,
    /// That of the session's task.
    pub(super) runtime: Option<Handle>,
    pub(super) span: tracing::Span,
}

/// What the one lock of a session holds.
pub(super) struct Locked {
    pub(super) session: Session,
    /// Where bytes come from; `None` while it is lent out, and once nothing more will come: who puts it back then sees
    /// it let go of.
    pub(super) source: Option<Source>,
    /// Let go of at the end, with which the events end.
    pub(super) events: EventSource,
    /// The session's task, while it waits for work: something to send, this end's half that is to be ended, or the end
    /// of the session.
    task: Option<Waker>,
}

impl Locked {
    /// Notes the session's task, which is woken once there is work.
    pub(super) fn set_task(&mut self, context: &Context<'_>, effects: &mut Effects) {
        if self.task.as_ref().is_none_or(|task| !task.will_wake(context.waker())) {
            effects.let_go(self.task.replace(context.waker().clone()));
        }
    }
}

/// What a session begins with.
pub(super) struct Beginning {
    pub(super) number: u64,
    pub(super) addresses: (Option<SocketAddr>, Option<SocketAddr>),
    pub(super) options: Arc<SessionOptions>,
    pub(super) passage: Option<Box<Passage>>,
    pub(super) source: Source,
    pub(super) transport: Weak<Beneath>,
    pub(super) events: EventSource,
    pub(super) span: tracing::Span,
}

impl Shared {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { number, addresses, options, passage, source, transport, events, span } = beginning;
        let way = if matches!(source, Source::Stream(_)) { Way::Queue } else { Way::Direct };
        Self {
            number,
            addresses,
            began: Instant::now(),
            callbacks: events.progress(),
            locked: Watched::new(Locked {
                session: Session::new(Arc::clone(&options), way),
                source: Some(source),
                events,
                task: None,
            }),
            polled: (way == Way::Queue).then(Box::default),
            transport,
            passage,
            looked: AtomicU64::new(clock()),
            requests: Requests::default(),
            runtime: Some(Handle::current()),
            span,
            options,
        }
    }

    pub(super) fn never_connected() -> Self {
        let options = Arc::new(SessionOptions::new(""));
        let session = Session::never_connected(Arc::clone(&options));
        Self {
            number: 0,
            addresses: (None, None),
            options,
            began: Instant::now(),
            locked: Watched::new(Locked { session, source: None, events: EventSource::default(), task: None }),
            polled: None,
            callbacks: CallbackProgress::default(),
            transport: Weak::new(),
            passage: None,
            looked: AtomicU64::new(0),
            requests: Requests::default(),
            runtime: None,
            span: tracing::Span::none(),
        }
    }
}

impl Connection {
    /// Tells the session what has happened, and does what is to be done then.
    #[inline]
    pub(super) fn input<T>(&self, input: impl FnOnce(&mut Session, &mut Effects) -> T) -> T {
        self.with_locked(|locked, effects| input(&mut locked.session, effects))
    }

    /// The same, with the source at hand.
    #[inline]
    pub(super) fn with_locked<T>(&self, input: impl FnOnce(&mut Locked, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let mut locked = self.shared.locked.lock();
        let result = input(&mut locked, &mut effects);
        if !effects.are_none() || !locked.session.has_source() {
            self.settle(locked, effects);
        }
        result
    }

    /// Lets go of the lock, and does what is to be done then.
    #[cold]
    fn settle(&self, mut locked: Guard<'_, Locked>, mut effects: Effects) {
        let shared = &*self.shared;
        let ended = effects.take_end().map(|reason| {
            // Under the lock: whoever sees the end finds its event in the queue.
            let events = std::mem::take(&mut locked.events);
            (events.push(ConnectionEvent::disconnected(self.clone(), reason.clone())), events, reason)
        });
        let told = effects.take_tapped().and_then(|frames| {
            let passage = shared.passage.as_ref()?;
            passage.note(frames);
            Some(passage)
        });
        let source = if locked.session.has_source() { None } else { locked.source.take() };
        let is_discarded = locked.session.is_discarded();
        let task = if effects.has_work { locked.task.take() } else { None };
        drop(locked);
        if let Some(passage) = told {
            passage.tell(self);
        }
        if let Some((pushed, events, reason)) = ended {
            pushed.tell();
            // The last source of events tells the dispatcher when it goes.
            drop(events);
            shared.span.in_scope(|| tracing::info!("disconnected: {reason}"));
        }
        if effects.has_changed {
            shared.locked.tell();
        }
        if let Some(task) = task {
            task.wake();
        }
        let looks = effects.looks;
        effects.run();
        if let Some(source) = source {
            // While the session's task has the transport, that sees to it.
            source.let_go(is_discarded && shared.transport.strong_count() == 0);
        }
        if looks {
            self.look_for_hang_up();
        }
    }

    /// Looks at the session.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(&self.shared.locked.lock().session)
    }

    /// Waits until `look` finds what it looks for in the session's life.
    pub(super) fn wait_for<T>(
        &self,
        mut look: impl FnMut(&Life) -> Option<T> + Send,
    ) -> impl Future<Output = T> + Send {
        self.shared.locked.wait_for(move |locked| look(locked.session.life()))
    }
}
